//! Where a server is. The text of it is a secret: it may hold a password.

use std::fmt;
use std::time::Duration;

use tokio_postgres::config::{Config, Host};

use crate::StoreError;

/// A server is given so long to answer a connection.
const CONNECTS_WITHIN: Duration = Duration::from_secs(5);

/// A connection string that shows no more than host, port and database.
#[derive(Clone)]
pub(super) struct Address {
    config: Config,
    shown: String,
}

impl Address {
    /// Reads `postgres://user:password@host:port/database?…` or `host=… dbname=…`.
    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        // What the parser says may hold a part of the password, and so is not passed on.
        let mut config: Config = text.parse().map_err(|_| {
            StoreError::Database(
                "the connection string of the PostgreSQL server cannot be read: write \
                 postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters of the \
                 password percent-encoded"
                    .to_owned(),
            )
        })?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECTS_WITHIN);
        }
        if config.get_application_name().is_none() {
            config.application_name("airdrops");
        }
        config.keepalives_idle(Duration::from_secs(10));
        let hosts: Vec<String> = config
            .get_hosts()
            .iter()
            .zip(config.get_ports().iter().chain(std::iter::repeat(&5432)))
            .map(|(host, port)| match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                #[cfg(unix)]
                Host::Unix(folder) => format!("{}:{port}", folder.display()),
            })
            .collect();
        let database = config.get_dbname().or(config.get_user()).unwrap_or("?");
        let shown = format!("postgres://{}/{database}", hosts.join(","));
        Ok(Self { config, shown })
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_connection_string_shows_no_password() {
        for text in [
            "postgres://ada:s3cret@db.example:5433/farm",
            "host=db.example port=5433 user=ada password=s3cret dbname=farm",
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.to_string(), "postgres://db.example:5433/farm");
            assert_eq!(format!("{address:?}"), "postgres://db.example:5433/farm");
        }
        for wrong in [
            "postgres://ada:s3cret@db:port/x",
            "postgres://ada:x@db/y?s3cret=1",
            "host=db s3cret",
        ] {
            let error = Address::parse(wrong).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
    }
}
