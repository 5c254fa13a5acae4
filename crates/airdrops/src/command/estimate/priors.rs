//! `estimate priors`: what past airdrops say of a new one.

use airdrops_allocation::estimate::history::{BUILT_IN, CAVEAT, HistoryError};
use airdrops_allocation::estimate::prior::Fit;
use airdrops_allocation::estimate::{History, Priors, Share};
use serde_json::{Value, json};

use crate::cli::{EstimatePriors, Global};
use crate::command::risk::figures::figures;
use crate::command::risk::recording;
use crate::exit::Failure;

/// Fits the history and prints the fits.
///
/// # Errors
/// If the file cannot be read, a field is wrong (by line and column), or too little is known.
pub fn priors(global: &Global, options: &EstimatePriors) -> Result<(), Failure> {
    let (name, text) = match &options.history {
        None => (
            "the history that comes with the program".to_owned(),
            BUILT_IN.to_owned(),
        ),
        Some(path) => (path.display().to_string(), recording::read(path)?),
    };
    let refused = |error: HistoryError| Failure::failed(format!("{name}: {error}"));
    let history = History::parse(&text).map_err(refused)?;
    let fitted = Priors::fit(&history).map_err(refused)?;
    let text = in_text(&name, &history, &fitted);
    crate::command::answer(global, &text, &in_json(&name, &history, &fitted));
    Ok(())
}

fn in_json(name: &str, history: &History, fitted: &Priors) -> Value {
    let mut json = json!(fitted);
    json["history"] = json!(name);
    json["drops"] = json!(history.drops.len());
    json["share"]["mean"] = json!(fitted.share.mean());
    json["share"]["median"] = json!(fitted.share.quantile(0.5));
    json["caveat"] = json!(CAVEAT);
    json
}

fn in_text(name: &str, history: &History, fitted: &Priors) -> String {
    let header = ["  prior", "n", "median", "fit's median", "ln mean", "ln sd"];
    let dollars = |value: f64| {
        if value >= 1e9 {
            format!("${:.2} bn", value / 1e9)
        } else {
            format!("${value:.0}")
        }
    };
    let ratio = |value: f64| format!("{value:.3}");
    let row = |name: &str, fit: &Fit, unit: &dyn Fn(f64) -> String| {
        vec![
            format!("  {name}"),
            fit.n.to_string(),
            unit(fit.median),
            unit(fit.log_mean.exp()),
            format!("{:.3}", fit.log_mean),
            format!("{:.3}", fit.log_deviation),
        ]
    };
    let table = figures(
        &header,
        [
            row("value per eligible wallet", &fitted.wallet_value, &dollars),
            row("fully diluted value at claim", &fitted.fdv, &dollars),
            row(
                "claim price / pre-market price",
                &fitted.realised_by_premarket,
                &ratio,
            ),
        ],
    );
    let eligible = &fitted.eligible;
    let share = match fitted.share {
        Share::Known(share) => format!("{:.1} %", share * 100.0),
        Share::LogNormal { location, sigma } => format!(
            "lognormal {location}, {sigma}, cut off at 1: median {:.1} %, mean {:.1} % (a constant, \
             from 40 drops of another table)",
            fitted.share.quantile(0.5) * 100.0,
            fitted.share.mean() * 100.0
        ),
    };
    format!(
        "Priors from {name}, {} drops\n\n{table}\n\n\
         Eligible addresses: {:.0} to {:.0} % in {} drops; Beta({:.2}, {:.2}), mean {:.1} %\n\
         Share of supply: {share}\n\n\
         {CAVEAT}\n",
        history.drops.len(),
        eligible.low * 100.0,
        eligible.high * 100.0,
        eligible.n,
        eligible.naive.a,
        eligible.naive.b,
        eligible.naive.mean() * 100.0,
    )
}
