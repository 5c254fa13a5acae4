//! The volatility index of an option chain by Cboe's rules (Cboe, "VIX White Paper", 2014).
//!
//! - A quote's price is the middle of bid and ask. An option without a bid is skipped.
//! - Puts are taken downwards from K₀ and calls upwards; after two consecutive strikes without a
//!   bid the wing has ended, and bids further out are ignored.
//! - F is taken at the strike with the smallest difference between call and put, K₀ is the first
//!   strike at or below F. Both need a bid on both sides: a pair that nobody bids for has a
//!   difference near zero and says nothing about the forward.
//! - A wing whose list ends before two consecutive zero bids ran out of quotes, not of bids. It is
//!   whole only if its outermost price is at most [`NEGLIGIBLE`] of the price at K₀; else there is
//!   no number.

use super::no_index::TermName;
use super::option_chain::{CleanQuote, Expiry};
use super::variance_strip::{
    ImpliedIndex, Side, THIRTY_DAYS, WingRule, bracket, interpolate, nothing, priced, term,
};

/// The highest outermost price, as a share of the price at K₀, at which a wing that no zero bids
/// ended is whole: 0.25 %. In a lognormal chain such a price is 2.7 standard deviations out, and
/// 0.06 % of the variance lies beyond.
pub const NEGLIGIBLE: f64 = 0.0025;

/// Expiries of a chain are used from more than this many minutes: 23 days.
pub const EARLIEST: f64 = 33_120.0;

/// Expiries of a chain are used to less than this many minutes: 37 days.
pub const LATEST: f64 = 53_280.0;

const RULE: WingRule = WingRule {
    two_zero_bids_end_it: true,
    negligible: NEGLIGIBLE,
};

/// The 30-day index between two given expiries.
#[must_use]
pub fn index(near: &Expiry, next: &Expiry) -> ImpliedIndex {
    interpolate(
        THIRTY_DAYS,
        term(TermName::Near, near, &priced(near, side), RULE),
        term(TermName::Next, next, &priced(next, side), RULE),
    )
}

/// The 30-day index of a whole chain: between the expiries next to 30 days among those of more than
/// 23 and less than 37 days.
#[must_use]
pub fn index_of_chain(expiries: &[Expiry]) -> ImpliedIndex {
    let eligible = expiries
        .iter()
        .filter(|expiry| expiry.minutes() > EARLIEST && expiry.minutes() < LATEST);
    match bracket(THIRTY_DAYS, eligible) {
        Ok((near, next)) => index(near, next),
        Err(reason) => nothing(THIRTY_DAYS, reason),
    }
}

fn side(quote: Option<CleanQuote>) -> Side {
    match quote {
        Some(CleanQuote {
            bid: Some(bid),
            ask: Some(ask),
            ..
        }) => Side::Price(f64::midpoint(bid, ask)),
        Some(CleanQuote { bid: None, .. }) => Side::NoBid,
        Some(CleanQuote { ask: None, .. }) | None => Side::Absent,
    }
}

#[cfg(test)]
mod tests;
