//! What waiting for cheap gas saves: `cargo bench -p airdrops-scheduler --bench gas_window`.
//!
//! **Recorded:** the average gas price of each day on Ethereum, 6 August 2021 to 2 June 2026
//! (`benches/data/README.md`; a gas price is a base fee with its tip). **Synthesised, from a seed:** the
//! hours of each day, because no hourly record may be shipped. An hour's logarithm is that of the day,
//! drawn as a line between noons, plus
//!
//! - an effect of the hour of the day, a cosine with its peak at 15:00 UTC,
//! - a residual that keeps 80 % from hour to hour, standard deviation 0.2,
//! - a spike in 2 % of hours, exponential with mean 0.7, that halves every hour,
//!
//! and each day is scaled so that its mean is the recorded one. The sizes are assumptions, so the
//! table is made for three of them, and for the recorded days alone, each of them flat.
//!
//! The constants of the rule were chosen on days before 2024; the table is of days from 2024 on. The
//! rule sees only hours before now: at each hour it is given what was recorded until then, and
//! nothing else. A task starts every 17 hours, looks once an hour, and goes at one of the hours of its
//! window, the first and the last included. Hindsight goes at the cheapest of them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::{Duration, Instant};

use airdrops_scheduler::window::{Asking, FeePast};
use airdrops_types::{Bps, GasWindow, Reading, Timestamp, VolatilityState};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const RECORD: &str = include_str!("data/ethereum_daily_gas_price.csv");
const HOUR_MS: i64 = 3_600_000;
const SEED: u64 = 5;
const SPACING: usize = 17;

/// Sizes of what is synthesised.
struct Intraday {
    name: &'static str,
    season: f64,
    noise: f64,
    spikes: f64,
}

const SERIES: [Intraday; 4] = [
    Intraday {
        name: "usual intraday (season ±20 %, noise 20 %, spikes)",
        season: 0.2,
        noise: 0.2,
        spikes: 0.02,
    },
    Intraday {
        name: "rough intraday (season ±40 %, noise 40 %, more spikes)",
        season: 0.4,
        noise: 0.4,
        spikes: 0.04,
    },
    Intraday {
        name: "no intraday season (noise 20 %)",
        season: 0.0,
        noise: 0.2,
        spikes: 0.0,
    },
    Intraday {
        name: "recorded days only, each flat (nothing synthesised)",
        season: 0.0,
        noise: 0.0,
        spikes: 0.0,
    },
];

/// `(hours since the epoch of the first day, wei per gas by day)`; a missing day repeats the last.
fn record() -> (i64, Vec<f64>) {
    let mut days: Vec<f64> = Vec::new();
    let mut first = None;
    for line in RECORD.lines().skip(1) {
        let (day, price) = line.split_once(',').unwrap();
        let day: chrono::NaiveDate = day.parse().unwrap();
        let day = day.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp() / 86_400;
        let first = *first.get_or_insert(day);
        let price: f64 = price.parse().unwrap();
        while days.len() < usize::try_from(day - first).unwrap() {
            days.push(*days.last().unwrap());
        }
        days.push(price);
    }
    (first.unwrap() * 24, days)
}

fn hours(days: &[f64], kind: &Intraday) -> Vec<u128> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut normal = move || {
        // Twelve uniforms: variance 1.
        (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0
    };
    let mut random = ChaCha8Rng::seed_from_u64(SEED + 1);
    let flat = kind.season == 0.0 && kind.noise == 0.0;
    let (mut residual, mut spike) = (0.0, 0.0);
    let mut hours = Vec::with_capacity(days.len() * 24);
    for (day, average) in days.iter().enumerate() {
        let shape: Vec<f64> = (0..24_u32)
            .map(|hour| {
                let hour = f64::from(hour);
                let other = if hour < 12.0 {
                    day.saturating_sub(1)
                } else {
                    (day + 1).min(days.len() - 1)
                };
                let share = (hour - 12.0).abs() / 24.0;
                let line = average.ln() * (1.0 - share) + days[other].ln() * share;
                let season = kind.season * ((hour - 15.0) / 24.0 * std::f64::consts::TAU).cos();
                residual = 0.8 * residual + 0.6 * kind.noise * normal();
                spike *= 0.5;
                if random.random::<f64>() < kind.spikes {
                    spike += -0.7 * (1.0 - random.random::<f64>()).ln();
                }
                if flat {
                    1.0
                } else {
                    (line + season + residual + spike).exp()
                }
            })
            .collect();
        let mean = shape.iter().sum::<f64>() / 24.0;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        hours.extend(shape.iter().map(|value| (value / mean * average) as u128));
    }
    hours
}

struct World {
    first: i64,
    fees: Vec<u128>,
    pasts: Vec<Option<FeePast>>,
}

impl World {
    fn at(&self, hour: usize) -> Timestamp {
        Timestamp((self.first + i64::try_from(hour).unwrap()) * HOUR_MS)
    }

    /// What is known at an hour: those before it.
    fn past(&mut self, hour: usize) -> &FeePast {
        if self.pasts[hour].is_none() {
            let from = hour.saturating_sub(usize::try_from(FeePast::HOURS).unwrap());
            let samples = (from..hour).map(|h| (self.at(h), self.fees[h]));
            self.pasts[hour] = Some(FeePast::of(samples, self.at(hour)));
        }
        self.pasts[hour].as_ref().unwrap()
    }

    /// The hour at which the program's rule goes.
    fn rule(&mut self, start: usize, window: usize, quantile: u32) -> usize {
        let within = Duration::from_secs(3600 * u64::try_from(window).unwrap());
        (start..start + window)
            .find(|&hour| {
                let now = self.at(hour);
                let fee = Reading::Fresh {
                    value: self.fees[hour],
                    at: now,
                };
                let asking = Asking {
                    now,
                    ready: self.at(start),
                    window: GasWindow {
                        quantile: Bps(quantile),
                        within,
                    },
                    deadline: None,
                    critical: false,
                    volatility: VolatilityState::Medium,
                };
                asking.look(&fee, self.past(hour)).goes()
            })
            .unwrap_or(start + window)
    }

    /// The first hour whose fee is within a quantile of the seven days before, or the last one.
    fn fixed(&mut self, start: usize, window: usize, quantile: u32) -> usize {
        (start..start + window)
            .find(|&hour| {
                let fee = self.fees[hour];
                self.past(hour)
                    .quantile(Bps(quantile))
                    .is_some_and(|limit| fee <= limit)
            })
            .unwrap_or(start + window)
    }

    /// The first hour that is cheaper than all of the first 37 % of the window (1/e), or the last one.
    fn secretary(&self, start: usize, window: usize) -> usize {
        let seen = window * 37 / 100;
        let best = self.fees[start..=start + seen].iter().min().unwrap();
        (start + seen + 1..start + window)
            .find(|&hour| self.fees[hour] < *best)
            .unwrap_or(start + window)
    }

    fn hindsight(&self, start: usize, window: usize) -> usize {
        (start..=start + window)
            .min_by_key(|&hour| self.fees[hour])
            .unwrap()
    }
}

#[derive(Default, Clone)]
struct Tally {
    ratios: f64,
    paid: f64,
    waited: f64,
    count: f64,
}

type Rule = (&'static str, Box<dyn Fn(&mut World, usize, usize) -> usize>);

fn rules() -> Vec<Rule> {
    vec![
        ("run at once", Box::new(|_, start, _| start)),
        (
            "wait to the end",
            Box::new(|_, start, window| start + window),
        ),
        (
            "first 37 %, then the first cheaper",
            Box::new(|w, s, n| w.secretary(s, n)),
        ),
        (
            "fixed quantile 25 %",
            Box::new(|w, s, n| w.fixed(s, n, 2_500)),
        ),
        ("fixed quantile 5 %", Box::new(|w, s, n| w.fixed(s, n, 500))),
        (
            "this rule, quantile 25 %",
            Box::new(|w, s, n| w.rule(s, n, 2_500)),
        ),
        (
            "this rule, quantile 5 %",
            Box::new(|w, s, n| w.rule(s, n, 500)),
        ),
        (
            "this rule, quantile 0 % (forecast alone)",
            Box::new(|w, s, n| w.rule(s, n, 0)),
        ),
        ("hindsight", Box::new(|w, s, n| w.hindsight(s, n))),
    ]
}

fn main() {
    let (first, days) = record();
    let split = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
    let split = split.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp() / 3_600 - first;
    let split = usize::try_from(split).unwrap();
    // The days on which the constants were chosen, to be seen with `-- train`.
    let train = std::env::args().any(|argument| argument == "train");
    for kind in &SERIES {
        let fees = hours(&days, kind);
        let end = if train { split } else { fees.len() };
        let begin = if train { 90 * 24 } else { split };
        let pasts = vec![None; fees.len()];
        let mut world = World { first, fees, pasts };
        println!("\n{}", kind.name);
        for window in [6, 24, 168] {
            let starts: Vec<usize> = (begin..end - window - 1).step_by(SPACING).collect();
            let tallies: Vec<(&str, Tally)> = rules()
                .into_iter()
                .map(|(name, rule)| (name, tally(&mut world, &starts, window, &*rule)))
                .collect();
            let optimum = tallies.last().unwrap().1.clone();
            let once = tallies.first().unwrap().1.clone();
            println!("  window {window} h, {} tasks", starts.len());
            println!(
                "    {:42} {:>12} {:>13} {:>15} {:>12}",
                "rule", "mean saving", "of all fees", "of hindsight's", "mean wait"
            );
            for (name, tally) in &tallies {
                let mean = 1.0 - tally.ratios / tally.count;
                let total = 1.0 - tally.paid / once.paid;
                let best = 1.0 - optimum.paid / once.paid;
                println!(
                    "    {name:42} {:>10.1} % {:>11.1} % {:>13.0} % {:>10.1} h",
                    100.0 * mean,
                    100.0 * total,
                    100.0 * total / best,
                    tally.waited / tally.count
                );
            }
        }
        if kind.noise > 0.0 && kind.season == 0.2 {
            speed(&world);
        }
    }
}

/// What is paid, in units of the average fee of the week before the start: years of dear gas weigh no
/// more than others.
fn tally(
    world: &mut World,
    starts: &[usize],
    window: usize,
    rule: &dyn Fn(&mut World, usize, usize) -> usize,
) -> Tally {
    let mut tally = Tally::default();
    for &start in starts {
        let hour = rule(world, start, window);
        let (paid, once) = (real(world.fees[hour]), real(world.fees[start]));
        let week: f64 = world.fees[start - 168..start]
            .iter()
            .copied()
            .map(real)
            .sum::<f64>()
            / 168.0;
        tally.ratios += paid / once;
        tally.paid += paid / week;
        tally.waited += f64::from(u32::try_from(hour - start).unwrap());
        tally.count += 1.0;
    }
    tally
}

#[allow(clippy::cast_precision_loss)]
fn real(fee: u128) -> f64 {
    fee as f64
}

fn speed(world: &World) {
    let now = world.fees.len();
    let samples: Vec<(Timestamp, u128)> = (now - 2_016..now)
        .map(|h| (world.at(h), world.fees[h]))
        .collect();
    let begin = Instant::now();
    let past = FeePast::of(samples.iter().copied(), world.at(now));
    let fitted = begin.elapsed();
    let begin = Instant::now();
    let reservation = past.reservation(168);
    println!(
        "  one fit of 12 weeks {fitted:.0?}; one reservation price of 7 d {:.0?} ({reservation:?} wei)",
        begin.elapsed()
    );
}
