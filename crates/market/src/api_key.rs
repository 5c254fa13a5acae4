//! Keys of paid or registered plans.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// An API key. It has no text form: not in errors, logs or `Debug`.
#[derive(Clone)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// `text` as a key. Surrounding white space, as files have it, is left out.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(SecretString::from(text.trim().to_owned()))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// `text` without the key, should a source echo it.
    pub(crate) fn scrub(&self, text: &str) -> String {
        if self.expose().is_empty() {
            return text.to_owned();
        }
        text.replace(self.expose(), "[key]")
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([key])")
    }
}

/// Where a source wants its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// A header of this name.
    Header(&'static str),
    /// A parameter of this name in the query.
    Query(&'static str),
    /// The first part of the path.
    Path,
}
