//! What was measured, for programs. The keys are documented in `docs/src/risk.md`.

use airdrops_risk::Profit;
use airdrops_risk::monitor::{GasReport, TailReport, VolatilityReport};
use airdrops_risk::price::consensus::SourceReport;
use airdrops_risk::tail::{Coverage, TailUsd};
use airdrops_risk::volatility::CompositeIndex;
use airdrops_types::{Alert, AssetId, Reading, Usd, VolPoints};
use serde_json::{Value, json};

use super::terminal::{LEVELS, source_words};
use crate::command::risk::measured::Measured;
use crate::narrate::{ChainNames, chain_name};

/// Profit and loss, every sum in micro-dollars.
fn profit(profit: &Profit) -> Value {
    json!({
        "opening_micro_usd": profit.opening,
        "net_flows_micro_usd": profit.net_flows,
        "realised_micro_usd": profit.realised,
        "unrealised_micro_usd": profit.unrealised,
        "income_micro_usd": profit.income,
        "gas_micro_usd": profit.gas,
        "fees_micro_usd": profit.fees,
        "lost_micro_usd": profit.lost,
        "carried_out_micro_usd": profit.carried_out,
        "residue_micro_usd": profit.residue,
        "total_micro_usd": profit.total,
    })
}

/// The whole answer.
pub(super) fn json(measured: &Measured, alerts: &[Alert]) -> Value {
    let report = &measured.report;
    let mut answer = measured.head_json();
    let body = json!({
        "risk": report.portfolio,
        "drawdown_bps": report.drawdown,
        "loss_24h_bps": report.loss_24h,
        "profit": report.profit.as_ref().map(profit),
        "volatility": volatility(&report.volatility),
        "tail": tail(&report.tail),
        "gas": report.gas.iter().map(|gas| chain_gas(&measured.names, gas)).collect::<Vec<_>>(),
        "protocols": report.protocols,
        "nodes": report.nodes.iter().map(|node| json!({
            "node": node.node,
            "exposure_micro_usd": node.exposure,
            "share_bps": node.share,
            "limit_bps": node.limit,
            "headroom_micro_usd": node.headroom,
        })).collect::<Vec<_>>(),
        "prices": report.prices.iter().map(|(asset, sources)| price(asset, sources))
            .collect::<Vec<_>>(),
        "defects": report.defects,
        "signals": report.signals.iter().map(|signal| json!({
            "scope": signal.scope.to_string(),
            "state": signal.state,
            "scale_bps": signal.scale,
            "score": signal.score,
            "reasons": signal.reasons,
        })).collect::<Vec<_>>(),
        "trips": measured.trips_json(),
        "alerts": alerts.iter().map(|alert| json!({
            "at": alert.at.to_string(),
            "level": alert.level,
            "scope": alert.scope.to_string(),
            "matter": alert.matter,
            "evidence": alert.evidence,
        })).collect::<Vec<_>>(),
    });
    if let (Some(answer), Value::Object(body)) = (answer.as_object_mut(), body) {
        answer.extend(body);
    }
    answer
}

fn volatility(volatility: &VolatilityReport) -> Value {
    let index = CompositeIndex {
        components: volatility.components.clone(),
    };
    json!({
        "index_percent": volatility.index.map(VolPoints::percent),
        "complete": index.is_complete(),
        "state": volatility.state,
        "thresholds_percent": {
            "medium": volatility.thresholds.medium.percent(),
            "high": volatility.thresholds.high.percent(),
            "extreme": volatility.thresholds.extreme.percent(),
        },
        "components": volatility.components.iter().map(|component| json!({
            "asset": component.asset,
            "source": component.source,
            "percent": component.reading.last_known().map(|value| value.percent()),
            "standing": standing(&component.reading),
            "defect": component.reading.defect(),
        })).collect::<Vec<_>>(),
        "forecasts": volatility.forecasts.iter().map(|(asset, percent)| json!({
            "asset": asset,
            "percent": percent,
        })).collect::<Vec<_>>(),
    })
}

fn standing<T>(reading: &Reading<T>) -> &'static str {
    match reading {
        Reading::Fresh { .. } => "fresh",
        Reading::Stale { .. } => "stale",
        Reading::Missing { .. } => "missing",
    }
}

fn tail(tail: &TailReport) -> Value {
    let levels = [&tail.at_99, &tail.at_975];
    let levels = levels.into_iter().zip(&tail.coverage).zip(LEVELS);
    let level = |((at, coverage), level): ((&Option<TailUsd>, &Coverage), f64)| {
        json!({
            "level": level,
            "value_at_risk_micro_usd": at.as_ref().map(|at| at.value_at_risk),
            "expected_shortfall_micro_usd": at.as_ref().map(|at| at.expected_shortfall),
            "components": at.as_ref().map(|at| components(&tail.assets, &at.components)),
            "coverage": {
                "days": coverage.days,
                "violations": coverage.violations,
                "rate": coverage.rate(),
                "kupiec_p": coverage.kupiec(1.0 - level).map(|test| test.p_value),
                "independence_p": coverage.independence().map(|test| test.p_value),
            },
        })
    };
    json!({ "days": tail.days, "levels": levels.map(level).collect::<Vec<_>>() })
}

fn components(assets: &[AssetId], components: &[Usd]) -> Vec<Value> {
    let each = assets.iter().zip(components);
    each.map(|(asset, part)| json!({ "asset": asset, "expected_shortfall_micro_usd": part }))
        .collect()
}

fn chain_gas(names: &ChainNames, gas: &GasReport) -> Value {
    json!({
        "chain": gas.chain,
        "name": chain_name(names, gas.chain),
        "base_fee_wei": gas.base_fee,
        "rank_bps": gas.rank.as_ref().ok(),
        "rank_reason": gas.rank.as_ref().err().map(ToString::to_string),
        "trend": gas.trend.as_ref().ok().map(|trend| json!({
            "direction": trend.direction(),
            "recent_wei": trend.recent,
            "baseline_wei": trend.baseline,
            "ratio_bps": trend.ratio,
        })),
        "trend_reason": gas.trend.as_ref().err().map(ToString::to_string),
        "standard_micro_usd": gas.standard,
    })
}

fn price(asset: &AssetId, sources: &[SourceReport]) -> Value {
    json!({
        "asset": asset,
        "sources": sources.iter().map(|source| {
            let words = source_words(&source.standing);
            json!({
                "source": source.source,
                "standing": words.standing,
                "price_micro_usd": words.price.map(|price| price.0 / 1_000_000),
                "reason": words.reason,
            })
        }).collect::<Vec<_>>(),
    })
}
