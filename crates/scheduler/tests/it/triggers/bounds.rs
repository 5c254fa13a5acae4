//! Start, end and jitter.

use std::time::Duration;

use airdrops_scheduler::{CampaignDefect, Compiled, Timing, Trigger, TriggerError};
use airdrops_types::{CampaignId, Timestamp};
use proptest::prelude::*;

use super::{BERLIN, cron, instant};
use crate::{at, campaign, every, task};

fn bounded(trigger: &Trigger, start: Option<Timestamp>, end: Option<Timestamp>) -> Compiled {
    let timing = Timing {
        start,
        end,
        jitter: Duration::ZERO,
    };
    Compiled::new(trigger, &timing).unwrap()
}

fn all(compiled: &Compiled, seen: Timestamp) -> Vec<Timestamp> {
    std::iter::successors(compiled.first_instant(seen), |&last| {
        compiled.next_after(last, seen)
    })
    .take(100)
    .collect()
}

#[test]
fn nothing_fires_before_the_start_or_after_the_end() {
    let daily = cron("0 9 * * *", BERLIN);
    let start = instant("2024-03-30T09:00:00+01:00");
    let end = instant("2024-04-01T09:00:00+02:00");
    let seen = instant("2024-01-01T00:00:00+01:00");
    let compiled = bounded(&daily, Some(start), Some(end));
    // Both bounds are instants at which it may fire.
    let middle = instant("2024-03-31T09:00:00+02:00");
    assert_eq!(all(&compiled, seen), [start, middle, end]);
    let narrow = bounded(
        &daily,
        Some(Timestamp(start.0 + 1)),
        Some(Timestamp(end.0 - 1)),
    );
    assert_eq!(all(&narrow, seen), [middle]);
    // A date out of bounds never fires.
    let date = Trigger::Date { at: seen };
    assert_eq!(all(&bounded(&date, Some(start), None), seen), []);
    assert_eq!(all(&bounded(&date, None, Some(seen)), seen), [seen]);
}

#[test]
fn what_has_no_first_instant_of_its_own_begins_at_the_start() {
    let start = at(1_000);
    let compiled = bounded(&every(60), Some(start), Some(at(1_120)));
    assert_eq!(all(&compiled, at(7)), [start, at(1_060), at(1_120)]);
    assert_eq!(
        all(&bounded(&Trigger::Once, Some(start), None), at(7)),
        [start]
    );
    // Seen after its start, it begins when it is seen.
    assert_eq!(
        all(&bounded(&Trigger::Once, Some(at(1)), None), at(7)),
        [at(7)]
    );
}

#[test]
fn an_end_before_the_start_is_refused() {
    let timing = |start, end| Timing {
        start: Some(at(start)),
        end: Some(at(end)),
        jitter: Duration::ZERO,
    };
    let error = Compiled::new(&every(60), &timing(60, 59)).unwrap_err();
    assert_eq!(
        error,
        TriggerError::Bounds {
            start: at(60),
            end: at(59)
        }
    );
    assert_eq!(
        error.to_string(),
        "its end, 1970-01-01T00:00:59Z, is before its start, 1970-01-01T00:01:00Z; no instant is left"
    );
    assert!(Compiled::new(&every(60), &timing(60, 60)).is_ok());
    let mut farm = campaign("farm", every(60), vec![task("claim", &[])]);
    farm.timing = timing(60, 59);
    let defects = farm.validate().unwrap_err();
    assert_eq!(defects[0].defect, CampaignDefect::Trigger(error));
}

#[test]
fn jitter_spreads_moments_over_its_whole_length_and_leaves_instants_where_they_are() {
    let timing = Timing {
        jitter: Duration::from_secs(600),
        ..Timing::default()
    };
    let compiled = Compiled::new(&every(3_600), &timing).unwrap();
    assert_eq!(compiled.next_after(at(0), at(0)), Some(at(3_600)));
    let late = |seed, campaign: &str, instant| {
        let moment = compiled.fire_moment(instant, at(0), seed, &CampaignId::from(campaign));
        moment.since(instant)
    };
    let reference = late(1, "farm", at(3_600));
    assert_eq!(reference, late(1, "farm", at(3_600)));
    assert_ne!(reference, late(2, "farm", at(3_600)));
    assert_ne!(reference, late(1, "other", at(3_600)));
    assert_ne!(reference, late(1, "farm", at(7_200)));
    let shares: Vec<Duration> = (0..2_000)
        .map(|seed| late(seed, "farm", at(3_600)))
        .collect();
    let mean = shares.iter().sum::<Duration>() / 2_000;
    assert!(mean.abs_diff(Duration::from_secs(300)) < Duration::from_secs(15));
    assert!(*shares.iter().max().unwrap() > Duration::from_secs(595));
    assert!(*shares.iter().min().unwrap() < Duration::from_secs(5));
}

proptest! {
    /// Also when the jitter is longer than the time between instants, across changes of clocks, and at
    /// the end of the bounds.
    #[test]
    fn moments_strictly_increase_and_stay_within_jitter_and_bounds(
        expression in prop::sample::select(vec![
            "*/20 * * * *", "30 1,2,3 * * *", "15 2 * * *", "* * * * * *",
        ]),
        jitter in 0..8_000_000_u64, seed: u64, from in -200_000_i64..200_000,
    ) {
        let change = instant("2024-03-31T03:00:00+02:00");
        let after = Timestamp(change.0 + from * 1_000);
        let end = after.plus(Duration::from_secs(90_000));
        let timing = Timing { start: None, end: Some(end), jitter: Duration::from_millis(jitter) };
        let compiled = Compiled::new(&cron(expression, BERLIN), &timing).unwrap();
        let campaign = CampaignId::from("farm");
        let mut instant = compiled.next_after(after, after);
        let mut before = None;
        for _ in 0..6 {
            let Some(now) = instant else { break };
            let moment = compiled.fire_moment(now, after, seed, &campaign);
            prop_assert!(moment >= now && moment <= now.plus(timing.jitter));
            prop_assert!(moment <= end);
            prop_assert!(before < Some(moment));
            before = Some(moment);
            instant = compiled.next_after(now, after);
            prop_assert!(instant.is_none_or(|next| moment < next));
        }
    }
}
