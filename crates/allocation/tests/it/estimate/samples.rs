//! Opportunities that the tests share.

use std::collections::BTreeMap;

use airdrops_allocation::estimate::{
    Ask, Beta, Charge, Haircut, Hazard, Holders, Loss, NormalInverseGamma, Opportunity, Rule,
    Share, Timing, World, Worth,
};
use airdrops_types::{Bps, ChainId, ProtocolId, Usd};

/// A lending protocol on a rollup with a points programme.
pub(super) fn opportunity(id: &str) -> Opportunity {
    Opportunity {
        id: ProtocolId::new(id),
        family: id.to_owned(),
        category: "lending".to_owned(),
        chain: ChainId(10),
        drop: Beta { a: 3.0, b: 2.0 },
        when: Timing::from_median(9.0, 1.0, 6.0).unwrap(),
        waited: 4.0,
        eligibility: Beta { a: 4.0, b: 1.0 },
        rule: Rule::ProRata,
        presence: 0.5,
        worth: Worth::Pool {
            fdv: NormalInverseGamma::from_median(4e8, 0.8, 14.0).unwrap(),
            share: Share::HISTORICAL,
            dilution: 0.2,
            others: 2e8,
        },
        dispersion: 0.3,
        haircut: Haircut {
            lockup_days: 30.0,
            holders: Holders::CoreSmall,
            selling: 0.01,
        },
        base_yield: 0.03,
        forgone_yield: 0.04,
        gas: Usd::dollars(6),
        slippage: Bps(20),
        hazard: Hazard {
            own: 0.03,
            shared: vec!["chain:10".to_owned()],
            loss: Loss::Share(Beta { a: 6.0, b: 2.0 }),
        },
    }
}

/// One to which nothing happens but a drop that surely comes, lognormal with this deviation.
pub(super) fn sure(id: &str, sigma: f64) -> Opportunity {
    let mut sure = opportunity(id);
    sure.drop = Beta { a: 1e9, b: 1e-6 };
    sure.when = Timing {
        shape: 1.0,
        events: 1e9,
        exposure: 1e-3,
    };
    sure.waited = 0.0;
    sure.eligibility = Beta { a: 1e9, b: 1e-6 };
    sure.rule = Rule::Flat {
        minimum: Usd::dollars(1),
    };
    sure.presence = 1.0;
    sure.worth = Worth::Wallet {
        value: NormalInverseGamma::from_median(500.0, sigma, 1e8).unwrap(),
        mean_points: 1.0,
    };
    sure.dispersion = 0.0;
    sure.base_yield = 0.0;
    sure.forgone_yield = 0.0;
    sure.hazard = Hazard {
        own: 0.0,
        shared: Vec::new(),
        loss: Loss::Total,
    };
    sure
}

pub(super) fn world() -> World {
    World {
        shared_hazards: BTreeMap::from([("chain:10".to_owned(), 0.02)]),
        ..World::default()
    }
}

/// A tenth of $50,000 over half a year.
pub(super) fn ask(count: usize) -> Ask {
    Ask {
        capital: Usd::dollars(50_000),
        reference: Bps(1_000),
        horizon: 6.0,
        seed: 11,
        count,
        charge: Charge::Here,
    }
}
