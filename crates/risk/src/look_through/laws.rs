//! What holds for every graph and every portfolio.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use airdrops_types::{Address, AssetId, Bps, ChainId, Token, Usd};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// All graphs have the same nodes, so that an index means the same in each.
const NODES: usize = 24;

fn node(id: usize) -> Node {
    let class = NodeClass::ALL[id % NodeClass::ALL.len()];
    let name = match class {
        NodeClass::AdminKey => format!("0x{id:040x}"),
        _ => id.to_string(),
    };
    Node::new(class, &name).unwrap()
}

fn source(id: u8) -> Source {
    let token = Token {
        chain: ChainId(1),
        contract: None,
        asset: AssetId::new("ETH"),
        decimals: 18,
    };
    let wallet = Address::repeat_byte(id);
    match id % 2 {
        0 => Source::Holding { wallet, token },
        _ => Source::Allowance {
            wallet,
            token,
            spender: Address::ZERO,
        },
    }
}

/// Dependencies of earlier nodes on later ones: there is no circle.
fn dependencies() -> impl Strategy<Value = Dependencies> {
    vec((0..NODES, 0..NODES, 1u32..=10_000), 0..60).prop_map(|edges| {
        let mut dependencies = Dependencies::default();
        for (one, other, weight) in edges {
            if one != other {
                let (from, to) = (one.min(other), one.max(other));
                dependencies.add(node(from), node(to), Bps(weight));
            }
        }
        dependencies
    })
}

fn compile(dependencies: &Dependencies) -> Arc<Graph> {
    Arc::new(Graph::compile(dependencies, (0..NODES).map(node)).unwrap())
}

fn value() -> impl Strategy<Value = Usd> {
    prop_oneof![
        Just(Usd::ZERO),
        (0..20_000i128).prop_map(Usd),
        (0..=NodeExposures::MAX_VALUE.0).prop_map(Usd),
        Just(NodeExposures::MAX_VALUE),
    ]
}

fn entry_nodes() -> impl Strategy<Value = Vec<usize>> {
    vec(0..NODES, 1..4)
}

fn entries(graph: &Graph, ids: &[usize]) -> Entries {
    let nodes: Vec<Node> = ids.iter().copied().map(node).collect();
    graph.entries(&nodes).unwrap()
}

type Portfolio = BTreeMap<u8, (Vec<usize>, Usd)>;

fn portfolio() -> impl Strategy<Value = Portfolio> {
    proptest::collection::btree_map(0u8..12, (entry_nodes(), value()), 0..12)
}

fn expose(graph: &Arc<Graph>, portfolio: &Portfolio) -> NodeExposures {
    let parts = portfolio
        .iter()
        .map(|(id, (nodes, value))| (source(*id), entries(graph, nodes), *value));
    NodeExposures::of(Arc::clone(graph), parts).unwrap()
}

#[derive(Debug, Clone)]
enum Step {
    Set(u8, Vec<usize>, Usd),
    Update(u8, Usd),
    Remove(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0u8..12, entry_nodes(), value()).prop_map(|(id, nodes, value)| Step::Set(id, nodes, value)),
        2 => (0u8..12, value()).prop_map(|(id, value)| Step::Update(id, value)),
        1 => (0u8..12).prop_map(Step::Remove),
    ]
}

/// The weight from one node to another, straight from the definition.
fn weight_by_definition(dependencies: &Dependencies, from: &Node, to: &Node) -> u32 {
    if from == to {
        return 10_000;
    }
    let targets = dependencies.edges.get(from).into_iter().flatten();
    let sum: u32 = targets
        .map(|(target, weight)| {
            let further = weight_by_definition(dependencies, target, to);
            (weight.0 * further).div_ceil(10_000)
        })
        .sum();
    sum.min(10_000)
}

fn change(graph: &Graph, (nodes, value): &(Vec<usize>, Usd)) -> Change {
    Change {
        entries: entries(graph, nodes),
        value: *value,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_compiled_weight_is_the_one_of_the_definition(
        edges in vec((0..10usize, 0..10usize, 1u32..=10_000), 0..20)
    ) {
        let mut dependencies = Dependencies::default();
        for (one, other, weight) in edges {
            if one != other {
                dependencies.add(node(one.min(other)), node(one.max(other)), Bps(weight));
            }
        }
        let graph = compile(&dependencies);
        for from in 0..10 {
            for to in graph.nodes() {
                let weight = graph.weight(&entries(&graph, &[from]), graph.index(to).unwrap());
                prop_assert_eq!(weight.0, weight_by_definition(&dependencies, &node(from), to));
            }
        }
    }

    #[test]
    fn incremental_is_the_same_as_rebuilt(
        dependencies in dependencies(),
        steps in vec(step(), 0..40),
    ) {
        let graph = compile(&dependencies);
        let mut kept = NodeExposures::new(Arc::clone(&graph));
        let mut portfolio = Portfolio::new();
        for step in steps {
            match step {
                Step::Set(id, nodes, value) => {
                    kept.set(source(id), entries(&graph, &nodes), value).unwrap();
                    portfolio.insert(id, (nodes, value));
                }
                Step::Update(id, value) => {
                    let updated = kept.update(&source(id), value).is_ok();
                    let part = portfolio.get_mut(&id);
                    prop_assert_eq!(updated, part.is_some());
                    if let Some((_, before)) = part {
                        *before = value;
                    }
                }
                Step::Remove(id) => {
                    let removed = portfolio.remove(&id).map(|(_, value)| value);
                    prop_assert_eq!(kept.remove(&source(id)), removed);
                }
            }
        }
        prop_assert_eq!(kept, expose(&graph, &portfolio));
    }

    #[test]
    fn no_node_carries_more_than_the_portfolio(
        dependencies in dependencies(),
        portfolio in portfolio(),
    ) {
        let exposures = expose(&compile(&dependencies), &portfolio);
        let whole: Usd = portfolio.values().map(|(_, value)| *value).sum();
        for (node, exposure) in exposures.by_node() {
            prop_assert!(exposure <= whole, "{node}: {exposure} of {whole}");
        }
        for (nodes, value) in portfolio.values() {
            for id in nodes {
                prop_assert!(exposures.of_node(&node(*id)).unwrap() >= *value);
            }
        }
    }

    #[test]
    fn another_dependency_or_a_greater_weight_never_lowers_exposure(
        dependencies in dependencies(),
        portfolio in portfolio(),
        (one, other, weight) in (0..NODES, 0..NODES, 1u32..=10_000),
    ) {
        prop_assume!(one != other);
        let (from, to) = (node(one.min(other)), node(one.max(other)));
        let before = dependencies.edges.get(&from).and_then(|targets| targets.get(&to));
        let weight = Bps(weight).max(before.copied().unwrap_or_default());
        let mut more = dependencies.clone();
        more.add(from, to, weight);
        let less = expose(&compile(&dependencies), &portfolio);
        let more = expose(&compile(&more), &portfolio);
        for index in less.graph().indices() {
            prop_assert!(more.at(index) >= less.at(index));
        }
    }

    #[test]
    fn growth_is_what_the_change_adds(
        dependencies in dependencies(),
        portfolio in portfolio(),
        added in (entry_nodes(), value()),
        moved in (0u8..12, 0u32..=10_000),
    ) {
        let graph = compile(&dependencies);
        let before = expose(&graph, &portfolio);
        let mut after = portfolio.clone();
        let mut changes = vec![change(&graph, &added)];
        if let Some((nodes, value)) = after.get_mut(&moved.0) {
            let taken = value.fraction(Bps(moved.1));
            *value = *value - taken;
            changes.push(change(&graph, &(nodes.clone(), -taken)));
        }
        after.insert(100, added);
        let after = expose(&graph, &after);
        let growth = Growth::of(&graph, &changes).unwrap();
        for index in graph.indices() {
            let real = after.at(index) - before.at(index);
            let told = growth.at(index);
            // Each of the two totals is rounded up once.
            prop_assert!(told >= real.or_zero() - Usd(1) && told <= real.or_zero() + Usd(1));
        }
    }

    #[test]
    fn a_shock_takes_from_each_part_at_most_its_value(
        dependencies in dependencies(),
        portfolio in portfolio(),
        id in 0..NODES,
        severity in 0u32..12_000,
    ) {
        let exposures = expose(&compile(&dependencies), &portfolio);
        let equity = Usd::dollars(1000);
        let shock = exposures.shock(&node(id), Bps(severity), equity).unwrap();
        let whole = exposures.shock(&node(id), Bps::WHOLE, equity).unwrap();
        let values: BTreeMap<&Source, Usd> = exposures.sources().collect();
        for (source, loss) in &shock.by_source {
            prop_assert!(*loss <= values[source]);
        }
        prop_assert!(shock.loss <= whole.loss);
        prop_assert_eq!(Some(whole.loss), exposures.of_node(&node(id)));
        let worst = exposures.worst(1, equity);
        prop_assert!(worst.first().map_or(Usd::ZERO, |worst| worst.loss) >= whole.loss);
    }

    #[test]
    fn a_tighter_situation_never_removes_a_breach(
        (dependencies, portfolio) in (dependencies(), portfolio()),
        changes in vec((entry_nodes(), value()), 1..3),
        (limits, tighter) in (vec(1u32..=10_000, NODES), vec(1u32..=10_000, NODES)),
        (equity, less) in (0..10i64.pow(12), 0..10i64.pow(12)),
        (scale, smaller) in (0u32..=10_000, 0u32..=10_000),
        claim in (entry_nodes(), value()),
    ) {
        let graph = compile(&dependencies);
        let exposures = expose(&graph, &portfolio);
        let bounds = |of: &dyn Fn(usize) -> u32| {
            let by_node = (0..NODES).map(|id| (node(id), Bps(of(id)))).collect();
            let limits = NodeLimits { by_node, ..NodeLimits::default() };
            limits.compile(&graph).unwrap()
        };
        let changes: Vec<Change> = changes.iter().map(|part| change(&graph, part)).collect();
        let growth = Growth::of(&graph, &changes).unwrap();
        let (none, claim) = (
            Growth::default(),
            Growth::of(&graph, &[change(&graph, &claim)]).unwrap(),
        );
        let loose = Situation {
            exposures: &exposures,
            reserved: &none,
            equity: Usd::dollars(equity.max(less)),
            scale: Bps(scale.max(smaller)),
        };
        let tight = Situation {
            reserved: &claim,
            equity: Usd::dollars(equity.min(less)),
            scale: Bps(scale.min(smaller)),
            ..loose
        };
        let few = bounds(&|id| limits[id].max(tighter[id])).check(&loose, &growth).unwrap();
        let many = bounds(&|id| limits[id].min(tighter[id])).check(&tight, &growth).unwrap();
        for breach in few {
            prop_assert!(many.iter().any(|other| other.node == breach.node), "{breach}");
        }
    }

    #[test]
    fn a_circle_is_refused_with_its_path(
        dependencies in dependencies(),
        (one, other) in (0..NODES, 0..NODES),
    ) {
        let (from, to) = (one.min(other), one.max(other));
        let mut dependencies = dependencies;
        dependencies.add(node(to), node(from), Bps(1));
        let graph = Graph::compile(&dependencies, (0..NODES).map(node));
        // Without the last edge there is no circle, so that each one found goes through it.
        for defect in graph.err().into_iter().flatten() {
            let DependencyDefect::Cycle { path } = defect else {
                return Err(TestCaseError::fail(defect.to_string()));
            };
            prop_assert_eq!(path.first(), path.last());
            for step in path.windows(2) {
                prop_assert!(dependencies.edges[&step[0]].contains_key(&step[1]));
            }
        }
        dependencies.add(node(from), node(to), Bps(1));
        prop_assert!(Graph::compile(&dependencies, []).is_err());
    }
}
