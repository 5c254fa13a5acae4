//! What must be true of a farm that is done: on the chain, in the database, in the journal.

use super::*;

impl Farm {
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

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
