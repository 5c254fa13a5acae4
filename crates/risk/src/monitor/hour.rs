//! Prices of the hour that is not over.

use airdrops_types::{Bar, Timestamp};
use serde::{Deserialize, Serialize};

/// Milliseconds of an hour.
pub(super) const HOUR_MS: i64 = 3_600_000;

/// The bar of one asset's running hour.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct OpenHour(Bar);

impl OpenHour {
    /// The hour's first instant.
    pub(super) fn start(&self) -> Timestamp {
        self.0.start
    }

    /// Takes a price that is positive and finite. Returns the bar of the hour that it ends, if it
    /// ends one; what is earlier than the running hour is ignored.
    pub(super) fn push(open: &mut Option<Self>, at: Timestamp, price: f64) -> Option<Bar> {
        if !(price.is_finite() && price > 0.0) {
            return None;
        }
        let start = Timestamp(at.0.div_euclid(HOUR_MS).saturating_mul(HOUR_MS));
        let fresh = Bar {
            start,
            open: price,
            high: price,
            low: price,
            close: price,
        };
        match open {
            Some(Self(bar)) if bar.start == start => {
                bar.high = bar.high.max(price);
                bar.low = bar.low.min(price);
                bar.close = price;
                None
            }
            Some(Self(bar)) if bar.start < start => {
                // Markets never close: an hour begins where the last one ended, and what happened
                // in between belongs to it, however few prices were seen.
                let ended = *bar;
                *open = Some(Self(Bar {
                    open: ended.close,
                    high: ended.close.max(price),
                    low: ended.close.min(price),
                    ..fresh
                }));
                Some(ended)
            }
            Some(_) => None,
            None => {
                *open = Some(Self(fresh));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_ends_with_the_first_price_of_a_later_one() {
        let mut open = None;
        let minute = 60_000;
        for (at, price) in [(0, 10.0), (20, 12.0), (40, 9.0), (59, 11.0)] {
            assert_eq!(
                OpenHour::push(&mut open, Timestamp(at * minute), price),
                None
            );
        }
        for wrong in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
            assert_eq!(
                OpenHour::push(&mut open, Timestamp(HOUR_MS * 2), wrong),
                None
            );
        }
        let bar = OpenHour::push(&mut open, Timestamp(HOUR_MS * 3), 20.0);
        let expected = Bar {
            start: Timestamp(0),
            open: 10.0,
            high: 12.0,
            low: 9.0,
            close: 11.0,
        };
        assert_eq!(bar, Some(expected));
        assert_eq!(OpenHour::push(&mut open, Timestamp(HOUR_MS), 5.0), None);
        let next = OpenHour::push(&mut open, Timestamp(HOUR_MS * 4), 1.0);
        let parts = next.map(|bar| (bar.open, bar.high, bar.low, bar.close));
        assert_eq!(
            parts,
            Some((11.0, 20.0, 11.0, 20.0)),
            "from the close before"
        );
    }
}
