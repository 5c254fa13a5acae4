//! One alarm per event.

use serde::{Deserialize, Serialize};

/// Lets a surprise pass if it exceeds all that passed in the last samples by a margin, and damps it
/// otherwise: for any threshold, an event that lasts raises one alarm, and a second one only if it
/// grows markedly worse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HoldOff {
    /// For how many samples a surprise that passed holds off others.
    samples: u64,
    /// By how much a further one must exceed it.
    margin: f64,
    /// Factor on what does not pass.
    damping: f64,
    clock: u64,
    /// When the last one passed, and how large it was.
    passed: Option<(u64, f64)>,
}

impl HoldOff {
    /// Nothing passed yet.
    #[must_use]
    pub fn new(samples: u64, margin: f64, damping: f64) -> Self {
        Self {
            samples,
            margin,
            damping,
            clock: 0,
            passed: None,
        }
    }

    /// The next surprise, a finite number ≥ 0: itself if it passes, less otherwise.
    pub fn push(&mut self, surprise: f64) -> f64 {
        self.clock = self.clock.saturating_add(1);
        if let Some((at, level)) = self.passed
            && self.clock.saturating_sub(at) <= self.samples
            && surprise < level + self.margin
        {
            return surprise * self.damping;
        }
        self.passed = Some((self.clock, surprise));
        surprise
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarms(surprises: &[f64], threshold: f64) -> Vec<usize> {
        let mut hold_off = HoldOff::new(10, 0.5, 0.3);
        let passed = surprises.iter().map(|surprise| hold_off.push(*surprise));
        let over = passed.enumerate().filter(|(_, level)| *level > threshold);
        over.map(|(i, _)| i).collect()
    }

    #[test]
    fn an_event_that_lasts_is_one_alarm_until_it_grows_worse() {
        let event = [5.0, 5.2, 4.0, 5.4, 7.0, 6.0, 0.0];
        assert_eq!(alarms(&event, 3.0), [0, 4]);
    }

    #[test]
    fn what_is_small_holds_off_nothing_that_matters_and_ends() {
        let mut quiet_then_event = vec![1.0; 5];
        quiet_then_event.extend([6.0; 12]);
        assert_eq!(alarms(&quiet_then_event, 3.0), [5, 16]);
    }
}
