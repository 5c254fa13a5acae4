//! The JSON Schema of the problem file.

use serde_json::Value;

use crate::exit::Failure;

const SCHEMA: &str = include_str!("schema.json");

/// The schema, in draft 2020-12.
///
/// # Errors
/// None: a test parses the text.
pub(super) fn schema() -> Result<Value, Failure> {
    Ok(serde_json::from_str(SCHEMA)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;
    use std::path::Path;

    use airdrops_allocation::strategies;
    use serde_json::Value;

    use super::super::problem_file::{
        COSTS, COVARIANCE, DRAWDOWN, GROUP, ROOT, SCENARIOS, VIEWS, read,
    };

    fn schema() -> Value {
        super::schema().unwrap()
    }

    fn fields(object: &Value) -> BTreeSet<String> {
        assert_eq!(object["additionalProperties"], false);
        object["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    }

    #[test]
    fn the_schema_has_the_fields_that_the_reader_knows_and_no_others() {
        let schema = schema();
        let known = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let properties = &schema["properties"];
        let of = |name: &str| fields(&properties[name]);
        assert_eq!(fields(&schema), known(ROOT));
        assert_eq!(of("scenarios"), known(SCENARIOS));
        assert_eq!(of("costs"), known(COSTS));
        assert_eq!(of("views"), known(VIEWS));
        assert_eq!(of("drawdown"), known(DRAWDOWN));
        assert_eq!(fields(&properties["groups"]["items"]), known(GROUP));
        assert_eq!(
            fields(&properties["covariance"]["oneOf"][1]),
            known(COVARIANCE)
        );
        for (name, property) in properties.as_object().unwrap() {
            assert!(property["description"].is_string(), "{name}");
        }
    }

    #[test]
    fn the_schema_lists_every_strategy() {
        let schema = schema();
        let listed = schema["properties"]["strategy"]["enum"].as_array().unwrap();
        for name in strategies::names() {
            assert!(listed.iter().any(|listed| listed == name), "{name}");
        }
    }

    #[test]
    fn the_examples_of_the_schema_are_problems() {
        let schema = schema();
        let examples = schema["examples"].as_array().unwrap();
        assert!(examples.len() >= 3);
        let mut used = BTreeSet::new();
        for example in examples {
            let file = read(example, Path::new(".")).map_err(|faults| format!("{faults:?}"));
            file.unwrap().problem.check().unwrap();
            used.extend(example.as_object().unwrap().keys().cloned());
        }
        let all: BTreeSet<String> = ROOT.iter().map(ToString::to_string).collect();
        assert_eq!(used, all, "every field is in an example");
    }
}
