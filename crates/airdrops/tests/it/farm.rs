//! A farm for the program under test: real contracts on a local chain, one configuration file, a
//! keystore, and what must be true when everything is done.

mod checks;
mod configuration;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use airdrops_store::{
    Access, JournalCheck, Options, Postgres, Sqlite, Store, StoreError, TaskFilter,
};
use airdrops_testkit::contracts::{Distributor, Erc20, Router, Staking, Weth};
use airdrops_testkit::world::WorldError;
use airdrops_testkit::{
    Anvil, AnvilOptions, FaultProxy, Program, StartError, TEST_WALLET, World, skip,
    write_test_keystore,
};
use airdrops_types::{
    Address, B256, Entry, I256, JournalEntry, LedgerKind, TaskRecord, TaskState, TxResult, U256,
    Usd,
};
use alloy::primitives::hex;
use alloy::sol_types::SolCall;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_airdrops");

/// Opens the keystore of every farm.
const PASSPHRASE: &str = "correct horse battery staple";

/// Time between two blocks.
const BLOCK_TIME: Duration = Duration::from_millis(150);

/// Every block is at least one second after the one before, so that the chain's clock runs faster
/// than ours: it begins this much behind, seconds. More than 2 min would make everything cautious.
const BEHIND: u64 = 110;

/// The chain's clock is never more than this ahead of ours, seconds: the chain then waits.
const AHEAD: u64 = 90;

/// Longest that anything may take on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// A world with a wallet, and a folder with everything that the program needs.
pub(crate) struct Farm {
    pub(crate) anvil: Anvil,
    pub(crate) world: World,
    pub(crate) proxy: FaultProxy,
    pub(crate) folder: TempDir,
    /// The connection string of a server in place of the file.
    server: Option<String>,
    runtime: Runtime,
    miner: Option<Miner>,
}

/// Mines a block every [`BLOCK_TIME`], unless the chain's clock is too far ahead, until it is dropped.
struct Miner {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Miner {
    fn start(anvil: &Anvil) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, client) = (stop.clone(), anvil.client());
        let thread = thread::spawn(move || {
            let runtime = runtime();
            while !stopped.load(Ordering::Relaxed) {
                let head = runtime
                    .block_on(client.request("eth_getBlockByNumber", json!(["latest", false])))
                    .expect("the chain answers");
                let time = head["timestamp"].as_str().expect("a block has a time");
                let time = u64::from_str_radix(time.trim_start_matches("0x"), 16).unwrap();
                if time < seconds_now() + AHEAD {
                    runtime
                        .block_on(client.request("evm_mine", json!([])))
                        .expect("the chain mines");
                }
                thread::sleep(BLOCK_TIME);
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its panic was printed by the thread itself; the chain then stands still.
            let _ = thread.join();
        }
    }
}

fn seconds_now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// A call that the farm makes: contract and selector.
type Call = (Address, [u8; 4]);

/// A transaction of the wallet, as the chain has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mined {
    pub(crate) hash: B256,
    pub(crate) nonce: u64,
    pub(crate) call: Call,
    pub(crate) succeeded: bool,
}

impl Farm {
    /// A chain with its contracts and a mode-live configuration. `None` where there is no chain:
    /// then the test was skipped.
    pub(crate) fn start() -> Option<Self> {
        Self::start_on(None)
    }

    /// The same with the state on a server.
    pub(crate) fn start_on(server: Option<String>) -> Option<Self> {
        let runtime = runtime();
        let options = AnvilOptions {
            genesis_time: Some(seconds_now() - BEHIND),
            ..AnvilOptions::default()
        };
        let anvil = match runtime.block_on(Anvil::start(options)) {
            Ok(anvil) => anvil,
            Err(StartError::Unavailable(reason)) => {
                skip(&reason);
                return None;
            }
            Err(error) => panic!("anvil: {error}"),
        };
        let world = match runtime.block_on(World::deploy(&anvil, TEST_WALLET)) {
            Ok(world) => world,
            Err(WorldError::Unavailable(reason)) => {
                skip(&reason);
                return None;
            }
            Err(error) => panic!("world: {error}"),
        };
        runtime.block_on(anvil.set_automine(false)).unwrap();
        let miner = Some(Miner::start(&anvil));
        let proxy = FaultProxy::start(anvil.address()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (keystore, address) = write_test_keystore(folder.path(), PASSPHRASE).unwrap();
        assert_eq!(address, TEST_WALLET);
        std::fs::rename(keystore, folder.path().join("wallet.json")).unwrap();
        let farm = Self {
            anvil,
            world,
            proxy,
            folder,
            server,
            runtime,
            miner,
        };
        farm.write_secret("passphrase", PASSPHRASE);
        let mut configuration =
            farm.configuration("live", &farm.proxy.url()) + configuration::CAMPAIGN;
        if let Some(url) = &farm.server {
            farm.write_secret("server", url);
            configuration = configuration.replace("database = \"airdrops.sqlite\"\n", "")
                + "[store]\nurl = { file = \"server\" }\nlease = \"2s\"\n";
        }
        farm.write("airdrops.toml", &configuration);
        Some(farm)
    }

    /// Writes a file beside the configuration.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Writes a file that only its owner can read.
    pub(crate) fn write_secret(&self, name: &str, text: &str) {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.path(name))
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path("airdrops.sqlite")
    }

    /// Waits for an answer of the chain.
    pub(crate) fn ask<F: Future>(&self, question: F) -> F::Output {
        self.runtime.block_on(question)
    }

    /// The next nonce of the wallet under test.
    pub(crate) fn nonce(&self) -> u64 {
        self.ask(self.anvil.nonce(TEST_WALLET)).unwrap()
    }

    /// Starts the program in the farm's folder.
    pub(crate) fn spawn(&self, arguments: &[&str], env: &[(&str, &str)]) -> Program {
        let config = self.path("airdrops.toml");
        let mut all = vec!["--config", config.to_str().unwrap()];
        all.extend(arguments);
        Program::spawn(Path::new(PROGRAM), &all, env).unwrap()
    }

    /// Starts `run`.
    pub(crate) fn run(&self) -> Program {
        self.spawn(&["run"], &[])
    }

    /// Starts `run`, to stand still at the `count`-th visit of `place`.
    pub(crate) fn run_until(&self, place: &str, count: u64) -> Program {
        self.spawn(
            &["run"],
            &[("AIRDROPS_STOP_AT", &format!("{place}:{count}"))],
        )
    }

    /// Runs the program to its end.
    pub(crate) fn airdrops(&self, arguments: &[&str]) -> Output {
        Command::new(PROGRAM)
            .args(arguments)
            .current_dir(self.folder.path())
            .env("USER", "ada")
            .output()
            .unwrap()
    }

    /// As [`Self::airdrops`]: the exit code, and everything that was printed.
    pub(crate) fn answer(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.airdrops(arguments);
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code().expect("ends by itself"),
            String::from_utf8(text).unwrap(),
        )
    }

    /// The database, to be read.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.open().unwrap()
    }

    fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        let (access, options) = (Access::ReadOnly, Options::default());
        Ok(match &self.server {
            None => Arc::new(Sqlite::open(self.database(), access, options)?),
            Some(url) => Arc::new(Postgres::open(url, access, options)?),
        })
    }

    /// The task runs; none before the program made its database.
    pub(crate) fn tasks(&self) -> Vec<TaskRecord> {
        match self.open() {
            Ok(store) => store.tasks(TaskFilter::default()).unwrap(),
            Err(StoreError::Missing { .. } | StoreError::Older { .. }) => Vec::new(),
            Err(error) => panic!("{error}"),
        }
    }

    /// What is not done, for a failure's message.
    pub(crate) fn told(&self) -> String {
        let tasks: Vec<String> = self
            .tasks()
            .iter()
            .map(|task| format!("{} {}: {:?}", task.id, task.state, task.reason))
            .collect();
        if tasks.is_empty() {
            return "no tasks yet".to_owned();
        }
        let store = self.store();
        format!(
            "{tasks:#?}\n{:#?}\n{:#?}",
            store.open_slots().unwrap(),
            store.reservations().unwrap()
        )
    }

    /// The whole journal.
    pub(crate) fn journal(&self) -> Vec<JournalEntry> {
        self.store().journal(1, usize::MAX >> 1).unwrap()
    }

    /// How often the program has started.
    pub(crate) fn starts(&self) -> usize {
        if self.tasks().is_empty() {
            return 0;
        }
        let entries = self.journal();
        let starts = entries
            .iter()
            .filter(|entry| matches!(entry.entry, Entry::Started { .. }));
        starts.count()
    }

    /// How many ticks assessed the farm after the program had started more than `starts` times.
    pub(crate) fn ticks_after(&self, starts: usize) -> usize {
        if self.tasks().is_empty() {
            return 0;
        }
        let mut seen = 0;
        let mut ticks = 0;
        for entry in self.journal() {
            match entry.entry {
                Entry::Started { .. } => seen += 1,
                Entry::Assessed { .. } if seen > starts => ticks += 1,
                _ => {}
            }
        }
        ticks
    }

    /// Whether every task is complete, every transaction final and every reservation gone.
    pub(crate) fn is_done(&self) -> bool {
        let tasks = self.tasks();
        let store = match tasks.as_slice() {
            [] => return false,
            _ => self.store(),
        };
        tasks.iter().all(|task| task.state.is_final())
            && store.open_slots().unwrap().is_empty()
            && store.reservations().unwrap().is_empty()
    }

    /// Waits until everything is done, while `program` runs.
    pub(crate) fn wait_until_done(&self, program: &mut Program) {
        self.wait_until(program, "everything is done", Self::is_done);
    }

    /// Waits until `done`, while `program` runs.
    pub(crate) fn wait_until(
        &self,
        program: &mut Program,
        what: &str,
        done: impl Fn(&Self) -> bool,
    ) {
        let deadline = Instant::now() + LIMIT;
        while !done(self) {
            let ended = program.wait(Duration::from_millis(50)).unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "waiting until {what}: ended {ended:?}\n{}\n{}\n{}",
                program.stdout().unwrap(),
                program.stderr().unwrap(),
                self.told()
            );
        }
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        // Before the chain that it mines.
        drop(self.miner.take());
    }
}
