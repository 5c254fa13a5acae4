//! One guarded way to the outside: every source asks through a [`Fetcher`].

use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use airdrops_types::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use crate::json::{Place, not_json};
use crate::quoted::quoted;
use crate::{ApiKey, Clock, ErrorKind, KeyUse, SourceError};

mod address;
mod cache;
mod limit;
mod pause;

use address::BaseUrl;
pub use address::SetupError;
use cache::Cache;
use limit::Bucket;
pub use limit::RateLimit;

/// How much of a source's words is shown, characters.
const QUOTED: usize = 200;

/// How much of an answer without success is read, bytes.
const REFUSAL_CAP: usize = 8 * 1024;

/// Bounds on what a source may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchPolicy {
    /// From the first packet to the last byte of the body.
    pub timeout: Duration,
    /// For the connection alone.
    pub connect_timeout: Duration,
    /// The longest body that is read, bytes.
    pub max_body: usize,
    /// How often the source is asked.
    pub rate: RateLimit,
    /// For how long the same request is answered from memory; zero for never.
    pub cache_ttl: Duration,
}

/// What is asked for, relative to a source's base address.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    segments: Vec<String>,
    query: Vec<(String, String)>,
}

impl Request {
    /// The path of these parts. Each is escaped, so that none can leave its place.
    pub fn path<S: Into<String>>(segments: impl IntoIterator<Item = S>) -> Self {
        Self {
            segments: segments.into_iter().map(Into::into).collect(),
            query: Vec::new(),
        }
    }

    /// With a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }
}

impl fmt::Debug for Request {
    /// Without the query, which may hold what a publisher takes for a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request(/{})", self.segments.join("/"))
    }
}

/// A body that came with success.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The bytes, at most [`FetchPolicy::max_body`].
    pub body: Vec<u8>,
    /// When it came.
    pub received: Timestamp,
    /// The time to be used where the body gives none: the oldest of receipt, `Date` less `Age`,
    /// and `Last-Modified`. A copy that some cache on the way keeps for ever grows old by it.
    pub as_of: Timestamp,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({} bytes, {})", self.body.len(), self.received)
    }
}

/// Asks one source, within bounds. Follows no redirect, asks for no compression, sends its key to
/// the configured host alone, and shows neither key nor address.
///
/// Over a limit it fails at once and does not wait. Two calls at the same time may both be sent.
pub struct Fetcher {
    source: String,
    base: BaseUrl,
    key: Option<(KeyUse, ApiKey)>,
    policy: FetchPolicy,
    clock: Clock,
    client: reqwest::Client,
    traffic: Mutex<Traffic>,
}

struct Traffic {
    bucket: Bucket,
    paused_until: Option<Timestamp>,
    cache: Cache,
}

impl Fetcher {
    /// A fetcher for `source` at `base`, an https address (or http on this machine) without query.
    ///
    /// # Errors
    /// An address or key that cannot be used, or no TLS on this machine.
    pub fn new(
        source: &str,
        base: &str,
        key: Option<(KeyUse, ApiKey)>,
        policy: FetchPolicy,
        clock: Clock,
    ) -> Result<Self, SetupError> {
        let wrong = |reason: String| SetupError {
            source: source.to_owned(),
            reason,
        };
        let base = BaseUrl::parse(base).map_err(wrong)?;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("airdrops/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .timeout(policy.timeout)
            .connect_timeout(policy.connect_timeout)
            .default_headers(key_header(key.as_ref()).map_err(wrong)?);
        if base.is_loopback() {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| wrong(format!("no HTTP client: {}", causes(error))))?;
        Ok(Self {
            source: source.to_owned(),
            base,
            key,
            client,
            traffic: Mutex::new(Traffic {
                bucket: Bucket::new(policy.rate),
                paused_until: None,
                cache: Cache::new(policy.cache_ttl),
            }),
            policy,
            clock,
        })
    }

    /// The source's name.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The clock that was handed in.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The answer to `request`, from memory or from the source.
    ///
    /// # Errors
    /// Any [`ErrorKind`] but `NoData`.
    pub async fn get(&self, request: &Request) -> Result<Arc<Answer>, SourceError> {
        let url = self
            .base
            .join(&request.segments, &request.query, self.key.as_ref());
        let now = self.clock.now();
        {
            let mut traffic = self.traffic();
            if let Some(answer) = traffic.cache.find(request, now) {
                return Ok(answer);
            }
            self.admit(&mut traffic, now)?;
        }
        let mut response = self
            .client
            .get(url)
            .send()
            .await
            .map_err(|error| self.broken(error))?;
        let received = self.clock.now();
        let status = response.status();
        if matches!(status.as_u16(), 418 | 429) || pauses(&response) {
            let header = response.headers().get(reqwest::header::RETRY_AFTER);
            let until = pause::until(header.and_then(|value| value.to_str().ok()), received);
            return Err(self.pause_until(until));
        }
        if !status.is_success() {
            return Err(self.unsuccessful(&mut response).await);
        }
        if let Some(encoding) = response.headers().get(CONTENT_ENCODING)
            && encoding != "identity"
        {
            return Err(self.malformed("a compressed body, though none was asked for", "headers"));
        }
        let as_of = as_of(response.headers(), received);
        let body = self.body(&mut response, self.policy.max_body).await?;
        let answer = Arc::new(Answer {
            body,
            received,
            as_of,
        });
        self.traffic().cache.keep(request.clone(), &answer);
        Ok(answer)
    }

    /// The answer's body as `T`.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`], with the place.
    pub fn parse<'a, T: Deserialize<'a>>(&self, answer: &'a Answer) -> Result<T, SourceError> {
        if let Some(what) = not_json(&answer.body) {
            return Err(self.malformed(what, "line 1"));
        }
        serde_json::from_slice(&answer.body)
            .map_err(|error| self.malformed(&error.to_string(), &Place(&error).to_string()))
    }

    /// The error that the answer is not as documented.
    #[must_use]
    pub fn malformed(&self, what: &str, at: &str) -> SourceError {
        self.error(ErrorKind::Malformed {
            what: self.shown(what),
            at: self.shown(at),
        })
    }

    /// The error that the source refused, in its own words.
    #[must_use]
    pub fn refused(&self, message: &str) -> SourceError {
        self.error(ErrorKind::Refused {
            message: self.shown(message),
        })
    }

    /// The error that there is nothing of what was asked for.
    #[must_use]
    pub fn no_data(&self, what: &str) -> SourceError {
        self.error(ErrorKind::NoData {
            what: self.shown(what),
        })
    }

    /// Sends nothing for the time that an answer without `Retry-After` costs, because the source
    /// says in its body that it was asked too often.
    #[must_use]
    pub fn pause(&self) -> SourceError {
        self.pause_until(pause::until(None, self.clock.now()))
    }

    fn pause_until(&self, until: Timestamp) -> SourceError {
        self.traffic().paused_until = Some(until);
        self.error(ErrorKind::RateLimited { until })
    }

    /// Fails if nothing may be sent now; else counts the request.
    fn admit(&self, traffic: &mut Traffic, now: Timestamp) -> Result<(), SourceError> {
        if let Some(until) = traffic.paused_until {
            // A clock that was set back does not lengthen a pause beyond the longest.
            let until = until.min(now.plus(pause::LONGEST));
            if now < until {
                return Err(self.error(ErrorKind::RateLimited { until }));
            }
            traffic.paused_until = None;
        }
        traffic
            .bucket
            .take(now)
            .map_err(|until| self.error(ErrorKind::RateLimited { until }))
    }

    /// Reads at most `cap` bytes, whatever the headers say.
    async fn body(
        &self,
        response: &mut reqwest::Response,
        cap: usize,
    ) -> Result<Vec<u8>, SourceError> {
        let too_large = || self.error(ErrorKind::TooLarge { limit: cap });
        let announced = response.content_length().unwrap_or(0);
        if usize::try_from(announced).map_or(true, |length| length > cap) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(error))? {
            if body.len().saturating_add(chunk.len()) > cap {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The error of an answer without success: the source's words where it gives some as JSON.
    async fn unsuccessful(&self, response: &mut reqwest::Response) -> SourceError {
        let status = self.error(ErrorKind::Status(response.status().as_u16()));
        if !response.status().is_client_error() {
            return status;
        }
        match self.body(response, REFUSAL_CAP).await {
            Ok(body) => match words(&body) {
                Some(message) if message.contains("too_many_requests") => self.pause(),
                Some(message) => self.refused(&message),
                None => status,
            },
            Err(_) => status,
        }
    }

    fn broken(&self, error: reqwest::Error) -> SourceError {
        if error.is_timeout() {
            return self.error(ErrorKind::Timeout {
                limit: self.policy.timeout,
            });
        }
        self.error(ErrorKind::Connect(self.shown(&causes(error))))
    }

    fn error(&self, kind: ErrorKind) -> SourceError {
        SourceError {
            source: self.source.clone(),
            kind,
        }
    }

    fn shown(&self, text: &str) -> String {
        let scrubbed = match &self.key {
            Some((_, key)) => key.scrub(text),
            None => text.to_owned(),
        };
        quoted(&scrubbed, QUOTED)
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        // Every change is a single assignment, so what a panic left behind is in order.
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher")
            .field("source", &self.source)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

fn key_header(key: Option<&(KeyUse, ApiKey)>) -> Result<HeaderMap, String> {
    let (name, text) = match key {
        Some((KeyUse::Bearer, key)) => (AUTHORIZATION, format!("Bearer {}", key.expose())),
        Some((KeyUse::Header(name), key)) => (
            HeaderName::try_from(*name).map_err(|_| format!("{name} is no name of a header"))?,
            key.expose().to_owned(),
        ),
        Some((KeyUse::Query(_) | KeyUse::Path, _)) | None => return Ok(HeaderMap::new()),
    };
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| "the key holds a character that no header can carry".to_owned())?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(name, value)]))
}

/// Whether a 503 says when to come back.
fn pauses(response: &reqwest::Response) -> bool {
    response.status().as_u16() == 503
        && response
            .headers()
            .contains_key(reqwest::header::RETRY_AFTER)
}

fn as_of(headers: &HeaderMap, received: Timestamp) -> Timestamp {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let age = text("age").and_then(|age| age.trim().parse().ok());
    let sent = text("date")
        .and_then(pause::date)
        .unwrap_or(received)
        .minus(Duration::from_secs(age.unwrap_or(0)));
    let modified = text("last-modified").and_then(pause::date);
    received.min(sent).min(modified.unwrap_or(received))
}

/// The words of an error object, wherever its source puts them.
fn words(body: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    [
        "/msg",
        "/message",
        "/error/message",
        "/error",
        "/status/error_message",
    ]
    .iter()
    .find_map(|place| value.pointer(place)?.as_str())
    .map(str::to_owned)
}

/// An error of the client with its causes, without the address.
fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let next = cause.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        source = cause.source();
    }
    text
}
