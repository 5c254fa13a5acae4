//! How long to wait after a failed attempt.

use std::time::Duration;

use airdrops_types::{RetryPolicy, TaskId};
use sha2::{Digest, Sha256};

/// The shortest wait.
pub const MIN_DELAY: Duration = Duration::from_secs(1);

/// The wait after failed attempt number `attempt`, counted from 1: exponential backoff with full
/// jitter (Brooker 2015, "Exponential Backoff And Jitter": `uniform(0, min(cap, base · 2^n))`), but
/// at least [`MIN_DELAY`]. In whole milliseconds.
///
/// The random share is a hash of (`seed`, `task`, `attempt`), so that the same wait comes out again
/// after a restart and in a replay, and tasks that failed together do not come back together.
#[must_use]
pub fn backoff(policy: &RetryPolicy, seed: u64, task: &TaskId, attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1);
    let bound = 1_u128
        .checked_shl(doublings)
        .map_or(u128::MAX, |factor| {
            policy.base.as_millis().saturating_mul(factor)
        })
        .min(policy.cap.as_millis());
    let bound = u64::try_from(bound).unwrap_or(u64::MAX);
    let digest = Sha256::digest(format!("airdrops/backoff/{seed}/{task}/{attempt}").as_bytes());
    let share = digest[..8]
        .iter()
        .fold(0_u64, |share, byte| share << 8 | u64::from(*byte));
    // share / 2^64 of the bound.
    let delay = (u128::from(bound) * u128::from(share)) >> 64;
    Duration::from_millis(u64::try_from(delay).unwrap_or(u64::MAX)).max(MIN_DELAY)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(base: u64, cap: u64) -> RetryPolicy {
        RetryPolicy {
            max_attempts: 5,
            base: Duration::from_secs(base),
            cap: Duration::from_secs(cap),
            ..RetryPolicy::default()
        }
    }

    #[test]
    fn the_mean_wait_is_half_the_bound_and_doubles_until_the_cap() {
        let mean = |attempt| {
            let total: u128 = (0..2000)
                .map(|seed| {
                    backoff(&policy(1000, 4000), seed, &TaskId::from("c/t#1"), attempt).as_millis()
                })
                .sum();
            total / 2000
        };
        for (attempt, half) in [
            (1, 500_000),
            (2, 1_000_000),
            (3, 2_000_000),
            (4, 2_000_000),
            (200, 2_000_000),
        ] {
            let mean = mean(attempt);
            assert!(
                mean.abs_diff(half) < half / 20,
                "attempt {attempt}: {mean} ms"
            );
        }
    }

    #[test]
    fn seed_task_and_attempt_each_change_the_wait() {
        let wait = |seed, task: &str, attempt| {
            backoff(&policy(4000, 4000), seed, &TaskId::from(task), attempt)
        };
        let reference = wait(7, "c/t#1", 1);
        assert_eq!(reference, wait(7, "c/t#1", 1));
        assert_ne!(reference, wait(8, "c/t#1", 1));
        assert_ne!(reference, wait(7, "c/t#2", 1));
        assert_ne!(reference, wait(7, "c/t#1", 2));
    }

    proptest! {
        #[test]
        fn a_wait_is_at_least_a_second_and_never_above_the_cap(
            base in 0_u64..=u64::MAX, cap in 1_u64..=u64::MAX, seed: u64, attempt: u32,
        ) {
            let wait = backoff(&policy(base, cap), seed, &TaskId::from("c/t#1"), attempt);
            prop_assert!(wait >= MIN_DELAY);
            prop_assert!(wait <= Duration::from_secs(cap));
        }
    }
}
