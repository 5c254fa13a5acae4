//! What trips each breaker, what follows, and who ends it.

use airdrops_risk::BreakerKind;
use airdrops_risk::breaker::{BreakerPolicy, ClearedBy, Clearing, FallLimit};
use airdrops_types::{ControlState, VolatilityState};

use crate::config::unit::duration_text;

/// One demand that a breaker may make.
pub(super) struct Step {
    /// Which.
    pub(super) breaker: BreakerKind,
    /// When it trips.
    pub(super) when: String,
    /// What it demands.
    pub(super) state: ControlState,
    /// How that ends.
    pub(super) clearing: Clearing,
}

impl Step {
    /// Who ends it, in words.
    pub(super) fn ended_by(&self) -> String {
        match self.clearing.by {
            ClearedBy::Itself => {
                format!("itself, after {}", duration_text(self.clearing.cool_down))
            }
            ClearedBy::Administrator => "administrator".into(),
        }
    }
}

/// Every step of every breaker.
pub(super) fn of(policy: &BreakerPolicy) -> Vec<Step> {
    use BreakerKind as Kind;
    use ControlState::{Cautious, Halted, Locked, Reducing};

    let gas = &policy.unprofitable_gas;
    let depeg = &policy.depeg;
    let off = |step: airdrops_risk::breaker::DepegStep| {
        format!(
            "more than {} off its peg for {}",
            step.deviation,
            duration_text(step.lasting)
        )
    };
    let clock = |jump, chain| {
        format!(
            "the clock moved by more than {}, or is more than {} from the nearest chain's time",
            duration_text(jump),
            duration_text(chain)
        )
    };
    let incidents = duration_text(policy.incident.window);
    let mut steps = vec![
        (Kind::Manual, "a person says so".to_owned(), Halted),
        (Kind::RollingLoss, fall(policy.rolling_loss), Halted),
        (Kind::Drawdown, fall(policy.drawdown), Halted),
        (
            Kind::UnprofitableGas,
            format!(
                "a standard transaction costs more than {} of what it is expected to earn for {}",
                gas.share,
                duration_text(gas.lasting)
            ),
            Cautious,
        ),
        (
            Kind::Incident,
            format!("one critical report within {incidents}"),
            Cautious,
        ),
        (
            Kind::Incident,
            format!(
                "critical reports of two sources, or one and a fact on the chain, within \
                 {incidents}"
            ),
            Halted,
        ),
        (
            Kind::PinChange,
            "a watched contract is not as it was pinned, or is paused".to_owned(),
            Reducing,
        ),
        (Kind::Depeg, off(depeg.warn), Cautious),
        (Kind::Depeg, off(depeg.reduce), Reducing),
        (Kind::Depeg, off(depeg.halt), Halted),
        (
            Kind::FailureRate,
            "failures of one class are in alarm".to_owned(),
            Cautious,
        ),
        (
            Kind::FailureRate,
            format!(
                "failures of two classes are in alarm, or of one again after {}",
                duration_text(policy.failure_rate.persists)
            ),
            Reducing,
        ),
        (
            Kind::Data,
            format!(
                "a price, head, base fee or source is not fresh for longer than {}",
                duration_text(policy.data.grace)
            ),
            Cautious,
        ),
        (
            Kind::Data,
            format!(
                "a price, head or base fee is not fresh for longer than {}, or a watched contract \
                 is not read for longer than {}",
                duration_text(policy.data.reduce_after),
                duration_text(policy.pin_change.max_unread)
            ),
            Reducing,
        ),
        (
            Kind::Clock,
            clock(policy.clock.jump.cautious, policy.clock.chain.cautious),
            Cautious,
        ),
        (
            Kind::Clock,
            clock(policy.clock.jump.halted, policy.clock.chain.halted),
            Halted,
        ),
        (
            Kind::ForeignNonce,
            "somebody else used a nonce of a wallet".to_owned(),
            Locked,
        ),
    ];
    for state in VolatilityState::ALL {
        let action = policy.volatility.of(state);
        if action.state > ControlState::Active {
            steps.push((
                Kind::Volatility,
                format!("volatility is {state}"),
                action.state,
            ));
        }
    }
    steps
        .into_iter()
        .map(|(breaker, when, state)| Step {
            breaker,
            when,
            state,
            clearing: policy.clearing(breaker, state),
        })
        .collect()
}

fn fall(limit: FallLimit) -> String {
    format!(
        "equity is {} or more below its highest in {}",
        limit.limit,
        duration_text(limit.window)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_breaker_has_a_step_and_no_halt_ends_by_itself() {
        let steps = of(&BreakerPolicy::default());
        for kind in BreakerKind::ALL {
            assert!(steps.iter().any(|step| step.breaker == kind), "{kind}");
        }
        for step in &steps {
            let itself = step.clearing.by == ClearedBy::Itself;
            assert!(
                !itself || step.state < ControlState::Halted,
                "{}",
                step.when
            );
        }
    }
}
