//! What is shared while a file is read: the findings, where paths begin, and the environment.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use toml::Spanned;

use super::diagnostic::{Diagnostic, Level};

/// A value and where it stands.
pub(super) type At<T> = Spanned<T>;

/// A secret's place.
#[derive(Clone)]
pub(super) enum SecretPlace {
    /// In the file itself.
    Literal(SecretString),
    /// In an environment variable.
    Env(String),
    /// The first line of a file.
    File(PathBuf),
    /// A file of this name in the service manager's credential folder.
    Credential(String),
}

/// Collects findings while sections are read.
pub(super) struct Reader<'e> {
    diagnostics: RefCell<Vec<Diagnostic>>,
    /// Every (table, key) that was asked for: a test compares it with the key table.
    pub(super) asked: RefCell<BTreeSet<(&'static str, &'static str)>>,
    base: PathBuf,
    environment: &'e dyn Fn(&str) -> Option<String>,
}

impl<'e> Reader<'e> {
    /// A reader that resolves paths from `base` and variables by `environment`.
    pub(super) fn new(base: &Path, environment: &'e dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            diagnostics: RefCell::default(),
            asked: RefCell::default(),
            base: base.to_owned(),
            environment,
        }
    }

    /// Notes a mistake.
    pub(super) fn error(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.note(Level::Error, span, message.into(), help.into());
    }

    /// Notes a doubt.
    pub(super) fn warning(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.note(Level::Warning, span, message.into(), help.into());
    }

    fn note(&self, level: Level, span: Range<usize>, message: String, help: String) {
        let finding = Diagnostic {
            level,
            span,
            message,
            help: (!help.is_empty()).then_some(help),
        };
        // What is read once for each of several elements is wrong once.
        let mut diagnostics = self.diagnostics.borrow_mut();
        if !diagnostics.contains(&finding) {
            diagnostics.push(finding);
        }
    }

    /// The value of an environment variable, if it is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name).filter(|value| !value.is_empty())
    }

    /// A path of the file, seen from where the program runs.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        self.base.join(text)
    }

    /// Whether a mistake was noted.
    pub(super) fn failed(&self) -> bool {
        self.diagnostics
            .borrow()
            .iter()
            .any(|diagnostic| diagnostic.level == Level::Error)
    }

    /// All findings.
    pub(super) fn findings(&self) -> Vec<Diagnostic> {
        self.diagnostics.borrow().clone()
    }

    /// Every (table, key) that was asked for.
    #[cfg(test)]
    pub(super) fn asked(&self) -> BTreeSet<(&'static str, &'static str)> {
        self.asked.borrow().clone()
    }
}
