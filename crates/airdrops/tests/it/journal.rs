//! A journal made by hand, as a demo of `days` days would leave it.

use std::collections::BTreeMap;

use airdrops_types::{
    Address, AssetId, B256, BlockRef, Bps, Call, ChainId, ControlState, Entry, EquityPoint, Intent,
    IntentId, JournalEntry, Origin, Outcome, PermitTerms, ProtocolId, Purpose, Reason, Reservation,
    Scope, TaskId, TaskState, Timestamp, Trip, TxResult, U256, Usd, Verdict,
};

const START: i64 = 1_767_225_600_000;
const HOUR: i64 = 3_600_000;

pub(crate) struct Book {
    pub(crate) entries: Vec<JournalEntry>,
    at: Timestamp,
}

impl Book {
    pub(crate) fn new() -> Self {
        Self {
            entries: Vec::new(),
            at: Timestamp(START),
        }
    }

    pub(crate) fn write(&mut self, entry: Entry) {
        let seq = self.entries.len() as u64 + 1;
        self.entries.push(JournalEntry {
            seq,
            at: self.at,
            entry,
            hash: B256::with_last_byte(seq as u8),
        });
    }

    pub(crate) fn task(
        &mut self,
        task: &str,
        from: Option<TaskState>,
        to: TaskState,
        reason: &str,
    ) {
        self.write(Entry::Task {
            task: TaskId::from(task),
            from,
            to,
            reason: reason.into(),
            not_before: None,
        });
    }

    pub(crate) fn refuse(&mut self, task: &str, reasons: Vec<Reason>) {
        let intent = intent(task, 0);
        self.write(Entry::Decided {
            intent: Box::new(intent),
            observed_at: self.at,
            gate: serde_json::Value::Null,
            verdict: Verdict::Refused { reasons },
        });
    }

    pub(crate) fn pay(&mut self, task: &str, step: u32, fee: Usd, result: TxResult) {
        let intent = intent(task, step);
        let id = intent.id;
        let terms = PermitTerms {
            intent: id,
            granted_at: self.at,
            expires_at: self.at,
            gas_limit: 100_000,
            max_fee_per_gas: 1,
            max_priority_fee_per_gas: 1,
            control_revision: 0,
            reservation: Reservation {
                intent: id,
                chain: ChainId(1),
                protocols: Vec::new(),
                assets: Vec::new(),
                nodes: Vec::new(),
                booked_at: None,
            },
        };
        self.write(Entry::Decided {
            intent: Box::new(intent),
            observed_at: self.at,
            gate: serde_json::Value::Null,
            verdict: Verdict::Permitted { terms },
        });
        self.write(Entry::Signed {
            intent: id,
            task: TaskId::from(task),
            chain: ChainId(1),
            wallet: Address::with_last_byte(9),
            nonce: 0,
            tx: B256::with_last_byte(1),
            summary: "supply 500 USDC to aerie".into(),
        });
        self.write(Entry::Settled {
            task: TaskId::from(task),
            outcome: Box::new(Outcome {
                intent: id,
                chain: ChainId(1),
                wallet: Address::with_last_byte(9),
                nonce: 0,
                tx: B256::with_last_byte(1),
                block: BlockRef {
                    number: 1,
                    hash: B256::ZERO,
                    time: self.at,
                },
                result,
                gas_used: 90_000,
                fee: U256::from(1),
                deltas: Vec::new(),
            }),
            fee,
            summary: format!("supply 500 USDC to aerie: done, fee {fee}"),
        });
    }
}

fn intent(task: &str, step: u32) -> Intent {
    let task = TaskId::from(task);
    Intent {
        id: IntentId::derive(&task, step),
        task,
        step,
        origin: Origin::Scheduler,
        purpose: Purpose::Operation {
            verb: "supply".into(),
        },
        chain: ChainId(1),
        wallet: Address::with_last_byte(9),
        protocol: ProtocolId::from("aerie"),
        call: Call {
            to: Address::with_last_byte(8),
            value: U256::ZERO,
            data: Default::default(),
        },
        spend: Vec::new(),
        receive: Vec::new(),
        allowances: Vec::new(),
        positions: Vec::new(),
        summary: "supply 500 USDC to aerie".into(),
        simulation: None,
    }
}

pub(crate) fn gas_ceiling() -> Reason {
    Reason::GasCeiling {
        chain: ChainId(1),
        base_fee: 91_500_000_000,
        ceiling: 60_000_000_000,
    }
}

pub(crate) fn chain_names() -> BTreeMap<ChainId, String> {
    BTreeMap::from([
        (ChainId(1), "mainnet".into()),
        (ChainId(10), "rollup".into()),
    ])
}

/// `days` days with a point an hour, a campaign a day, a gas spike, an incident and a deposit.
pub(crate) fn farm(days: i64) -> Book {
    let mut book = Book::new();
    book.write(Entry::Started {
        version: "0.1.0".into(),
        mode: "demo".into(),
        seed: 1,
        policy: serde_json::json!({
            "protocol_limit": 2000, "protocol_limits": { "pairs": 1500 },
            "asset_limit": 3000, "asset_limits": { "USDC": 10000 },
            "gas_ceilings": { "1": 60_000_000_000_u64 },
        }),
        monitor: serde_json::Value::Null,
    });
    let mut gas = Usd::ZERO;
    for hour in 0..days * 24 {
        book.at = Timestamp(START + hour * HOUR);
        let (day, of_day) = (hour / 24, hour % 24);
        let task = format!("farm/deposit#{}", day + 1);
        match of_day {
            9 => book.task(&task, None, TaskState::Ready, "campaign farm fired"),
            10 if day % 7 == 3 => {
                book.refuse(&task, vec![gas_ceiling()]);
                book.task(
                    &task,
                    Some(TaskState::Ready),
                    TaskState::Deferred,
                    "base fee too high",
                );
            }
            11..=15 if day % 7 == 3 => book.refuse(&task, vec![gas_ceiling()]),
            16 if day % 7 == 3 => {
                book.task(
                    &task,
                    Some(TaskState::Deferred),
                    TaskState::Running,
                    "gas is cheap again",
                );
            }
            10 => book.task(
                &task,
                Some(TaskState::Ready),
                TaskState::Running,
                "permitted",
            ),
            18 => {
                let fee = Usd(1_234_567 + i128::from(day) * 10_000);
                let result = if day == 20 {
                    TxResult::Reverted { out_of_gas: false }
                } else {
                    TxResult::Succeeded
                };
                book.pay(&task, 1, fee, result);
                gas += fee;
                let end = if day == 20 {
                    TaskState::Failed
                } else {
                    TaskState::Completed
                };
                book.task(&task, Some(TaskState::Running), end, "all steps are final");
            }
            _ => {}
        }
        if hour == 30 * 24 {
            let trip = Trip {
                scope: Scope::Protocol(ProtocolId::from("pair")),
                breaker: "manual".into(),
                state: ControlState::Reducing,
                since: book.at,
                evidence: "incident at the pair's router".into(),
            };
            book.write(Entry::Tripped {
                trip,
                by: "ada".into(),
            });
        }
        if hour == 41 * 24 + 6 {
            let trip = Trip {
                scope: Scope::Everything,
                breaker: "rolling-loss".into(),
                state: ControlState::Halted,
                since: book.at,
                evidence: "equity fell 10.40 % in 24 h, limit 10 %".into(),
            };
            book.write(Entry::Tripped {
                trip,
                by: "breaker".into(),
            });
        }
        if hour == 43 * 24 {
            book.write(Entry::Cleared {
                scope: Scope::Everything,
                breaker: "rolling-loss".into(),
                by: "ada".into(),
                reason: "looked at it".into(),
            });
        }
        let wave = ((hour as f64) / 17.0).sin() * 140.0 + ((hour as f64) / 61.0).cos() * 90.0;
        let shock = if (41 * 24..47 * 24).contains(&hour) {
            -1_050.0
        } else {
            0.0
        };
        let deposit = if hour > 20 * 24 { 2_000.0 } else { 0.0 };
        let equity = 10_000.0 + deposit + hour as f64 * 0.7 + wave + shock;
        let dollars = |value: f64| Usd((value * 1e6) as i128);
        let ramp = (hour as f64 / 200.0).min(1.0);
        book.write(Entry::Assessed {
            point: EquityPoint {
                at: book.at,
                equity: dollars(equity),
                net_flows: dollars(deposit),
                gas,
            },
            protocols: vec![
                ("aerie".into(), dollars(equity * 0.17 * ramp)),
                (
                    "pairs".into(),
                    dollars(equity * 0.14 * ramp * (1.0 + (hour as f64 / 40.0).sin() * 0.05)),
                ),
            ],
            assets: vec![
                ("ETH".into(), dollars(equity * 0.22)),
                ("USDC".into(), dollars(equity * 0.74)),
            ],
            base_fees: vec![(ChainId(1), 20_000_000_000)],
        });
    }
    book.refuse(
        "farm/deposit#99",
        vec![
            Reason::AssetLimit {
                asset: AssetId::from("ETH"),
                measured: Usd::dollars(5000),
                bound: Usd::dollars(3000),
                limit: Bps(3000),
            },
            Reason::NotAllowed {
                what: "<script>alert('x')</script>".into(),
            },
        ],
    );
    book
}
