//! Base addresses of sources.

use std::fmt;

use reqwest::Url;

use crate::{ApiKey, KeyUse};

/// Why a source cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupError {
    /// Which source.
    pub source: String,
    /// What is wrong and what to do.
    pub reason: String,
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "source {}: {}", self.source, self.reason)
    }
}

impl std::error::Error for SetupError {}

/// A checked base address. It may hold a key in its path, so it is never printed.
#[derive(Clone)]
pub(crate) struct BaseUrl(Url);

impl BaseUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let url =
            Url::parse(text).map_err(|error| format!("the base URL is not a URL ({error})"))?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err("the base URL has no host; write https://host/path".into());
        }
        let base = Self(url);
        match base.0.scheme() {
            "https" => {}
            "http" if base.is_loopback() => {}
            "http" => return Err("plain http is only for this machine; use https".into()),
            _ => return Err("the base URL must begin with https://".into()),
        }
        if !base.0.username().is_empty() || base.0.password().is_some() {
            return Err("the base URL holds a user or password; configure a key instead".into());
        }
        if base.0.query().is_some() || base.0.fragment().is_some() {
            return Err("the base URL has a query; configure a key instead".into());
        }
        Ok(base)
    }

    pub(crate) fn is_loopback(&self) -> bool {
        match self.0.host_str() {
            Some("localhost" | "[::1]") => true,
            Some(host) => host
                .parse::<std::net::Ipv4Addr>()
                .is_ok_and(|address| address.is_loopback()),
            None => false,
        }
    }

    /// The address of `segments` under the base, with the key where it belongs if that is the
    /// path or the query.
    pub(crate) fn join(
        &self,
        segments: &[String],
        query: &[(String, String)],
        key: Option<&(KeyUse, ApiKey)>,
    ) -> Url {
        let mut url = self.0.clone();
        // A slash at the end matters where the base is the whole address, as with feeds.
        let whole = segments.is_empty() && !matches!(key, Some((KeyUse::Path, _)));
        let own: Vec<String> = url
            .path_segments()
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        if !whole {
            url.set_path("");
        }
        // Cannot fail: the address has a host.
        if !whole && let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            if let Some((KeyUse::Path, key)) = key {
                path.push(key.expose());
            }
            path.extend(own).extend(segments);
        }
        let key_in_query = match key {
            Some((KeyUse::Query(name), key)) => Some((*name, key)),
            _ => None,
        };
        if !query.is_empty() || key_in_query.is_some() {
            let mut pairs = url.query_pairs_mut();
            for (name, value) in query {
                pairs.append_pair(name, value);
            }
            if let Some((name, key)) = key_in_query {
                pairs.append_pair(name, key.expose());
            }
        }
        url
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_https_or_this_machine_and_no_secrets_in_plain_sight() {
        for fine in [
            "https://api.example.com/v3/",
            "http://127.0.0.1:8080",
            "http://localhost:1/x",
            "http://[::1]:1",
        ] {
            assert!(BaseUrl::parse(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "",
            "api.example.com",
            "ftp://example.com",
            "file:///etc/passwd",
            "http://example.com",
            "http://127.0.0.1.example.com",
            "https://user:password@example.com",
            "https://example.com/?key=secret",
            "https://example.com/#x",
        ] {
            let reason = BaseUrl::parse(wrong).err().unwrap();
            assert!(!reason.contains("secret") && !reason.contains("password@"));
        }
    }

    #[test]
    fn paths_join_with_and_without_slashes_and_are_escaped() {
        let segments = ["a b".to_owned(), "c/../d?e".to_owned()];
        let query = [("ids[]".to_owned(), "1&2".to_owned())];
        for base in ["https://x.io/api/v3", "https://x.io/api/v3/"] {
            let url = BaseUrl::parse(base).unwrap().join(&segments, &query, None);
            let expected = "https://x.io/api/v3/a%20b/c%2F..%2Fd%3Fe?ids%5B%5D=1%262";
            assert_eq!(url.as_str(), expected);
        }
        for feed in ["https://x.io/feed/", "https://x.io/feed"] {
            let url = BaseUrl::parse(feed).unwrap().join(&[], &[], None);
            assert_eq!(url.as_str(), feed);
        }
        let key = (KeyUse::Path, ApiKey::new(" k "));
        let pro = BaseUrl::parse("https://x.io/api").unwrap();
        assert_eq!(
            pro.join(&[], &[], Some(&key)).as_str(),
            "https://x.io/k/api"
        );
    }
}
