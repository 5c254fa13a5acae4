//! Jitter: runs begin somewhat later than their instants, so that not all begin at once.

use airdrops_types::{CampaignId, Timestamp};
use sha2::{Digest as _, Sha256};

use super::compiled::Compiled;

impl Compiled {
    /// When the run of `instant`, one of the trigger's instants, begins: the instant, plus a share of
    /// the jitter. The instants themselves stay where they are, so that jitter does not add up.
    ///
    /// The moment is before the next instant, so that moments strictly increase as instants do, and
    /// not after the end of the trigger's bounds. The share is a hash of (`seed`, `campaign`,
    /// `instant`): the same after a restart and in a replay, and other for each campaign that has
    /// the same instants.
    #[must_use]
    pub fn fire_moment(
        &self,
        instant: Timestamp,
        first_seen: Timestamp,
        seed: u64,
        campaign: &CampaignId,
    ) -> Timestamp {
        if self.timing.jitter.is_zero() {
            return instant;
        }
        let mut latest = instant.plus(self.timing.jitter);
        if let Some(next) = self.next_until(instant, first_seen, latest) {
            latest = Timestamp(next.0.saturating_sub(1));
        }
        if let Some(end) = self.timing.end {
            latest = latest.min(end);
        }
        let text = format!("airdrops/jitter/{seed}/{campaign}/{}", instant.0);
        let digest = Sha256::digest(text.as_bytes());
        let share = digest[..8]
            .iter()
            .fold(0_u64, |share, byte| share << 8 | u64::from(*byte));
        // share / 2^64 of the milliseconds from none to all of them.
        let choices = latest.since(instant).as_millis() + 1;
        let delay = (choices * u128::from(share)) >> 64;
        Timestamp(
            instant
                .0
                .saturating_add(i64::try_from(delay).unwrap_or(i64::MAX)),
        )
    }
}
