//! One seed: two nodes, one store, one chain and one clock on a single thread.

use std::rc::Rc;
use std::time::Duration;

use airdrops_types::Timestamp;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::chain::{BLOCK, Chain};
use super::definitions::Setting;
use super::driver::{Driver, Phase};
use super::durable::{Durable, Refusal, Tables};
use super::statistics::Statistics;
use super::verdict::{self, Kind, Violation};
use super::{fires, inbox};

/// How long a lease lasts.
pub(super) const TTL: Duration = Duration::from_secs(900);
/// Virtual time with faults, and without: then all comes to an end.
const BUSY: Duration = Duration::from_secs(4 * 3600);
const QUIET: Duration = Duration::from_secs(3 * 3600);
/// 2026-03-29T00:00:00Z: a change of clocks in Berlin is at 01:00Z.
const START: Timestamp = Timestamp(1_774_742_400_000);

#[derive(Debug)]
pub(super) struct Node {
    pub phase: Phase,
    /// Counts its memories.
    pub life: u64,
}

pub(super) struct World {
    pub rng: ChaCha8Rng,
    pub driver: Driver,
    pub setting: Rc<Setting>,
    pub now: Timestamp,
    pub quiet: bool,
    /// Whether sending what is not stored is told at once, and not only what comes of it.
    pub strict: bool,
    pub store: Durable,
    pub chain: Chain,
    pub nodes: [Node; 2],
    pub stats: Statistics,
    verbose: bool,
}

impl World {
    fn new(seed: u64, driver: Driver, verbose: bool) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let setting = Rc::new(Setting::random(seed, &mut rng, START));
        let node = || Node {
            phase: Phase::Standby { next: START },
            life: 0,
        };
        Self {
            rng,
            driver,
            now: START,
            quiet: false,
            strict: driver == Driver::Right,
            store: Durable {
                setting: Rc::clone(&setting),
                tables: Tables::default(),
                staged: std::collections::VecDeque::new(),
                unfenced: driver == Driver::Unfenced,
            },
            setting,
            chain: Chain::default(),
            nodes: [node(), node()],
            stats: Statistics::default(),
            verbose,
        }
    }

    pub(super) fn trace(&self, what: impl FnOnce() -> String) {
        if self.verbose {
            println!("{} {}", self.now, what());
        }
    }

    /// Runs a seed to its end.
    pub(super) fn simulate(
        seed: u64,
        driver: Driver,
        verbose: bool,
    ) -> Result<Statistics, Violation> {
        let mut world = Self::new(seed, driver, verbose);
        let mut stopped = false;
        while world.now < START.plus(BUSY) {
            world.something_happens()?;
        }
        world.quiet = true;
        world.stop(false);
        let quiet_since = world.now;
        let end = world.now.plus(QUIET);
        while world.now < end || !stopped {
            if world.rng.random_bool(0.3) && world.is_answered() {
                world.approve();
            }
            world.next()?;
            // At rest: nobody is in the middle of anything.
            stopped = world.store.staged.is_empty()
                && world.is_answered()
                && (0..2).all(|node| {
                    world
                        .next_command(node)
                        .is_some_and(|next| next > world.now)
                });
        }
        world.judge(quiet_since)?;
        Ok(world.stats)
    }

    fn judge(&mut self, quiet_since: Timestamp) -> Result<(), Violation> {
        let tables = &self.store.tables;
        verdict::slots(tables)?;
        verdict::effects(tables, &self.chain)?;
        verdict::graphs(tables.tasks.values(), &tables.reopened, |task| {
            tables.tasks.get(task)
        })?;
        verdict::ended(tables, quiet_since)?;
        verdict::stuck(tables)?;
        inbox::messages(&self.setting.campaigns, tables)?;
        // What fell due since the last tick is nobody's fault.
        let last = Timestamp(self.now.0 - 20 * 60_000);
        fires::fires(&self.setting.campaigns, tables, last, self.now)?;
        self.stats.count(tables);
        self.stats.seeds += 1;
        self.stats.effects += self.chain.effects().values().map(Vec::len).sum::<usize>() as u64;
        Ok(())
    }

    fn is_answered(&self) -> bool {
        let mut inbox = self.store.tables.inbox.iter();
        inbox.all(|letter| letter.done.is_some())
    }

    fn something_happens(&mut self) -> Result<(), Violation> {
        let fault: f64 = self.rng.random();
        if fault < 0.012 {
            self.fault();
        } else if fault < 0.03 {
            self.operate();
        }
        self.next()
    }

    /// One command of a node, one group of transactions, or time.
    fn next(&mut self) -> Result<(), Violation> {
        let first = self.rng.random_range(0..2);
        let moved = match self.rng.random_range(0..10) {
            0..6 => self.command(first)? || self.command(1 - first)?,
            6..9 => self.write_group()?,
            _ => {
                let ms = self.rng.random_range(1..2000);
                self.pass(ms)?;
                true
            }
        };
        if moved || !self.store.staged.is_empty() {
            return Ok(());
        }
        let next = (0..2).filter_map(|node| self.next_command(node)).min();
        let ms = next.map_or(BLOCK, |next| next.0 - self.now.0);
        if ms > 0 {
            self.pass(ms)?;
        }
        Ok(())
    }

    /// Time passes, and blocks are made.
    fn pass(&mut self, ms: i64) -> Result<(), Violation> {
        let reverts = if self.quiet { 0.0 } else { 0.15 };
        let (before, after) = (self.now.0, self.now.0 + ms);
        for _ in before.div_euclid(BLOCK)..after.div_euclid(BLOCK) {
            if self.chain.is_quiet() {
                self.chain.height += 1;
                continue;
            }
            self.chain.block(&mut self.rng, reverts);
            if let Some(tx) = self.chain.did_twice() {
                return Err(Violation::new(Kind::Twice, format!("{tx:?}")));
            }
        }
        self.now = Timestamp(after);
        Ok(())
    }

    /// A group commit: all that waits, or only its beginning.
    fn write_group(&mut self) -> Result<bool, Violation> {
        let size = self.rng.random_range(0..=self.store.staged.len());
        for _ in 0..size {
            let Some(transaction) = self.store.staged.pop_front() else {
                break;
            };
            let mut answer = self.store.write(&transaction)?;
            self.stats.commits += u64::from(answer.is_ok());
            if !self.quiet && self.rng.random_bool(0.003) {
                self.stats.lost_answers += 1;
                answer = Err(Refusal::Unknown);
            }
            self.answered(&transaction, answer);
        }
        Ok(size > 0)
    }

    fn fault(&mut self) {
        let node = self.rng.random_range(0..2);
        match self.rng.random_range(0..10) {
            0..3 => self.crash(node),
            3 | 4 => {
                let pause = Duration::from_secs(self.rng.random_range(60..2400));
                let until = self.now.plus(pause);
                if let Phase::Leading(mind) = &mut self.nodes[node].phase {
                    mind.paused = until;
                    self.stats.pauses += 1;
                    self.trace(|| format!("node {node} stands still until {until}"));
                }
            }
            5 | 6 => {
                let gone = self.chain.reorganise(&mut self.rng);
                self.stats.reorgs += u64::from(gone > 0);
                self.trace(|| format!("{gone} transactions are in no block any more"));
            }
            7 => {
                let forgot = self.chain.forget(&mut self.rng);
                self.stats.forgotten += u64::from(forgot);
            }
            8 => {
                // The store's machine: what was not written is gone, and nobody knows what was.
                let lost: Vec<_> = self.store.staged.drain(..).collect();
                self.stats.lost_writes += lost.len() as u64;
                for transaction in lost {
                    self.answered(&transaction, Err(Refusal::Unknown));
                }
            }
            _ => {
                let halt = !self.store.tables.halted;
                self.stop(halt);
            }
        }
    }

    /// A node loses its memory. What it handed to the store is lost with it if the store is in the
    /// same process; another one may write it all the same.
    fn crash(&mut self, node: usize) {
        self.stats.crashes += 1;
        self.trace(|| format!("node {node} crashes"));
        let staged = self.store.staged.len();
        if self.rng.random_bool(0.5) {
            self.store.staged.retain(|waits| waits.node != node);
        }
        self.stats.lost_writes += (staged - self.store.staged.len()) as u64;
        let until = self
            .now
            .plus(Duration::from_secs(self.rng.random_range(1..1200)));
        self.nodes[node].phase = Phase::Down { until };
        self.nodes[node].life += 1;
    }

    /// An operator stops everything, or lets it go on.
    fn stop(&mut self, halt: bool) {
        let tables = &mut self.store.tables;
        if tables.halted != halt {
            tables.halted = halt;
            tables.revision += 1;
            self.stats.stops += 1;
        }
    }

    /// A message wakes who waits.
    pub(super) fn notify(&mut self) {
        for node in &mut self.nodes {
            if let Phase::Leading(mind) = &mut node.phase {
                mind.next_tick = mind.next_tick.min(self.now);
            }
        }
    }
}
