//! What the contracts of the tokens underneath can do to their holders.

use airdrops_types::{Reading, TokenDanger, TokenFindings};

use crate::term::Term;

const GRAVE: u8 = 60;
const UNKNOWN: u8 = 10;

/// Whether a danger takes a holder's money: the others are ways to take it, which many sound
/// tokens have too.
#[must_use]
pub fn is_grave(danger: TokenDanger) -> bool {
    use TokenDanger::{BalancesChangeable, CannotSellAll, Honeypot};
    matches!(danger, Honeypot | CannotSellAll | BalancesChangeable)
}

pub(super) fn term(tokens: &[(String, Reading<TokenFindings>)]) -> Term {
    let points = tokens.iter().map(|(_, reading)| points(reading)).max();
    let texts: Vec<String> = tokens
        .iter()
        .map(|(name, reading)| text(name, reading))
        .collect();
    let text = if texts.is_empty() {
        "no token is watched".to_owned()
    } else {
        texts.join("; ")
    };
    Term::new("tokens", points.unwrap_or(0), text)
}

fn points(reading: &Reading<TokenFindings>) -> u8 {
    let grave = |danger: &TokenDanger| is_grave(*danger);
    match reading.last_known() {
        Some(known) if known.dangers.iter().any(grave) => GRAVE,
        Some(known) if !known.unknown.iter().any(grave) => 0,
        _ => UNKNOWN,
    }
}

fn text(name: &str, reading: &Reading<TokenFindings>) -> String {
    let known = reading.last_known().map(|known| {
        let grave = known.unknown.iter().filter(|danger| is_grave(**danger));
        let unknown = grave.map(|danger| format!("unknown: {danger}"));
        let all = known.dangers.iter().map(ToString::to_string).chain(unknown);
        all.collect::<Vec<_>>().join(", ")
    });
    let parts = [known, reading.defect()].into_iter().flatten();
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        format!("{name} has no known danger")
    } else {
        format!("{name} ({})", parts.join("; "))
    }
}
