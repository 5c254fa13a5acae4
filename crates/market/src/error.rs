//! Why a source gave nothing that can be used.

use std::fmt;
use std::time::Duration;

use airdrops_types::Timestamp;

/// A source failed. The text says what was wrong and what to do; it never holds a key or an
/// address with its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// Which source, as in [`Quote::source`](airdrops_types::Quote::source).
    pub source: String,
    /// What was wrong.
    pub kind: ErrorKind,
}

/// What was wrong with a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// No complete answer in time.
    Timeout {
        /// The time limit, connection and body included.
        limit: Duration,
    },
    /// No connection, or it broke before the answer was complete.
    Connect(String),
    /// An HTTP status other than success, without words.
    Status(u16),
    /// Asked too often, by our count or by the source's.
    RateLimited {
        /// No request is sent before this.
        until: Timestamp,
    },
    /// The answer is longer than allowed.
    TooLarge {
        /// The cap, bytes.
        limit: usize,
    },
    /// The answer is not what the source documents. Nothing of it is used.
    Malformed {
        /// What is wrong.
        what: String,
        /// Where in the answer.
        at: String,
    },
    /// The source understood the request and refused it.
    Refused {
        /// In the source's words, on one line and cut.
        message: String,
    },
    /// The answer is in order and holds nothing that was asked for.
    NoData {
        /// What is not there.
        what: String,
    },
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout { limit } => write!(
                f,
                "no complete answer within {} ms; if this lasts, raise the source's timeout",
                limit.as_millis()
            ),
            Self::Connect(why) => write!(
                f,
                "no connection ({why}); check the network and the source's base URL"
            ),
            Self::Status(code) => write!(f, "HTTP status {code}; {}", remedy(*code)),
            Self::RateLimited { until } => write!(
                f,
                "rate limited, not asked again before {until}; if this lasts, lengthen the \
                 interval or use a plan with a higher limit"
            ),
            Self::TooLarge { limit } => write!(
                f,
                "the answer is longer than {limit} bytes and was not read; raise the source's \
                 cap only if such an answer is to be expected"
            ),
            Self::Malformed { what, at } => write!(
                f,
                "the answer is not as documented: {what} ({at}); nothing of it is used; check \
                 the base URL, else the source has changed or lies"
            ),
            Self::Refused { message } => write!(
                f,
                "the source refused: \"{message}\"; check the key, the plan and the configured ids"
            ),
            Self::NoData { what } => {
                write!(f, "the source has {what}; check the configured ids")
            }
        }
    }
}

fn remedy(code: u16) -> &'static str {
    match code {
        300..=399 => "redirects are not followed, configure the final base URL",
        401 | 403 => "check the source's key and plan",
        404 | 410 => "check the source's base URL and the configured ids",
        500..=599 => "the source is in trouble and is asked again at its interval",
        _ => "check the source's configuration",
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.kind)
    }
}

impl std::error::Error for SourceError {}
