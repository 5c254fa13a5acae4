//! Every limit, for people.

use airdrops_risk::gas::GasLimit;
use airdrops_types::{ControlState, Gwei, VolatilityState};

use super::Limits;
use crate::command::risk::measured::{Thresholds, known, table};
use crate::config::unit::duration_text;
use crate::narrate::chain_name;

/// The whole answer.
pub(super) fn render(limits: &Limits) -> String {
    let parts = [
        limits.measured.head(),
        state(limits),
        sizes(limits),
        gas(limits),
        exposures(limits),
        volatility(limits),
        breakers(limits),
        limits.measured.trips_text(),
    ];
    parts.concat()
}

fn state(limits: &Limits) -> String {
    let measured = &limits.measured;
    let meaning = match measured.overall() {
        ControlState::Active => "the limits below hold",
        ControlState::Cautious => "sizes are halved, as shown below",
        ControlState::Reducing => "nothing is added, whatever room is left",
        ControlState::Halted | ControlState::Locked => "nothing is signed, whatever room is left",
    };
    format!(
        "\nEverything is {}: {meaning}. Equity {}\n",
        measured.overall(),
        known(measured.report.equity)
    )
}

fn sizes(limits: &Limits) -> String {
    let (policy, transaction) = (&limits.policy, &limits.transaction);
    format!(
        "\nOne transaction moves at most {}, {} of which hold now: {}\nIts fee is at most {}\nIts \
         simulation is at most {} old, its permit lives {}\n",
        transaction.limit,
        transaction.scale,
        known(transaction.bound),
        policy.fee_limit,
        duration_text(policy.max_simulation_age),
        duration_text(policy.permit_ttl)
    )
}

fn gas(limits: &Limits) -> String {
    let (policy, measured) = (&limits.policy, &limits.measured);
    let rows = policy.gas_ceilings.iter().map(|(chain, ceiling)| {
        let gas = measured.report.gas.iter().find(|gas| gas.chain == *chain);
        vec![
            chain_name(&measured.names, *chain),
            Gwei(*ceiling).to_string(),
            known(gas.and_then(|gas| gas.base_fee).map(Gwei)),
        ]
    });
    let mut text = format!(
        "\n{}",
        table(&["Gas on", "Ceiling", "Base fee"], &[1, 2], rows)
    );
    let Some(gas) = &policy.gas else {
        text.push_str("No gas limits per kind of task: ceilings and the fee limit bind alone.\n");
        return text;
    };
    let verbs = gas.verbs.iter().map(|(verb, limit)| (verb.clone(), limit));
    let all = std::iter::once(("all others".to_owned(), &gas.default));
    let rows = verbs
        .chain(all)
        .map(|(verb, limit)| vec![verb, gas_limit(*limit)]);
    text.push_str(&table(&["What adds exposure", "Not if"], &[], rows));
    for (chain, limit) in &gas.fallbacks {
        text.push_str(&format!(
            "On {} a base fee of {} stands in until there is enough history\n",
            chain_name(&measured.names, *chain),
            Gwei(*limit)
        ));
    }
    text
}

fn gas_limit(limit: GasLimit) -> String {
    match limit {
        GasLimit::Quantile(_) => limit.to_string(),
        GasLimit::Gwei(_) => format!("the base fee is above {limit}"),
        GasLimit::Usd(_) => format!("it costs more than {limit}"),
    }
}

fn exposures(limits: &Limits) -> String {
    let rows = limits.exposures.iter().map(|bound| {
        let most = if bound.unlimited {
            "no limit".to_owned()
        } else {
            known(bound.bound)
        };
        let room = match bound.headroom {
            None if bound.unlimited => "–".to_owned(),
            room => known(room),
        };
        vec![
            bound.of.clone(),
            bound.state.to_string(),
            bound.limit.to_string(),
            bound.scale.to_string(),
            most,
            known(bound.used),
            room,
        ]
    });
    let header = ["At", "State", "Limit", "Holds", "At most", "Used", "Room"];
    format!("\n{}", table(&header, &[2, 3, 4, 5, 6], rows))
}

fn volatility(limits: &Limits) -> String {
    let monitor = &limits.measured.monitor;
    let scales = VolatilityState::ALL
        .map(|state| {
            let scale = monitor.breakers.volatility.of(state).scale;
            format!("{scale} when {state}")
        })
        .join(", ");
    format!(
        "\nVolatility leaves of all limits: {scales}\nNothing leaves less than {}, and at most {} \
         of a limit come back in an hour\n",
        monitor.adapt.floor, monitor.adapt.loosening_per_hour
    )
}

fn breakers(limits: &Limits) -> String {
    let rows = limits.steps.iter().map(|step| {
        vec![
            step.breaker.to_string(),
            step.when.clone(),
            step.state.to_string(),
            step.ended_by(),
        ]
    });
    let mut text = format!(
        "\n{}",
        table(&["Breaker", "Trips when", "To", "Ended by"], &[], rows)
    );
    let measured = &limits.measured;
    text.push_str(&format!(
        "A stop ends by itself only if no two looks in that time are more than {} apart.\n",
        duration_text(measured.monitor.breakers.evidence_gap)
    ));
    match measured.source {
        Thresholds::Start => {}
        Thresholds::Configuration => text.push_str(
            "These are those of the configuration: the last start did not write down its own.\n",
        ),
        Thresholds::Defaults => text.push_str(
            "These are the defaults: without the configuration (`--config FILE`) its own are not \
             known.\n",
        ),
    }
    if !measured.changes.is_empty() {
        text.push_str(
            "The configuration says otherwise; that counts from the next start (shares are in \
             hundredths of a percent):\n",
        );
        for change in &measured.changes {
            text.push_str(&format!("  {change}\n"));
        }
    }
    text
}
