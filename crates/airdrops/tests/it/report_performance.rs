//! Performance from a journal, its tables, and the pictures.

use std::collections::BTreeMap;

use airdrops::report::performance::{Row, Scope};
use airdrops::report::picture::calibration::{Bin, reliability};
use airdrops::report::picture::frontier::{Frontier, Spot, frontier};
use airdrops::report::picture::histogram::{Payoffs, payoffs};
use airdrops::report::picture::{bars, stack, waterfall};
use airdrops::report::{Report, html, terminal};
use airdrops_types::{
    Address, AssetId, B256, BlockRef, Call, ChainId, ChainView, Entry, EquityPoint, I256, Intent,
    IntentId, JournalEntry, Origin, Outcome, Position, PositionDelta, PositionLeg, PositionView,
    Price, ProtocolId, Purpose, Reading, Snapshot, TaskId, Timestamp, Token, TokenDelta, TxResult,
    U256, Usd, Verdict,
};

use crate::journal::{chain_names, farm};

const DAY: i64 = 86_400_000;
/// A name that must not become markup.
const VAULT: &str = "vault<b>";

fn usdc() -> Token {
    Token {
        chain: ChainId(1),
        contract: Some(Address::with_last_byte(3)),
        asset: AssetId::new("USDC"),
        decimals: 6,
    }
}

struct Farm {
    entries: Vec<JournalEntry>,
    block: u64,
}

/// What a transaction does to the wallet's dollars, and whether a position moves by as much.
struct Deal<'a> {
    task: &'a str,
    protocol: &'a str,
    wallet: i64,
    moves_position: bool,
    fee: i64,
    result: TxResult,
}

impl Farm {
    fn new() -> Self {
        Self {
            entries: Vec::new(),
            block: 1,
        }
    }

    fn write(&mut self, day: i64, entry: Entry) {
        let seq = self.entries.len() as u64 + 1;
        self.entries.push(JournalEntry {
            seq,
            at: Timestamp(day * DAY),
            entry,
            hash: B256::with_last_byte(seq as u8),
        });
    }

    /// A snapshot in which the vault is worth this, and equity.
    fn see(&mut self, day: i64, vault: i64, equity: i64) {
        let at = Timestamp(day * DAY);
        let fresh = |number| Reading::Fresh {
            value: BlockRef {
                number,
                hash: B256::ZERO,
                time: at,
            },
            at,
        };
        let chain = ChainView {
            head: fresh(self.block),
            base_fee: Reading::Fresh { value: 1, at },
            gas_asset: AssetId::new("ETH"),
        };
        let snapshot = Snapshot {
            at,
            chains: BTreeMap::from([(ChainId(1), chain)]),
            prices: BTreeMap::from([(
                AssetId::new("USDC"),
                Reading::Fresh {
                    value: Price(Price::SCALE),
                    at,
                },
            )]),
            positions: vec![PositionView {
                wallet: Address::with_last_byte(9),
                protocol: ProtocolId::from(VAULT),
                position: Reading::Fresh {
                    value: Position {
                        legs: vec![PositionLeg {
                            amount: usdc().amount(U256::from(vault.unsigned_abs() * 1_000_000)),
                        }],
                        receipts: Vec::new(),
                    },
                    at,
                },
            }],
            ..Snapshot::default()
        };
        self.write(
            day,
            Entry::Observed {
                snapshot: Box::new(snapshot),
            },
        );
        self.write(
            day,
            Entry::Assessed {
                point: EquityPoint {
                    at,
                    equity: Usd::dollars(equity),
                    net_flows: Usd::ZERO,
                    gas: Usd::ZERO,
                },
                protocols: Vec::new(),
                assets: Vec::new(),
                base_fees: Vec::new(),
            },
        );
    }

    fn deal(&mut self, day: i64, deal: &Deal<'_>) {
        self.block += 1;
        let task = TaskId::from(deal.task);
        let step = u32::try_from(self.block).unwrap();
        let amount = |dollars: i64| I256::try_from(dollars * 1_000_000).unwrap();
        let usdc_of = |dollars: i64| usdc().amount(U256::from(dollars.unsigned_abs() * 1_000_000));
        let intent = Intent {
            id: IntentId::derive(&task, step),
            task: task.clone(),
            step,
            origin: Origin::Scheduler,
            purpose: Purpose::Operation {
                verb: "supply".into(),
            },
            chain: ChainId(1),
            wallet: Address::with_last_byte(9),
            protocol: ProtocolId::from(deal.protocol),
            call: Call {
                to: Address::with_last_byte(8),
                value: U256::ZERO,
                data: Default::default(),
            },
            spend: (deal.wallet < 0)
                .then(|| usdc_of(deal.wallet))
                .into_iter()
                .collect(),
            receive: (deal.wallet > 0)
                .then(|| usdc_of(deal.wallet))
                .into_iter()
                .collect(),
            allowances: Vec::new(),
            positions: deal
                .moves_position
                .then(|| PositionDelta {
                    protocol: ProtocolId::from(deal.protocol),
                    token: usdc(),
                    delta: amount(-deal.wallet),
                })
                .into_iter()
                .collect(),
            summary: "deal".into(),
            simulation: None,
        };
        let id = intent.id;
        self.write(
            day,
            Entry::Decided {
                intent: Box::new(intent),
                observed_at: Timestamp(day * DAY),
                gate: serde_json::Value::Null,
                verdict: Verdict::Refused {
                    reasons: Vec::new(),
                },
            },
        );
        self.write(
            day,
            Entry::Settled {
                task,
                outcome: Box::new(Outcome {
                    intent: id,
                    chain: ChainId(1),
                    wallet: Address::with_last_byte(9),
                    nonce: 0,
                    tx: B256::ZERO,
                    block: BlockRef {
                        number: self.block,
                        hash: B256::ZERO,
                        time: Timestamp(day * DAY),
                    },
                    result: deal.result.clone(),
                    gas_used: 1,
                    fee: U256::ZERO,
                    deltas: vec![TokenDelta {
                        token: usdc(),
                        delta: amount(deal.wallet),
                    }],
                }),
                fee: Usd::dollars(deal.fee),
                summary: "deal".into(),
            },
        );
    }
}

fn deal<'a>(task: &'a str, protocol: &'a str, wallet: i64, moves_position: bool) -> Deal<'a> {
    Deal {
        task,
        protocol,
        wallet,
        moves_position,
        fee: 0,
        result: TxResult::Succeeded,
    }
}

/// Two tasks put 1,000 and 500 into a vault that gains 10 %; a third takes 660 out; an exchange
/// loses 3, a claim brings 20, one transaction fails for 2.
fn journal() -> Vec<JournalEntry> {
    let mut farm = Farm::new();
    farm.see(0, 0, 10_000);
    farm.deal(0, &deal("farm/deposit#1", VAULT, -1_000, true));
    farm.see(1, 1_000, 10_000);
    farm.deal(1, &deal("farm/second#1", VAULT, -500, true));
    farm.see(2, 1_500, 10_000);
    farm.see(3, 1_650, 10_150);
    farm.deal(3, &deal("exit/out#1", VAULT, 660, true));
    farm.deal(3, &deal("swap/buy#1", "exchange", -3, false));
    farm.deal(3, &deal("claims/claim#1", "drop", 20, false));
    farm.deal(
        3,
        &Deal {
            fee: 2,
            result: TxResult::Reverted { out_of_gas: false },
            ..deal("farm/deposit#2", VAULT, 0, true)
        },
    );
    farm.see(4, 990, 10_165);
    farm.see(5, 990, 10_165);
    farm.entries
}

fn report() -> Report {
    Report::from_journal(&journal(), chain_names())
}

fn row<'a>(report: &'a Report, scope: Scope, name: &str) -> &'a Row {
    report
        .performance
        .rows
        .iter()
        .find(|row| row.scope == scope && row.name == name)
        .unwrap()
}

fn close(measured: f64, expected: f64) {
    assert!(
        (measured - expected).abs() < 1e-9,
        "{measured} is not {expected}"
    );
}

#[test]
fn gains_of_a_protocol_go_to_tasks_by_what_they_own() {
    let report = report();
    let deposit = row(&report, Scope::Task, "farm/deposit");
    let second = row(&report, Scope::Task, "farm/second");
    // 10 % of 1,000 less the failed transaction, and 10 % of 500.
    assert_eq!(deposit.profit, Usd::dollars(98));
    assert_eq!(second.profit, Usd::dollars(50));
    // Who takes out without owning takes from the others, and gains nothing.
    assert_eq!(row(&report, Scope::Task, "exit/out").profit, Usd::ZERO);
    close(second.measures.time_weighted.unwrap(), 0.1);
    let vault = row(&report, Scope::Protocol, VAULT);
    assert_eq!(vault.profit, Usd::dollars(148));
    assert_eq!(vault.measures.end, Usd::dollars(990));
    // 1650/1500, then 988/990 for the failed transaction (taken as paid at the end).
    close(
        vault.measures.time_weighted.unwrap(),
        1.1 * (1_648.0 / 1_650.0) - 1.0,
    );
    assert_eq!(
        row(&report, Scope::Strategy, "farm").profit,
        Usd::dollars(148)
    );
}

#[test]
fn exchanges_claims_and_failures_are_told_apart() {
    let report = report();
    let portfolio = report.performance.portfolio().unwrap();
    let costs = portfolio.measures.costs;
    assert_eq!(
        (costs.gas, costs.failed, costs.slippage),
        (Usd::ZERO, Usd::dollars(2), Usd::dollars(3))
    );
    assert_eq!(portfolio.income, Usd::dollars(20));
    assert_eq!(portfolio.profit, Usd::dollars(165));
    assert_eq!(
        row(&report, Scope::Protocol, "exchange").profit,
        Usd::dollars(-3)
    );
    assert_eq!(
        row(&report, Scope::Task, "claims/claim").profit,
        Usd::dollars(20)
    );
    // A scope that never held anything has no return, and says so.
    assert!(
        row(&report, Scope::Protocol, "exchange")
            .measures
            .time_weighted
            .is_err()
    );
}

#[test]
fn what_no_snapshot_shows_yet_moves_no_position() {
    let mut entries = Farm::new();
    entries.see(0, 0, 10_000);
    entries.deal(0, &deal("farm/deposit#1", VAULT, -1_000, true));
    // The snapshot is of a block before.
    entries.block -= 1;
    entries.see(1, 0, 10_000);
    let report = Report::from_journal(&entries.entries, chain_names());
    assert_eq!(row(&report, Scope::Task, "farm/deposit").profit, Usd::ZERO);
}

#[test]
fn contributions_sum_to_the_return_and_shares_of_risk_to_one() {
    let report = report();
    let parts = &report.performance.parts;
    let sum: f64 = parts.rows.iter().map(|part| part.contribution).sum();
    close(sum, 10_165.0 / 10_000.0 - 1.0);
    close(parts.total.unwrap(), sum);
    let risk: f64 = parts.rows.iter().map(|part| part.risk.unwrap()).sum();
    close(risk, 1.0);
    assert!(parts.rows.len() >= 3);
}

#[test]
fn weights_sum_to_the_whole_at_every_instant() {
    let weights = report().performance.weights;
    assert_eq!(weights.times.len(), 6);
    for at in 0..weights.times.len() {
        close(
            weights.bands.iter().map(|(_, shares)| shares[at]).sum(),
            1.0,
        );
    }
    close(weights.bands[0].1[2], 0.15);
}

#[test]
fn the_tables_have_a_row_per_scope() {
    let report = report();
    let folder = tempfile::tempdir().unwrap();
    let written = report.performance.write_csv(folder.path()).unwrap();
    assert_eq!(written.len(), 4);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let mut scopes = csv::Reader::from_path(folder.path().join("performance.csv")).unwrap();
    let columns = scopes.headers().unwrap().len();
    let rows: Vec<csv::StringRecord> = scopes.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), report.performance.rows.len());
    assert!(rows.iter().all(|row| row.len() == columns));
    assert!(read("weights.csv").starts_with("time,vault<b>,in wallets"));
    assert!(read("contributions.csv").lines().count() > 3);
    assert!(read("index.csv").lines().count() > 6);
    let file = folder.path().join("one.csv");
    assert_eq!(report.performance.write_csv(&file).unwrap().len(), 1);
    let nowhere = folder.path().join("no").join("where.csv");
    assert!(
        report
            .performance
            .write_csv(&nowhere)
            .unwrap_err()
            .contains("where.csv")
    );
}

#[test]
fn json_has_figures_or_reasons() {
    let json = report().json();
    let scopes = json["performance"]["scopes"].as_array().unwrap();
    for scope in scopes {
        for (name, figure) in scope["figures"].as_object().unwrap() {
            assert_eq!(
                figure.is_null(),
                scope["undefined"].get(name).is_some(),
                "{name}"
            );
        }
    }
    assert_eq!(scopes[0]["scope"], "portfolio");
    assert_eq!(scopes[0]["profit_micro_usd"], 165_000_000);
}

#[test]
fn the_page_has_each_picture_once_and_escapes_names() {
    let page = html::render(&report());
    for title in [
        "Drawdown",
        "Equity against equal weight",
        "Weights over time",
        "Risk contributions",
        "Cost waterfall",
    ] {
        let caption = format!("<span class=\"name\">{title}</span>");
        assert_eq!(page.matches(&caption).count(), 1, "{title}");
    }
    // Without limits there is no headroom, and the page says why.
    assert!(page.contains("Headroom per limit is left out: "));
    assert!(!page.contains("vault<b>") && page.contains("vault&lt;b&gt;"));
    assert!(!page.contains("NaN") && !page.contains("inf%"));
    for outside in ["http://", "https://", "<script", "src="] {
        assert!(!page.contains(outside), "{outside}");
    }
    let text = terminal::render(&report());
    assert!(text.contains("Performance of the portfolio") && text.contains("$165.00"));
}

#[test]
fn a_journal_without_snapshots_says_which_pictures_are_left_out() {
    let report = Report::from_journal(&farm(30).entries, chain_names());
    let page = html::render(&report);
    for title in ["Equity against equal weight", "Weights over time"] {
        assert!(page.contains(&format!("{title} is left out: ")), "{title}");
    }
    assert!(page.contains("<span class=\"name\">Headroom per limit</span>"));
    // Gas is booked, whether a snapshot shows it or not.
    let costs = report.performance.portfolio().unwrap().measures.costs;
    assert_eq!(costs.gas + costs.failed, report.totals.fees);
}

/// All pictures beside each other, for a look in a browser.
fn gallery() -> String {
    let frontier = frontier(&Frontier {
        curve: (0..40)
            .map(|step| {
                let risk = 0.08 + 0.012 * f64::from(step);
                (risk, 0.02 + 0.42 * (risk - 0.078).sqrt())
            })
            .collect(),
        assets: vec![
            Spot {
                name: "<i>ETH".into(),
                risk: 0.55,
                reward: 0.12,
            },
            Spot {
                name: "vault".into(),
                risk: 0.2,
                reward: 0.09,
            },
        ],
        current: Some(Spot {
            name: "now".into(),
            risk: 0.3,
            reward: 0.15,
        }),
        target: Some(Spot {
            name: "target".into(),
            risk: 0.25,
            reward: 0.19,
        }),
    });
    let bins: Vec<Bin> = [
        (0.08, 0.05, 60),
        (0.25, 0.31, 35),
        (0.5, 0.44, 25),
        (0.8, 0.86, 14),
    ]
    .map(|(forecast, observed, count)| Bin {
        forecast,
        observed,
        count,
    })
    .to_vec();
    let gross: Vec<f64> = (0..1_000)
        .map(|draw| match draw % 25 {
            0 => 0.0,
            1..=17 => 0.97 + 0.0005 * f64::from(draw % 20),
            rest => 1.0 + 0.15 * (f64::from(draw) / 130.0).exp() * f64::from(rest - 16) / 8.0,
        })
        .collect();
    let payoffs = payoffs(&Payoffs {
        probabilities: vec![0.001; gross.len()],
        gross,
    });
    let pictures = [
        ("frontier", frontier),
        ("calibration", reliability(&bins)),
        ("payoffs", payoffs),
    ];
    let figures: String = pictures
        .into_iter()
        .map(|(name, picture)| format!("<section>{}</section>", picture.expect(name).into_string()))
        .collect();
    let style = include_str!("../../src/report/style.css");
    format!("<!DOCTYPE html><meta charset=utf-8><style>{style}</style><main>{figures}</main>")
}

#[test]
fn pictures_of_estimates_are_drawn_from_plain_data() {
    let gallery = gallery();
    for title in ["Efficient frontier", "Calibration", "Payoff histogram"] {
        let caption = format!("<span class=\"name\">{title}</span>");
        assert_eq!(gallery.matches(&caption).count(), 1, "{title}");
    }
    assert!(gallery.contains("&lt;i&gt;ETH") && !gallery.contains("<i>ETH"));
    assert!(gallery.contains("134 forecasts"));
    assert!(gallery.contains("A total loss has probability 4 %"));
    assert!(!gallery.contains("NaN"));
    if let Ok(path) = std::env::var("AIRDROPS_TEST_PICTURES") {
        std::fs::write(path, &gallery).unwrap();
    }
}

#[test]
fn pictures_without_data_say_why() {
    assert!(frontier(&Frontier::default()).is_err());
    let bad = Frontier {
        curve: vec![(0.1, 0.1), (0.2, f64::NAN)],
        ..Frontier::default()
    };
    assert!(frontier(&bad).is_err());
    assert!(reliability(&[]).is_err());
    let out = Bin {
        forecast: 1.5,
        observed: 0.5,
        count: 3,
    };
    assert!(reliability(&[out]).is_err());
    let none = Payoffs {
        gross: Vec::new(),
        probabilities: Vec::new(),
    };
    assert!(payoffs(&none).is_err());
    let unsummed = Payoffs {
        gross: vec![1.0, 2.0],
        probabilities: vec![0.5, 0.4],
    };
    assert!(payoffs(&unsummed).is_err());
    assert!(bars::headroom(&[]).is_err());
    assert!(bars::risk(&[]).is_err());
    assert!(stack::weights(&[Timestamp(0)], &[]).is_err());
    let uneven = [("a".to_owned(), vec![0.5])];
    assert!(stack::weights(&[Timestamp(0), Timestamp(1)], &uneven).is_err());
    let label = |value: f64| format!("{value:.0}");
    assert!(waterfall::costs(5.0, &[("gas".into(), 0.0)], label).is_err());
    assert!(waterfall::costs(f64::INFINITY, &[("gas".into(), -1.0)], label).is_err());
}

#[test]
fn more_protocols_than_colours_share_one() {
    let times: Vec<Timestamp> = (0..900).map(|hour| Timestamp(hour * 3_600_000)).collect();
    let mut bands: Vec<(String, Vec<f64>)> = (0..12)
        .map(|band| {
            (
                format!("p{band}"),
                vec![0.01 + 0.002 * f64::from(band); times.len()],
            )
        })
        .collect();
    bands.push(("in wallets".to_owned(), vec![0.5; times.len()]));
    let picture = stack::weights(&times, &bands).unwrap().into_string();
    assert!(picture.contains("5 others"));
    assert_eq!(picture.matches("<polygon").count(), 9);
    assert!(picture.len() < 200_000, "{}", picture.len());
}
