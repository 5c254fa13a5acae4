//! Calendar intervals as people write them.

use chrono::{NaiveTime, Timelike as _};

use super::TriggerError;
use super::calendar::CalendarSchedule;
use crate::campaign::Calendar;

impl Calendar {
    /// Reads `1 month at 09:00 from 2024-01-31`, in `zone`.
    ///
    /// First the step: years, months, weeks and days, each at most once, as in `1 year 6 months`, `2
    /// weeks and 1 day`, or `month` for `1 month`; `every` may stand before it. Then, if wanted, `at`
    /// and a time of day, `09:00` or `09:00:30`, midnight without; then `from` and the first date,
    /// that on which the program first sees it without.
    ///
    /// # Errors
    ///
    /// What is wrong with it, also if it is well written and cannot be used.
    pub fn parse(spec: &str, zone: &str) -> Result<Self, TriggerError> {
        let refuse = |defect: String| TriggerError::CalendarSpec {
            spec: spec.to_owned(),
            defect,
        };
        let mut calendar = Self {
            years: 0,
            months: 0,
            weeks: 0,
            days: 0,
            time: 0,
            zone: zone.to_owned(),
            first: None,
        };
        let spaced = spec.replace(',', " ").to_lowercase();
        let mut words = spaced.split_whitespace().peekable();
        words.next_if_eq(&"every");
        let mut steps = 0;
        while let Some(word) = words.next_if(|word| !matches!(*word, "at" | "from")) {
            if word == "and" && steps > 0 {
                continue;
            }
            let (count, unit) = if word.starts_with(|c: char| c.is_ascii_digit()) {
                let count = word
                    .parse()
                    .map_err(|_| refuse(format!("`{word}` is no number of days or months")))?;
                let unit = words.next().unwrap_or_default();
                (count, unit)
            } else {
                (1, word)
            };
            let place = match unit {
                "year" | "years" => &mut calendar.years,
                "month" | "months" => &mut calendar.months,
                "week" | "weeks" => &mut calendar.weeks,
                "day" | "days" => &mut calendar.days,
                "" => return Err(refuse(format!("`{word}` has no unit"))),
                other => return Err(refuse(format!("`{other}` is no step"))),
            };
            if count == 0 {
                return Err(refuse("a step is at least 1".to_owned()));
            }
            if *place != 0 {
                return Err(refuse(format!("`{unit}` stands there twice")));
            }
            *place = count;
            steps += 1;
        }
        if steps == 0 {
            return Err(refuse("it has no step".to_owned()));
        }
        if words.next_if_eq(&"at").is_some() {
            let word = words.next().unwrap_or_default();
            calendar.time = ["%H:%M:%S", "%H:%M"]
                .into_iter()
                .find_map(|format| NaiveTime::parse_from_str(word, format).ok())
                .filter(|time| time.nanosecond() < 1_000_000_000)
                .map(|time| time.num_seconds_from_midnight())
                .ok_or_else(|| refuse(format!("`{word}` is no time of day such as 09:00")))?;
        }
        if words.next_if_eq(&"from").is_some() {
            let word = words.next().unwrap_or_default();
            calendar.first = Some(word.to_owned());
        }
        if let Some(word) = words.next() {
            return Err(refuse(format!("`{word}` is out of place")));
        }
        CalendarSchedule::new(&calendar)?;
        Ok(calendar)
    }
}
