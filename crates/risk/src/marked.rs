//! A snapshot with all that the gate measures in it, measured once.

use std::collections::HashMap;

use airdrops_types::{Address, Reading, Reason, Snapshot, Token, U256};

use crate::exposure::Exposure;
use crate::{Policy, exposure};

/// A snapshot, and what is at stake in it. Made once per snapshot, so that a decision costs the
/// same however many positions there are.
#[derive(Debug)]
pub struct Marked<'a> {
    snapshot: &'a Snapshot,
    /// By fresh values alone, or why there is none.
    exposure: Result<Exposure, Vec<Reason>>,
    balances: Balances<'a>,
}

/// Balances by wallet and token.
pub(crate) type Balances<'a> = HashMap<(Address, &'a Token), &'a Reading<U256>>;

impl<'a> Marked<'a> {
    /// Measures `snapshot`.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, policy: &Policy) -> Self {
        Self {
            snapshot,
            exposure: Exposure::strict(snapshot, policy),
            balances: exposure::balances(snapshot),
        }
    }

    /// What was measured.
    #[must_use]
    pub fn snapshot(&self) -> &'a Snapshot {
        self.snapshot
    }

    /// Equity and exposure by fresh values alone.
    ///
    /// # Errors
    /// Every input that is not fresh, as reasons for a refusal.
    pub fn exposure(&self) -> Result<&Exposure, &[Reason]> {
        self.exposure.as_ref().map_err(Vec::as_slice)
    }

    /// What was seen of a balance.
    pub(crate) fn balance(&self, wallet: Address, token: &Token) -> Option<&'a Reading<U256>> {
        self.balances.get(&(wallet, token)).copied()
    }
}
