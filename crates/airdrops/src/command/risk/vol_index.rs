//! `risk vol-index`: the volatility index of an option chain.

use airdrops_risk::volatility::deribit::{self, Chain};
use airdrops_risk::volatility::mfiv::{self, THIRTY_DAYS};
use airdrops_risk::volatility::{
    ChainError, Dropped, Expiry, ImpliedIndex, OptionQuote, Term, vix,
};
use airdrops_types::Timestamp;
use comfy_table::Table;
use serde_json::{Value, json};

use super::figures::figures;
use super::option_file::{self, OptionFile};
use crate::cli::{Global, VolIndex};
use crate::exit::{Exit, Failure};

/// Computes and prints the index. That there is none is an answer, not a failure.
///
/// # Errors
/// If the file cannot be read or the options do not fit its layout.
pub fn vol_index(global: &Global, options: &VolIndex) -> Result<(), Failure> {
    let measured = match option_file::read(&options.options)? {
        OptionFile::Cboe { near, next } => cboe(options, near, next)?,
        OptionFile::Deribit(rows) => of_book_summary(options, &rows)?,
    };
    crate::command::answer(global, &measured.text(), &measured.json());
    Ok(())
}

fn usage(options: &VolIndex, what: &str) -> Failure {
    let file = options.options.display();
    Failure::new(Exit::Usage, format!("{file}: {what}"))
}

fn refused(options: &VolIndex, error: &ChainError) -> Failure {
    Failure::failed(format!("{}: {error}", options.options.display()))
}

fn cboe(
    options: &VolIndex,
    near: Vec<OptionQuote>,
    next: Vec<OptionQuote>,
) -> Result<Measured, Failure> {
    if options.at.is_some() {
        return Err(usage(
            options,
            "the Cboe layout has no dates, so that --at does not apply: give --minutes-near and \
             --minutes-next",
        ));
    }
    let (Some(minutes_near), Some(minutes_next)) = (options.minutes_near, options.minutes_next)
    else {
        return Err(usage(
            options,
            "the Cboe layout does not say when its terms expire: give --minutes-near and \
             --minutes-next",
        ));
    };
    let (Some(rate_near), Some(rate_next)) = (
        options.rate_near.or(options.rate),
        options.rate_next.or(options.rate),
    ) else {
        return Err(usage(
            options,
            "the Cboe layout has no interest rates: give --rate-near and --rate-next, or --rate \
             for both",
        ));
    };
    let expiry = |minutes, rate, quotes| {
        Expiry::new(minutes, rate, quotes).map_err(|error| refused(options, &error))
    };
    let near = expiry(minutes_near, rate_near, near)?;
    let next = expiry(minutes_next, rate_next, next)?;
    Ok(Measured {
        result: vix::index(&near, &next),
        rules: "Cboe",
        dropped: near.dropped().plus(next.dropped()),
        book: None,
    })
}

fn of_book_summary(options: &VolIndex, rows: &[deribit::BookSummary]) -> Result<Measured, Failure> {
    for (flag, given) in [
        ("--minutes-near", options.minutes_near),
        ("--minutes-next", options.minutes_next),
        ("--rate-near", options.rate_near),
        ("--rate-next", options.rate_next),
    ] {
        if given.is_some() {
            return Err(usage(
                options,
                &format!(
                    "{flag} does not apply to Deribit's book summary, whose names tell the \
                     expiries: give --at and --rate"
                ),
            ));
        }
    }
    let newest = rows.iter().filter_map(|row| row.created).max();
    let Some(at) = options.at.or(newest) else {
        return Err(usage(
            options,
            "no row has a creation_timestamp: give --at, the time of the quotes",
        ));
    };
    let chain = deribit::chain(rows, at, options.rate.unwrap_or(0.0))
        .map_err(|error| refused(options, &error))?;
    Ok(Measured {
        result: mfiv::index(&chain.expiries, THIRTY_DAYS),
        rules: "crypto",
        dropped: chain.dropped,
        book: Some((at, chain)),
    })
}

/// The index and what it was made of.
struct Measured {
    result: ImpliedIndex,
    /// By whose rules.
    rules: &'static str,
    dropped: Dropped,
    /// The instant, and the chain at it, of a book summary.
    book: Option<(Timestamp, Chain)>,
}

impl Measured {
    fn json(&self) -> Value {
        let reason = self.result.index.err();
        let mut json = json!({
            "index": self.result.index.ok(),
            "reason": reason.map(|reason| reason.to_string()),
            "reason_code": reason.map(|reason| reason.code()),
            "rules": self.rules.to_lowercase(),
            "horizon_minutes": self.result.horizon,
            "near": self.result.near.as_ref().map(term_json),
            "next": self.result.next.as_ref().map(term_json),
            "dropped": self.dropped,
        });
        if let Some((at, chain)) = &self.book {
            json["at"] = json!(at.to_string());
            json["underlying"] = json!(chain.underlying);
            json["not_options"] = json!(chain.not_options);
            json["expired"] = json!(chain.expired);
        }
        json
    }

    fn text(&self) -> String {
        let of = match &self.book {
            Some((at, chain)) => format!(
                " of {} at {at}",
                chain.underlying.as_deref().unwrap_or("nothing")
            ),
            None => String::new(),
        };
        let mut text = match &self.result.index {
            Ok(index) => format!(
                "Volatility index{of}: {index:.2} %\n30 days, annualised, {} rules\n",
                self.rules
            ),
            Err(reason) => format!("No volatility index{of}: {reason}\n"),
        };
        let terms: Vec<(&str, &Term)> = [("near", &self.result.near), ("next", &self.result.next)]
            .into_iter()
            .filter_map(|(name, term)| Some((name, term.as_ref()?)))
            .collect();
        if !terms.is_empty() {
            text.push_str(&format!("\n{}\n", summary(&terms)));
        }
        text.push_str(&self.left_out());
        for (name, term) in terms {
            text.push_str(&format!(
                "\nStrikes of the {name} term\n{}\n",
                strikes(term)
            ));
        }
        text
    }

    fn left_out(&self) -> String {
        let mut parts: Vec<String> = self
            .dropped
            .reasons()
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        if let Some((_, chain)) = &self.book {
            for (what, count) in [("expired", chain.expired), ("no option", chain.not_options)] {
                if count > 0 {
                    parts.push(format!("{count} {what}"));
                }
            }
        }
        if parts.is_empty() {
            return String::new();
        }
        format!("\nQuotes left out: {}\n", parts.join(", "))
    }
}

fn term_json(term: &Term) -> Value {
    let mut json = json!(term);
    json["strike_count"] = json!(term.strikes.len());
    json["volatility"] = json!(term.volatility_percent());
    json
}

fn summary(terms: &[(&str, &Term)]) -> Table {
    let header = [
        "  term",
        "minutes",
        "days",
        "rate",
        "forward",
        "K0",
        "strikes",
        "variance",
        "volatility",
    ];
    let row = |(name, term): &(&str, &Term)| {
        vec![
            format!("  {name}"),
            format!("{:.1}", term.minutes),
            format!("{:.2}", term.minutes / 1440.0),
            format!("{:.4} %", term.rate * 100.0),
            format!("{:.5}", term.forward),
            short(term.k0),
            term.strikes.len().to_string(),
            format!("{:.8}", term.variance),
            term.volatility_percent()
                .map_or_else(|| "–".into(), |volatility| format!("{volatility:.2} %")),
        ]
    };
    figures(&header, terms.iter().map(row))
}

fn strikes(term: &Term) -> Table {
    let header = ["  strike", "ΔK", "price", "contribution"];
    let rows = term.strikes.iter().map(|used| {
        vec![
            format!("  {}", short(used.strike)),
            short(used.delta_k),
            format!("{:.4}", used.price),
            format!("{:.4e}", used.contribution),
        ]
    });
    figures(&header, rows)
}

/// Six decimals at most, without the noise of binary fractions.
fn short(number: f64) -> String {
    let text = format!("{number:.6}");
    match text.trim_end_matches('0').trim_end_matches('.') {
        "0" => format!("{number:e}"),
        short => short.to_owned(),
    }
}
