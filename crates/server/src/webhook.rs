//! Who may send events, and what becomes of a delivery: `POST /events/NAME`.
//!
//! A delivery is JSON of at most [`MOST_BODY`] bytes, with `X-Airdrops-Delivery`, an id that the sender
//! gives it, and its [signature](crate::signature). It is stored under `webhook:NAME:ID`, and answered
//! with 202 once it is; sent again it changes nothing and is answered with 200. So a sender repeats
//! until it hears one of the two.
//!
//! What is refused is answered with JSON that says why, and what to do: 400 (no JSON, no id), 401 (no
//! valid signature, which is also the answer to a name that is not known, so that nobody can try
//! names out), 413, 429 (too many of one name; only what is signed counts), 503 (busy, or not stored).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use airdrops_types::{LONGEST_EVENT_NAME, is_event_name};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::{Answer, Refusal};
use crate::rate::Bucket;
use crate::serve::Clock;
use crate::signature::{SIGNATURE_HEADER, Signature, TOLERANCE};

/// Largest body, bytes.
pub const MOST_BODY: usize = 4_096;
/// The header with the delivery's id.
pub const DELIVERY_HEADER: &str = "x-airdrops-delivery";
/// Longest id of a delivery, bytes.
pub const LONGEST_DELIVERY: usize = 128;
/// Shortest secret, bytes.
pub const SHORTEST_SECRET: usize = 32;
/// Deliveries that are worked on at once.
const MOST_AT_ONCE: usize = 16;
/// A body must have come, and a delivery must be stored, within this.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where deliveries go.
pub trait Inbox: Send + Sync + 'static {
    /// Stores a delivery durably under its id, and says whether it is new. An id that was stored
    /// before changes nothing, whatever comes with it. May block.
    ///
    /// # Errors
    /// [`InboxError`] if it is not known to be stored; the sender will repeat it.
    fn post(&self, id: &str, name: &str, payload: Value) -> Result<bool, InboxError>;
}

/// Why a delivery is not stored, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InboxError(pub String);

/// What is wrong with the webhooks as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookDefect {
    /// Not a name of an event.
    #[error(
        "the webhook name {0:?} does not fit; write 1 to {LONGEST_EVENT_NAME} of the letters a-z, A-Z, \
         the digits, `-`, `_` and `.`"
    )]
    Name(String),
    /// Two of the same name.
    #[error("there are two webhooks named {0}; give one of them another name")]
    Duplicate(String),
    /// A secret that could be guessed.
    #[error(
        "the secret of webhook {name} has {bytes} bytes; use at least {SHORTEST_SECRET}, such as the \
         output of `openssl rand -hex 32`"
    )]
    ShortSecret {
        /// Whose.
        name: String,
        /// Its length.
        bytes: usize,
    },
    /// A delivery for one name would be valid for the other.
    #[error("webhooks {0} and {1} have the same secret; give each its own")]
    SameSecret(String, String),
}

/// The names that events may be sent under, with their secrets.
#[derive(Clone)]
pub struct Webhooks(BTreeMap<String, SecretString>);

impl fmt::Debug for Webhooks {
    /// Names only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Webhooks {
    /// From names and secrets.
    ///
    /// # Errors
    /// The first [`WebhookDefect`].
    pub fn new(
        hooks: impl IntoIterator<Item = (String, SecretString)>,
    ) -> Result<Self, WebhookDefect> {
        let mut secrets: BTreeMap<String, SecretString> = BTreeMap::new();
        for (name, secret) in hooks {
            if !is_event_name(&name) {
                return Err(WebhookDefect::Name(name));
            }
            let bytes = secret.expose_secret().len();
            if bytes < SHORTEST_SECRET {
                return Err(WebhookDefect::ShortSecret { name, bytes });
            }
            let same = |(_, other): &(&String, &SecretString)| {
                other.expose_secret() == secret.expose_secret()
            };
            if let Some((other, _)) = secrets.iter().find(same) {
                return Err(if *other == name {
                    WebhookDefect::Duplicate(name)
                } else {
                    WebhookDefect::SameSecret(other.clone(), name)
                });
            }
            if secrets.insert(name.clone(), secret).is_some() {
                return Err(WebhookDefect::Duplicate(name));
            }
        }
        Ok(Self(secrets))
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// What the handler works with.
struct Intake {
    hooks: Webhooks,
    /// What unknown names are checked against, so that they take as long as known ones.
    nobody: SecretString,
    buckets: Mutex<BTreeMap<String, Bucket>>,
    places: Arc<Semaphore>,
    inbox: Arc<dyn Inbox>,
    clock: Clock,
}

/// The routes.
pub(crate) fn router(hooks: Webhooks, inbox: Arc<dyn Inbox>, clock: Clock) -> Router {
    let intake = Intake {
        hooks,
        nobody: SecretString::from("x".repeat(SHORTEST_SECRET)),
        buckets: Mutex::default(),
        places: Arc::new(Semaphore::new(MOST_AT_ONCE)),
        inbox,
        clock,
    };
    Router::new()
        .route("/events/{name}", post(deliver))
        .fallback(|| async { nowhere() })
        .method_not_allowed_fallback(|| async { not_posted() })
        .with_state(Arc::new(intake))
}

fn nowhere() -> Answer {
    let remedy = "POST to /events/NAME";
    Answer::Refused(Refusal::new(
        StatusCode::NOT_FOUND,
        "there is nothing here",
        remedy,
    ))
}

fn not_posted() -> Answer {
    let error = "events are posted";
    let remedy = "use POST";
    Answer::Refused(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, error, remedy))
}

async fn deliver(
    State(intake): State<Arc<Intake>>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let Ok(Path(name)) = name else {
        return nowhere();
    };
    let result = match intake.places.clone().try_acquire_owned() {
        Ok(place) => intake.take(&name, &headers, body, place).await,
        Err(_) => Err(busy()),
    };
    result.unwrap_or_else(Answer::Refused)
}

fn busy() -> Refusal {
    let error = format!("{MOST_AT_ONCE} deliveries are being worked on");
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        error,
        "send it again in a second",
    )
    .retry_after(1)
}

fn unsigned(error: &str, remedy: &'static str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, error, remedy)
}

impl Intake {
    async fn take(
        &self,
        name: &str,
        headers: &HeaderMap,
        body: Body,
        place: OwnedSemaphorePermit,
    ) -> Result<Answer, Refusal> {
        let delivery = delivery(headers)?;
        let signature = headers
            .get(SIGNATURE_HEADER)
            .and_then(|value| value.to_str().ok())
            .and_then(Signature::parse)
            .ok_or_else(|| {
                let remedy = "send X-Airdrops-Signature: t=SECONDS,v1=HEX with the HMAC-SHA256 of \
                              SECONDS.DELIVERY.BODY";
                unsigned("there is no signature, or it cannot be read", remedy)
            })?;
        if !signature.is_timely((self.clock)()) {
            let error = format!(
                "the signature's time is more than {} s off",
                TOLERANCE.as_secs()
            );
            return Err(unsigned(
                &error,
                "set the sender's clock, and sign each attempt anew",
            ));
        }
        let body = read(headers, body).await?;
        let secret = self.hooks.0.get(name);
        let valid = signature.is_of(secret.unwrap_or(&self.nobody), delivery, &body);
        if secret.is_none() || !valid {
            tracing::warn!(delivery, "a delivery without a valid signature was refused");
            let remedy =
                "check the event's name and its secret, and sign the very bytes that are sent";
            return Err(unsigned("the name or the signature is not valid", remedy));
        }
        self.admit(name)?;
        let payload: Value = serde_json::from_slice(&body).map_err(|error| {
            let error = format!("the body is no JSON: {error}");
            Refusal::new(StatusCode::BAD_REQUEST, error, "send one JSON value")
        })?;
        self.store(name, delivery, payload, place).await
    }

    /// Whether one more delivery of this name may come now.
    fn admit(&self, name: &str) -> Result<(), Refusal> {
        let now = (self.clock)();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(name.to_owned()).or_default();
        bucket.take(now).map_err(|wait| {
            let error = format!("too many deliveries of {name}");
            let remedy = "send it again after the seconds in Retry-After";
            let seconds = u64::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX);
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, error, remedy).retry_after(seconds)
        })
    }

    async fn store(
        &self,
        name: &str,
        delivery: &str,
        payload: Value,
        place: OwnedSemaphorePermit,
    ) -> Result<Answer, Refusal> {
        let id = format!("webhook:{name}:{delivery}");
        let (inbox, posted, event) = (Arc::clone(&self.inbox), id.clone(), name.to_owned());
        // The place is free once the inbox is done, even if nobody waits for it any more.
        let work = tokio::task::spawn_blocking(move || {
            let result = inbox.post(&posted, &event, payload);
            drop(place);
            result
        });
        let why = match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(Ok(new))) => {
                tracing::info!(id, new, "a delivery came");
                return Ok(Answer::Stored { id, new });
            }
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it took more than {} s", PATIENCE.as_secs()),
        };
        tracing::error!(id, why, "a delivery is not known to be stored");
        let error = "the delivery is not known to be stored";
        let remedy = "send it again under the same id: it counts once";
        Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error, remedy).retry_after(5))
    }
}

fn delivery(headers: &HeaderMap) -> Result<&str, Refusal> {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    headers
        .get(DELIVERY_HEADER)
        .and_then(|value| value.to_str().ok())
        .filter(|id| (1..=LONGEST_DELIVERY).contains(&id.len()) && id.bytes().all(plain))
        .ok_or_else(|| {
            let error = "there is no delivery id, or it does not fit";
            let remedy = "send X-Airdrops-Delivery with 1 to 128 letters, digits, `-`, `_`, `.` and \
                          `:`, the same for each attempt";
            Refusal::new(StatusCode::BAD_REQUEST, error, remedy)
        })
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let large = || {
        let error = format!("the body has more than {MOST_BODY} bytes");
        let remedy = "send less, such as a reference to the rest";
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error, remedy)
    };
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared
        .is_some_and(|length| usize::try_from(length).map_or(true, |length| length > MOST_BODY))
    {
        return Err(large());
    }
    let late = |_| {
        let error = format!("the body did not come within {} s", PATIENCE.as_secs());
        Refusal::new(StatusCode::BAD_REQUEST, error, "send it in one go")
    };
    let read = axum::body::to_bytes(body, MOST_BODY);
    tokio::time::timeout(PATIENCE, read)
        .await
        .map_err(late)?
        .map_err(|error| {
            if declared.is_none() {
                // Of unknown length: the limit, or a connection that broke, whose answer nobody reads.
                return large();
            }
            Refusal::new(
                StatusCode::BAD_REQUEST,
                format!("the body cannot be read: {error}"),
                "send it again",
            )
        })
}
