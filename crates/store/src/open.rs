//! Which store a text names.

use std::sync::Arc;

use crate::{Access, Options, Postgres, Sqlite, Store, StoreError};

/// Opens `sqlite:PATH` or a bare path as a file, and `postgres://…` or `postgresql://…` as a
/// database on a server. A connection string is a secret, and shown nowhere.
///
/// # Errors
/// As [`Sqlite::open`] and [`Postgres::open`].
pub fn open(url: &str, access: Access, options: Options) -> Result<Arc<dyn Store>, StoreError> {
    if is_server(url) {
        return Ok(Arc::new(Postgres::open(url, access, options)?));
    }
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    Ok(Arc::new(Sqlite::open(path, access, options)?))
}

/// Whether the text names a database on a server, and so may hold a secret.
#[must_use]
pub fn is_server(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}
