//! The report's numbers, and that they are what the pages show.

use airdrops::narrate;
use airdrops::report::{Report, html, terminal};
use airdrops_types::{Bps, Entry, Reason, Usd};

use crate::journal::{Book, chain_names, farm};

fn report(days: i64) -> Report {
    Report::from_journal(&farm(days).entries, chain_names())
}

#[test]
fn totals_are_the_sums_over_the_journal() {
    let book = farm(60);
    let report = Report::from_journal(&book.entries, chain_names());
    let fees: Usd = book
        .entries
        .iter()
        .filter_map(|entry| match &entry.entry {
            Entry::Settled { fee, .. } => Some(*fee),
            _ => None,
        })
        .sum();
    let totals = &report.totals;
    assert_eq!(totals.fees, fees);
    assert_eq!(report.gas.iter().map(|row| row.fee).sum::<Usd>(), fees);
    assert_eq!(
        (totals.signed, totals.succeeded, totals.reverted),
        (60, 59, 1)
    );
    assert_eq!((totals.tasks, totals.completed, totals.failed), (60, 59, 1));
    // A gas spike on day 3 and every seventh day after makes nine, each of six refusals; and the
    // refusal at the end.
    assert_eq!(totals.refused, 9 * 6 + 1);
    assert_eq!(totals.flows, Usd::dollars(2000));
    assert_eq!(totals.profit, totals.end - totals.start - totals.flows);
    assert_eq!(totals.trips, 2);
    assert!(totals.max_drawdown > Bps(800) && totals.max_drawdown < Bps(1500));
}

#[test]
fn repeated_refusals_share_a_row_and_none_is_lost() {
    let report = report(60);
    let rows: u64 = report.refusals.iter().map(|row| row.count).sum();
    assert_eq!(rows, report.totals.refused);
    assert!(report.refusals.iter().any(|row| row.count == 6));
    let gas = report
        .refusal_groups
        .iter()
        .find(|group| group.code == "gas_ceiling");
    assert_eq!(gas.unwrap().count, report.totals.refused - 1);
}

#[test]
fn limits_come_from_the_policy_in_the_journal() {
    let report = report(2);
    let limit = |name: &str| {
        let exposure = report
            .exposures
            .iter()
            .find(|exposure| exposure.name == name);
        exposure.unwrap().limits.last().unwrap().1
    };
    assert_eq!(limit("aerie"), Bps(2000));
    assert_eq!(limit("pairs"), Bps(1500));
    assert_eq!(limit("ETH"), Bps(3000));
    assert_eq!(limit("USDC"), Bps(10_000));
}

#[test]
fn control_bands_cover_the_journal_without_gaps() {
    let report = report(60);
    assert_eq!(report.control.rows[0].0, "everything");
    for (scope, bands) in &report.control.rows {
        assert_eq!(Some(bands[0].from), report.from, "{scope}");
        assert_eq!(bands.last().map(|band| band.to), report.to, "{scope}");
        assert!(
            bands.windows(2).all(|pair| pair[0].to == pair[1].from),
            "{scope}"
        );
    }
    let halted = &report.control.rows[0].1[1];
    assert_eq!((halted.to.0 - halted.from.0) / 3_600_000, 42);
}

#[test]
fn the_page_shows_the_numbers_of_the_report() {
    let report = report(60);
    let page = html::render(&report);
    let text = terminal::render(&report);
    let totals = &report.totals;
    for value in [totals.start, totals.end, totals.profit, totals.fees] {
        assert!(page.contains(&value.to_string()), "page lacks {value}");
        assert!(text.contains(&value.to_string()), "text lacks {value}");
    }
    assert!(page.contains(&format!(">{}<", totals.max_drawdown)));
    for row in &report.gas {
        assert!(page.contains(&row.fee.to_string()));
    }
    for exposure in &report.exposures {
        assert!(
            page.contains(&exposure.value.to_string()),
            "{}",
            exposure.name
        );
    }
    assert_eq!(
        page.matches("supply 500 USDC to aerie").count(),
        report.refusals.len()
    );
}

#[test]
fn the_page_is_self_contained_and_escaped() {
    let page = html::render(&report(60));
    assert!(!page.contains("<script"), "script");
    assert!(page.contains("&lt;script&gt;alert("));
    for outside in ["http://", "https://", "src=", "<link", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("prefers-color-scheme:dark"));
    assert!(page.len() < 600_000, "{} bytes", page.len());
    if let Ok(path) = std::env::var("AIRDROPS_TEST_REPORT") {
        std::fs::write(path, &page).unwrap();
    }
}

#[test]
fn every_chart_has_a_title_a_description_and_few_points() {
    let page = html::render(&report(60));
    let charts = page.matches("<svg").count();
    assert_eq!(
        charts, 8,
        "equity, drawdown, costs, four exposures, one base fee"
    );
    assert_eq!(page.matches("<title id=").count(), charts);
    assert_eq!(page.matches("<desc id=").count(), charts);
    for line in page.split("<polyline").skip(1) {
        let points = line
            .split("points=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let points = points.split(' ').count();
        assert!((2..=600).contains(&points), "{points}");
    }
}

#[test]
fn base_fees_are_drawn_against_the_ceiling_that_was_in_force() {
    let report = report(60);
    let [fees] = report.base_fees.as_slice() else {
        panic!("{:?}", report.base_fees);
    };
    assert_eq!(fees.chain, "mainnet");
    assert_eq!(fees.fees.len(), report.equity.len());
    assert!(fees.fees.iter().all(|(_, wei)| *wei == 20_000_000_000));
    assert_eq!(fees.ceilings.len(), fees.fees.len());
    assert!(fees.ceilings.iter().all(|(_, wei)| *wei == 60_000_000_000));
    let page = html::render(&report);
    assert!(page.contains("At its highest 20 gwei, the ceiling at the end is 60 gwei."));
}

#[test]
fn the_state_at_the_end_is_the_first_tile() {
    let page = html::render(&report(60));
    let tile = page.split("div class=\"tile\"").nth(1).unwrap();
    assert!(
        tile.contains("reducing") && tile.contains("protocol pair"),
        "{tile}"
    );
    let page = html::render(&report(20));
    let tile = page.split("div class=\"tile\"").nth(1).unwrap();
    assert!(
        tile.contains("active") && tile.contains("never halted"),
        "{tile}"
    );
}

#[test]
fn text_tables_fit_a_hundred_columns_and_lose_nothing() {
    let mut book = farm(3);
    book.refuse(
        "farm/deposit#99",
        vec![Reason::NotAllowed {
            what: format!("{}and this is the end", "many words ".repeat(30)),
        }],
    );
    let report = Report::from_journal(&book.entries, chain_names());
    let text = terminal::render(&report);
    let table = text.split("Refused for").nth(1).unwrap();
    for line in table.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    // Words are wrapped, not cut.
    assert_eq!(table.matches("many").count(), 30, "{table}");
    assert!(table.contains("end"), "{table}");
}

#[test]
fn lines_call_chains_by_name_and_hashes_short() {
    let names = chain_names();
    assert_eq!(
        narrate::named(
            &names,
            "supply to pool (chain 10), not chain 1 or chain 100"
        ),
        "supply to pool on rollup, not mainnet or chain 100"
    );
    let book = farm(1);
    let line = |kind: &str| {
        let found = book
            .entries
            .iter()
            .find(|entry| narrate::kind(&entry.entry) == kind);
        narrate::line(&names, &found.unwrap().entry)
    };
    assert_eq!(
        line("signed"),
        "farm/deposit#1: supply 500 USDC to aerie on mainnet, nonce 0, 0x0000…0001"
    );
    assert_eq!(
        line("settled"),
        "farm/deposit#1: supply 500 USDC to aerie: done, fee $1.23"
    );
}

#[test]
fn mode_is_said_first() {
    let mut book = Book::new();
    for (mode, words) in [
        ("paper", "No real money moved"),
        ("live", "were real"),
        ("demo", "simulated world"),
    ] {
        book.write(Entry::Started {
            version: "0.1.0".into(),
            mode: mode.into(),
            seed: 1,
            policy: serde_json::Value::Null,
            monitor: serde_json::Value::Null,
        });
        let report = Report::from_journal(&book.entries, chain_names());
        assert!(html::render(&report).contains(words), "{mode}");
        assert!(terminal::render(&report).contains(words), "{mode}");
    }
}

#[test]
fn empty_and_tiny_journals_have_a_report() {
    let empty = Report::from_journal(&[], chain_names());
    assert!(html::render(&empty).contains("The journal is empty"));
    assert!(terminal::render(&empty).contains("The journal is empty"));
    let mut book = Book::new();
    book.write(Entry::Note {
        text: "hello".into(),
    });
    let report = Report::from_journal(&book.entries, chain_names());
    assert!(html::render(&report).contains("Equity was never assessed"));
    let farm = farm(1);
    for length in 1..=farm.entries.len() {
        let report = Report::from_journal(&farm.entries[..length], chain_names());
        assert!(!html::render(&report).contains("NaN"), "{length}");
        assert!(!terminal::render(&report).is_empty());
    }
}
