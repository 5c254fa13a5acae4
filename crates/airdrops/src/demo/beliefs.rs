//! What the demo's owner believes of three opportunities, and how capital follows from it.

use std::time::Duration;

use airdrops_allocation::estimate::hazard::Loss;
use airdrops_allocation::estimate::{
    Beta, Haircut, Hazard, Holders, Invalid, NormalInverseGamma, Opportunity, Rule, Timing, Worth,
};
use airdrops_allocation::plan::Mandate;
use airdrops_allocation::rebalance::Policy as Triggers;
use airdrops_runtime::Planning;
use airdrops_runtime::learning::{Opinion, Stance};
use airdrops_types::{Bps, ChainId, ProtocolId, Timestamp, Usd};

use super::campaigns::{AERIE_L1, AERIE_L2, TERN};
use super::world::{L1, L2};

/// Capped Kelly over the vaults of one protocol on two chains, and a pool.
///
/// # Errors
/// Never: a test makes them.
pub(crate) fn planning(start: Timestamp) -> Result<Planning, Invalid> {
    let aerie = Token {
        family: "aerie",
        drop: 0.6,
        months: 3.0,
    };
    let tern = Token {
        family: "tern",
        drop: 0.4,
        months: 6.0,
    };
    let opportunities = vec![
        aerie.opportunity(AERIE_L1, "lending", L1, 0.01, Usd::dollars(20))?,
        aerie.opportunity(AERIE_L2, "lending", L2, 0.015, Usd::dollars(2))?,
        tern.opportunity(TERN, "dex", L2, 0.03, Usd::dollars(2))?,
    ];
    Ok(Planning {
        mandate: Mandate {
            scenarios: 1_000,
            // Most of it stays in the wallets.
            reserve: Bps(7_000),
            min_position: Bps(200),
            exploration: Bps(0),
            ..Mandate::default()
        },
        triggers: Triggers {
            drift_again: Duration::from_secs(7 * 24 * 3600),
            ..Triggers::default()
        },
        wallet: None,
        opportunities: opportunities
            .into_iter()
            .map(|opportunity| Stance {
                drop: Some(Opinion {
                    said: opportunity.drop.mean(),
                    confidence: 0.9,
                }),
                eligible: Some(Opinion {
                    said: 0.7,
                    confidence: 0.9,
                }),
                opportunity,
                since: Some(start),
                own_timing: true,
            })
            .collect(),
    })
}

/// What is believed of one protocol's token.
struct Token {
    family: &'static str,
    drop: f64,
    months: f64,
}

impl Token {
    fn opportunity(
        &self,
        id: &str,
        category: &str,
        chain: ChainId,
        hazard: f64,
        gas: Usd,
    ) -> Result<Opportunity, Invalid> {
        Ok(Opportunity {
            id: ProtocolId::from(id),
            family: self.family.to_owned(),
            category: category.to_owned(),
            chain,
            drop: Beta::from_mean(self.drop, 8.0)?,
            when: Timing::from_median(self.months, 1.0, 8.0)?,
            waited: 0.0,
            eligibility: Beta::from_mean(0.7, 8.0)?,
            rule: Rule::SquareRoot,
            presence: 1.0,
            worth: Worth::Wallet {
                value: NormalInverseGamma::from_median(900.0, 1.2, 8.0)?,
                mean_points: 60.0,
            },
            dispersion: 0.8,
            haircut: Haircut {
                lockup_days: 0.0,
                holders: Holders::BroadSmall,
                selling: 0.02,
            },
            base_yield: 0.0,
            forgone_yield: 0.0,
            gas,
            slippage: Bps(20),
            hazard: Hazard {
                own: hazard,
                shared: Vec::new(),
                loss: Loss::Total,
            },
        })
    }
}
