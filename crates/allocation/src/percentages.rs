//! Configured shares of equity, cut by the limits.

use std::collections::BTreeMap;

use airdrops_types::{Bps, ControlState, ProtocolId, Target, Usd};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The share of a protocol limit that targets leave free: 2 % of the limit, so that rounding and
/// small moves of prices do not breach it.
pub const MARGIN: Bps = Bps(200);

/// The most equity that is calculated with: $10¹². No product overflows below it.
pub const MAX_EQUITY: Usd = Usd::dollars(1_000_000_000_000);

/// All that the targets rest on. Stored in the journal, for replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// What everything is worth.
    pub equity: Usd,
    /// Exposure per protocol instance now. Several entries of one instance are added up.
    pub current: Vec<(ProtocolId, Usd)>,
    /// Target share of equity per protocol instance. An instance without a weight has weight 0:
    /// its target is nothing.
    pub weights: Vec<(ProtocolId, Bps)>,
    /// The family of each protocol instance.
    pub families: BTreeMap<ProtocolId, String>,
    /// Most exposure to one family, as a share of equity.
    pub protocol_limit: Bps,
    /// Other limits for some families.
    pub protocol_limits: BTreeMap<String, Bps>,
    /// A smaller difference is not worth a transaction.
    pub min_change: Usd,
    /// The worst control state of the whole.
    pub control: ControlState,
}

/// Why there are no targets.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AllocationError {
    /// Nothing can be measured against it.
    #[error("equity is {equity}, targets need it to be positive and at most {MAX_EQUITY}")]
    Equity {
        /// The equity.
        equity: Usd,
    },
    /// More than there is.
    #[error("the weights sum to {sum}, which is more than 100 %")]
    Weights {
        /// Their sum.
        sum: Bps,
    },
    /// Two weights for one protocol.
    #[error("protocol {protocol} has two weights")]
    DuplicateWeight {
        /// Which.
        protocol: ProtocolId,
    },
    /// A protocol without a family, whose limit is not known.
    #[error("protocol {protocol} has no family, so its limit is not known")]
    NoFamily {
        /// Which.
        protocol: ProtocolId,
    },
    /// An exposure below zero.
    #[error("the exposure to protocol {protocol} is {current}, it cannot be negative")]
    NegativeExposure {
        /// Which.
        protocol: ProtocolId,
        /// Its exposure.
        current: Usd,
    },
}

/// The target of every protocol instance that has a weight or an exposure, by id.
///
/// 1. The target is the weight's share of equity, rounded down.
/// 2. If the targets of a family exceed its limit less [`MARGIN`], all of them are cut in
///    proportion, rounded down.
/// 3. In `Cautious`, a target above the current exposure goes only half the way; in `Reducing`,
///    `Halted` and `Locked` it stays where it is.
/// 4. A difference below `min_change` is no difference, unless keeping the current exposure would
///    reach the family's limit.
///
/// So the targets of a family are always strictly within its limit (or zero), none is negative,
/// and they never sum to more than equity, save by differences that rule 4 ignores.
///
/// # Errors
///
/// When a target cannot be justified; then there are none.
pub fn allocate(inputs: &Inputs) -> Result<Vec<Target>, AllocationError> {
    let equity = inputs.equity;
    if equity.0 <= 0 || equity > MAX_EQUITY {
        return Err(AllocationError::Equity { equity });
    }
    let mut drafts = drafts(inputs)?;
    let mut families: BTreeMap<&str, Usd> = BTreeMap::new();
    for draft in &drafts {
        *families.entry(draft.family).or_default() += draft.target;
    }
    for (family, sum) in &mut families {
        cut_family(inputs, family, sum, &mut drafts);
    }
    for draft in &mut drafts {
        let before = draft.target;
        draft.hold_back(inputs.control);
        if let Some(sum) = families.get_mut(draft.family) {
            *sum = *sum - before + draft.target;
        }
    }
    for draft in &mut drafts {
        let Some(sum) = families.get_mut(draft.family) else {
            continue;
        };
        let bound = equity.fraction(limit(inputs, draft.family));
        draft.ignore_small_change(inputs.min_change, bound, sum);
    }
    Ok(drafts.into_iter().map(Draft::finish).collect())
}

/// A target in the making.
struct Draft<'a> {
    protocol: &'a ProtocolId,
    family: &'a str,
    current: Usd,
    target: Usd,
    reason: String,
}

/// Rule 1.
fn drafts(inputs: &Inputs) -> Result<Vec<Draft<'_>>, AllocationError> {
    let mut current: BTreeMap<&ProtocolId, Usd> = BTreeMap::new();
    for (protocol, exposure) in &inputs.current {
        if exposure.0 < 0 {
            return Err(AllocationError::NegativeExposure {
                protocol: protocol.clone(),
                current: *exposure,
            });
        }
        *current.entry(protocol).or_default() += *exposure;
    }
    let mut weights: BTreeMap<&ProtocolId, Bps> = BTreeMap::new();
    let mut sum = Bps(0);
    for (protocol, weight) in &inputs.weights {
        if weights.insert(protocol, *weight).is_some() {
            let protocol = protocol.clone();
            return Err(AllocationError::DuplicateWeight { protocol });
        }
        sum = Bps(sum.0.saturating_add(weight.0));
        current.entry(protocol).or_default();
    }
    if sum > Bps::WHOLE {
        return Err(AllocationError::Weights { sum });
    }
    current
        .into_iter()
        .map(|(protocol, current)| {
            let Some(family) = inputs.families.get(protocol) else {
                let protocol = protocol.clone();
                return Err(AllocationError::NoFamily { protocol });
            };
            let weight = weights.get(protocol).copied();
            Ok(Draft {
                protocol,
                family,
                current,
                target: inputs.equity.fraction(weight.unwrap_or_default()),
                reason: match weight {
                    Some(weight) => format!("{weight} of {}", inputs.equity),
                    None => "no weight is configured".to_owned(),
                },
            })
        })
        .collect()
}

fn limit(inputs: &Inputs, family: &str) -> Bps {
    let own = inputs.protocol_limits.get(family).copied();
    own.unwrap_or(inputs.protocol_limit)
}

/// Rule 2. `sum` is the sum of the family's targets, before and after.
fn cut_family(inputs: &Inputs, family: &str, sum: &mut Usd, drafts: &mut [Draft<'_>]) {
    let limit = limit(inputs, family);
    let bound = inputs.equity.fraction(limit);
    // The margin is rounded up, so that it is at least a micro-dollar of any positive bound.
    let margin = Usd((bound.0 * i128::from(MARGIN.0) + 9_999) / 10_000);
    let room = (bound - margin).or_zero();
    let wanted = *sum;
    if wanted <= room {
        return;
    }
    *sum = Usd::ZERO;
    for draft in drafts.iter_mut().filter(|draft| draft.family == family) {
        // Both are at most `MAX_EQUITY`: no overflow. `wanted` is positive, as it exceeds `room`.
        let cut = Usd(draft.target.0 * room.0 / wanted.0);
        if cut < draft.target {
            draft.reason.push_str(&format!(
                "; cut by protocol limit {limit} of family {family} to {cut}"
            ));
        }
        draft.target = cut;
        *sum += cut;
    }
}

impl Draft<'_> {
    /// Rule 3.
    fn hold_back(&mut self, control: ControlState) {
        if self.target <= self.current {
            return;
        }
        match control {
            ControlState::Active => {}
            ControlState::Cautious => {
                self.target = Usd(self.current.0 + (self.target.0 - self.current.0) / 2);
                self.reason
                    .push_str(&format!("; increase halved to {}: cautious", self.target));
            }
            ControlState::Reducing | ControlState::Halted | ControlState::Locked => {
                self.target = self.current;
                self.reason.push_str(&format!("; no increase: {control}"));
            }
        }
    }

    /// Rule 4. `bound` is the family's limit and `sum` the sum of its targets.
    fn ignore_small_change(&mut self, min_change: Usd, bound: Usd, sum: &mut Usd) {
        let change = Usd((self.target - self.current).0.saturating_abs());
        if change == Usd::ZERO || change >= min_change {
            return;
        }
        let kept = *sum - self.target + self.current;
        // To stay above the target must not use up the margin.
        if self.current > self.target && kept >= bound {
            return;
        }
        self.reason.push_str(&format!(
            "; {change} from the target of {}, less than the smallest change {min_change}",
            self.target
        ));
        self.target = self.current;
        *sum = kept;
    }

    fn finish(self) -> Target {
        Target {
            protocol: self.protocol.clone(),
            current: self.current,
            target: self.target,
            reason: self.reason,
        }
    }
}
