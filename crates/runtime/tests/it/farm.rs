//! A farm that can be stopped and started again, and what is asked of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use airdrops_chain::{ChainClient, Keyring};
use airdrops_paper::PaperChain;
use airdrops_runtime::{Clock, Engine, NoMarket, Parts, RunError, SimulatedClock, TickReport};
use airdrops_store::{Access, ControlChange, Options, Sqlite, Store, TaskFilter};
use airdrops_types::{
    Address, ControlState, Entry, JournalEntry, Scope, TaskRecord, TaskState, Timestamp, Token,
    Trip, U256,
};
use alloy::primitives::I256;
use serde_json::{Value, json};

use crate::world::{BLOCK, Farm, IFeed, IToken, IVault, L1, L2, ask, ether, keeper, usdc};

/// Time passes while the machine works.
struct SlowClock(Arc<SimulatedClock>, Arc<AtomicI64>);

impl Clock for SlowClock {
    fn now(&self) -> Timestamp {
        let now = self.0.now();
        self.0
            .advance_to(Timestamp(now.0 + self.1.load(Ordering::SeqCst)));
        now
    }

    fn monotonic(&self) -> std::time::Duration {
        self.0.monotonic()
    }
}

impl Farm {
    /// Sets the price of ether, and says again that a dollar is a dollar.
    pub fn price(&self, dollars: i64) {
        let feeds = self.feeds.into_iter().zip([dollars, 1]);
        let feeds = feeds.flat_map(|(feeds, price)| feeds.map(|feed| (feed, price)));
        for (feed, price) in feeds {
            let answer = I256::try_from(price * 100_000_000).unwrap();
            let updated = U256::from(self.clock.now().unix_seconds());
            let call = IFeed::setCall {
                answer,
                updatedAt: updated,
            };
            keeper(&self.l1, feed, &call);
        }
    }

    pub fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("farm.sqlite")
    }

    pub fn start(&mut self) -> Result<(), RunError> {
        let options = Options {
            checkpoint: self.checkpoint,
            ..Options::default()
        };
        let store = Arc::new(Sqlite::open(self.database(), Access::Runner, options)?);
        let mut keyring = Keyring::new();
        keyring.add_ephemeral(b"farm");
        keyring.add_ephemeral(b"second");
        let heard = self.heard.clone();
        let parts = Parts {
            store: store.clone(),
            log: store,
            clients: BTreeMap::from([
                (L1, ChainClient::from_rpc(L1, self.l1.client())),
                (L2, ChainClient::from_rpc(L2, self.l2.client())),
            ]),
            market: Arc::new(NoMarket),
            keyring,
            clock: Arc::new(SlowClock(self.clock.clone(), self.slowness.clone())),
            checkpoint: self.checkpoint,
            listener: Box::new(move |_, entry| heard.lock().unwrap().push(entry.clone())),
            dry_run: false,
        };
        self.engine = Some(Engine::start(self.settings.clone(), parts)?);
        Ok(())
    }

    pub fn stop(&mut self) {
        self.engine = None;
    }

    /// Lets a block's time pass and mines on both chains.
    pub fn mine(&self) {
        self.clock.advance_to(self.clock.now().plus(BLOCK));
        self.l1.mine(self.clock.now());
        self.l2.mine(self.clock.now());
    }

    pub async fn tick(&mut self) -> TickReport {
        if self.engine.is_none() {
            self.start().unwrap();
        }
        self.engine.as_mut().unwrap().tick().await.unwrap()
    }

    /// A block and a tick, `times` times.
    pub async fn run(&mut self, times: usize) -> TickReport {
        let mut report = None;
        for _ in 0..times {
            self.mine();
            report = Some(self.tick().await);
        }
        report.unwrap()
    }

    pub fn store(&self) -> Sqlite {
        Sqlite::open(self.database(), Access::Operator, Options::default()).unwrap()
    }

    pub fn halt(&self) {
        let trip = Trip {
            scope: Scope::Everything,
            breaker: airdrops_risk::MANUAL.into(),
            state: ControlState::Halted,
            since: self.clock.now(),
            evidence: "test".into(),
        };
        let change = ControlChange::Trip(trip);
        self.store()
            .set_control(self.clock.now(), &change, "operator")
            .unwrap();
    }

    pub fn resume(&self, scope: Scope, breaker: &str) {
        let change = ControlChange::Clear {
            scope,
            breaker: breaker.into(),
            reason: "test".into(),
        };
        self.store()
            .set_control(self.clock.now(), &change, "operator")
            .unwrap();
    }

    pub fn journal(&self) -> Vec<JournalEntry> {
        self.store().journal(0, 100_000).unwrap()
    }

    pub fn count(&self, such: impl Fn(&Entry) -> bool) -> usize {
        self.journal().iter().filter(|e| such(&e.entry)).count()
    }

    pub fn tasks(&self) -> Vec<TaskRecord> {
        let all = TaskFilter::default();
        self.store().tasks(all).unwrap()
    }

    pub fn state_of(&self, id: &str) -> TaskState {
        self.named(id).state
    }

    pub fn named(&self, id: &str) -> TaskRecord {
        let tasks = self.tasks();
        let found = tasks.into_iter().find(|task| task.id.as_str() == id);
        found.unwrap_or_else(|| panic!("no {id}"))
    }

    /// Another wallet of ours, with 40,000 USDC and an ether on the L1.
    pub fn add_wallet(&mut self) -> Address {
        let second = Keyring::new().add_ephemeral(b"second");
        self.l1.set_balance(second, ether(1)).unwrap();
        let (to, amount) = (second, usdc(40_000));
        let at = self.usdc.contract.unwrap();
        keeper(&self.l1, at, &IToken::mintCall { to, amount });
        self.settings.wallets.push(second);
        second
    }

    /// Base units of USDC that the wallet has in a vault.
    pub fn in_vault(&self, index: usize) -> U256 {
        self.in_vault_of(self.wallet, index)
    }

    pub fn in_vault_of(&self, account: Address, index: usize) -> U256 {
        let vault = self.vaults[index];
        let shares = ask(&self.l1, vault, &IVault::balanceOfCall { account });
        ask(&self.l1, vault, &IVault::convertToAssetsCall { shares })
    }

    pub fn balance(&self, chain: &PaperChain, token: &Token) -> U256 {
        let account = self.wallet;
        let at = token.contract.unwrap();
        ask(chain, at, &IToken::balanceOfCall { account })
    }

    pub fn allowance(&self, spender: Address) -> U256 {
        let owner = self.wallet;
        let at = self.usdc.contract.unwrap();
        ask(&self.l1, at, &IToken::allowanceCall { owner, spender })
    }

    /// Somebody gives the wallet USDC on the L1.
    pub fn deposit(&self, whole: u64) {
        let (to, amount) = (self.wallet, usdc(whole));
        let at = self.usdc.contract.unwrap();
        keeper(&self.l1, at, &IToken::transferCall { to, amount });
    }

    /// Every transaction of the wallet in a chain: nonce, hash, whether it succeeded, the call.
    pub fn sent(&self, chain: &PaperChain) -> Vec<Sent> {
        let mut found = Vec::new();
        for number in 0..=chain.head().number {
            let block = chain
                .request(
                    "eth_getBlockByNumber",
                    json!([format!("{number:#x}"), true]),
                )
                .unwrap();
            for tx in block["transactions"].as_array().unwrap() {
                if tx["from"] != json!(self.wallet) {
                    continue;
                }
                let receipt = chain
                    .request("eth_getTransactionReceipt", json!([tx["hash"]]))
                    .unwrap();
                found.push(Sent {
                    nonce: quantity(&tx["nonce"]),
                    hash: tx["hash"].as_str().unwrap().to_owned(),
                    succeeded: receipt["status"] == "0x1",
                    to: serde_json::from_value(tx["to"].clone()).unwrap(),
                });
            }
        }
        found
    }
}

fn quantity(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub nonce: u64,
    pub hash: String,
    pub succeeded: bool,
    pub to: Address,
}
