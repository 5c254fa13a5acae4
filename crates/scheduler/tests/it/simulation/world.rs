//! One seed: two nodes, one store, one chain and one clock on a single thread.

use std::time::Duration;

use airdrops_scheduler::Campaign;
use airdrops_types::{Command, TaskState, Timestamp};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::chain::{BLOCK, Chain};
use super::definitions::campaigns;
use super::driver::{Driver, Phase};
use super::durable::{Durable, Refusal};
use super::statistics::Statistics;
use super::verdict::{self, Kind, Violation};

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
    pub seed: u64,
    pub rng: ChaCha8Rng,
    pub driver: Driver,
    pub campaigns: Vec<Campaign>,
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
        let campaigns = campaigns(&mut rng, START);
        let node = || Node {
            phase: Phase::Standby { next: START },
            life: 0,
        };
        Self {
            seed,
            rng,
            driver,
            campaigns,
            now: START,
            quiet: false,
            strict: driver == Driver::Right,
            store: Durable {
                unfenced: driver == Driver::Unfenced,
                ..Durable::default()
            },
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
            world.next()?;
            // At rest: nobody is in the middle of anything.
            stopped = world.store.staged.is_empty()
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
        verdict::graphs(tables.tasks.values(), |task| tables.tasks.get(task))?;
        verdict::ended(tables, quiet_since)?;
        // What fell due since the last tick is nobody's fault.
        let last = Timestamp(self.now.0 - 20 * 60_000);
        verdict::fires(&self.campaigns, tables, last, self.now)?;
        self.stats.seeds += 1;
        self.stats.effects += self.chain.effects().values().map(Vec::len).sum::<usize>() as u64;
        self.stats.fires += tables.fires.values().map(Vec::len).sum::<usize>() as u64;
        for task in tables.tasks.values() {
            self.stats.tasks += 1;
            let count = match task.state {
                TaskState::Completed => &mut self.stats.completed,
                TaskState::Failed | TaskState::Dead => &mut self.stats.failed,
                TaskState::Cancelled => &mut self.stats.cancelled,
                TaskState::Skipped => &mut self.stats.skipped,
                _ => &mut self.stats.open,
            };
            *count += 1;
        }
        Ok(())
    }

    fn something_happens(&mut self) -> Result<(), Violation> {
        let fault: f64 = self.rng.random();
        if fault < 0.012 {
            self.fault()?;
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

    fn fault(&mut self) -> Result<(), Violation> {
        let node = self.rng.random_range(0..2);
        match self.rng.random_range(0..12) {
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
            9 => {
                let halt = !self.store.tables.halted;
                self.stop(halt);
            }
            _ => self.operate(),
        }
        Ok(())
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

    /// An operator asks for a run, or cancels a task.
    fn operate(&mut self) {
        let tables = &mut self.store.tables;
        let open: Vec<_> = tables
            .tasks
            .values()
            .filter(|task| !task.state.is_final())
            .collect();
        let command = if open.is_empty() || self.rng.random_bool(0.3) {
            let one = self.rng.random_range(0..self.campaigns.len());
            Command::Run {
                campaign: self.campaigns[one].id.clone(),
            }
        } else {
            let one = self.rng.random_range(0..open.len());
            Command::Cancel {
                task: open[one].id.clone(),
                reason: "an operator said so".to_owned(),
            }
        };
        tables.inbox.push((command, false));
        self.stats.operated += 1;
    }
}
