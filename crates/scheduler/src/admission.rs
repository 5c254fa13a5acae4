//! Whether a signature may be stored: the one rule that keeps a transaction from being sent twice, as a
//! pure function.
//!
//! Every store reads the facts and calls [`admit`] in the very transaction that stores the signature.
//! What may not be stored may not be broadcast.

use airdrops_types::{Address, ChainId, IntentId, LogError};

use crate::lease::{Claim, Lease, check};

/// What a store knows, read in the transaction that would store the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The stored lease of the claim's lane.
    pub lease: Option<Lease>,
    /// Revision of the control states.
    pub control_revision: u64,
    /// One more than the highest nonce that any slot of the wallet has on the chain.
    pub next_nonce: Option<u64>,
    /// Whether the intent has a slot, open or closed, or a final outcome.
    pub intent_known: bool,
    /// Whether the slot to be replaced is open, with this chain, wallet and nonce, and belongs to the
    /// intent.
    pub replaceable: bool,
}

/// What is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// By whom.
    pub claim: &'a Claim,
    /// For which intent; for a replacement or cancellation, the one that owns the nonce.
    pub intent: IntentId,
    /// On which chain.
    pub chain: ChainId,
    /// From which wallet.
    pub wallet: Address,
    /// With which nonce.
    pub nonce: u64,
    /// Revision of the control states that the permit was given under.
    pub control_revision: u64,
    /// Whether it replaces a signature of the same nonce.
    pub replaces: bool,
}

/// Whether the signature may be stored.
///
/// # Errors
/// [`LogError::LeaseLost`] if the claim is over; [`LogError::ControlChanged`] if a stop or its end came
/// in between; [`LogError::NoSlot`] if a replacement has nothing to replace; [`LogError::IntentTaken`]
/// if the intent was signed before; [`LogError::NonceTaken`] if the nonce is not above all of the
/// wallet's.
pub fn admit(facts: &Facts, request: &Request<'_>) -> Result<(), LogError> {
    check(facts.lease.as_ref(), request.claim).map_err(|_| LogError::LeaseLost)?;
    if facts.control_revision != request.control_revision {
        return Err(LogError::ControlChanged);
    }
    if request.replaces {
        return if facts.replaceable {
            Ok(())
        } else {
            Err(LogError::NoSlot(request.intent))
        };
    }
    if facts.intent_known {
        return Err(LogError::IntentTaken(request.intent));
    }
    if facts.next_nonce.is_some_and(|next| request.nonce < next) {
        return Err(LogError::NonceTaken {
            chain: request.chain,
            wallet: request.wallet,
            nonce: request.nonce,
        });
    }
    Ok(())
}
