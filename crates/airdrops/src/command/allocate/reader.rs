//! Values of the problem file by their place, and every fault that is met on the way.

use airdrops_allocation::problem::Fault;
use nalgebra::{DMatrix, DVector};
use serde_json::{Map, Value};

use crate::config::diagnostic::suggestion;

/// Collects faults.
#[derive(Default)]
pub(super) struct Reader {
    /// What was wrong so far.
    pub(super) faults: Vec<Fault>,
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

impl Reader {
    /// Notes a fault.
    pub(super) fn fault(
        &mut self,
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.faults.push(Fault {
            place: place.into(),
            problem: problem.into(),
            remedy: remedy.into(),
        });
    }

    fn wrong(&mut self, place: &str, value: &Value, wanted: &str) {
        self.fault(
            place,
            format!("is {}", kind(value)),
            format!("give {wanted}"),
        );
    }

    /// An object with no other fields than `fields`.
    pub(super) fn object<'a>(
        &mut self,
        place: &str,
        value: &'a Value,
        fields: &[&str],
    ) -> Option<&'a Map<String, Value>> {
        let Some(map) = value.as_object() else {
            self.wrong(place, value, "an object");
            return None;
        };
        for key in map.keys().filter(|key| !fields.contains(&key.as_str())) {
            let place = if place.is_empty() {
                key.clone()
            } else {
                format!("{place}.{key}")
            };
            let remedy = suggestion(key, fields.iter().copied(), "field");
            self.fault(place, "is no field", remedy);
        }
        Some(map)
    }

    /// A number.
    pub(super) fn number(&mut self, place: &str, value: &Value) -> Option<f64> {
        let number = value.as_f64();
        if number.is_none() {
            self.wrong(place, value, "a number");
        }
        number
    }

    /// A whole number that is not negative.
    pub(super) fn count(&mut self, place: &str, value: &Value) -> Option<usize> {
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
        if count.is_none() {
            self.wrong(place, value, "a whole number");
        }
        count
    }

    /// True or false.
    pub(super) fn flag(&mut self, place: &str, value: &Value) -> Option<bool> {
        if !value.is_boolean() {
            self.wrong(place, value, "true or false");
        }
        value.as_bool()
    }

    /// Text.
    pub(super) fn text<'a>(&mut self, place: &str, value: &'a Value) -> Option<&'a str> {
        if !value.is_string() {
            self.wrong(place, value, "text");
        }
        value.as_str()
    }

    /// A list.
    pub(super) fn list<'a>(&mut self, place: &str, value: &'a Value) -> Option<&'a [Value]> {
        let list = value.as_array();
        if list.is_none() {
            self.wrong(place, value, "a list");
        }
        list.map(Vec::as_slice)
    }

    /// A list of numbers.
    pub(super) fn numbers(&mut self, place: &str, value: &Value) -> Option<DVector<f64>> {
        let list = self.list(place, value)?;
        let mut numbers = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            match value.as_f64() {
                Some(number) => numbers.push(number),
                None => {
                    self.wrong(&format!("{place}[{index}]"), value, "a number");
                    return None;
                }
            }
        }
        Some(DVector::from_vec(numbers))
    }

    /// Rows of numbers, all of one length.
    pub(super) fn rows(&mut self, place: &str, value: &Value) -> Option<DMatrix<f64>> {
        let list = self.list(place, value)?;
        let mut rows: Vec<DVector<f64>> = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            let place = format!("{place}[{index}]");
            let row = self.numbers(&place, value)?;
            if let Some(first) = rows.first()
                && first.len() != row.len()
            {
                let problem = format!("has {} numbers, the first row {}", row.len(), first.len());
                self.fault(place, problem, "make all rows as long");
                return None;
            }
            rows.push(row);
        }
        let columns = rows.first().map_or(0, DVector::len);
        Some(DMatrix::from_fn(rows.len(), columns, |row, column| {
            rows[row][column]
        }))
    }

    /// The index of an asset.
    pub(super) fn asset(&mut self, place: &str, name: &str, assets: &[String]) -> Option<usize> {
        let index = assets.iter().position(|asset| asset == name);
        if index.is_none() {
            let remedy = suggestion(name, assets.iter().map(String::as_str), "asset");
            self.fault(place, format!("`{name}` is no asset"), remedy);
        }
        index
    }

    /// A number for each asset: a list in their order, an object by name (0 for those left out), or,
    /// if `one` is allowed, a single number for all.
    pub(super) fn by_asset(
        &mut self,
        place: &str,
        value: &Value,
        assets: &[String],
        one: bool,
    ) -> Option<DVector<f64>> {
        if one && let Some(number) = value.as_f64() {
            return Some(DVector::repeat(assets.len(), number));
        }
        if let Some(map) = value.as_object() {
            let mut numbers = DVector::zeros(assets.len());
            for (name, value) in map {
                let place = format!("{place}.{name}");
                let index = self.asset(&place, name, assets);
                let number = self.number(&place, value);
                if let (Some(index), Some(number)) = (index, number) {
                    numbers[index] = number;
                }
            }
            return Some(numbers);
        }
        if !value.is_array() {
            let one = if one { "a number, " } else { "" };
            let wanted = format!("{one}a list of one number per asset, or an object by name");
            self.wrong(place, value, &wanted);
            return None;
        }
        let numbers = self.numbers(place, value)?;
        if numbers.len() != assets.len() {
            let problem = format!("has {} numbers", numbers.len());
            self.fault(
                place,
                problem,
                format!("give one per asset: {}", assets.len()),
            );
            return None;
        }
        Some(numbers)
    }
}
