//! Exit codes, and failures that end the program with one.

use airdrops_runtime::RunError;
use airdrops_store::StoreError;
use serde_json::Value;

use crate::config::{ConfigError, PassphraseError};

/// How the program ends. The numbers are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All well.
    Ok = 0,
    /// It failed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The configuration is wrong.
    Config = 3,
    /// It is halted.
    Halted = 4,
    /// Another instance holds the database.
    Locked = 5,
    /// A chain cannot be read.
    RpcLost = 6,
    /// A key is locked and there is nobody to ask.
    NeedsUnlock = 7,
    /// A dry run would change something.
    WouldChange = 10,
}

/// The codes for `--help`.
pub const EXIT_CODES: &str = "Exit codes:
   0  ok
   1  failed
   2  the command line is wrong
   3  the configuration is wrong
   4  halted (also from `status`)
   5  another instance holds the database
   6  a chain cannot be read
   7  a key is locked and there is nobody to ask
  10  a dry run would change something";

/// Why a command ends without success.
#[derive(Debug)]
pub struct Failure {
    /// With which code.
    pub exit: Exit,
    /// For people, may hold colours. Empty if everything was said.
    pub message: String,
    /// For programs, with `--json`.
    pub json: Option<Value>,
    /// Whether durable state is why: on a server that nodes share, another attempt may succeed.
    pub of_the_store: bool,
}

impl Failure {
    /// A failure in words.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            json: None,
            of_the_store: false,
        }
    }

    /// Ends with a code when everything was said.
    #[must_use]
    pub fn quiet(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// The plainest failure.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self {
            exit: Exit::Config,
            message: error.render(),
            json: Some(error.json()),
            of_the_store: false,
        }
    }
}

impl From<PassphraseError> for Failure {
    fn from(error: PassphraseError) -> Self {
        Self::new(Exit::NeedsUnlock, error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match error {
            StoreError::Locked { .. } | StoreError::Held { .. } | StoreError::LeaseLost => {
                Exit::Locked
            }
            _ => Exit::Failed,
        };
        Self {
            of_the_store: true,
            ..Self::new(exit, error.to_string())
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Settings(message) => Self::new(Exit::Config, message),
            RunError::Store(error) => error.into(),
            RunError::Log(error) => StoreError::from(error).into(),
            other => Self::failed(other.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::failed(error.to_string())
    }
}
