//! The table that is printed.

use crate::measure;

/// What a figure is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    None,
    AtLeast(f64),
    AtMost(f64),
}

/// Prints the head of the table.
pub(crate) fn head() {
    println!(
        "| {:<62} | {:>12} | {:>14} | {:>10} | {:<4} | {:>5} |",
        "what", "measured", "processor", "target", "", "load"
    );
    println!("|---|---:|---:|---:|---|---:|");
}

/// Prints one row. `unit` follows the figure; `cpu` is processor time in words.
pub(crate) fn row(what: &str, value: f64, unit: &str, target: Target, cpu: &str) {
    let (aim, verdict) = match target {
        Target::None => (String::new(), ""),
        Target::AtLeast(least) => (format!("≥ {}", number(least)), pass(value >= least)),
        Target::AtMost(most) => (format!("≤ {}", number(most)), pass(value <= most)),
    };
    let value = format!("{} {unit}", number(value));
    println!(
        "| {what:<62} | {value:>12} | {cpu:>14} | {aim:>10} | {verdict:<4} | {:>5} |",
        measure::load()
    );
}

/// A row that could not be measured, and why.
pub(crate) fn missing(what: &str, why: &str) {
    println!("| {what:<62} | {why}");
}

fn pass(met: bool) -> &'static str {
    if met { "PASS" } else { "MISS" }
}

/// Three digits or more, and thousands apart.
fn number(value: f64) -> String {
    if value < 100.0 {
        let digits = if value < 10.0 { 2 } else { 1 };
        let text = format!("{value:.digits$}");
        return text
            .strip_suffix(".00")
            .or(text.strip_suffix(".0"))
            .map_or(text.clone(), str::to_owned);
    }
    let text = format!("{value:.0}");
    let mut apart = String::new();
    for (place, digit) in text.chars().enumerate() {
        if place > 0 && (text.len() - place) % 3 == 0 {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart
}
