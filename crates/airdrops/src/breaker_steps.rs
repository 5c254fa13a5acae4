//! What trips each breaker, what follows, and who ends it.

use airdrops_risk::breaker::{ClearedBy, Clearing, FallLimit};
use airdrops_risk::monitor::FailureRates;
use airdrops_risk::{BreakerKind, MonitorPolicy};
use airdrops_types::{ControlState, VolatilityState};

use crate::config::unit::duration_text;

/// One demand that a breaker may make.
pub struct Step {
    /// Which.
    pub breaker: BreakerKind,
    /// When it trips.
    pub when: String,
    /// What it demands.
    pub state: ControlState,
    /// How that ends.
    pub clearing: Clearing,
}

impl Step {
    /// Who ends it, in words.
    #[must_use]
    pub fn ended_by(&self) -> String {
        match self.clearing.by {
            ClearedBy::Itself => {
                format!("itself, after {}", duration_text(self.clearing.cool_down))
            }
            ClearedBy::Administrator => "administrator".into(),
        }
    }
}

/// For how long there must be healthy evidence; `None` where an administrator decides.
#[must_use]
pub fn cool_down_seconds(clearing: Clearing) -> Option<u64> {
    (clearing.by == ClearedBy::Itself).then_some(clearing.cool_down.as_secs())
}

/// Every step of every breaker.
#[must_use]
pub fn of(monitor: &MonitorPolicy) -> Vec<Step> {
    use BreakerKind as Kind;
    use ControlState::{Cautious, Halted, Locked, Reducing};

    let policy = &monitor.breakers;

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
                "a transaction of {} gas costs more than {} of what it is expected to earn for {}",
                monitor.standard_gas,
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
        (Kind::FailureRate, failures(monitor.failures), Cautious),
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

fn failures(rates: FailureRates) -> String {
    format!(
        "failures of one class are in alarm: {} % are usual, {} % must be found soon, with one false \
         alarm in {} attempts and none in the first {}",
        percent(rates.usual),
        percent(rates.alarming),
        rates.between,
        rates.least
    )
}

/// With at most two decimals.
fn percent(share: f64) -> f64 {
    (share * 10_000.0).round() / 100.0
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
    fn shares_of_failures_are_told_in_percent() {
        let steps = of(&MonitorPolicy::default());
        let step = steps
            .iter()
            .find(|step| step.breaker == BreakerKind::FailureRate);
        let told = "failures of one class are in alarm: 2 % are usual, 20 % must be found soon, \
                    with one false alarm in 2000 attempts and none in the first 5";
        assert_eq!(step.map(|step| step.when.as_str()), Some(told));
    }

    #[test]
    fn every_breaker_has_a_step_and_no_halt_ends_by_itself() {
        let steps = of(&MonitorPolicy::default());
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
