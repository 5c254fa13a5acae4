//! What every source can be told.

use std::fmt;
use std::time::Duration;

use crate::{ApiKey, Clock, FetchPolicy, Fetcher, KeyUse, RateLimit, SetupError};

/// Where a source is, with which key, and how often and how long it is asked.
#[derive(Clone)]
pub struct Settings {
    /// The address under which the source's paths lie.
    pub base_url: String,
    /// The key, if there is one.
    pub key: Option<ApiKey>,
    /// Bounds of each request.
    pub fetch: FetchPolicy,
    /// How often the watcher asks.
    pub interval: Duration,
    /// How old what the source says may be.
    pub max_age: Duration,
}

impl Settings {
    /// Settings with a time limit of 5 s, 2 MiB, 20 requests in 10 s and no memory.
    pub(crate) fn new(base_url: &str, interval: Duration, max_age: Duration) -> Self {
        Self {
            base_url: base_url.to_owned(),
            key: None,
            fetch: FetchPolicy {
                timeout: Duration::from_secs(5),
                connect_timeout: Duration::from_secs(3),
                max_body: 2 * 1024 * 1024,
                rate: RateLimit {
                    burst: 20,
                    per: Duration::from_secs(10),
                },
                cache_ttl: Duration::ZERO,
            },
            interval,
            max_age,
        }
    }

    /// A fetcher for `source`, which wants its key as `key_use`, or takes none.
    pub(crate) fn fetcher(
        &self,
        source: &str,
        key_use: Option<KeyUse>,
        clock: Clock,
    ) -> Result<Fetcher, SetupError> {
        let key = match (key_use, &self.key) {
            (Some(key_use), Some(key)) => Some((key_use, key.clone())),
            (_, None) => None,
            (None, Some(_)) => {
                return Err(SetupError {
                    source: source.to_owned(),
                    reason: "takes no key; remove it from the configuration".into(),
                });
            }
        };
        Fetcher::new(source, &self.base_url, key, self.fetch, clock)
    }
}

impl fmt::Debug for Settings {
    /// Without the address, which may hold what a publisher takes for a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("key", &self.key)
            .field("fetch", &self.fetch)
            .field("interval", &self.interval)
            .field("max_age", &self.max_age)
            .finish_non_exhaustive()
    }
}

/// `count` seconds.
pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
