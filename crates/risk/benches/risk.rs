//! How long risk's hot paths take: `cargo bench -p airdrops-risk --bench risk`, or one kind of
//! them: `cargo bench -p airdrops-risk --bench risk -- gate`.
//!
//! Each case runs on a seeded world and records every single call; the table shows nanoseconds. The
//! clock's own cost, some tens of nanoseconds, is included.
#![allow(clippy::unwrap_used)]

#[path = "risk/portfolio.rs"]
mod portfolio;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use airdrops_risk::look_through::{
    Change, Dependencies, Entries, Graph, Growth, Node, NodeBounds, NodeClass, NodeExposures,
    NodeLimits, Situation, Source,
};
use airdrops_risk::{Monitor, MonitorPolicy, MonitorState, Seen, verdict};
use airdrops_types::{
    Address, AssetId, Bps, ChainId, EquityPoint, Intent, ProtocolId, Token, Usd, Verdict,
};
use hdrhistogram::Histogram;
use portfolio::{NOW, Portfolio, Size};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One row of the table.
struct Case {
    name: &'static str,
    run: fn() -> Histogram<u64>,
}

const CASES: [Case; 8] = [
    Case {
        name: "gate: one decision, 1,000 positions",
        run: decide,
    },
    Case {
        name: "gate: the same, each intent's median",
        run: decide_each,
    },
    Case {
        name: "monitor: mark and assess 10,000 positions",
        run: assess,
    },
    Case {
        name: "look-through: update one position",
        run: update_one_position,
    },
    Case {
        name: "look-through: growth and limits of an intent",
        run: check_an_intent,
    },
    Case {
        name: "look-through: the same, entry nodes by name",
        run: check_an_intent_by_name,
    },
    Case {
        name: "look-through: update, then intent by name",
        run: update_and_check,
    },
    Case {
        name: "look-through: rebuild from 10,000 positions",
        run: rebuild,
    },
];

fn main() {
    let graph = World::new(1000).graph;
    let mut reached: Vec<usize> = graph
        .indices()
        .map(|index| graph.reach(index).len())
        .collect();
    reached.sort_unstable();
    println!(
        "graph: {} nodes; a node reaches {} at the median, {} at the 90th percentile, {} at most",
        graph.len(),
        reached[reached.len() / 2],
        reached[reached.len() * 9 / 10],
        reached[reached.len() - 1],
    );
    println!(
        "{:<46} {:>8} {:>10} {:>10} {:>10} {:>10}",
        "ns per call", "calls", "p50", "p99", "p99.9", "max"
    );
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let wanted = wanted.unwrap_or_default();
    for Case { name, run } in CASES.iter().filter(|case| case.name.contains(&wanted)) {
        let times = run();
        println!(
            "{name:<46} {:>8} {:>10} {:>10} {:>10} {:>10}",
            times.len(),
            times.value_at_quantile(0.5),
            times.value_at_quantile(0.99),
            times.value_at_quantile(0.999),
            times.max(),
        );
    }
}

/// Times `call` once per turn, after a tenth as many turns that do not count.
fn measure<T>(turns: usize, mut call: impl FnMut(usize) -> T) -> Histogram<u64> {
    for turn in 0..turns / 10 {
        black_box(call(turn));
    }
    let mut times = Histogram::new(3).unwrap();
    for turn in 0..turns {
        let start = Instant::now();
        let result = call(turn);
        let elapsed = start.elapsed();
        black_box(result);
        times
            .record(elapsed.as_nanos().try_into().unwrap())
            .unwrap();
    }
    times
}

/// Turns of the short cases.
const TURNS: usize = 200_000;

fn update_one_position() -> Histogram<u64> {
    let mut world = World::new(1000);
    let intents = world.intents();
    measure(TURNS, |turn| {
        let intent = &intents[turn % intents.len()];
        let value = Usd(intent.amount.0 + turn as i128);
        world.exposures.update(&intent.source, value)
    })
}

fn check_an_intent() -> Histogram<u64> {
    let mut world = World::new(1000);
    let intents = world.intents();
    measure(TURNS, |turn| {
        let intent = &intents[turn % intents.len()];
        world.check(intent.from, intent.into, intent.amount)
    })
}

fn check_an_intent_by_name() -> Histogram<u64> {
    let mut world = World::new(1000);
    let intents = world.intents();
    measure(TURNS, |turn| {
        world.check_by_name(&intents[turn % intents.len()])
    })
}

fn update_and_check() -> Histogram<u64> {
    let mut world = World::new(1000);
    let intents = world.intents();
    measure(TURNS, |turn| {
        let intent = &intents[turn % intents.len()];
        let value = Usd(intent.amount.0 + turn as i128);
        world.exposures.update(&intent.source, value).unwrap();
        world.check_by_name(&intents[(turn + 1) % intents.len()])
    })
}

fn rebuild() -> Histogram<u64> {
    let world = World::new(10_000);
    let mut copies: Vec<_> = (0..220).map(|_| world.parts.clone()).collect();
    measure(200, |_| {
        let parts = copies.pop().unwrap();
        NodeExposures::of(Arc::clone(&world.graph), parts).unwrap()
    })
}

/// The nodes and limits of [`World`], with holdings and positions on 50 chains.
fn portfolio(positions: usize) -> Portfolio {
    let mut random = ChaCha8Rng::seed_from_u64(5000);
    let dependencies = dependencies(&mut random);
    let nodes: Vec<Node> = all_nodes().collect();
    let by_node = (0..200).map(|_| {
        let node = &nodes[random.random_range(0..nodes.len())];
        (node.clone(), Bps(random.random_range(2000..=5000)))
    });
    let size = Size {
        protocols: PROTOCOLS,
        assets: ASSETS,
        chains: CHAINS,
        positions,
    };
    size.portfolio(dependencies, by_node.collect())
}

fn decide() -> Histogram<u64> {
    decisions(|count, decide| measure(TURNS, |turn| decide(turn % count)))
}

/// What a decision on each intent costs, free of what else the machine does: the median of its turns.
fn decide_each() -> Histogram<u64> {
    decisions(|count, decide| {
        let mut turns = vec![Vec::with_capacity(TURNS / count + 1); count];
        for turn in 0..TURNS {
            let start = Instant::now();
            let result = decide(turn % count);
            let elapsed = start.elapsed();
            black_box(result);
            let nanos = elapsed.as_nanos().try_into().unwrap();
            turns[turn % count].push(nanos);
        }
        let mut medians = Histogram::new(3).unwrap();
        for mut turns in turns {
            turns.sort_unstable();
            let median: u64 = turns[turns.len() / 2];
            medians.record(median).unwrap();
        }
        medians
    })
}

/// Runs `take` with the number of intents that are permitted, and the decision on each.
fn decisions(
    take: impl FnOnce(usize, &dyn Fn(usize) -> Verdict) -> Histogram<u64>,
) -> Histogram<u64> {
    let Portfolio {
        gate,
        snapshot,
        mut intents,
    } = portfolio(1000);
    let marked = gate.mark(&snapshot);
    let decide =
        |intent: &Intent| verdict(gate.policy(), gate.state(), &marked, intent, 1_000_000, NOW);
    intents.retain(|intent| matches!(decide(intent), Verdict::Permitted { .. }));
    assert!(intents.len() > 100, "{} are permitted", intents.len());
    let nodes = marked.structure().unwrap().graph().len();
    println!("gate: {} permitted intents, {nodes} nodes", intents.len());
    take(intents.len(), &|intent| decide(&intents[intent]))
}

fn assess() -> Histogram<u64> {
    let Portfolio { gate, snapshot, .. } = portfolio(10_000);
    let assets = snapshot.prices.keys().cloned();
    let watch = MonitorPolicy::default();
    let mut monitor = Monitor::new(watch, MonitorState::default(), assets).unwrap();
    measure(100, |turn| {
        let now = NOW.plus(std::time::Duration::from_secs(30 * turn as u64));
        let marked = gate.mark(&snapshot);
        let equity = marked.exposure().unwrap().equity;
        let seen = Seen {
            quiet: true,
            events: &[],
            marked: &marked,
            policy: gate.policy(),
            board: &gate.state().control,
            equity: Some(EquityPoint {
                at: now,
                equity,
                net_flows: Usd::ZERO,
                gas: Usd::ZERO,
            }),
            attempts: &[],
            clock: None,
            defects: &[],
        };
        monitor.assess(&seen, now)
    })
}

const PROTOCOLS: usize = 500;
const ASSETS: usize = 2000;
const WRAPPERS: usize = 900;
const STABLECOINS: usize = 100;
const BRIDGES: usize = 100;
const ORACLES: usize = 50;
const CHAINS: usize = 50;
const ADMIN_KEYS: usize = 1300;

/// 5,000 nodes, 200 limits of single nodes and a portfolio.
struct World {
    random: ChaCha8Rng,
    graph: Arc<Graph>,
    bounds: NodeBounds,
    parts: Vec<(Source, Entries, Usd)>,
    exposures: NodeExposures,
    reserved: Growth,
    equity: Usd,
}

/// A deposit from a wallet.
struct Deposit {
    source: Source,
    family: String,
    token: Token,
    from: Entries,
    into: Entries,
    amount: Usd,
}

impl World {
    fn new(positions: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(5000);
        let graph = Graph::compile(&dependencies(&mut random), all_nodes()).unwrap();
        let graph = Arc::new(graph);
        let by_node: BTreeMap<Node, Bps> = (0..200)
            .map(|_| {
                let node = &graph.nodes()[random.random_range(0..graph.len())];
                (node.clone(), Bps(random.random_range(500..=5000)))
            })
            .collect();
        let limits = NodeLimits {
            by_node,
            ..NodeLimits::default()
        };
        let bounds = limits.compile(&graph).unwrap();
        let parts: Vec<_> = (0..positions)
            .map(|id| {
                let (source, _, nodes) = position(&mut random, id);
                let value = Usd::dollars(random.random_range(10..5000));
                (source, graph.entries(&nodes).unwrap(), value)
            })
            .collect();
        let exposures = NodeExposures::of(Arc::clone(&graph), parts.clone()).unwrap();
        let equity = parts.iter().map(|(_, _, value)| *value).sum();
        let changes: Vec<Change> = parts[..20]
            .iter()
            .map(|(_, entries, value)| Change {
                entries: *entries,
                value: *value,
            })
            .collect();
        let reserved = Growth::of(&graph, &changes).unwrap();
        Self {
            random,
            graph,
            bounds,
            parts,
            exposures,
            reserved,
            equity,
        }
    }

    fn intents(&mut self) -> Vec<Deposit> {
        let sources: Vec<Source> = self.parts.iter().map(|part| part.0.clone()).collect();
        let intent = |(id, source)| {
            let (_, token, nodes) = position(&mut self.random, id);
            Deposit {
                source,
                family: nodes[0].name().to_owned(),
                from: self.graph.entries(&nodes[1..]).unwrap(),
                into: self.graph.entries(&nodes).unwrap(),
                amount: Usd::dollars(self.random.random_range(10..2000)),
                token,
            }
        };
        sources.into_iter().enumerate().map(intent).collect()
    }

    fn check(&self, from: Entries, into: Entries, amount: Usd) -> usize {
        let changes = [(from, -amount), (into, amount)];
        let changes = changes.map(|(entries, value)| Change { entries, value });
        let growth = Growth::of(&self.graph, &changes).unwrap();
        let situation = Situation {
            exposures: &self.exposures,
            reserved: &self.reserved,
            equity: self.equity,
            scale: Bps::WHOLE,
        };
        self.bounds.check(&situation, &growth).unwrap().len()
    }

    fn check_by_name(&self, intent: &Deposit) -> usize {
        let from = self.graph.entries(&Source::holding_nodes(&intent.token));
        let into = Source::position_nodes(&intent.family, &intent.token);
        let into = self.graph.entries(&into);
        self.check(from.unwrap(), into.unwrap(), intent.amount)
    }
}

fn node(class: NodeClass, id: usize) -> Node {
    match class {
        NodeClass::Chain => Node::chain(ChainId(id as u64 + 1)),
        NodeClass::AdminKey => Node::new(class, &format!("0x{id:040x}")).unwrap(),
        _ => Node::new(class, &format!("{class}-{id}")).unwrap(),
    }
}

fn all_nodes() -> impl Iterator<Item = Node> {
    [
        (NodeClass::Protocol, PROTOCOLS),
        (NodeClass::Asset, ASSETS),
        (NodeClass::Wrapper, WRAPPERS),
        (NodeClass::Stablecoin, STABLECOINS),
        (NodeClass::Bridge, BRIDGES),
        (NodeClass::Oracle, ORACLES),
        (NodeClass::Chain, CHAINS),
        (NodeClass::AdminKey, ADMIN_KEYS),
    ]
    .into_iter()
    .flat_map(|(class, count)| (0..count).map(move |id| node(class, id)))
}

/// Protocols stand on oracles, wrappers and keys; assets on wrappers, bridges, issuers and an
/// oracle, and one in five on two other assets; wrappers, issuers, bridges and oracles on keys.
fn dependencies(random: &mut ChaCha8Rng) -> Dependencies {
    use NodeClass::{AdminKey, Asset, Bridge, Chain, Oracle, Protocol, Stablecoin, Wrapper};
    let mut all = Dependencies::default();
    let mut link = |random: &mut ChaCha8Rng, from: Node, class, among, counts| {
        for _ in 0..random.random_range::<usize, std::ops::RangeInclusive<usize>>(counts) {
            let to = node(class, random.random_range(0..among));
            let weight = if random.random_bool(0.5) {
                Bps::WHOLE
            } else {
                Bps(random.random_range(100..10_000))
            };
            all.add(from.clone(), to, weight);
        }
    };
    for id in 0..PROTOCOLS {
        let from = node(Protocol, id);
        link(random, from.clone(), Oracle, ORACLES, 1..=3);
        link(random, from.clone(), Wrapper, WRAPPERS, 0..=3);
        link(random, from, AdminKey, ADMIN_KEYS, 1..=3);
    }
    for id in 0..ASSETS {
        let from = node(Asset, id);
        link(random, from.clone(), Wrapper, WRAPPERS, 0..=2);
        link(random, from.clone(), Bridge, BRIDGES, 0..=1);
        link(random, from.clone(), Stablecoin, STABLECOINS, 0..=1);
        link(random, from.clone(), Oracle, ORACLES, 1..=1);
        // The first assets are simple; the others may be made of them.
        if id > ASSETS / 2 && random.random_bool(0.4) {
            link(random, from, Asset, ASSETS / 2, 2..=2);
        }
    }
    for id in 0..WRAPPERS {
        let from = node(Wrapper, id);
        link(random, from.clone(), Oracle, ORACLES, 0..=1);
        link(random, from, AdminKey, ADMIN_KEYS, 1..=2);
    }
    for (class, count) in [
        (Stablecoin, STABLECOINS),
        (Bridge, BRIDGES),
        (Oracle, ORACLES),
    ] {
        for id in 0..count {
            let from = node(class, id);
            link(random, from.clone(), AdminKey, ADMIN_KEYS, 1..=2);
            if class == Bridge {
                link(random, from, Chain, CHAINS, 1..=1);
            }
        }
    }
    all
}

fn position(random: &mut ChaCha8Rng, id: usize) -> (Source, Token, [Node; 3]) {
    let mut wallet = [0; 20];
    wallet[..8].copy_from_slice(&(id as u64).to_le_bytes());
    let asset = node(NodeClass::Asset, random.random_range(0..ASSETS));
    let family = node(NodeClass::Protocol, random.random_range(0..PROTOCOLS));
    let token = Token {
        chain: ChainId(random.random_range(1..=CHAINS as u64)),
        contract: Some(Address::repeat_byte(7)),
        asset: AssetId::new(asset.name()),
        decimals: 18,
    };
    let source = Source::Position {
        wallet: Address::from(wallet),
        protocol: ProtocolId::new(family.name()),
        token: token.clone(),
    };
    let nodes = Source::position_nodes(family.name(), &token);
    (source, token, nodes)
}
