//! In which order what is left is unwound: worst first.

use std::cmp::Reverse;

use airdrops_types::{Address, ControlState, ProtocolId, Usd};

/// What one wallet has in one protocol, as far as the order depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Whose.
    pub wallet: Address,
    /// Where.
    pub protocol: ProtocolId,
    /// The worst control state that covers it.
    pub control: ControlState,
    /// How risky the protocol is: 0 is nothing known against it, 255 the worst.
    pub risk: u8,
    /// What is at stake; `None` while it cannot be valued.
    pub value: Option<Usd>,
    /// The protocol whose receipts an exit gives back.
    pub exits_into: Option<ProtocolId>,
}

impl Candidate {
    /// Smaller is sooner: the worse control state, then the higher risk, then the higher value,
    /// where an unknown one is the highest; then by name, so that the order is the same each time.
    fn rank(&self) -> impl Ord + '_ {
        (
            Reverse(self.control),
            Reverse(self.risk),
            Reverse(self.value.map_or(i128::MAX, |value| value.0)),
            &self.protocol,
            self.wallet,
        )
    }

    fn feeds(&self, other: &Self) -> bool {
        self.wallet == other.wallet && self.exits_into.as_ref() == Some(&other.protocol)
    }
}

/// Worst first; but what exits into another candidate's protocol comes before that candidate, which
/// then ends the receipts that arrive as well, and shares its urgency.
#[must_use]
pub fn in_order_of_risk(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by(|a, b| a.rank().cmp(&b.rank()));
    let mut ordered = Vec::with_capacity(candidates.len());
    while !candidates.is_empty() {
        let mut next = 0;
        // Each step goes to one that feeds the last; a ring of them ends after a whole turn.
        for _ in 0..candidates.len() {
            let feeder = candidates
                .iter()
                .position(|candidate| candidate.feeds(&candidates[next]));
            match feeder {
                Some(feeder) => next = feeder,
                None => break,
            }
        }
        ordered.push(candidates.remove(next));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(protocol: &str, control: ControlState, risk: u8, dollars: i64) -> Candidate {
        Candidate {
            wallet: Address::ZERO,
            protocol: ProtocolId::from(protocol),
            control,
            risk,
            value: Some(Usd::dollars(dollars)),
            exits_into: None,
        }
    }

    fn names(ordered: &[Candidate]) -> Vec<&str> {
        ordered.iter().map(|each| each.protocol.as_str()).collect()
    }

    #[test]
    fn control_state_goes_before_risk_and_risk_before_value() {
        use ControlState::{Active, Halted, Locked};
        let unknown = Candidate {
            value: None,
            ..candidate("unknown", Active, 0, 0)
        };
        let ordered = in_order_of_risk(vec![
            candidate("small", Active, 0, 1),
            candidate("large", Active, 0, 1_000_000),
            candidate("risky", Active, 9, 2),
            unknown,
            candidate("halted", Halted, 0, 3),
            candidate("locked", Locked, 0, 1),
        ]);
        let expected = ["locked", "halted", "risky", "unknown", "large", "small"];
        assert_eq!(names(&ordered), expected);
    }

    #[test]
    fn what_exits_into_another_comes_before_it_and_shares_its_urgency() {
        use ControlState::{Active, Halted};
        let stake = Candidate {
            exits_into: Some("pool".into()),
            ..candidate("stake", Active, 0, 1)
        };
        let elsewhere = Candidate {
            wallet: Address::repeat_byte(1),
            ..stake.clone()
        };
        let ordered = in_order_of_risk(vec![
            elsewhere.clone(),
            candidate("vault", Active, 0, 9),
            candidate("pool", Halted, 0, 5),
            stake.clone(),
        ]);
        assert_eq!(names(&ordered), ["stake", "pool", "vault", "stake"]);
        assert_eq!(ordered[0], stake);
        assert_eq!(ordered[3], elsewhere);
    }

    #[test]
    fn a_ring_ends_and_loses_nobody() {
        let ring = ["a", "b", "c"].map(|name| {
            let into = match name {
                "a" => "b",
                "b" => "c",
                _ => "a",
            };
            Candidate {
                exits_into: Some(into.into()),
                ..candidate(name, ControlState::Active, 0, 1)
            }
        });
        assert_eq!(in_order_of_risk(ring.to_vec()).len(), 3);
    }
}
