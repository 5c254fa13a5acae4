//! Seeded instances.

use airdrops_allocation::rebalance::{Book, Holding, Limit, Piece, Value};
use airdrops_types::{Bps, ControlState, ProtocolId, Usd};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CAPITAL: i64 = 100_000;
const CHAINS: usize = 6;

/// Where capital lies to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// All of it is cash.
    Cash,
    /// Nine tenths lie in every third opportunity.
    Held,
}

/// `n` opportunities with values of four pieces, which end at 2, 5, 10 and 20 % of capital, with
/// rates over the horizon that fall. Every two of them are of one protocol; half of them lie on the
/// first chain.
pub(crate) fn instance(n: usize, seed: u64, start: Start) -> Book {
    let mut random = ChaCha8Rng::seed_from_u64(seed * 1000 + n as u64);
    let capital = Usd::dollars(CAPITAL);
    let held = capital.fraction(Bps(9_000)).0 / n.div_ceil(3) as i128;
    let holdings: Vec<Holding> = (0..n)
        .map(|index| {
            let mut rate = random.random_range(20_000_000..300_000_000_i64);
            let pieces = [200, 500, 1000, 2000].map(|to| {
                let piece = Piece {
                    to: capital.fraction(Bps(to)),
                    rate,
                };
                rate = rate * random.random_range(30..90) / 100;
                piece
            });
            let gas = Usd(random.random_range(500_000..15_000_000));
            let value = match start {
                Start::Held if index % 3 == 0 => Usd(held),
                _ => Usd::ZERO,
            };
            Holding {
                protocol: ProtocolId::new(format!("protocol-{}", index / 2)),
                strategy: "supply".to_owned(),
                chain: format!("chain {}", chain(index)),
                unit: None,
                value,
                locked: Usd::ZERO,
                target: Usd::ZERO,
                worth: Value {
                    pieces: pieces.to_vec(),
                },
                gas_in: gas,
                gas_out: gas,
                slippage: Bps(random.random_range(2..40)),
                depth: None,
                cap: capital.fraction(Bps(500)),
                min_order: Usd::ZERO,
                min_position: match start {
                    Start::Cash => capital.fraction(Bps(100)),
                    Start::Held => Usd::ZERO,
                },
                control: ControlState::Active,
            }
        })
        .collect();
    let limit = |name: String, share: u32, member: &dyn Fn(usize) -> bool| Limit {
        name,
        members: (0..n)
            .filter(|index| member(*index))
            .map(|index| (index, Bps::WHOLE))
            .collect(),
        max: capital.fraction(Bps(share)),
    };
    let protocols = (0..n.div_ceil(2)).map(|protocol| {
        limit(format!("protocol-{protocol}"), 2_000, &|index| {
            index / 2 == protocol
        })
    });
    let chains =
        (0..CHAINS).map(|one| limit(format!("chain:{one}"), 4_000, &|index| chain(index) == one));
    Book {
        cash: capital - holdings.iter().map(|holding| holding.value).sum(),
        reserve: capital.fraction(Bps(500)),
        idle: Value::default(),
        limits: protocols.chain(chains).collect(),
        holdings,
        control: ControlState::Active,
    }
}

fn chain(index: usize) -> usize {
    if index.is_multiple_of(2) {
        0
    } else {
        1 + index / 2 % (CHAINS - 1)
    }
}
