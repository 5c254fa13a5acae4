//! A token bucket: so many at once, and so many a second after that.

use std::time::Duration;

use airdrops_types::Timestamp;

/// Deliveries of one name at once.
pub(crate) const BURST: u32 = 20;
/// Between two deliveries of one name, once the burst is used up.
pub(crate) const SPACING: Duration = Duration::from_millis(200);

/// The bucket of one name, as the instant at which it is full again (the generic cell rate algorithm
/// of ITU-T I.371, as a virtual schedule).
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Bucket {
    full: Timestamp,
}

impl Bucket {
    /// Takes one.
    ///
    /// # Errors
    /// How long to wait until there is one.
    pub(crate) fn take(&mut self, now: Timestamp) -> Result<(), Duration> {
        // A clock that was set back must not keep the bucket empty for as long.
        let longest = SPACING * BURST;
        let full = self.full.max(now).min(now.plus(longest)).plus(SPACING);
        let excess = full.since(now.plus(longest));
        if !excess.is_zero() {
            return Err(excess);
        }
        self.full = full;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn takes(bucket: &mut Bucket, now: i64) -> u32 {
        let mut count = 0;
        while bucket.take(Timestamp(now)).is_ok() {
            count += 1;
        }
        count
    }

    #[test]
    fn a_burst_then_one_for_each_spacing() {
        let mut bucket = Bucket::default();
        assert_eq!(takes(&mut bucket, 1_000_000), BURST);
        assert_eq!(bucket.take(Timestamp(1_000_000)), Err(SPACING));
        assert_eq!(
            bucket.take(Timestamp(1_000_150)),
            Err(Duration::from_millis(50))
        );
        assert_eq!(takes(&mut bucket, 1_000_200), 1);
        assert_eq!(takes(&mut bucket, 1_001_200), 5);
        assert_eq!(takes(&mut bucket, 9_000_000), BURST);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_lock_it() {
        let mut bucket = Bucket::default();
        assert_eq!(takes(&mut bucket, 9_000_000), BURST);
        assert_eq!(takes(&mut bucket, 1_000_000), 0);
        assert!(bucket.take(Timestamp(1_000_000)).unwrap_err() <= SPACING);
    }
}
