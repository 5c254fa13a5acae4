//! Configured shares of equity, cut by the limits.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use airdrops_types::{Bps, ControlState, ProtocolId, Restraint, Target, Usd};
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
    /// The worst control state of the whole. It covers every protocol, with or without a restraint.
    pub control: ControlState,
    /// What holds back more exposure to each protocol instance; nothing for one that is not listed.
    #[serde(default)]
    pub restraints: BTreeMap<ProtocolId, Restraint>,
    /// What the last plan decided, in place of `weights`, which then only say which instances there
    /// are. An instance that is not listed is left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<BTreeMap<ProtocolId, Course>>,
}

/// What a plan decided on one instance. It holds until the next plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Course {
    /// To move would cost more than it gains: the position stays, whatever it becomes worth.
    Hold {
        /// Why.
        why: String,
    },
    /// The position should become this large.
    MoveTo {
        /// How large.
        size: Usd,
        /// Why.
        why: String,
    },
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
/// 1. The target is the weight's share of equity, rounded down; or with a plan, what its
///    [`Course`] says. If planned increases come to more than equity has left, because it shrank,
///    they are cut in proportion.
/// 2. If the targets of a family exceed its limit less [`MARGIN`], all of them are cut in
///    proportion, rounded down.
/// 3. A target above the current exposure stays there if a control state that covers it is
///    `Reducing` or worse. Otherwise it goes as far as the gate's limit of the family lets it at
///    present: what its scale leaves of it, and at most half in `Cautious`, less [`MARGIN`] and what
///    the family holds. If that is not enough for all, their increases are cut in proportion, those
///    under the tighter limit first. What is not used stays cash, and what is there stays there.
/// 4. A difference below `min_change` is no difference, unless keeping the current exposure would
///    reach the family's limit.
///
/// So the targets of a family are always strictly within its limit (or zero), none is negative,
/// and they never sum to more than equity, save by differences that rule 4 ignores. A worse control
/// state of a protocol never leads to a higher target of it, and one of everything never to a higher
/// sum of a family's targets, save by such differences.
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
    if inputs.plan.is_some() {
        cut_to_equity(equity, &mut drafts);
    }
    let families: BTreeSet<&str> = drafts.iter().map(|draft| draft.family).collect();
    for family in families {
        let mut members: Vec<&mut Draft<'_>> = drafts
            .iter_mut()
            .filter(|draft| draft.family == family)
            .collect();
        cut_family(inputs, family, &mut members);
        hold_back(inputs, family, &mut members);
        let bound = equity.fraction(limit(inputs, family));
        let mut sum = members.iter().map(|draft| draft.target).sum();
        for draft in members {
            draft.ignore_small_change(inputs.min_change, bound, &mut sum);
        }
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
    restraint: Option<&'a Restraint>,
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
            let (target, reason) = match &inputs.plan {
                Some(plan) => planned(plan.get(protocol), current),
                None => weighed(weights.get(protocol).copied(), inputs.equity),
            };
            Ok(Draft {
                protocol,
                family,
                current,
                target,
                restraint: inputs.restraints.get(protocol),
                reason,
            })
        })
        .collect()
}

fn weighed(weight: Option<Bps>, equity: Usd) -> (Usd, String) {
    let target = equity.fraction(weight.unwrap_or_default());
    let reason = match weight {
        Some(weight) => format!("{weight} of {equity}"),
        None => "no weight is configured".to_owned(),
    };
    (target, reason)
}

fn planned(course: Option<&Course>, current: Usd) -> (Usd, String) {
    match course {
        Some(Course::MoveTo { size, why }) => (size.or_zero(), why.clone()),
        Some(Course::Hold { why }) => (current, why.clone()),
        None => (current, "no plan has looked at it".to_owned()),
    }
}

/// Cuts increases in proportion, so that the sum is at most equity, or what is there already.
fn cut_to_equity(equity: Usd, drafts: &mut [Draft<'_>]) {
    let kept: Usd = drafts
        .iter()
        .map(|draft| draft.target.min(draft.current))
        .sum();
    let growing = || drafts.iter().filter(|draft| draft.grows());
    let wanted: Usd = growing().map(|draft| draft.target - draft.current).sum();
    let left = (equity - kept).or_zero();
    if wanted <= left {
        return;
    }
    for draft in drafts.iter_mut().filter(|draft| draft.grows()) {
        let increase = (draft.target - draft.current).min(MAX_EQUITY);
        // Both factors are at most `MAX_EQUITY`: no overflow. `wanted` is positive.
        draft.target = draft.current + Usd(increase.0 * left.0 / wanted.0);
        draft.reason.push_str(&format!(
            "; increase cut to {}, as equity is {equity}",
            draft.target
        ));
    }
}

fn limit(inputs: &Inputs, family: &str) -> Bps {
    let own = inputs.protocol_limits.get(family).copied();
    own.unwrap_or(inputs.protocol_limit)
}

/// The most that targets of a family may be under `limit`: strictly less than it, or nothing.
fn room(inputs: &Inputs, limit: Bps) -> Usd {
    let bound = inputs.equity.fraction(limit);
    // The margin is rounded up, so that it is at least a micro-dollar of any positive bound.
    let margin = Usd((bound.0 * i128::from(MARGIN.0) + 9_999) / 10_000);
    (bound - margin).or_zero()
}

/// Rule 2.
fn cut_family(inputs: &Inputs, family: &str, members: &mut [&mut Draft<'_>]) {
    let limit = limit(inputs, family);
    let room = room(inputs, limit);
    let wanted: Usd = members.iter().map(|draft| draft.target).sum();
    // A plan keeps margins of its own, and what it holds is cut only when the limit is reached.
    let most = match &inputs.plan {
        Some(_) => room.max(Usd(inputs.equity.fraction(limit).0 - 1)),
        None => room,
    };
    if wanted <= most {
        return;
    }
    for draft in members {
        // `wanted` is positive, as it exceeds `room`.
        let cut = Usd(draft.target.0.saturating_mul(room.0) / wanted.0);
        if cut < draft.target {
            draft.reason.push_str(&format!(
                "; cut by protocol limit {limit} of family {family} to {cut}"
            ));
        }
        draft.target = cut;
    }
}

/// Rule 3.
fn hold_back(inputs: &Inputs, family: &str, members: &mut [&mut Draft<'_>]) {
    let scale = Scale::of(inputs, family);
    // What the gate lets each of them have of the limit; by the loosest.
    let mut shares: BTreeMap<Reverse<Bps>, Vec<&mut Draft<'_>>> = BTreeMap::new();
    let mut used: Usd = members.iter().map(|draft| draft.current).sum();
    for draft in members.iter_mut().filter(|draft| draft.grows()) {
        let state = draft.state(inputs);
        if state.forbids_growth() {
            draft.stop(state);
        } else {
            let share = scale.share.min(state.most_of_limits());
            shares.entry(Reverse(share)).or_default().push(draft);
        }
    }
    for (Reverse(share), drafts) in shares {
        let wanted: Usd = drafts
            .iter()
            .map(|draft| draft.target - draft.current)
            .sum();
        let limit = limit(inputs, family);
        let left = (room(inputs, limit.times(share)) - used).or_zero();
        // Within the whole limit they are already.
        let granted = if share == Bps::WHOLE {
            wanted
        } else {
            wanted.min(left)
        };
        used += granted;
        if granted == wanted {
            continue;
        }
        for draft in drafts {
            let increase = draft.target - draft.current;
            // As above; `wanted` is positive, as each of them grows.
            draft.target = draft.current + Usd(increase.0 * granted.0 / wanted.0);
            draft.reason.push_str(&format!(
                "; increase cut to {}, as {share} of protocol limit {limit} of family {family} is in force",
                draft.target
            ));
            let stops = draft
                .restraint
                .map(|restraint| restraint.stops(ControlState::Cautious));
            let why: Vec<&str> = stops
                .iter()
                .chain(scale.rests_on.iter().filter(|_| scale.share == share))
                .map(String::as_str)
                .filter(|why| !why.is_empty())
                .collect();
            if !why.is_empty() {
                draft.reason.push_str(&format!(": {}", why.join("; ")));
            }
        }
    }
}

/// What the market leaves of a family's limit: as much as of its weakest instance.
struct Scale<'a> {
    share: Bps,
    rests_on: &'a [String],
}

impl<'a> Scale<'a> {
    fn of(inputs: &'a Inputs, family: &str) -> Self {
        let instances = inputs.families.iter().filter(|(_, other)| *other == family);
        let weakest = instances
            .filter_map(|(id, _)| inputs.restraints.get(id))
            .min_by_key(|restraint| restraint.scale);
        weakest.map_or(
            Self {
                share: Bps::WHOLE,
                rests_on: &[],
            },
            |restraint| Self {
                share: restraint.scale.min(Bps::WHOLE),
                rests_on: &restraint.scaled_by,
            },
        )
    }
}

impl Draft<'_> {
    fn grows(&self) -> bool {
        self.target > self.current
    }

    /// The worst control state that covers it.
    fn state(&self, inputs: &Inputs) -> ControlState {
        let own = self.restraint.map(Restraint::state);
        inputs.control.max(own.unwrap_or_default())
    }

    /// Keeps it from growing. `state` is the worst that covers it.
    fn stop(&mut self, state: ControlState) {
        self.target = self.current;
        let stops = self
            .restraint
            .map(|restraint| restraint.stops(ControlState::Reducing));
        let stops = stops.filter(|stops| !stops.is_empty());
        let why = stops.unwrap_or_else(|| state.to_string());
        self.reason.push_str(&format!("; no increase: {why}"));
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
