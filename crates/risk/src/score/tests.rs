use proptest::prelude::*;

use super::*;

const BEST: OpportunityRisk = OpportunityRisk {
    health: Some(100),
    limit_used: Some(Bps(0)),
    contagion: Some(Bps(0)),
    volatility: Some(VolatilityState::Low),
    gas: Some(Bps(0)),
    locked: false,
};

const CALM: PortfolioRisk = PortfolioRisk {
    drawdown: Some(Bps(0)),
    shortfall: Some(Bps(0)),
    concentration: Some(Bps(0)),
    volatility: Some(VolatilityState::Low),
    not_fresh: Some(Bps(0)),
    control: ControlState::Active,
};

fn points(score: &Score, name: &str) -> Option<u8> {
    let found = score.terms.iter().find(|term| term.name == name)?;
    Some(found.points)
}

#[test]
fn nothing_wrong_is_zero_and_all_unknown_is_all_but_the_flags() {
    assert_eq!(BEST.score().score, 0);
    assert_eq!(OpportunityRisk::default().score().score, 95);
    let locked = OpportunityRisk {
        locked: true,
        ..OpportunityRisk::default()
    };
    assert_eq!(locked.score().score, 100);
    assert_eq!(ProtocolRisk::default().score().score, 100);
    assert_eq!(CALM.score().score, 0);
    assert_eq!(PortfolioRisk::default().score().score, 90);
}

#[test]
fn terms_rise_to_their_most_and_stay_there() {
    let table = [
        (0, 0),
        (1, 1),
        (800, 10),
        (801, 11),
        (2000, 25),
        (2001, 25),
        (u32::MAX, 25),
    ];
    for (drawdown, expected) in table {
        let risk = PortfolioRisk {
            drawdown: Some(Bps(drawdown)),
            ..CALM
        };
        assert_eq!(
            points(&risk.score(), "drawdown"),
            Some(expected),
            "{drawdown}"
        );
    }
    let full = |risk: PortfolioRisk, name: &str| points(&risk.score(), name);
    let shortfall = Some(Bps(1000));
    assert_eq!(
        full(PortfolioRisk { shortfall, ..CALM }, "shortfall"),
        Some(20)
    );
    let not_fresh = Some(Bps(5000));
    assert_eq!(full(PortfolioRisk { not_fresh, ..CALM }, "data"), Some(15));
    let concentration = Some(Bps(9000));
    let risk = PortfolioRisk {
        concentration,
        ..CALM
    };
    assert_eq!(full(risk, "concentration"), Some(14));
}

#[test]
fn an_opportunity_adds_up_its_terms() {
    let risk = OpportunityRisk {
        health: Some(70),
        limit_used: Some(Bps(5000)),
        contagion: Some(Bps(1000)),
        volatility: Some(VolatilityState::High),
        gas: Some(Bps(2500)),
        locked: true,
    };
    let score = risk.score();
    let points: Vec<(&str, u8)> = score
        .terms
        .iter()
        .map(|term| (term.name.as_str(), term.points))
        .collect();
    let expected = [
        ("health", 12),
        ("limit", 8),
        ("contagion", 8),
        ("volatility", 9),
        ("gas", 3),
        ("lock", 5),
    ];
    assert_eq!(points, expected);
    assert_eq!(score.score, 45);
    assert_eq!(score.terms[0].measured, "70 of 100");
    assert_eq!(
        score.terms[2].measured,
        "10 % of equity lost if its worst node fails"
    );
}

#[test]
fn a_protocol_is_mostly_its_health() {
    let risk = ProtocolRisk {
        health: Some(0),
        limit_used: Some(Bps(10_000)),
        contagion: Some(Bps(500)),
    };
    assert_eq!(risk.score().score, 60 + 20 + 5);
    let healthier_than_possible = ProtocolRisk {
        health: Some(200),
        ..risk
    };
    assert_eq!(healthier_than_possible.score().score, 25);
}

#[test]
fn states_have_their_points() {
    use ControlState::{Active, Cautious, Halted, Locked, Reducing};
    let states = [Active, Cautious, Reducing, Halted, Locked];
    for (control, expected) in states.into_iter().zip([0, 15, 40, 70, 100]) {
        assert_eq!(PortfolioRisk { control, ..CALM }.score().score, expected);
    }
    let worst = PortfolioRisk {
        control: Locked,
        ..PortfolioRisk::default()
    };
    assert_eq!(worst.score().score, 100);
    for (state, expected) in VolatilityState::ALL.into_iter().zip([0, 4, 9, 15]) {
        let volatility = Some(state);
        let risk = PortfolioRisk { volatility, ..CALM };
        assert_eq!(risk.score().score, expected);
    }
}

#[test]
fn concentration_is_one_over_n_for_equals_and_rounds_up() {
    assert_eq!(herfindahl(&[]), Some(Bps(0)));
    assert_eq!(herfindahl(&[Usd(7)]), Some(Bps(10_000)));
    assert_eq!(herfindahl(&[Usd(5); 4]), Some(Bps(2500)));
    assert_eq!(herfindahl(&[Usd(5); 3]), Some(Bps(3334)));
    assert_eq!(herfindahl(&[Usd(3), Usd(1)]), Some(Bps(6250)));
    assert_eq!(herfindahl(&[Usd(3), Usd(-9)]), Some(Bps(10_000)));
    assert_eq!(herfindahl(&[Usd(i128::MAX)]), None);
    let large = Usd::dollars(i64::MAX);
    assert_eq!(herfindahl(&[large, large]), Some(Bps(5000)));
}

fn share() -> impl Strategy<Value = Option<Bps>> {
    prop::option::of((0..20_000u32).prop_map(Bps))
}

fn worse(share: Option<Bps>, by: u32, lose: bool) -> Option<Bps> {
    if lose {
        None
    } else {
        share.map(|share| Bps(share.0 + by))
    }
}

proptest! {
    #[test]
    fn a_worse_or_lost_input_never_lowers_a_score(
        health in prop::option::of(0..=100u8), used in share(), contagion in share(), gas in share(),
        state in prop::option::of(0..4usize), which in 0..5u8, by in 0..5000u32, lose in any::<bool>()
    ) {
        let before = OpportunityRisk {
            health, limit_used: used, contagion, gas, locked: false,
            volatility: state.map(|index| VolatilityState::ALL[index]),
        };
        let mut after = before;
        match which {
            0 => after.health = if lose { None } else { health.map(|health| health / 2) },
            1 => after.limit_used = worse(used, by, lose),
            2 => after.contagion = worse(contagion, by, lose),
            3 => after.gas = worse(gas, by, lose),
            _ => after.volatility = if lose { None } else {
                state.map(|index| VolatilityState::ALL[(index + 1).min(3)])
            },
        }
        prop_assert!(after.score().score >= before.score().score);
        let portfolio = |first: &OpportunityRisk| PortfolioRisk {
            drawdown: first.limit_used, shortfall: first.contagion, concentration: first.gas,
            volatility: first.volatility, not_fresh: first.contagion, control: ControlState::Cautious,
        };
        prop_assert!(portfolio(&after).score().score >= portfolio(&before).score().score);
        let sum: u32 = after.score().terms.iter().map(|term| u32::from(term.points)).sum();
        prop_assert_eq!(u32::from(after.score().score), sum.min(100));
    }
}
