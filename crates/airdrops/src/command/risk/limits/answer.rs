//! Every limit, for programs. The keys are documented in `docs/src/risk.md`.

use airdrops_risk::gas::GasLimit;
use airdrops_types::VolatilityState;
use serde_json::{Map, Value, json};

use super::Limits;
use super::exposure::Bound;
use crate::breaker_steps::cool_down_seconds;
use crate::narrate::chain_name;

/// The whole answer.
pub(super) fn json(limits: &Limits) -> Value {
    let (policy, measured) = (&limits.policy, &limits.measured);
    let ceilings = policy.gas_ceilings.iter().map(|(chain, limit)| {
        let gas = measured.report.gas.iter().find(|gas| gas.chain == *chain);
        json!({
            "chain": chain,
            "name": chain_name(&measured.names, *chain),
            "limit_wei": limit,
            "base_fee_wei": gas.and_then(|gas| gas.base_fee),
        })
    });
    let verbs = policy.gas.as_ref().map(|gas| {
        let verbs = gas.verbs.iter();
        let verbs: Map<String, Value> = verbs
            .map(|(verb, limit)| (verb.clone(), gas_limit(*limit)))
            .collect();
        let fallbacks = gas.fallbacks.iter();
        json!({
            "default": gas_limit(gas.default),
            "verbs": verbs,
            "fallbacks": fallbacks
                .map(|(chain, limit)| json!({ "chain": chain, "limit_wei": limit }))
                .collect::<Vec<_>>(),
        })
    });
    let scales: Map<String, Value> = VolatilityState::ALL
        .into_iter()
        .map(|state| {
            let action = measured.monitor.breakers.volatility.of(state);
            let action = json!({ "scale_bps": action.scale, "state": action.state });
            (state.to_string(), action)
        })
        .collect();
    let adapt = &measured.monitor.adapt;
    let body = json!({
        "transaction": bound(&limits.transaction),
        "fee_micro_usd": policy.fee_limit,
        "gas_ceilings": ceilings.collect::<Vec<_>>(),
        "gas_limits": verbs,
        "exposures": limits.exposures.iter().map(bound).collect::<Vec<_>>(),
        "simulation_max_age_seconds": policy.max_simulation_age.as_secs(),
        "permit_seconds": policy.permit_ttl.as_secs(),
        "volatility": scales,
        "adaptive": {
            "floor_bps": adapt.floor,
            "loosening_bps_per_hour": adapt.loosening_per_hour,
            "longest_pause_seconds": adapt.max_gap.as_secs(),
        },
        "breakers_from": measured.source.word(),
        "evidence_gap_seconds": measured.monitor.breakers.evidence_gap.as_secs(),
        "changes_at_next_start": measured.changes,
        "breakers": limits.steps.iter().map(|step| json!({
            "breaker": step.breaker,
            "when": step.when,
            "state": step.state,
            "cleared_by": step.clearing.by,
            "cool_down_seconds": cool_down_seconds(step.clearing),
        })).collect::<Vec<_>>(),
        "trips": measured.trips_json(),
    });
    let mut answer = measured.head_json();
    if let (Some(answer), Value::Object(body)) = (answer.as_object_mut(), body) {
        answer.extend(body);
    }
    answer
}

fn bound(bound: &Bound) -> Value {
    json!({
        "of": bound.of,
        "limit_bps": bound.limit,
        "scale_bps": bound.scale,
        "state": bound.state,
        "unlimited": bound.unlimited,
        "bound_micro_usd": bound.bound,
        "used_micro_usd": bound.used,
        "headroom_micro_usd": bound.headroom,
    })
}

fn gas_limit(limit: GasLimit) -> Value {
    match limit {
        GasLimit::Quantile(share) => json!({ "quantile_bps": share }),
        GasLimit::Gwei(wei) => json!({ "base_fee_wei": wei }),
        GasLimit::Usd(usd) => json!({ "cost_micro_usd": usd }),
    }
}
