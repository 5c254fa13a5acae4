//! `airdrops demo`: sixty days of farming on chains inside this process, through every part of the
//! program that also runs on real ones.

mod beliefs;
mod campaigns;
mod merkle;
mod scenario;
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use airdrops_chain::{ChainClient, Keyring};
use airdrops_paper::PaperError;
use airdrops_runtime::{Engine, Listener, NoMarket, Parts, RunError, SimulatedClock};
use airdrops_store::{Access, Options, Sqlite, StoreError};
use airdrops_types::{ChainId, ControlState, JournalEntry, Scope, Timestamp, no_checkpoint};

use scenario::{CRASH, Scenario};
use world::{BLOCK_SECONDS, L1, L2, World};

/// 2026-01-01T00:00:00Z, a Thursday.
const START: Timestamp = Timestamp(1_767_225_600_000);
/// The demo's chains and their names.
pub const CHAINS: [(ChainId, &str); 2] = [(L1, "l1"), (L2, "l2")];
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
/// The operator stops and starts the program, to see that the halt persists.
const RESTART: u64 = CRASH.1 + 20 * HOUR;
/// The operator resumes.
const RESUME: u64 = CRASH.1 + 2 * DAY;

/// Why the demo did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The chains in the process failed.
    #[error("the demo's world failed: {0}")]
    World(#[from] PaperError),
    /// The engine failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Durable state failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A chain client could not be made.
    #[error("a demo chain cannot be reached: {0}")]
    Client(String),
    /// What the demo shows did not happen: a defect of this program.
    #[error("the demo did not show what it should: {0}")]
    Expectation(String),
}

/// What a demo is made of.
pub struct Demo<'a> {
    /// Makes it repeat exactly.
    pub seed: u64,
    /// Simulated days, at least 40, so that everything in the script happens.
    pub days: u64,
    /// Where its database goes.
    pub database: &'a Path,
    /// Makes a listener for each start of the engine.
    pub listener: &'a dyn Fn() -> Listener,
    /// Told of the simulated seconds that have passed.
    pub progress: &'a dyn Fn(u64),
}

/// What a demo leaves.
pub struct Farmed {
    /// The whole journal.
    pub journal: Vec<JournalEntry>,
    /// Simulated days.
    pub days: u64,
}

impl Demo<'_> {
    /// Farms.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn run(&self) -> Result<Farmed, DemoError> {
        let mut keys = Keyring::new();
        let wallet = keys.add_ephemeral(&self.seed.to_be_bytes());
        let world = World::build(wallet, START)?;
        let clock = Arc::new(SimulatedClock::new(
            world.l1.head().time.max(world.l2.head().time),
        ));
        let mut scenario = Scenario::new(self.seed, START, &world);
        let mut engine = Some(self.engine(&world, &clock, keys)?);
        let mut restarted = false;
        let mut resumed = false;
        let mut halted_over_restart = false;

        let blocks = self.days * DAY / BLOCK_SECONDS;
        let per_hour = HOUR / BLOCK_SECONDS;
        let mut busy = true;
        // What is under way on the last day comes to its end.
        let at_most = blocks + 100;
        for block in 1..=at_most {
            if block > blocks && !busy {
                break;
            }
            let now = Timestamp(START.0 + i64::try_from(block * BLOCK_SECONDS * 1000).unwrap_or(0));
            clock.advance_to(now);
            scenario.step(&world, now)?;
            let elapsed = block * BLOCK_SECONDS;
            if !restarted && elapsed >= RESTART {
                restarted = true;
                let before = engine.as_ref().map(Engine::state);
                drop(engine.take());
                let mut keys = Keyring::new();
                keys.add_ephemeral(&self.seed.to_be_bytes());
                let again = self.engine(&world, &clock, keys)?;
                halted_over_restart =
                    before == Some(ControlState::Halted) && again.state() == ControlState::Halted;
                engine = Some(again);
            }
            if !resumed && elapsed >= RESUME {
                resumed = true;
                self.resume(now)?;
                busy = true;
            }
            if let Some(engine) = engine.as_mut().filter(|_| busy || block % per_hour == 0) {
                let report = engine.tick().await?;
                busy = report.open_transactions > 0 || report.runnable > 0;
            }
            (self.progress)(elapsed);
        }
        drop(engine);

        if restarted && !halted_over_restart {
            return Err(DemoError::Expectation(
                "the crash did not halt the farm, or the halt did not survive the restart".into(),
            ));
        }
        let store = Sqlite::open(self.database, Access::ReadOnly, Options::default())?;
        Ok(Farmed {
            journal: crate::command::report::whole_journal(&store)?,
            days: self.days,
        })
    }

    fn engine(
        &self,
        world: &World,
        clock: &Arc<SimulatedClock>,
        keyring: Keyring,
    ) -> Result<Engine, DemoError> {
        let store = Arc::new(Sqlite::open(
            self.database,
            Access::Runner,
            Options::default(),
        )?);
        let clients = BTreeMap::from([
            (L1, ChainClient::from_rpc(L1, world.l1.client())),
            (L2, ChainClient::from_rpc(L2, world.l2.client())),
        ]);
        let parts = Parts {
            store: store.clone(),
            log: store,
            clients,
            market: Arc::new(NoMarket),
            keyring,
            clock: clock.clone(),
            checkpoint: no_checkpoint,
            listener: (self.listener)(),
            dry_run: false,
        };
        Ok(Engine::start(
            campaigns::settings(world, self.seed, START, self.days),
            parts,
        )?)
    }

    /// What `airdrops resume` does, done by the demo's operator.
    fn resume(&self, now: Timestamp) -> Result<(), DemoError> {
        let store = Sqlite::open(self.database, Access::Operator, Options::default())?;
        crate::command::control::resume_scope(
            &store,
            now,
            &Scope::Everything,
            "demo operator",
            "prices are stable again, and the remaining exposure is intended",
        )?;
        Ok(())
    }
}
