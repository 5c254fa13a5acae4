//! How long a replay of 75,000 hours takes.

#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]

use std::time::Instant;

use airdrops_risk::history::{HistoryConfig, PriceHistory, replay};
use airdrops_risk::volatility::ValidBar;
use airdrops_types::{Bar, Bps, Timestamp};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const HOURS: i64 = 75_000;
const RUNS: usize = 15;

/// A random walk whose roughness wanders by the day.
fn walk(seed: u64) -> Vec<ValidBar> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut price, mut level) = (1000.0_f64, -5.0_f64);
    (0..HOURS)
        .map(|hour| {
            if hour % 24 == 0 {
                level = -5.0 + 0.95 * (level + 5.0) + random.random_range(-0.3..0.3);
            }
            let open = price;
            price = (price * (1.0 + random.random_range(-1.7..1.7) * level.exp())).max(1.0);
            let bar = Bar {
                start: Timestamp(1_500_000_000_000 + hour * 3_600_000),
                open,
                high: open.max(price) * (1.0 + random.random_range(0.0..1.0) * level.exp()),
                low: open.min(price) * (1.0 - random.random_range(0.0..1.0) * level.exp()),
                close: price,
            };
            ValidBar::try_from(bar).unwrap()
        })
        .collect()
}

fn main() {
    println!(
        "{:<28} {:>10} {:>10} {:>12}",
        "replay", "median", "worst", "per hour"
    );
    for assets in [1_u32, 2, 4] {
        let histories: Vec<PriceHistory> = (0..assets)
            .map(|index| PriceHistory {
                asset: format!("A{index}").as_str().into(),
                weight: Bps(10_000 / assets),
                bars: walk(u64::from(index)),
            })
            .collect();
        let mut times: Vec<f64> = (0..RUNS)
            .map(|_| {
                let start = Instant::now();
                let history = replay(&histories, &HistoryConfig::default()).unwrap();
                assert_eq!(
                    std::hint::black_box(history).hours,
                    u64::try_from(HOURS).unwrap()
                );
                start.elapsed().as_secs_f64()
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let median = times[RUNS / 2];
        println!(
            "{:<28} {:>7.1} ms {:>7.1} ms {:>9.0} ns",
            format!("{HOURS} hours, {assets} assets"),
            median * 1e3,
            times[RUNS - 1] * 1e3,
            median / HOURS as f64 * 1e9
        );
    }
}
