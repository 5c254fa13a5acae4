//! Options of `schedule` and its commands.

use clap::{Args, Subcommand};

/// Options of `schedule`.
#[derive(Debug, Clone, Args)]
pub struct Schedule {
    /// What to show.
    #[command(subcommand)]
    pub command: ScheduleCommand,
}

/// What to show.
#[derive(Debug, Clone, Subcommand)]
pub enum ScheduleCommand {
    /// Show when a trigger fires next, without configuration or database
    ///
    /// Prints one instant per line, RFC 3339 with the offset that the zone has then. Where clocks are
    /// changed, cron keeps the rules of Unix cron: a fixed time of day in the gap fires once, at its
    /// end, and one that comes twice fires once, the first time; with a `*` or a step in the second,
    /// minute or hour it fires whenever clocks show a matching time. Intervals count elapsed time.
    /// Calendar intervals leave out dates and local times that do not exist.
    Next(ScheduleNext),
    /// Show what would fire, with an estimate of its gas
    Preview(SchedulePreview),
}

/// Options of `schedule next`.
#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("trigger").required(true).multiple(false))]
pub struct ScheduleNext {
    /// A cron expression: minute, hour, day of month, month, day of week, with a second before them if
    /// needed; or @hourly, @daily, @weekly, @monthly, @yearly
    ///
    /// Knows lists, ranges (also FRI-MON and 22-3), steps, names, L, 15W, LW, FRI#2 and 5L. Sunday is 0
    /// and 7. Of day of month and day of week either matches, with `+` before the latter both.
    #[arg(long, value_name = "EXPR", group = "trigger")]
    pub cron: Option<String>,
    /// A period of elapsed time, counted from --from: 90s, 15m, 1h30m, 2d
    #[arg(long, value_name = "DURATION", group = "trigger")]
    pub interval: Option<String>,
    /// A step of the calendar: "1 month at 09:00 from 2024-01-31"
    ///
    /// First years, months, weeks and days, as in "1 year and 6 months" or "2 weeks"; then, if wanted,
    /// `at` and the time of day, otherwise midnight; then `from` and the first date, otherwise that
    /// of --from. Dates count from the first one: the 31st stays the 31st, and months without it are
    /// left out.
    #[arg(long, value_name = "SPEC", group = "trigger")]
    pub calendar: Option<String>,
    /// The IANA time zone of the trigger and of what is printed
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub tz: String,
    /// Show fires after this instant, which is itself not shown, RFC 3339; default: now
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub count: u32,
}

/// Options of `schedule preview`.
#[derive(Debug, Clone, Args)]
pub struct SchedulePreview {
    /// So many days from now
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    /// Only of this campaign
    #[arg(long, value_name = "NAME")]
    pub campaign: Option<String>,
    /// How many instants to show
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
}
