//! The commands, one per file, and what they share: how to find the database and how to end.

pub mod allocate;
pub mod backtest;
pub mod campaign;
pub mod config;
pub mod control;
pub mod dag;
pub mod demo;
pub mod estimate;
pub mod event;
pub mod explain;
pub mod history;
pub mod init;
pub mod journal;
pub mod queue;
pub mod replay;
pub mod report;
pub mod risk;
pub mod run;
pub mod schedule;
pub mod schedule_preview;
pub mod status;
pub mod store;
pub mod task;
pub mod unwind;
pub mod version;
pub mod withdrawal;

mod asked;

use std::process::ExitCode;
use std::sync::Arc;

use airdrops_store::{Access, Store};
use airdrops_types::Timestamp;
use serde_json::{Value, json};

use crate::cli::{Cli, Color, Command, Global, ScheduleCommand};
use crate::config::{Loaded, Location};
use crate::exit::Failure;
use crate::narrate::ChainNames;

/// Runs the command and prints why it ended, if it did not succeed.
pub fn dispatch(cli: &Cli) -> ExitCode {
    match cli.global.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let global = &cli.global;
    let result = match &cli.command {
        Command::Demo(options) => demo::demo(global, options),
        Command::Run => run::run(global),
        Command::Once(options) => run::once(global, options),
        Command::Status => status::status(global),
        Command::Halt(options) => control::halt(global, options),
        Command::Resume(options) => control::resume(global, options),
        Command::Unwind(options) => unwind::unwind(global, options),
        Command::Withdrawal(options) => withdrawal::withdrawal(global, options),
        Command::Explain(options) => explain::explain(global, options),
        Command::Campaign(options) => campaign::campaign(global, &options.command),
        Command::Task(options) => task::task(global, &options.command),
        Command::Queue => queue::queue(global),
        Command::History(options) => history::history(global, options),
        Command::Schedule(options) => match &options.command {
            ScheduleCommand::Preview(options) => schedule_preview::preview(global, options),
        },
        Command::Dag(options) => dag::dag(global, options),
        Command::Event(options) => event::event(global, options),
        Command::Journal(options) => journal::journal(global, options),
        Command::Store(options) => store::store(global, options),
        Command::Replay => replay::replay(global),
        Command::Report(options) => report::report(global, options),
        Command::Backtest(options) => backtest::backtest(global, options),
        Command::Risk(options) => risk::risk(global, options),
        Command::Estimate(options) => estimate::estimate(global, options),
        Command::Allocate(options) => allocate::allocate(global, options),
        Command::Schedule(options) => schedule::schedule(global, options),
        Command::Config(options) => config::config(global, &options.command),
        Command::Init(options) => init::init(global, options),
        Command::Version => version::version(global),
    };
    let Err(failure) = result else {
        return ExitCode::SUCCESS;
    };
    if global.json && !failure.message.is_empty() {
        let plain = anstream::adapter::strip_str(&failure.message).to_string();
        let error = json!({
            "error": plain.trim_end(),
            "exit": failure.exit as u8,
            "details": failure.json,
        });
        anstream::eprintln!("{error:#}");
    } else if !failure.message.is_empty() {
        anstream::eprintln!("{}", failure.message.trim_end());
    }
    ExitCode::from(failure.exit as u8)
}

/// Prints an answer: JSON with `--json`, else text.
pub(crate) fn answer(global: &Global, text: &str, json: &Value) {
    if global.json {
        anstream::println!("{json:#}");
    } else {
        anstream::println!("{}", text.trim_end());
    }
}

/// Reads the configuration and prints its warnings.
pub(crate) fn load(global: &Global) -> Result<Loaded, Failure> {
    let mut loaded = crate::config::load(&global.config)?;
    if let Some(database) = &global.database {
        loaded.database = Location::File(database.clone());
    }
    if !global.json && !loaded.warnings.is_empty() {
        anstream::eprint!("{}", loaded.source.render(&loaded.warnings));
    }
    Ok(loaded)
}

/// An open database, and the configuration if there is one.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) place: Location,
    /// `None` if `--database` was given and the configuration cannot be read.
    pub(crate) loaded: Option<Loaded>,
}

impl Opened {
    /// Names of the chains that the configuration knows.
    pub(crate) fn chain_names(&self) -> ChainNames {
        self.loaded
            .as_ref()
            .map(Loaded::chain_names)
            .unwrap_or_default()
    }
}

/// Opens the database that the command line or the configuration names. With `--database`, a
/// broken configuration is no obstacle: a halt must always be possible.
pub(crate) fn open(global: &Global, access: Access) -> Result<Opened, Failure> {
    let (place, loaded) = match (&global.database, crate::config::load(&global.config)) {
        (Some(database), loaded) => (Location::File(database.clone()), loaded.ok()),
        (None, Ok(loaded)) => (loaded.database.clone(), Some(loaded)),
        (None, Err(error)) => {
            let mut failure = Failure::from(error);
            failure
                .message
                .push_str("`--database FILE` works without a configuration\n");
            return Err(failure);
        }
    };
    let store = place.open(access)?;
    Ok(Opened {
        store,
        place,
        loaded,
    })
}

/// The wall clock.
pub(crate) fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

/// Who gives the command, for the journal.
pub(crate) fn operator() -> String {
    ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| "operator".into())
}
