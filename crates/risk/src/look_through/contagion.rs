//! What is lost if a node fails.

use std::cmp::Reverse;

use airdrops_types::{Bps, Usd};
use serde::Serialize;

use super::exposures::{NodeExposures, Weighted};
use super::graph::NodeIndex;
use super::node::Node;
use super::source::Source;

/// What the portfolio loses if one node loses its worth, and everything that depends on it loses
/// with it, each by its weight.
///
/// An upper bound: it takes an allowance as used, beside the holding that it is drawn from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shock {
    /// What fails.
    pub node: Node,
    /// How much of its worth it loses.
    pub severity: Bps,
    /// What we lose: the sum over the parts, rounded up once.
    pub loss: Usd,
    /// The same as a share of equity, rounded up; `None` if equity is not positive or if the share
    /// does not fit.
    pub share_of_equity: Option<Bps>,
    /// What each part of the portfolio loses, rounded up and at most its value; the greatest
    /// first, and what loses nothing left out.
    pub by_source: Vec<(Source, Usd)>,
}

impl NodeExposures {
    /// What is lost if `node` loses `severity` of its worth, at most all of it; `None` if the
    /// graph does not have it.
    #[must_use]
    pub fn shock(&self, node: &Node, severity: Bps, equity: Usd) -> Option<Shock> {
        let index = self.graph().index(node)?;
        Some(self.shock_at(index, node, severity, equity))
    }

    /// The `count` nodes whose total failure costs most, the worst first; none that cost nothing.
    /// Of equal losses, the first in the order of nodes.
    #[must_use]
    pub fn worst(&self, count: usize, equity: Usd) -> Vec<Shock> {
        let mut nodes: Vec<(NodeIndex, Usd)> = self
            .graph()
            .indices()
            .map(|index| (index, self.at(index)))
            .filter(|(_, loss)| *loss > Usd::ZERO)
            .collect();
        nodes.sort_by_key(|(index, loss)| (Reverse(*loss), *index));
        let worst = nodes.into_iter().take(count);
        worst
            .filter_map(|(index, _)| {
                let node = self.graph().node(index)?;
                Some(self.shock_at(index, node, Bps::WHOLE, equity))
            })
            .collect()
    }

    fn shock_at(&self, index: NodeIndex, node: &Node, severity: Bps, equity: Usd) -> Shock {
        let severity = severity.min(Bps::WHOLE);
        let mut total = Weighted::default();
        let mut by_source = Vec::new();
        for (source, held) in self.held() {
            let weight = self.graph().weight(&held.entries, index);
            let share = Bps((weight.0 * severity.0).div_ceil(Bps::WHOLE.0));
            let loss = Weighted::of(held.value, share);
            if loss > Weighted::default() {
                total = Weighted(total.0.saturating_add(loss.0));
                by_source.push((source.clone(), loss.up()));
            }
        }
        by_source.sort_by_key(|(_, loss)| Reverse(*loss));
        let loss = total.up();
        Shock {
            node: node.clone(),
            severity,
            loss,
            share_of_equity: loss.share_of(equity),
            by_source,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use airdrops_types::{Address, AssetId, ChainId, ProtocolId, Token};

    use super::super::dependencies::Dependencies;
    use super::super::graph::Graph;
    use super::*;

    const WALLET: Address = Address::repeat_byte(1);

    fn node(text: &str) -> Node {
        text.parse().unwrap()
    }

    fn token(asset: &str) -> Token {
        Token {
            chain: ChainId(1),
            contract: None,
            asset: AssetId::new(asset),
            decimals: 6,
        }
    }

    fn holding(asset: &str) -> Source {
        Source::Holding {
            wallet: WALLET,
            token: token(asset),
        }
    }

    fn position() -> Source {
        Source::Position {
            wallet: WALLET,
            protocol: ProtocolId::new("aave-1"),
            token: token("DAI"),
        }
    }

    /// 300 USDC and 200 DAI in the wallet, 500 DAI in a protocol. DAI is 40 % USDC.
    fn portfolio() -> NodeExposures {
        let mut dependencies = Dependencies::default();
        for (from, to, weight) in [
            ("asset:DAI", "stablecoin:USDC", 4000),
            ("asset:USDC", "stablecoin:USDC", 10_000),
            ("protocol:aave", "oracle:chainlink", 10_000),
        ] {
            dependencies.add(node(from), node(to), Bps(weight));
        }
        let graph = Graph::compile(&dependencies, [node("chain:1"), node("chain:10")]);
        let graph = Arc::new(graph.unwrap());
        let wallet = |asset| {
            graph
                .entries(&Source::holding_nodes(&token(asset)))
                .unwrap()
        };
        let lent = graph.entries(&Source::position_nodes("aave", &token("DAI")));
        let parts = [
            (holding("USDC"), wallet("USDC"), Usd::dollars(300)),
            (holding("DAI"), wallet("DAI"), Usd::dollars(200)),
            (position(), lent.unwrap(), Usd::dollars(500)),
        ];
        NodeExposures::of(Arc::clone(&graph), parts).unwrap()
    }

    #[test]
    fn a_stablecoin_takes_what_is_made_of_it() {
        let usdc = node("stablecoin:USDC");
        let equity = Usd::dollars(1000);
        let shock = portfolio().shock(&usdc, Bps::WHOLE, equity).unwrap();
        assert_eq!(shock.loss, Usd::dollars(300 + 80 + 200));
        assert_eq!(shock.share_of_equity, Some(Bps(5800)));
        assert_eq!(
            shock.by_source,
            [
                (holding("USDC"), Usd::dollars(300)),
                (position(), Usd::dollars(200)),
                (holding("DAI"), Usd::dollars(80)),
            ]
        );
        let tenth = portfolio().shock(&usdc, Bps(1000), equity).unwrap();
        assert_eq!(tenth.loss, Usd::dollars(58));
        let twice = portfolio().shock(&usdc, Bps(20_000), equity).unwrap();
        assert_eq!(twice, shock, "nothing loses more than all");
    }

    #[test]
    fn what_is_unknown_or_untouched_loses_nothing() {
        let portfolio = portfolio();
        assert_eq!(
            portfolio.shock(&node("bridge:hop"), Bps::WHOLE, Usd(1)),
            None
        );
        let shock = portfolio.shock(&node("chain:10"), Bps::WHOLE, Usd::ZERO);
        let shock = shock.unwrap();
        assert_eq!((shock.loss, shock.by_source.len()), (Usd::ZERO, 0));
        assert_eq!(shock.share_of_equity, None, "no equity, no share");
    }

    #[test]
    fn the_worst_nodes_come_first() {
        let portfolio = portfolio();
        let names = |count| -> Vec<String> {
            let worst = portfolio.worst(count, Usd::dollars(1000));
            worst.iter().map(|shock| shock.node.to_string()).collect()
        };
        let all = [
            "chain:1",
            "asset:DAI",
            "stablecoin:USDC",
            "protocol:aave",
            "oracle:chainlink",
            "asset:USDC",
        ];
        assert_eq!(names(9), all);
        assert_eq!(names(2), all[..2]);
        let worst = portfolio.worst(1, Usd::dollars(1000));
        assert_eq!(worst[0].loss, Usd::dollars(1000));
    }
}
