//! Seeded instances.

use airdrops_allocation::rebalance::{Book, Holding, Limit, Piece, Value};
use airdrops_types::{Bps, ControlState, ProtocolId, Usd};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CAPITAL: i64 = 100_000;
const CHAINS: usize = 6;

/// `n` opportunities. Each has a protocol of its own, so that 20 % per protocol is the end of its
/// value; pieces end at 2, 5, 10 and 20 % of capital, with rates over the horizon that fall.
pub(crate) fn instance(n: usize, seed: u64) -> Book {
    let mut random = ChaCha8Rng::seed_from_u64(seed * 1000 + n as u64);
    let capital = Usd::dollars(CAPITAL);
    let holdings = (0..n)
        .map(|index| {
            let mut rate = random.random_range(0.02..0.30);
            let pieces = [200, 500, 1000, 2000].map(|to| {
                let piece = Piece {
                    to: capital.fraction(Bps(to)),
                    rate: (rate * 1e9) as i64,
                };
                rate *= random.random_range(0.3..0.9);
                piece
            });
            let gas = Usd(random.random_range(500_000..15_000_000));
            Holding {
                protocol: ProtocolId::new(format!("protocol-{index}")),
                strategy: "supply".to_owned(),
                chain: format!("chain {}", index % CHAINS),
                unit: None,
                value: Usd::ZERO,
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
                min_position: capital.fraction(Bps(100)),
                control: ControlState::Active,
            }
        })
        .collect();
    let limits = (0..CHAINS)
        .map(|chain| Limit {
            name: format!("chain:{chain}"),
            members: (chain..n)
                .step_by(CHAINS)
                .map(|index| (index, Bps::WHOLE))
                .collect(),
            max: capital.fraction(Bps(4000)),
        })
        .collect();
    Book {
        cash: capital,
        reserve: capital.fraction(Bps(500)),
        holdings,
        limits,
        control: ControlState::Active,
    }
}
