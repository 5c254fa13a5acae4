//! Answers: a status and JSON; an error says what was wrong and what to do.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// What is answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A delivery is stored under this id; `new` if it was not before.
    Stored { id: String, new: bool },
    /// It is not.
    Refused(Refusal),
}

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    error: String,
    remedy: &'static str,
    /// Seconds.
    retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>, remedy: &'static str) -> Self {
        Self {
            status,
            error: error.into(),
            remedy,
            retry_after: None,
        }
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Stored { id, new } => {
                let (status, said) = if new {
                    (StatusCode::ACCEPTED, "accepted")
                } else {
                    (StatusCode::OK, "repeated")
                };
                (status, axum::Json(json!({"id": id, "status": said}))).into_response()
            }
            Self::Refused(refusal) => {
                let body = json!({"error": refusal.error, "remedy": refusal.remedy});
                let mut response = (refusal.status, axum::Json(body)).into_response();
                if let Some(seconds) = refusal.retry_after {
                    let value = HeaderValue::from(seconds);
                    response.headers_mut().insert(header::RETRY_AFTER, value);
                }
                response
            }
        }
    }
}
