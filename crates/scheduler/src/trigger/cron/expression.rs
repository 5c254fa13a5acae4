//! Cron expressions as text: what is rewritten and refused before the cron library reads them.

use super::super::TriggerError;

/// A field of an expression.
struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    /// Names of its values, from the first one on.
    names: &'static [&'static str],
}

const DAY_OF_WEEK: usize = 5;

const FIELDS: [Field; 6] = [
    Field::numbers("second", 0, 59),
    Field::numbers("minute", 0, 59),
    Field::numbers("hour", 0, 23),
    Field::numbers("day of month", 1, 31),
    Field {
        name: "month",
        first: 1,
        last: 12,
        names: &[
            "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
        ],
    },
    Field {
        name: "day of week",
        first: 0,
        last: 6,
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    },
];

/// Nicknames, as in Vixie cron.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

impl Field {
    const fn numbers(name: &'static str, first: u32, last: u32) -> Self {
        Self {
            name,
            first,
            last,
            names: &[],
        }
    }

    /// A number or a name. A day of the week may be 7.
    fn value(&self, text: &str) -> Option<u32> {
        if let Some(index) = self
            .names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text))
        {
            return Some(self.first + u32::try_from(index).ok()?);
        }
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| is_number)
    }

    fn count(&self) -> u32 {
        self.last - self.first + 1
    }
}

/// An expression that the cron library reads as it is meant.
pub(super) struct Expression {
    /// Six fields, without nickname and without ranges that wrap.
    pub(super) text: String,
    /// Whether its second, minute or hour has a wildcard or a step.
    pub(super) wildcard: bool,
}

/// Six fields from a text of five, six, or a nickname.
pub(super) fn normalize(expression: &str) -> Result<Expression, TriggerError> {
    let refuse = |defect: &str| TriggerError::Cron {
        expression: expression.to_owned(),
        defect: defect.to_owned(),
    };
    let trimmed = expression.trim();
    if trimmed.is_empty() {
        return Err(refuse(
            "it is empty; write 5 or 6 fields, such as `0 9 * * MON`",
        ));
    }
    let text = if trimmed.starts_with('@') {
        let known = |(name, _): &&(&str, &str)| name.eq_ignore_ascii_case(trimmed);
        NICKNAMES
            .iter()
            .find(known)
            .map(|(_, text)| *text)
            .ok_or_else(|| {
                refuse(
                    "there is no such nickname; write @yearly, @monthly, @weekly, @daily, \
                     @hourly, or 5 or 6 fields",
                )
            })?
    } else {
        trimmed
    };
    let mut fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() == 5 {
        fields.insert(0, "0");
    }
    if fields.len() != FIELDS.len() {
        return Err(refuse(&format!(
            "it has {} fields; write 5 or 6 fields: minute hour day month weekday, with a second \
             before them if needed",
            fields.len()
        )));
    }
    let wildcard = fields
        .iter()
        .take(3)
        .any(|field| field.contains(['*', '/']));
    let expanded: Vec<String> = fields
        .iter()
        .enumerate()
        .map(|(index, field)| {
            let parts: Vec<String> = field.split(',').map(|part| expand(index, part)).collect();
            parts.join(",")
        })
        .collect();
    Ok(Expression {
        text: expanded.join(" "),
        wildcard,
    })
}

/// A part of a field; as a list if it is a range that wraps, such as `FRI-MON`, `22-3` or
/// `FRI-MON#1`. What it cannot read it leaves to the cron library to refuse.
fn expand(index: usize, part: &str) -> String {
    wrapped(index, part).unwrap_or_else(|| part.to_owned())
}

fn wrapped(index: usize, part: &str) -> Option<String> {
    let field = FIELDS.get(index)?;
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, step.parse().ok().filter(|step| *step > 0)?),
        None => (part, 1),
    };
    let (range, nth) = match range.split_once('#') {
        Some((range, nth)) => (range, format!("#{nth}")),
        None => (range, String::new()),
    };
    let (from, to) = range.split_once('-')?;
    let (mut from, to) = (field.value(from)?, field.value(to)?);
    if index == DAY_OF_WEEK && from == 7 && to < 7 {
        from = 0; // Sunday
    }
    let valid = field.first..=field.last;
    if !valid.contains(&from) || !valid.contains(&to) {
        return None;
    }
    let span = (field.count() + to - from) % field.count();
    let values: Vec<String> = (0..=span)
        .step_by(usize::try_from(step).ok()?)
        .map(|passed| {
            let value = field.first + (from - field.first + passed) % field.count();
            format!("{value}{nth}")
        })
        .collect();
    Some(values.join(","))
}

/// Rejects `*/90` in the minute field, which the cron library reads as `0`.
pub(super) fn check_steps(expression: &str) -> Result<(), TriggerError> {
    let mut fields: Vec<&str> = expression.split_whitespace().collect();
    if fields.len() == 5 {
        fields.insert(0, "0");
    }
    for (text, field) in fields.iter().zip(&FIELDS) {
        for part in text.split(',') {
            let Some((range, Ok(step))) = part
                .split_once('/')
                .map(|(range, step)| (range, step.parse::<u32>()))
            else {
                continue;
            };
            let (first, last) = range
                .split_once('-')
                .and_then(|(a, b)| Some((field.value(a)?, field.value(b)?)))
                .unwrap_or((field.first, field.last));
            let span = if last >= first {
                last - first
            } else {
                (field.count() + last).saturating_sub(first)
            };
            if step > span {
                return Err(TriggerError::Step {
                    expression: expression.to_owned(),
                    field: field.name,
                    step,
                    first,
                    last,
                });
            }
        }
    }
    Ok(())
}
