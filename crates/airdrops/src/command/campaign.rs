//! `campaign`: definitions, and what becomes of them.

mod add;
mod backfill;
mod change;
mod check;
pub(super) mod describe;
pub(super) mod fires;
pub(super) mod known;
mod list;
mod run;
mod show;
mod versions;

use crate::cli::{CampaignCommand, Global};
use crate::exit::Failure;

/// Checks, defines, shows or changes campaigns.
///
/// # Errors
/// As the command says: exit code 3 if a file has mistakes, 10 if a dry run would change something.
pub fn campaign(global: &Global, command: &CampaignCommand) -> Result<(), Failure> {
    match command {
        CampaignCommand::Check { file } => check::check(global, file),
        CampaignCommand::Add { file } => add::add(global, file),
        CampaignCommand::List(page) => list::list(global, page),
        CampaignCommand::Show { name, version } => show::show(global, name, *version),
        CampaignCommand::Versions { name } => versions::versions(global, name),
        CampaignCommand::Pause { name, reason } => change::pause(global, name, reason),
        CampaignCommand::Resume { name } => change::resume(global, name),
        CampaignCommand::Run { name, dry_run } => run::run(global, name, *dry_run),
        CampaignCommand::Backfill {
            name,
            from,
            to,
            dry_run,
        } => backfill::backfill(global, name, (*from, *to), *dry_run),
    }
}
