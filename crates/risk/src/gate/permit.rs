//! What the transaction manager consumes.

use airdrops_types::{Intent, PermitTerms};

/// The right to sign one intent on stated terms. Only the gate makes one; it cannot be copied,
/// stored or read back, and is used up by value.
///
/// What is stored beside a signature is [`PermitTerms`], from which no permit can be made.
#[derive(Debug)]
#[must_use = "an unused permit keeps its exposure reserved until it is released"]
pub struct Permit {
    intent: Intent,
    terms: PermitTerms,
}

impl Permit {
    pub(super) fn grant(intent: Intent, terms: PermitTerms) -> Self {
        Self { intent, terms }
    }

    /// What may be signed.
    #[must_use]
    pub fn intent(&self) -> &Intent {
        &self.intent
    }

    /// On which terms.
    #[must_use]
    pub fn terms(&self) -> &PermitTerms {
        &self.terms
    }

    /// Uses the permit up.
    #[must_use]
    pub fn into_parts(self) -> (Intent, PermitTerms) {
        (self.intent, self.terms)
    }
}
