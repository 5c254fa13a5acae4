//! Where durable state is: a file, or a PostgreSQL server that several nodes share.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use airdrops_runtime::Mode;
use airdrops_store::{Access, Options, Postgres, Sqlite, Store, StoreError};
use secrecy::{ExposeSecret as _, SecretString};

use super::reader::{At, Reader};
use super::secret;
use super::section::Section;
use crate::fault::checkpoint;

/// How long a node's lease holds unless it is renewed, where the file says nothing.
const LEASE: Duration = Duration::from_secs(3);

/// Where durable state is.
#[derive(Clone)]
pub enum Location {
    /// An SQLite file of this machine.
    File(PathBuf),
    /// A PostgreSQL server.
    Server {
        /// Its address, with user and password.
        url: SecretString,
        /// This node's name; `None`: a new one for each process.
        node: Option<String>,
        /// How long its lease holds unless it is renewed.
        lease: Duration,
    },
}

impl fmt::Display for Location {
    /// Never the address: it holds a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server { .. } => f.write_str("the PostgreSQL server of [store]"),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Location {
    /// Opens the store there.
    ///
    /// # Errors
    /// As the store says.
    pub fn open(&self, access: Access) -> Result<Arc<dyn Store>, StoreError> {
        let options = Options {
            checkpoint,
            ..Options::default()
        };
        match self {
            Self::File(path) => Ok(Arc::new(Sqlite::open(path, access, options)?)),
            Self::Server { url, node, lease } => {
                let options = Options {
                    node: node.clone().unwrap_or(options.node),
                    lease: *lease,
                    ..options
                };
                let url = url.expose_secret();
                Ok(Arc::new(Postgres::open(url, access, options)?))
            }
        }
    }
}

/// The table `[store]`; `None` if there is none, or it has mistakes.
pub(super) fn read(reader: &Reader<'_>, root: &Section<'_>, mode: Mode) -> Option<Location> {
    let section = root.table("store")?;
    let url = section.secret("url")?;
    let node = section.name("node").map(At::into_inner);
    let lease = section.duration("lease").unwrap_or(LEASE);
    if root
        .table("engine")
        .is_some_and(|engine| engine.has("database"))
    {
        let message = "the database is a file by [engine], and a server by [store]";
        reader.error(url.span(), message, "keep one of the two");
        return None;
    }
    if mode != Mode::Live {
        let message = "a paper chain lives inside one process, and a server is for several";
        let help = "remove [store], or write mode = \"live\"";
        reader.error(section.span.clone(), message, help);
        return None;
    }
    let url = secret::text(reader, url, "postgres://user:password@host/database")?;
    Some(Location::Server { url, node, lease })
}
