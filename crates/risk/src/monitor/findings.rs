//! What one assessment found, put together as a report.

use std::collections::BTreeMap;

use airdrops_types::{
    AssetId, Bps, ChainId, ControlState, ProtocolId, Timestamp, Usd, VolatilityState,
};

use super::nodes::Stakes;
use super::report::{ProtocolReport, RiskReport, VolatilityReport};
use super::{Monitor, Seen};
use crate::gas::ShortHistory;
use crate::health::Health;
use crate::price::consensus::{SourceReport, SourceStanding, consensus_report};
use crate::profit::Profit;
use crate::score::{PortfolioRisk, herfindahl};
use crate::volatility::CompositeIndex;
use crate::{ControlBoard, RollingLoss};

/// Nodes of a report.
const NODES: usize = 20;
/// Days of a year.
const YEAR: f64 = 365.0;

impl Monitor {
    #[allow(clippy::too_many_arguments)]
    pub(super) fn report(
        &self,
        seen: &Seen<'_>,
        board: &ControlBoard,
        index: &CompositeIndex,
        volatility: Option<VolatilityState>,
        health: Vec<(ProtocolId, Health)>,
        ranks: &BTreeMap<ChainId, Result<Bps, ShortHistory>>,
        profit: Option<Profit>,
        now: Timestamp,
    ) -> RiskReport {
        let snapshot = seen.marked.snapshot();
        let equity = seen.equity.map(|point| point.equity);
        let share = |history| RollingLoss::measure(history).and_then(|loss| loss.share());
        let breakers = &self.state.breakers;
        let mut nodes = self.nodes(seen);
        let stakes: Stakes<'_> = nodes.iter().map(|report| (&report.node, report)).collect();
        let protocols: Vec<ProtocolReport> = health
            .into_iter()
            .map(|(protocol, health)| {
                self.protocol(seen, protocol, health, &stakes, volatility, ranks)
            })
            .collect();
        let tail = self.tail(seen);
        let defects = defects(seen, index);
        let inputs = snapshot.prices.len() + snapshot.holdings.len() + snapshot.positions.len();
        let stale = u32::try_from(defects.len() * 10_000 / inputs.max(1)).unwrap_or(10_000);
        let worst = board.trips().iter().map(|trip| trip.state).max();
        let at_stake: Vec<Usd> = seen
            .marked
            .exposure()
            .map(|exposure| exposure.protocols.values().copied().collect())
            .unwrap_or_default();
        let shortfall = tail.at_99.as_ref().zip(equity);
        let portfolio = PortfolioRisk {
            drawdown: share(&breakers.drawdown),
            shortfall: shortfall
                .and_then(|(tail, equity)| tail.expected_shortfall.share_of(equity)),
            concentration: herfindahl(&at_stake).or(Some(Bps(0))),
            volatility,
            not_fresh: Some(Bps(stale.min(10_000))),
            control: worst.unwrap_or(ControlState::Active),
        }
        .score();
        let signals = self.signals(board, &protocols, portfolio.score, volatility);
        nodes.truncate(NODES);
        RiskReport {
            at: now,
            equity,
            drawdown: share(&breakers.drawdown),
            loss_24h: share(&breakers.rolling_loss),
            profit,
            volatility: VolatilityReport {
                index: index.value(),
                state: volatility,
                thresholds: self.long.states.thresholds(),
                components: index.components.clone(),
                forecasts: self.forecasts(),
            },
            tail,
            gas: self.gas_report(seen, ranks, now),
            protocols,
            portfolio,
            nodes,
            prices: snapshot
                .market
                .quotes
                .iter()
                .map(|(asset, quotes)| {
                    let rule = &self.policy.consensus;
                    let sources = consensus_report(quotes, rule).sources.into_iter();
                    (asset.clone(), sources.map(writable).collect())
                })
                .collect(),
            defects,
            signals,
            trips: board.trips().to_vec(),
        }
    }

    fn forecasts(&self) -> Vec<(AssetId, f64)> {
        let volatility = self.long.volatility.iter();
        volatility
            .filter_map(|(asset, volatility)| {
                let percent = 100.0 * (volatility.forecast()? * YEAR).sqrt();
                Some((asset.clone(), percent))
            })
            .collect()
    }
}

/// What a source says about a price. What is beyond every price is not repeated: a number of that
/// size cannot be written, and would take the whole report with it.
fn writable(mut source: SourceReport) -> SourceReport {
    let (SourceStanding::Used { price }
    | SourceStanding::Outlier { price }
    | SourceStanding::Undecided { price }
    | SourceStanding::Stale { price, .. }) = &source.standing
    else {
        return source;
    };
    if u64::try_from(price.0).is_err() {
        source.standing = SourceStanding::Missing {
            reason: format!("{price} is beyond every price"),
        };
    }
    source
}

/// Everything in a snapshot that is not fresh, in words.
fn defects(seen: &Seen<'_>, index: &CompositeIndex) -> Vec<String> {
    let mut defects: Vec<String> = match seen.marked.exposure() {
        Ok(_) => Vec::new(),
        Err(reasons) => reasons.iter().map(ToString::to_string).collect(),
    };
    let market = &seen.marked.snapshot().market;
    defects.extend(
        market.sources.iter().filter_map(|(source, reading)| {
            Some(format!("source {source} is {}", reading.defect()?))
        }),
    );
    defects.extend(index.defects());
    defects
}
