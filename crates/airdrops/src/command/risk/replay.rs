//! `risk replay`: hourly prices of the past through the volatility states, the loss breaker and
//! value at risk.

pub mod answer;
pub mod page;
pub mod prices;
pub mod terminal;
pub mod weights;

use std::path::{Path, PathBuf};

use airdrops_risk::history::{self, HistoryConfig, PriceHistory};
use airdrops_types::AssetId;
use serde_json::json;

use super::recording;
use crate::cli::{Global, RiskReplay};
use crate::exit::{Exit, Failure};
use answer::Replayed;

/// Currencies that a market's name may end with.
const QUOTES: [&str; 6] = ["FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USD"];

/// Replays the files.
///
/// # Errors
/// If a file cannot be read, or the options do not fit the files.
pub fn replay(global: &Global, options: &RiskReplay) -> Result<(), Failure> {
    let files = options
        .prices
        .iter()
        .map(|text| named(text))
        .collect::<Result<Vec<_>, _>>()?;
    let names: Vec<AssetId> = files.iter().map(|(name, _)| name.clone()).collect();
    if let Some(twice) = (1..names.len()).find(|index| names[..*index].contains(&names[*index])) {
        let name = &names[twice];
        let what = format!("--prices: {name} is given twice: name one of them, as in OTHER=FILE");
        return Err(Failure::new(Exit::Usage, what));
    }
    let shares = match &options.weights {
        Some(text) => weights::parse(text, &names),
        None => weights::equal(&names),
    };
    let shares = shares.map_err(|what| Failure::new(Exit::Usage, format!("--weights: {what}")))?;
    let mut assets = Vec::with_capacity(files.len());
    for ((asset, path), weight) in files.into_iter().zip(shares) {
        let text = recording::read(&path)?;
        let bars = prices::parse(&text)
            .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
        assets.push(PriceHistory {
            asset,
            weight,
            bars,
        });
    }
    let config = HistoryConfig::default();
    let history = history::replay(&assets, &config)
        .map_err(|error| Failure::failed(format!("the prices cannot be replayed: {error}")))?;
    let replayed = Replayed::new(&history, &config);
    let mut text = terminal::render(&replayed);
    let mut answer = replayed.json();
    if let Some(path) = &options.html {
        std::fs::write(path, page::render(&replayed))
            .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
        text.push_str(&format!("\nWritten: {}\n", path.display()));
        answer["html"] = json!(path.display().to_string());
    }
    crate::command::answer(global, &text, &answer);
    Ok(())
}

/// The asset's name and the file, from `NAME=FILE` or `FILE`.
fn named(text: &str) -> Result<(AssetId, PathBuf), Failure> {
    let usage = |what: String| Failure::new(Exit::Usage, format!("--prices {text}: {what}"));
    let (name, path) = match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && is_name(name) => {
            (name.to_ascii_uppercase(), PathBuf::from(path))
        }
        _ => (name_of(Path::new(text)), PathBuf::from(text)),
    };
    if name.is_empty() {
        return Err(usage(
            "the file's name does not begin with an asset: write ETH=FILE".into(),
        ));
    }
    if name == weights::CASH {
        return Err(usage(format!(
            "{name} is cash and has no prices: write ETH=FILE"
        )));
    }
    Ok((AssetId::new(name), path))
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The letters that the file's name begins with, without a quote currency at their end.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let market: String = name
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .map(|letter| letter.to_ascii_uppercase())
        .collect();
    let base = QUOTES
        .iter()
        .find_map(|quote| market.strip_suffix(quote))
        .filter(|base| !base.is_empty());
    base.map(str::to_owned).unwrap_or(market)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_asset_is_named_by_the_file_or_by_hand() {
        let name = |text: &str| named(text).map(|(name, _)| name.to_string());
        assert_eq!(name("data/ETHUSDT_1h.csv.gz").unwrap(), "ETH");
        assert_eq!(name("btc-usd.csv").unwrap(), "BTC");
        assert_eq!(name("USDC_hourly.csv").unwrap(), "USDC");
        assert_eq!(name("wsteth=a/1.csv").unwrap(), "WSTETH");
        assert_eq!(named("a=b=c.csv").unwrap().1, PathBuf::from("b=c.csv"));
        for wrong in ["2021.csv", "USD=cash.csv", "/"] {
            assert_eq!(named(wrong).unwrap_err().exit, Exit::Usage, "{wrong}");
        }
    }
}
