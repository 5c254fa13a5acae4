//! The demo shows what it promises, and repeats exactly.

use std::path::Path;
use std::time::Duration;

use airdrops::demo::{Demo, Farmed};
use airdrops_runtime::{Listener, replay::replay};
use airdrops_store::{Access, JournalCheck, Options, Sqlite, Store as _};
use airdrops_types::{Bps, Entry, JournalEntry, TaskState, TxResult, Verdict};

fn farm(seed: u64, days: u64, database: &Path) -> Farmed {
    let listener = || -> Listener { Box::new(|_, _| {}) };
    let demo = Demo {
        seed,
        days,
        database,
        listener: &listener,
        progress: &|_| {},
    };
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(demo.run())
        .expect("the demo farms")
}

fn position(journal: &[JournalEntry], what: &str, is: impl Fn(&Entry) -> bool) -> usize {
    journal
        .iter()
        .position(|entry| is(&entry.entry))
        .unwrap_or_else(|| panic!("the journal has no {what}"))
}

fn completed(journal: &[JournalEntry], name: &str) -> bool {
    journal.iter().any(|entry| {
        matches!(&entry.entry, Entry::Task { task, to: TaskState::Completed, .. }
            if task.as_str() == name)
    })
}

#[test]
fn sixty_days_of_farming_show_every_part_of_the_flow() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("demo.sqlite");
    let journal = farm(1, 60, &database).journal;

    for task in [
        "open-l1/deposit#1",
        "open-l2/bridge#1",
        "open-l2/wrap#1",
        "open-l2/deposit#1",
        "open-l2/provide#1",
        "weekly-swap/buy#1",
        "weekly-swap/buy#8",
        "top-up/deposit#1",
        "airdrop/claim#1",
    ] {
        assert!(completed(&journal, task), "{task} did not complete");
    }

    // The gas spike: a task waits, and the journal says why and until when.
    position(&journal, "task that waits for gas", |entry| {
        matches!(entry, Entry::Task { to: TaskState::Deferred, reason, not_before: Some(_), .. }
            if reason.contains("base fee"))
    });

    // The crash: the loss breaker trips, what would add exposure is held, the halt survives a restart.
    let tripped = position(
        &journal,
        "loss trip",
        |entry| matches!(entry, Entry::Tripped { trip, .. } if trip.breaker == "rolling-loss"),
    );
    let cleared = position(
        &journal,
        "resume",
        |entry| matches!(entry, Entry::Cleared { breaker, .. } if breaker == "rolling-loss"),
    );
    position(
        &journal,
        "stop that ends by itself",
        |entry| matches!(entry, Entry::Cleared { breaker, by, .. } if breaker == "volatility" && by == "breaker"),
    );
    let restarted = journal
        .iter()
        .rposition(|entry| matches!(entry.entry, Entry::Started { .. }))
        .expect("two starts");
    assert!(tripped < restarted && restarted < cleared);
    let halted = &journal[tripped..cleared];
    assert!(
        halted.iter().any(|entry| matches!(&entry.entry,
            Entry::Task { to: TaskState::Deferred, reason, not_before: None, .. }
                if reason.contains("everything is halted: rolling-loss"))),
        "nothing was held while halted"
    );
    assert!(
        !halted
            .iter()
            .any(|entry| matches!(entry.entry, Entry::Signed { .. })),
        "something was signed while halted"
    );
    assert!(
        journal[cleared..]
            .iter()
            .any(|entry| matches!(entry.entry, Entry::Signed { .. })),
        "nothing went on after the resume"
    );

    // Capital follows a plan: it was made before anything was placed, again when the crash stopped
    // everything, and what the crash left above a limit is taken out.
    let plans: Vec<(usize, &str, &[String])> = journal
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| match &entry.entry {
            Entry::Rebalanced {
                trigger, orders, ..
            } => Some((index, trigger.as_str(), orders.as_slice())),
            _ => None,
        })
        .collect();
    assert!(plans[0].2.len() >= 3, "{:?}", plans[0]);
    let stopped = plans
        .iter()
        .find(|(_, trigger, _)| trigger.contains("is halted"));
    let (index, _, orders) = stopped.expect("a plan under the halt");
    assert!(tripped < *index && *index < cleared && orders.is_empty());
    assert!(completed(&journal, "trim/withdraw#4"));
    let trifles = journal.iter().filter(|entry| {
        matches!(&entry.entry, Entry::Signed { task, .. }
            if task.as_str().starts_with("trim/withdraw#1"))
    });
    assert_eq!(trifles.count(), 0, "nothing is moved for a trifle");

    // One outcome per signature, all as intended; the airdrop is profit.
    let signed = journal
        .iter()
        .filter(|entry| matches!(entry.entry, Entry::Signed { .. }))
        .count();
    let settled = journal
        .iter()
        .filter(|entry| {
            matches!(&entry.entry, Entry::Settled { outcome, .. }
                if outcome.result == TxResult::Succeeded)
        })
        .count();
    assert_eq!(signed, settled);
    assert!(signed > 40, "{signed}");

    // No permit claims more than one transaction may move of the equity measured just before.
    let mut equity = None;
    let mut claims = 0;
    for entry in &journal {
        if let Entry::Assessed { point, .. } = &entry.entry {
            equity = Some(point.equity);
        }
        if let Entry::Decided {
            verdict: Verdict::Permitted { terms },
            ..
        } = &entry.entry
        {
            for (_, value) in &terms.reservation.protocols {
                let most = equity.expect("equity is known").fraction(Bps(500));
                assert!(*value <= most, "{value} of at most {most}");
                claims += 1;
            }
        }
    }

    assert!(claims > 15, "{claims}");

    let replayed = replay(&journal);
    assert_eq!(replayed.differences, Vec::new());
    assert!(replayed.verdicts > 60 && replayed.allocations > 5 && replayed.plans > 5);

    let store =
        Sqlite::open(&database, Access::ReadOnly, Options::default()).expect("the database");
    assert!(matches!(
        store.verify_journal().expect("a check"),
        JournalCheck::Ok { entries, .. } if entries == journal.len() as u64
    ));
    let first = journal.first().expect("entries").at;
    let last = journal.last().expect("entries").at;
    assert!(last.since(first) > Duration::from_secs(59 * 86_400));
}

#[test]
fn one_seed_writes_one_journal_and_another_seed_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |seed, name: &str| farm(seed, 40, &folder.path().join(name)).journal;
    let (first, second) = (run(7, "a.sqlite"), run(7, "b.sqlite"));
    assert_eq!(first.len(), second.len());
    for (one, other) in first.iter().zip(&second) {
        assert_eq!(one, other);
    }
    assert_ne!(
        first.last().map(|e| e.hash),
        run(8, "c.sqlite").last().map(|e| e.hash)
    );
}
