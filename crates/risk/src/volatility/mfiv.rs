//! The volatility index of an option chain by the rules for crypto exchanges (the model-free
//! implied volatility index of volatility.com, "MFIV", 2021; its published evidence files are
//! reproduced by our tests).
//!
//! - An option without a bid is left out. Without an ask it counts with its mark; so it does where
//!   the middle of bid and ask is 1.5 times the mark or more.
//! - A wing goes on behind strikes without a bid, however many.
//! - Any two expiries that bracket the horizon are taken, the closest on either side. T counts
//!   milliseconds.
//! - Whatever ended a wing, it is whole only if its outermost price is at most [`NEGLIGIBLE`] of
//!   the price at K₀: on these exchanges bids also vanish because market makers withdraw, and what
//!   they leave would give a number that is too low.

use super::no_index::TermName;
use super::option_chain::{CleanQuote, Expiry};
use super::variance_strip::{
    ImpliedIndex, Side, WingRule, bracket, interpolate, nothing, priced, term,
};

pub use super::variance_strip::THIRTY_DAYS;

/// 14 days in minutes, the horizon of the MFIV oracle.
pub const FOURTEEN_DAYS: f64 = 20_160.0;

/// The highest outermost price, as a share of the price at K₀, at which a wing is whole: 5 %. In a
/// lognormal chain such a price is 1.65 standard deviations out, and about 1.5 % of the variance
/// lies beyond. The published evidence files go up to 4.5 %: far strikes are few, and cannot be
/// quoted below one tick.
pub const NEGLIGIBLE: f64 = 0.05;

/// A middle of this many marks or more is not believed.
const WIDE: f64 = 1.5;

const RULE: WingRule = WingRule {
    two_zero_bids_end_it: false,
    negligible: NEGLIGIBLE,
};

/// The index of a chain at a horizon in minutes.
#[must_use]
pub fn index(expiries: &[Expiry], horizon: f64) -> ImpliedIndex {
    match bracket(horizon, expiries.iter()) {
        Ok((near, next)) => interpolate(
            horizon,
            term(TermName::Near, near, &priced(near, side), RULE),
            term(TermName::Next, next, &priced(next, side), RULE),
        ),
        Err(reason) => nothing(horizon, reason),
    }
}

fn side(quote: Option<CleanQuote>) -> Side {
    let Some(CleanQuote { bid, ask, mark }) = quote else {
        return Side::Absent;
    };
    let Some(bid) = bid else {
        return Side::NoBid;
    };
    let middle = ask.map(|ask| f64::midpoint(bid, ask));
    match (middle, mark) {
        (Some(middle), Some(mark)) if middle < WIDE * mark => Side::Price(middle),
        (_, Some(mark)) => Side::Price(mark),
        (Some(middle), None) => Side::Price(middle),
        (None, None) => Side::Absent,
    }
}

#[cfg(test)]
mod tests;
