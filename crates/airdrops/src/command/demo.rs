//! `demo`: farms on chains inside this process, shows it, and ends with a report.

use std::cell::RefCell;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Instant;

use airdrops_runtime::{Listener, replay::replay};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::report::write_html;
use crate::cli::{self, Global};
use crate::demo::{CHAINS, Demo, DemoError};
use crate::event_line::Teller;
use crate::exit::Failure;
use crate::narrate::ChainNames;
use crate::report::{Report, terminal};

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        Self::failed(error.to_string())
    }
}

/// Where the HTML report goes if nothing is said.
const REPORT: &str = "airdrops-report.html";

/// Farms, reports, and checks the journal.
///
/// # Errors
/// [`Failure`] if the demo did not show what it should, or a file cannot be written.
pub fn demo(global: &Global, options: &cli::Demo) -> Result<(), Failure> {
    let begun = Instant::now();
    let temporary = tempfile::tempdir()?;
    let folder = match &options.keep {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            folder.clone()
        }
        None => temporary.path().to_owned(),
    };
    let database = folder.join("demo.sqlite");
    if database.exists() {
        return Err(Failure::failed(format!(
            "{} exists: name another folder, or remove that demo",
            database.display()
        )));
    }

    let names: ChainNames = CHAINS
        .iter()
        .map(|(id, name)| (*id, (*name).to_owned()))
        .collect();
    let bar = progress_bar(global, options);
    let (shown, bar_of_listener) = (!global.json, bar.clone());
    let listener = || -> Listener {
        let (mut teller, bar) = (Teller::new(names.clone()), bar_of_listener.clone());
        Box::new(move |at, entry| {
            let Some(line) = teller.line(at, entry).filter(|_| shown) else {
                return;
            };
            match &bar {
                Some(bar) => bar.println(line),
                None => anstream::println!("{line}"),
            }
        })
    };
    let last_day = RefCell::new(0);
    let farmed = tokio::runtime::Builder::new_current_thread()
        .build()?
        .block_on(
            Demo {
                seed: options.seed,
                days: u64::from(options.days),
                database: &database,
                listener: &listener,
                progress: &|elapsed| {
                    let day = elapsed / 86_400;
                    if let Some(bar) = bar.as_ref().filter(|_| *last_day.borrow() != day) {
                        *last_day.borrow_mut() = day;
                        bar.set_position(day);
                    }
                },
            }
            .run(),
        )?;
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }

    let path = options
        .report
        .clone()
        .unwrap_or_else(|| PathBuf::from(REPORT));
    let report = Report::from_journal(&farmed.journal, names);
    write_html(&report, &path)?;
    let replayed = replay(&farmed.journal);
    if !replayed.differences.is_empty() {
        return Err(Failure::failed(format!(
            "{} decisions came out differently when they were computed again",
            replayed.differences.len()
        )));
    }
    let head = farmed
        .journal
        .last()
        .map(|entry| entry.hash.to_string())
        .unwrap_or_default();
    let mut text = terminal::render(&report);
    text.push_str(&format!(
        "\n{} simulated days in {:.1} s. {} decisions computed again from the journal, none differs.\nJournal head {head} (seed {}: the same seed gives the same journal).\nReport with pictures: {}\n",
        farmed.days,
        begun.elapsed().as_secs_f64(),
        replayed.verdicts + replayed.allocations + replayed.plans,
        options.seed,
        path.display(),
    ));
    if options.keep.is_some() {
        text.push_str(&format!(
            "Look closer: airdrops --database {} status | journal | explain TASK\n",
            database.display()
        ));
    }
    super::answer(
        global,
        &text,
        &json!({
            "seed": options.seed,
            "days": farmed.days,
            "journal_head": head,
            "html": path.display().to_string(),
            "report": report.json(),
        }),
    );
    Ok(())
}

/// A bar, if there is a terminal to draw it on.
fn progress_bar(global: &Global, options: &cli::Demo) -> Option<ProgressBar> {
    if global.json || options.no_progress || !std::io::stderr().is_terminal() {
        return None;
    }
    let bar =
        ProgressBar::with_draw_target(Some(u64::from(options.days)), ProgressDrawTarget::stderr());
    if let Ok(style) =
        ProgressStyle::with_template("{elapsed_precise} {bar:40.cyan/blue} day {pos}/{len}")
    {
        bar.set_style(style);
    }
    Some(bar)
}
