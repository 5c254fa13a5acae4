//! The only door to a signature: decides on one intent, and makes the [`Permit`] that the
//! transaction manager consumes.
//!
//! [`verdict`] is a pure function of policy, state, snapshot, intent, tip and time. It does not
//! stop at the first failing check, and it obeys two laws:
//!
//! - *Monotone*: a lower limit, a worse control state, an older or missing input, a higher base
//!   fee or another reservation never turns a refusal into a permit.
//! - *Missing or stale data never increases exposure*: only what provably reduces, and the
//!   cancellation of a nonce, may rest on values that are not fresh.

mod allow_list;
mod effect;
mod fee;
mod lending;
mod limits;
mod nodes;
mod permit;
mod simulation;
mod sums;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use airdrops_types::{
    Bps, ChainId, ControlState, Intent, IntentId, Origin, PermitTerms, Reason, Reservation, Scope,
    Snapshot, Timestamp, Trip, Usd, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::gas::ShortHistory;
use crate::look_through::Growth;
use crate::{AdaptiveLimits, ControlBoard, Marked, Policy, ReservationBook, Structure, Touched};
use effect::{Class, Effect};
pub use permit::Permit;
use sums::Sums;

/// `approve(address,uint256)`.
pub(crate) const APPROVE: [u8; 4] = [0x09, 0x5e, 0xa7, 0xb3];

/// Oldest snapshot that new exposure may rest on: its readings were fresh when it was taken.
const MAX_SNAPSHOT_AGE: Duration = Duration::from_secs(120);

/// What the gate remembers between decisions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GateState {
    /// The stops that hold.
    pub control: ControlBoard,
    /// Exposure that was permitted and that no snapshot shows yet.
    pub reservations: ReservationBook,
    /// How much of the limits holds at present.
    #[serde(default)]
    pub limits: AdaptiveLimits,
    /// The share of its own past hours in which gas was cheaper than now, per chain.
    #[serde(default)]
    pub gas_ranks: BTreeMap<ChainId, Result<Bps, ShortHistory>>,
}

/// Why an intent was refused: all reasons, in a fixed order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// At least one.
    pub reasons: Vec<Reason>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, reason) in self.reasons.iter().enumerate() {
            let separator = if index > 0 { "; " } else { "" };
            write!(f, "{separator}{reason}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

/// The gate: a policy and the state that its decisions rest on.
#[derive(Debug)]
pub struct Gate {
    policy: Policy,
    structure: Arc<Result<Structure, Vec<String>>>,
    state: GateState,
}

impl Gate {
    /// A gate that enforces `policy` from the state that was stored.
    #[must_use]
    pub fn new(policy: Policy, state: GateState) -> Self {
        let structure = Arc::new(Structure::of(&policy));
        Self {
            policy,
            structure,
            state,
        }
    }

    /// What it enforces.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What its decisions rest on.
    #[must_use]
    pub fn state(&self) -> &GateState {
        &self.state
    }

    /// The stops, to be changed. Store a change before relying on it.
    pub fn control_mut(&mut self) -> &mut ControlBoard {
        &mut self.state.control
    }

    /// Takes over how much of the limits holds, and how dear gas is against its own past.
    pub fn adjust(
        &mut self,
        limits: AdaptiveLimits,
        gas_ranks: BTreeMap<ChainId, Result<Bps, ShortHistory>>,
    ) {
        self.state.limits = limits;
        self.state.gas_ranks = gas_ranks;
    }

    /// Adds a stop; see [`ControlBoard::trip`].
    pub fn trip(&mut self, trip: Trip) -> bool {
        self.state.control.trip(trip)
    }

    /// Takes a stop away; see [`ControlBoard::clear`].
    pub fn clear(&mut self, scope: &Scope, breaker: &str) -> Option<Trip> {
        self.state.control.clear(scope, breaker)
    }

    /// Ends the reservation of an intent that had, or can have, no effect: reverted, cancelled,
    /// never signed.
    pub fn release(&mut self, intent: IntentId) -> Option<Reservation> {
        self.state.reservations.release(intent)
    }

    /// Notes the block of a final outcome; see [`ReservationBook::book`].
    pub fn book(&mut self, intent: IntentId, block_number: u64) -> bool {
        self.state.reservations.book(intent, block_number)
    }

    /// Ends the reservations whose effect the snapshot shows; see [`ReservationBook::retire`].
    pub fn retire(&mut self, snapshot: &Snapshot) -> Vec<IntentId> {
        self.state.reservations.retire(snapshot)
    }

    /// Measures a snapshot by this gate's policy, for any number of decisions.
    #[must_use]
    pub fn mark<'a>(&self, snapshot: &'a Snapshot) -> Marked<'a> {
        Marked::with(snapshot, &self.policy, Arc::clone(&self.structure))
    }

    /// Decides on `intent`, with `tip` wei per gas offered to the block's builder. A permit's
    /// exposure is reserved at once, so that permits together cannot exceed a limit. A further
    /// decision on the same intent (before a fee bump, say) takes the place of the earlier one.
    ///
    /// # Errors
    /// All reasons for a refusal. Nothing was reserved, and an earlier reservation of the same
    /// intent stands.
    #[must_use = "an unused permit keeps its exposure reserved until it is released"]
    pub fn decide(
        &mut self,
        marked: &Marked<'_>,
        intent: &Intent,
        tip: u128,
        now: Timestamp,
    ) -> Result<Permit, Refusal> {
        match verdict(&self.policy, &self.state, marked, intent, tip, now) {
            Verdict::Permitted { terms } => {
                self.state.reservations.reserve(terms.reservation.clone());
                Ok(Permit::grant(intent.clone(), terms))
            }
            Verdict::Refused { reasons } => Err(Refusal { reasons }),
        }
    }
}

/// What the gate answers: a pure function, used by [`Gate::decide`] and by replay. The reasons of
/// a refusal are sorted by code and text, without repetition.
#[must_use]
pub fn verdict(
    policy: &Policy,
    state: &GateState,
    marked: &Marked<'_>,
    intent: &Intent,
    tip: u128,
    now: Timestamp,
) -> Verdict {
    let snapshot = marked.snapshot();
    let mut reasons = Vec::new();
    let effect = Effect::derive(policy, marked, intent, &mut reasons);

    let lists = marked.lists(policy);
    allow_list::check(lists, intent, &effect, &mut reasons);
    let control = check_control(state, intent, effect.class, &mut reasons);
    if effect.class != Class::Cancel {
        simulation::check(lists, intent, &effect, now, &mut reasons);
    }
    let fees = fee::check(policy, state, marked, intent, &effect, tip, &mut reasons);

    let mut growth = limits::Growth::default();
    let mut nodes = Growth::default();
    if effect.class == Class::Increasing {
        let age = now.since(snapshot.at).max(snapshot.at.since(now));
        if age > MAX_SNAPSHOT_AGE {
            reasons.push(Reason::NotFresh {
                what: "snapshot".to_owned(),
                defect: format!(
                    "{} s old, at most {} s allowed",
                    age.as_secs(),
                    MAX_SNAPSHOT_AGE.as_secs()
                ),
            });
        }
        let lent = lending::changes(policy, marked, intent, &effect);
        growth = limits::Growth::of(policy, marked, intent, &effect, &lent, &mut reasons);
        nodes = nodes::growth(policy, marked, intent, &effect, &lent, &mut reasons);
        match marked.exposure() {
            Ok(exposure) => {
                let limits = limits::Limits {
                    policy,
                    listed: lists.listed,
                    control,
                    marked,
                    equity: exposure.equity,
                    reservations: &state.reservations,
                    scales: &state.limits,
                };
                limits.check(intent.id, &growth, &mut reasons);
                nodes::check(state, marked, control, intent.id, &nodes, &mut reasons);
            }
            Err(defects) => reasons.extend_from_slice(defects),
        }
    }

    if !reasons.is_empty() {
        reasons.sort_by_cached_key(|reason| (reason.code(), reason.to_string()));
        reasons.dedup();
        return Verdict::Refused { reasons };
    }
    Verdict::Permitted {
        terms: PermitTerms {
            intent: intent.id,
            granted_at: now,
            expires_at: now.plus(policy.permit_ttl),
            gas_limit: fees.gas_limit,
            max_fee_per_gas: fees.max_fee_per_gas,
            max_priority_fee_per_gas: tip.min(fees.max_fee_per_gas),
            control_revision: state.control.revision(),
            reservation: Reservation {
                intent: intent.id,
                chain: intent.chain,
                protocols: owned(&growth.families, |family| (*family).to_owned()),
                assets: owned(&growth.assets, |asset| (*asset).clone()),
                nodes: claims(marked, &nodes),
                booked_at: None,
            },
        },
    }
}

/// Sums, to be stored.
fn owned<K: Ord, T>(sums: &Sums<K, Usd>, own: impl Fn(&K) -> T) -> Vec<(T, Usd)> {
    sums.iter().map(|(key, sum)| (own(key), *sum)).collect()
}

/// What a reservation claims at nodes.
fn claims(marked: &Marked<'_>, growth: &Growth) -> Vec<(Arc<str>, Usd)> {
    let Ok(structure) = marked.structure() else {
        return Vec::new();
    };
    let mut claims = Vec::with_capacity(growth.len());
    claims.extend(growth.iter().filter_map(|(node, claim)| {
        let name = structure.places().name(node)?;
        Some((Arc::clone(name.text()), claim))
    }));
    claims
}

/// Adds every stop that forbids the intent, and returns the worst state that covers it.
fn check_control(
    state: &GateState,
    intent: &Intent,
    class: Class,
    reasons: &mut Vec<Reason>,
) -> ControlState {
    let touched = Touched::by(intent);
    for trip in state.control.covering(&touched) {
        let allowed = match trip.state {
            ControlState::Active | ControlState::Cautious => true,
            ControlState::Reducing => class != Class::Increasing,
            ControlState::Halted => match class {
                Class::Cancel => true,
                Class::Reducing => intent.origin == Origin::Operator,
                Class::Increasing => false,
            },
            ControlState::Locked => false,
        };
        if !allowed {
            reasons.push(Reason::Control {
                state: trip.state,
                scope: trip.scope.clone(),
                evidence: format!("{}: {}", trip.breaker, trip.evidence),
            });
        }
    }
    state.control.state_for(&touched).0
}
