//! A farm for the program under test: real contracts on a local chain, one configuration file, a
//! keystore, and what must be true when everything is done.

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

use airdrops_store::{Access, JournalCheck, Options, Sqlite, Store as _, StoreError, TaskFilter};
use airdrops_testkit::contracts::{Distributor, Erc20, Router, Staking, Weth};
use airdrops_testkit::world::WorldError;
use airdrops_testkit::{
    Anvil, AnvilOptions, FaultProxy, Program, StartError, TEST_WALLET, World, skip,
    write_test_keystore,
};
use airdrops_types::{
    Address, B256, Entry, I256, JournalEntry, LedgerKind, TaskRecord, TaskState,
    TransactionLog as _, TxResult, U256, Usd,
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

/// Every block is at least one second after the one before, so that the chain's clock runs ahead
/// of ours: it begins this much behind, seconds.
const BEHIND: u64 = 3600;

/// Longest that anything may take on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// A world with a wallet, and a folder with everything that the program needs.
pub(crate) struct Farm {
    pub(crate) anvil: Anvil,
    pub(crate) world: World,
    pub(crate) proxy: FaultProxy,
    pub(crate) folder: TempDir,
    runtime: Runtime,
    miner: Option<Miner>,
}

/// Mines a block every [`BLOCK_TIME`] until it is dropped.
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
                runtime
                    .block_on(client.request("evm_mine", json!([])))
                    .expect("the chain mines");
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
        let runtime = runtime();
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        let options = AnvilOptions {
            genesis_time: Some(now.as_secs() - BEHIND),
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
            runtime,
            miner,
        };
        farm.write_secret("passphrase", PASSPHRASE);
        let configuration = farm.configuration("live", &farm.proxy.url()) + CAMPAIGN;
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

    /// The configuration without campaigns.
    pub(crate) fn configuration(&self, mode: &str, rpc: &str) -> String {
        let world = &self.world;
        let proof: Vec<String> = world
            .proof
            .iter()
            .map(|node| format!("\"{node}\""))
            .collect();
        format!(
            r#"mode = "{mode}"

[engine]
tick = "1s"
database = "airdrops.sqlite"
seed = 7

[limits]
protocol = "20%"
transaction = "5%"
asset = "30%"
rolling_loss = "10%"
fee = "$50"
assets = {{ ETH = "100%" }}

[[chain]]
name = "local"
id = 31337
rpc = "{rpc}"
confirmations = 3
gas_ceiling = "20 gwei"
priority_fee = "0.1 gwei"
max_head_age = "3h"
rebroadcast_after = "2s"

[[token]]
chain = "local"
name = "WETH"
asset = "ETH"
address = "{weth}"
decimals = 18

[[token]]
chain = "local"
asset = "TOKEN"
address = "{token}"
decimals = 18

[[token]]
chain = "local"
asset = "DROP"
address = "{reward}"
decimals = 18

[[price]]
asset = "ETH"
chain = "local"
feed = "{eth_usd}"
max_age = "1d"

[[price]]
asset = "TOKEN"
chain = "local"
feed = "{token_usd}"
max_age = "1d"

[[price]]
asset = "DROP"
chain = "local"
feed = "{token_usd}"
max_age = "1d"

[[wallet]]
name = "main"
keystore = "wallet.json"
passphrase = {{ file = "passphrase" }}

[[protocol]]
id = "weth"
chain = "local"
module = "wrapped_native"
wrapped = "{weth}"

[[protocol]]
id = "pair"
chain = "local"
module = "uniswap_v2"
router = "{router}"
pair = "{pair}"
token_a = "WETH"
token_b = "TOKEN"

[[protocol]]
id = "rewards"
chain = "local"
module = "staking_rewards"
pool = "{staking}"
underlying = "pair"
reward = "DROP"

[[protocol]]
id = "drop"
chain = "local"
module = "merkle_distributor"
contract = "{distributor}"
asset = "DROP"
index = {index}
amount = "{amount}"
proof = [{proof}]
"#,
            weth = world.weth,
            token = world.token,
            reward = world.reward,
            eth_usd = world.eth_usd,
            token_usd = world.token_usd,
            router = world.router,
            pair = world.pair,
            staking = world.staking,
            distributor = world.distributor,
            index = world.grant.index,
            amount = alloy::primitives::utils::format_ether(world.grant.amount),
            proof = proof.join(", "),
        )
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
    pub(crate) fn store(&self) -> Sqlite {
        Sqlite::open(self.database(), Access::ReadOnly, Options::default()).unwrap()
    }

    /// The task runs; none before the program made its database.
    pub(crate) fn tasks(&self) -> Vec<TaskRecord> {
        match Sqlite::open(self.database(), Access::ReadOnly, Options::default()) {
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

    /// Every transaction of `account` in the chain, by nonce.
    pub(crate) fn mined(&self, account: Address) -> Vec<Mined> {
        let mut found = Vec::new();
        for number in 0..=self.ask(self.anvil.block_number()).unwrap() {
            let params = json!([format!("0x{number:x}"), true]);
            let block = self
                .ask(self.anvil.rpc("eth_getBlockByNumber", params))
                .unwrap();
            for transaction in block["transactions"].as_array().unwrap() {
                if text(&transaction["from"]).parse::<Address>().unwrap() != account {
                    continue;
                }
                let hash: B256 = text(&transaction["hash"]).parse().unwrap();
                let receipt = self.ask(self.anvil.receipt(hash)).unwrap().unwrap();
                let data = hex::decode(text(&transaction["input"])).unwrap();
                let nonce: U256 = text(&transaction["nonce"]).parse().unwrap();
                found.push(Mined {
                    hash,
                    nonce: nonce.to(),
                    call: (
                        text(&transaction["to"]).parse().unwrap(),
                        data[..4].try_into().unwrap(),
                    ),
                    succeeded: receipt.status(),
                });
            }
        }
        found.sort_by_key(|mined| mined.nonce);
        found
    }

    /// The calls that the campaigns make, each as often as it is made, sorted.
    fn expected(&self) -> Vec<Call> {
        let world = &self.world;
        let approve = Erc20::approveCall::SELECTOR;
        let mut calls = vec![
            (world.weth, Weth::depositCall::SELECTOR),
            (world.weth, approve),
            (world.token, approve),
            (world.router, Router::addLiquidityCall::SELECTOR),
            (world.pair, approve),
            (world.staking, Staking::stakeCall::SELECTOR),
            (world.staking, Staking::exitCall::SELECTOR),
            (world.pair, approve),
            (world.router, Router::removeLiquidityCall::SELECTOR),
            (world.weth, Weth::withdrawCall::SELECTOR),
            (world.distributor, Distributor::claimCall::SELECTOR),
        ];
        calls.sort_unstable();
        calls
    }

    /// Checks, after everything was done and the program ended, that the chain, the database and
    /// the journal tell one story: every expected call once, and nothing else.
    pub(crate) fn check(&self) {
        let transactions = self.check_chain();
        self.check_database(&transactions);
        self.check_ledger();
        self.check_journal(transactions.len());
        self.check_signatures(&transactions);
        for command in [&["journal", "verify"][..], &["replay"], &["status"]] {
            let (code, text) = self.answer(command);
            assert_eq!(code, 0, "{command:?}: {text}");
        }
    }

    fn check_chain(&self) -> Vec<Mined> {
        let transactions = self.mined(TEST_WALLET);
        for (index, mined) in transactions.iter().enumerate() {
            assert_eq!(mined.nonce, index as u64, "{transactions:#?}");
            assert!(mined.succeeded, "{mined:#?}");
        }
        assert_eq!(self.nonce(), transactions.len() as u64);
        let mut calls: Vec<Call> = transactions.iter().map(|mined| mined.call).collect();
        calls.sort_unstable();
        assert_eq!(calls, self.expected(), "{transactions:#?}");

        let world = &self.world;
        for (token, spender) in [
            (world.weth, world.router),
            (world.token, world.router),
            (world.pair, world.router),
            (world.pair, world.staking),
        ] {
            let owner = TEST_WALLET;
            let question = Erc20::allowanceCall { owner, spender };
            let left = self.ask(self.anvil.view(token, &question)).unwrap();
            assert_eq!(left, U256::ZERO, "allowance of {token} to {spender}");
        }
        let account = TEST_WALLET;
        let question = Staking::balanceOfCall { account };
        let staked = self.ask(self.anvil.view(world.staking, &question)).unwrap();
        assert_eq!(staked, U256::ZERO);
        assert_eq!(self.balance(world.pair), U256::ZERO);
        assert!(self.balance(world.reward) >= world.grant.amount);
        let index = U256::from(world.grant.index);
        let question = Distributor::isClaimedCall { index };
        assert!(
            self.ask(self.anvil.view(world.distributor, &question))
                .unwrap()
        );
        transactions
    }

    fn balance(&self, token: Address) -> U256 {
        let owner = TEST_WALLET;
        let question = Erc20::balanceOfCall { owner };
        self.ask(self.anvil.view(token, &question)).unwrap()
    }

    fn check_database(&self, transactions: &[Mined]) {
        let store = self.store();
        for task in store.tasks(TaskFilter::default()).unwrap() {
            assert_eq!(task.state, TaskState::Completed, "{task:#?}");
        }
        let mut outcomes = store.outcomes().unwrap();
        outcomes.sort_by_key(|outcome| outcome.nonce);
        let intents: BTreeSet<_> = outcomes.iter().map(|outcome| outcome.intent).collect();
        assert_eq!(intents.len(), outcomes.len());
        let booked: Vec<(u64, B256)> = outcomes.iter().map(|it| (it.nonce, it.tx)).collect();
        let mined: Vec<(u64, B256)> = transactions.iter().map(|it| (it.nonce, it.hash)).collect();
        assert_eq!(booked, mined);
        assert!(outcomes.iter().all(|it| it.result == TxResult::Succeeded));
        assert_eq!(store.open_slots().unwrap(), []);
        assert_eq!(store.reservations().unwrap(), []);
        assert_eq!(store.control().unwrap().0, []);
        assert!(matches!(
            store.verify_journal().unwrap(),
            JournalCheck::Ok { .. }
        ));
    }

    /// The bookings add up to the chain's balances, and nothing had to be explained from outside.
    fn check_ledger(&self) {
        let store = self.store();
        let mut opened = BTreeSet::new();
        for entry in store.ledger_entries(airdrops_types::Timestamp(0)).unwrap() {
            match entry.kind {
                LedgerKind::Transaction { .. } => {}
                LedgerKind::Opening => assert!(opened.insert(entry.token.clone()), "{entry:#?}"),
                LedgerKind::External | LedgerKind::BridgeArrival => panic!("{entry:#?}"),
            }
        }
        let sums: BTreeMap<Option<Address>, I256> = store
            .ledger_balances()
            .unwrap()
            .into_iter()
            .map(|(_, token, sum)| (token.contract, sum))
            .collect();
        let world = &self.world;
        let native = self.ask(self.anvil.balance(TEST_WALLET)).unwrap();
        let mut actual = BTreeMap::from([(None, I256::try_from(native).unwrap())]);
        for token in [world.weth, world.token, world.reward, world.pair] {
            actual.insert(Some(token), I256::try_from(self.balance(token)).unwrap());
        }
        assert_eq!(sums, actual);
    }

    /// One signature and one settlement for each transaction, and the gas adds up.
    fn check_journal(&self, transactions: usize) {
        let mut signed = BTreeSet::new();
        let mut settled = BTreeSet::new();
        let mut paid = Usd::ZERO;
        let mut last = None;
        for entry in self.journal() {
            match entry.entry {
                Entry::Signed { intent, .. } => {
                    assert!(signed.insert(intent), "signed twice: {intent}");
                }
                Entry::Settled { outcome, fee, .. } => {
                    assert!(settled.insert(outcome.intent), "settled twice: {outcome:?}");
                    paid += fee;
                }
                Entry::Assessed { point, .. } => last = Some(point),
                Entry::Flow { note, .. } => assert_eq!(note, "opening balance"),
                _ => {}
            }
        }
        assert_eq!(signed.len(), transactions);
        assert_eq!(settled, signed);
        let last = last.expect("equity was assessed");
        assert_eq!(last.gas, paid, "gas paid, as the equity says");
    }

    /// No nonce was ever signed with two different effects.
    fn check_signatures(&self, transactions: &[Mined]) {
        let slots = self.proxy.bytes_by_slot();
        let nonces: Vec<u64> = slots.keys().map(|(_, nonce)| *nonce).collect();
        assert_eq!(nonces, (0..transactions.len() as u64).collect::<Vec<_>>());
        for (slot, bytes) in slots {
            assert_eq!(bytes.len(), 1, "{slot:?} was signed differently");
        }
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        // Before the chain that it mines.
        drop(self.miner.take());
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// Wraps, provides liquidity, stakes it, takes everything back, and claims meanwhile.
const CAMPAIGN: &str = r#"
[[campaign]]
name = "farm"

[[campaign.task]]
name = "wrap"
wallet = "main"
protocol = "weth"
action = "wrap"
amount = "2.5"
retry_after = "1s"
retry_cap = "2s"

[[campaign.task]]
name = "provide"
wallet = "main"
protocol = "pair"
action = "add_liquidity"
amount = "2"
after = ["wrap"]
retry_after = "1s"
retry_cap = "2s"

[[campaign.task]]
name = "stake"
wallet = "main"
protocol = "rewards"
action = "stake"
amount = "50%"
after = ["provide"]
retry_after = "1s"
retry_cap = "2s"

[[campaign.task]]
name = "leave"
wallet = "main"
protocol = "rewards"
action = "exit"
after = ["stake"]
retry_after = "1s"
retry_cap = "2s"

[[campaign.task]]
name = "withdraw"
wallet = "main"
protocol = "pair"
action = "remove_liquidity"
amount = "all"
after = ["leave"]
retry_after = "1s"
retry_cap = "2s"

[[campaign.task]]
name = "unwrap"
wallet = "main"
protocol = "weth"
action = "unwrap"
amount = "0.5"
after = ["withdraw"]
retry_after = "1s"
retry_cap = "2s"

[[campaign.task]]
name = "claim"
wallet = "main"
protocol = "drop"
action = "claim"
retry_after = "1s"
retry_cap = "2s"
"#;
