//! What a breaker asks of the control board.

use airdrops_types::{ControlState, Scope};
use serde::{Deserialize, Serialize};

use super::BreakerKind;

/// What a breaker says about one scope after it looked at fresh evidence. A breaker that could not
/// look says nothing, and nothing gets better by that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// Where.
    pub scope: Scope,
    /// Which breaker.
    pub kind: BreakerKind,
    /// The state that the evidence demands; `Active`: it is healthy.
    pub state: ControlState,
    /// A standing trip does not ease below this: the state that the present values would demand if
    /// they lasted. At least `state`.
    pub eases_to: ControlState,
    /// The measured facts with their units, and the limit.
    pub evidence: String,
}

impl Demand {
    /// A demand on evidence that would also let a standing trip ease to `state`.
    #[must_use]
    pub fn new(scope: Scope, kind: BreakerKind, state: ControlState, evidence: String) -> Self {
        Self {
            scope,
            kind,
            state,
            eases_to: state,
            evidence,
        }
    }

    /// The same, but a standing trip eases no further than to `present`.
    #[must_use]
    pub fn easing_to(self, present: ControlState) -> Self {
        Self {
            eases_to: self.eases_to.max(present),
            ..self
        }
    }

    /// One demand per scope and breaker, sorted by them: the worst of each, with its evidence; of
    /// equals, the evidence that sorts first.
    #[must_use]
    pub fn merge(mut demands: Vec<Self>) -> Vec<Self> {
        demands.sort_by(|a, b| {
            (&a.scope, a.kind.name(), b.state, &a.evidence).cmp(&(
                &b.scope,
                b.kind.name(),
                a.state,
                &b.evidence,
            ))
        });
        let mut merged: Vec<Self> = Vec::with_capacity(demands.len());
        for demand in demands {
            match merged.last_mut() {
                Some(worst) if (&worst.scope, worst.kind) == (&demand.scope, demand.kind) => {
                    worst.eases_to = worst.eases_to.max(demand.eases_to);
                }
                _ => merged.push(demand),
            }
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use airdrops_types::ChainId;

    fn demand(scope: Scope, state: ControlState, evidence: &str) -> Demand {
        Demand::new(scope, BreakerKind::Data, state, evidence.to_owned())
    }

    #[test]
    fn of_several_demands_on_a_scope_the_worst_holds() {
        use ControlState::{Active, Cautious, Reducing};
        let chain = Scope::Chain(ChainId(1));
        let everything = Scope::Everything;
        let depeg = Demand {
            kind: BreakerKind::Depeg,
            ..demand(chain.clone(), Active, "on its peg")
        };
        let merged = Demand::merge(vec![
            demand(chain.clone(), Active, "a").easing_to(Reducing),
            depeg.clone(),
            demand(chain.clone(), Cautious, "c"),
            demand(chain.clone(), Cautious, "b"),
            demand(everything.clone(), Active, "fine"),
        ]);
        assert_eq!(
            merged,
            [
                demand(everything, Active, "fine"),
                demand(chain, Cautious, "b").easing_to(Reducing),
                depeg,
            ]
        );
    }

    #[test]
    fn present_values_never_let_a_trip_ease_below_what_is_demanded() {
        use ControlState::{Active, Cautious, Halted};
        let demand = demand(Scope::Everything, Cautious, "");
        assert_eq!(demand.eases_to, Cautious);
        assert_eq!(demand.clone().easing_to(Active).eases_to, Cautious);
        assert_eq!(demand.easing_to(Halted).eases_to, Halted);
    }
}
