#![allow(clippy::unwrap_used)]
use airdrops_types::{Timestamp, U256};
use proptest::prelude::*;

use super::*;

const HERE: ChainId = ChainId(10);
const HOUR: i64 = 3_600_000;

fn known(value: u128) -> Reading<u128> {
    Reading::Fresh {
        value,
        at: Timestamp(0),
    }
}

fn costing(usd: Usd) -> Result<CostBreakdown, CostError> {
    Ok(CostBreakdown {
        execution: U256::ZERO,
        l1_data: U256::ZERO,
        operator: U256::ZERO,
        blob: U256::ZERO,
        total: U256::ZERO,
        usd,
    })
}

/// Full hours with the fees 1 to `hours`.
fn history(hours: i64) -> BaseFeeHistory {
    let mut history = BaseFeeHistory::default();
    for hour in 1..=hours + 1 {
        history.push(Timestamp(hour * HOUR), u128::try_from(hour).unwrap());
    }
    history
}

fn limits(default: GasLimit) -> GasLimits {
    GasLimits {
        default,
        verbs: BTreeMap::new(),
        fallbacks: BTreeMap::new(),
    }
}

struct World {
    base_fee: Reading<u128>,
    history: Option<BaseFeeHistory>,
    hour: i64,
    cost: Result<CostBreakdown, CostError>,
}

impl World {
    fn at(base_fee: u128) -> Self {
        Self {
            base_fee: known(base_fee),
            history: Some(history(200)),
            hour: 201,
            cost: costing(Usd::dollars(1)),
        }
    }

    fn check(&self, limits: &GasLimits, verb: &str) -> Result<(), GasDenial> {
        let measure = GasMeasure {
            chain: HERE,
            base_fee: &self.base_fee,
            rank: self.history.as_ref().map(|history| {
                let base_fee = self.base_fee.last_known().copied().unwrap_or_default();
                history.quantile(Timestamp(self.hour * HOUR), base_fee)
            }),
            cost: &self.cost,
        };
        limits.check(verb, &measure)
    }
}

#[test]
fn each_verb_has_its_limit_and_others_the_default() {
    let mut limits = limits(GasLimit::Gwei(100));
    limits.verbs.insert("bridge".to_owned(), GasLimit::Gwei(50));
    assert_eq!(limits.limit("bridge"), GasLimit::Gwei(50));
    assert_eq!(limits.limit("supply"), GasLimit::Gwei(100));
    let world = World::at(75);
    assert_eq!(world.check(&limits, "supply"), Ok(()));
    assert_eq!(
        world.check(&limits, "bridge"),
        Err(GasDenial::BaseFee {
            chain: HERE,
            measured: 75,
            limit: 50
        })
    );
}

#[test]
fn a_base_fee_at_the_limit_is_allowed_and_one_wei_more_is_not() {
    let limits = limits(GasLimit::Gwei(50));
    assert_eq!(World::at(50).check(&limits, "swap"), Ok(()));
    assert!(World::at(51).check(&limits, "swap").is_err());
}

#[test]
fn a_quantile_at_the_limit_is_allowed_and_more_is_not() {
    // Of 200 hours, 100 were cheaper than 101.
    let half = limits(GasLimit::Quantile(Bps(5000)));
    assert_eq!(World::at(101).check(&half, "swap"), Ok(()));
    assert_eq!(
        World::at(102).check(&half, "swap"),
        Err(GasDenial::Quantile {
            chain: HERE,
            base_fee: 102,
            measured: Bps(5050),
            limit: Bps(5000)
        })
    );
}

#[test]
fn a_quantile_counts_from_now() {
    let half = limits(GasLimit::Quantile(Bps(5000)));
    let mut world = World::at(101);
    // Two hours have left the window of 90 days: 98 of 198 were cheaper; later too few are left.
    world.hour = 3 + 2160;
    assert_eq!(world.check(&half, "swap"), Ok(()));
    world.hour = 34 + 2160;
    assert!(matches!(
        world.check(&half, "swap"),
        Err(GasDenial::ShortHistory { short, .. }) if short.hours == 167
    ));
}

#[test]
fn a_cost_at_the_limit_is_allowed_and_a_micro_dollar_more_is_not() {
    let limits = limits(GasLimit::Usd(Usd::dollars(2)));
    let mut world = World::at(1);
    world.cost = costing(Usd::dollars(2));
    assert_eq!(world.check(&limits, "swap"), Ok(()));
    let measured = Usd(2_000_001);
    world.cost = costing(measured);
    let limit = Usd::dollars(2);
    assert_eq!(
        world.check(&limits, "swap"),
        Err(GasDenial::Cost { measured, limit })
    );
}

#[test]
fn short_history_denies_unless_a_fallback_for_the_chain_is_set() {
    let mut limits = limits(GasLimit::Quantile(Bps::WHOLE));
    let short = |hours| ShortHistory {
        hours,
        required: 168,
    };
    for (past, hours) in [(Some(history(100)), 100), (None, 0)] {
        let world = World {
            history: past,
            ..World::at(10)
        };
        limits.fallbacks = BTreeMap::from([(ChainId(1), 1000)]);
        assert_eq!(
            world.check(&limits, "swap"),
            Err(GasDenial::ShortHistory {
                chain: HERE,
                short: short(hours),
                limit: Bps::WHOLE
            })
        );
        limits.fallbacks.insert(HERE, 10);
        assert_eq!(world.check(&limits, "swap"), Ok(()));
        limits.fallbacks.insert(HERE, 9);
        assert_eq!(
            world.check(&limits, "swap"),
            Err(GasDenial::BaseFee {
                chain: HERE,
                measured: 10,
                limit: 9
            })
        );
    }
    // With enough history the fallback is out of use.
    assert_eq!(World::at(10).check(&limits, "swap"), Ok(()));
}

#[test]
fn an_unknown_base_fee_or_cost_denies() {
    let mut world = World::at(1);
    world.base_fee = Reading::Stale {
        value: 1,
        at: Timestamp(0),
        reason: "old".to_owned(),
    };
    world.cost = Err(CostError::Overflow {
        what: "the fee".to_owned(),
    });
    for limit in [GasLimit::Gwei(u128::MAX), GasLimit::Quantile(Bps::WHOLE)] {
        let mut limits = limits(limit);
        limits.fallbacks.insert(HERE, u128::MAX);
        assert_eq!(
            world.check(&limits, "swap"),
            Err(GasDenial::BaseFeeNotFresh {
                chain: HERE,
                defect: "stale: old".to_owned(),
                limit
            })
        );
    }
    let limit = Usd(i128::MAX);
    let denial = world
        .check(&limits(GasLimit::Usd(limit)), "swap")
        .unwrap_err();
    assert!(matches!(denial, GasDenial::CostUnknown { .. }));
}

#[test]
fn refusals_name_limit_and_measured_value() {
    let chain = HERE;
    let texts = [
        (
            GasDenial::Quantile {
                chain,
                base_fee: 12_345_000_000,
                measured: Bps(9550),
                limit: Bps(9000),
            },
            "base fee on chain 10 is 12.345 gwei, dearer than 95.5 % of hours in 90 days, limit \
             is 90 %",
        ),
        (
            GasDenial::BaseFee {
                chain,
                measured: 60_252,
                limit: 50_000,
            },
            "base fee on chain 10 is 0.000060252 gwei, limit is 0.000050000 gwei",
        ),
        (
            GasDenial::Cost {
                measured: Usd::dollars(3),
                limit: Usd::dollars(2),
            },
            "the transaction costs $3.00, limit is $2.00",
        ),
        (
            GasDenial::ShortHistory {
                chain,
                short: ShortHistory {
                    hours: 5,
                    required: 168,
                },
                limit: Bps(9000),
            },
            "no quantile on chain 10: 5 h of base fees observed, 168 h needed; limit is 90 % of \
             hours; wait, or set a fallback in gwei",
        ),
        (
            GasDenial::BaseFeeNotFresh {
                chain,
                defect: "missing: down".to_owned(),
                limit: GasLimit::Gwei(1_000_000_000),
            },
            "base fee of chain 10 is missing: down; limit is 1.000 gwei",
        ),
        (
            GasDenial::CostUnknown {
                error: CostError::Overflow {
                    what: "the fee".to_owned(),
                },
                limit: Usd::dollars(1),
            },
            "the cost is not known: the fee is too large to be measured; limit is $1.00",
        ),
    ];
    for (denial, text) in texts {
        assert_eq!(denial.to_string(), text);
    }
    assert_eq!(
        GasLimit::Quantile(Bps(9000)).to_string(),
        "dearer than 90 % of hours"
    );
    assert_eq!(GasLimit::Usd(Usd::dollars(4)).to_string(), "$4.00");
}

#[test]
fn limits_survive_being_stored() {
    let limits = GasLimits {
        default: GasLimit::Quantile(Bps(9000)),
        verbs: BTreeMap::from([
            ("bridge".to_owned(), GasLimit::Usd(Usd(i128::MAX))),
            ("swap".to_owned(), GasLimit::Gwei(u128::MAX)),
        ]),
        fallbacks: BTreeMap::from([(HERE, u128::MAX)]),
    };
    let text = serde_json::to_string(&limits).unwrap();
    let back: GasLimits = serde_json::from_str(&text).unwrap();
    assert_eq!(back, limits);
}

fn limit() -> impl Strategy<Value = GasLimit> {
    prop_oneof![
        (0..=10_000u32).prop_map(|bps| GasLimit::Quantile(Bps(bps))),
        (0..300u128).prop_map(GasLimit::Gwei),
        (0..300i128).prop_map(|usd| GasLimit::Usd(Usd(usd))),
    ]
}

fn tighter(limit: GasLimit, by: u32) -> GasLimit {
    match limit {
        GasLimit::Quantile(bps) => GasLimit::Quantile(Bps(bps.0.saturating_sub(by))),
        GasLimit::Gwei(wei) => GasLimit::Gwei(wei.saturating_sub(by.into())),
        GasLimit::Usd(usd) => GasLimit::Usd(Usd(usd.0.saturating_sub(by.into()))),
    }
}

proptest! {
    #[test]
    fn dearer_gas_a_tighter_limit_or_a_lost_input_never_permits(
        limit in limit(), fee in 0..300u128, usd in 0..300i128, by in 0..5000u32, hours in 150..200i64,
        fallback in prop::option::of(0..300u128), worse in 0..6u8
    ) {
        let mut limits = limits(limit);
        limits.fallbacks.extend(fallback.map(|fee| (HERE, fee)));
        let mut world = World::at(fee);
        world.history = Some(history(hours));
        world.cost = costing(Usd(usd));
        prop_assume!(world.check(&limits, "swap").is_err());
        match worse {
            0 => world.base_fee = known(fee + u128::from(by)),
            1 => world.base_fee = Reading::missing("down"),
            2 => world.cost = costing(Usd(usd + i128::from(by))),
            3 => world.cost = Err(CostError::Overflow { what: "the fee".to_owned() }),
            4 => limits.default = tighter(limit, by),
            _ => { limits.fallbacks.remove(&HERE); }
        }
        prop_assert!(world.check(&limits, "swap").is_err());
    }
}
