//! How often a source may be asked.

use std::time::Duration;

use airdrops_types::Timestamp;

/// At most `burst` requests at once, and `burst` more every `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests.
    pub burst: u32,
    /// Time in which so many are allowed again.
    pub per: Duration,
}

/// A token bucket, kept as the instant at which it will be full (the virtual-scheduling form of
/// the generic cell rate algorithm, ITU-T I.371). Microseconds.
#[derive(Debug)]
pub(crate) struct Bucket {
    refill: i64,
    depth: i64,
    full_at: i64,
}

impl Bucket {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let depth = i64::try_from(limit.per.as_micros())
            .unwrap_or(i64::MAX / 4)
            .min(i64::MAX / 4);
        Self {
            refill: depth.div_euclid(i64::from(limit.burst.max(1))),
            depth,
            full_at: i64::MIN / 4,
        }
    }

    /// Takes one token, or says when there will be one. A clock that was set back costs at most
    /// one whole refill.
    pub(crate) fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let micros = now.0.saturating_mul(1000);
        // Kept also when refused: the wait after a clock was set back has an end.
        self.full_at = self
            .full_at
            .clamp(micros, micros.saturating_add(self.depth));
        let next = self.full_at.saturating_add(self.refill);
        let earliest = next.saturating_sub(self.depth);
        if earliest > micros {
            // Rounded up, so that a request at the instant given is allowed.
            return Err(Timestamp(earliest.saturating_add(999).div_euclid(1000)));
        }
        self.full_at = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp(1_700_000_000_000);
    const THREE_A_SECOND: RateLimit = RateLimit {
        burst: 3,
        per: Duration::from_secs(1),
    };

    #[test]
    fn a_burst_then_one_per_refill() {
        let mut bucket = Bucket::new(THREE_A_SECOND);
        for _ in 0..3 {
            bucket.take(START).unwrap();
        }
        let until = bucket.take(START).unwrap_err();
        assert_eq!(until, Timestamp(START.0 + 334));
        assert!(bucket.take(Timestamp(until.0 - 1)).is_err());
        bucket.take(until).unwrap();
        assert!(bucket.take(until).is_err());
    }

    #[test]
    fn a_clock_that_was_set_back_costs_at_most_one_refill() {
        let mut bucket = Bucket::new(THREE_A_SECOND);
        for _ in 0..3 {
            bucket.take(START).unwrap();
        }
        let past = START.minus(Duration::from_secs(86_400));
        let until = bucket.take(past).unwrap_err();
        assert!(until.since(past) <= Duration::from_secs(1));
        bucket.take(until).unwrap();
    }

    proptest! {
        #[test]
        fn never_more_than_the_limit_in_any_window(
            burst in 1u32..6,
            steps in prop::collection::vec(0i64..400, 1..200),
        ) {
            let limit = RateLimit { burst, per: Duration::from_secs(1) };
            let mut bucket = Bucket::new(limit);
            let (mut now, mut taken) = (START, Vec::new());
            for step in steps {
                now = Timestamp(now.0 + step);
                match bucket.take(now) {
                    Ok(()) => taken.push(now),
                    Err(until) => prop_assert!(until > now),
                }
            }
            for (index, first) in taken.iter().enumerate() {
                let within = taken[index..]
                    .iter()
                    .filter(|at| at.since(*first) < limit.per)
                    .count();
                prop_assert!(within < 2 * burst as usize + 1);
            }
        }
    }
}
