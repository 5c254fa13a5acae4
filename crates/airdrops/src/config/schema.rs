//! The JSON Schema of the configuration file, made from the table that the reader accepts by.

use serde_json::{Map, Value, json};

use super::keys::{Key, Kind, ROOT, Table};
use super::unit::duration_text;

/// The schema, in draft 2020-12.
#[must_use]
pub fn schema() -> Value {
    let mut schema = table(&ROOT);
    if let Some(object) = schema.as_object_mut() {
        let dialect = "https://json-schema.org/draft/2020-12/schema";
        object.insert("$schema".into(), dialect.into());
        object.insert("title".into(), "airdrops.toml".into());
    }
    schema
}

fn table(definition: &Table) -> Value {
    let Some((key, variants)) = definition.variants else {
        return object(definition, &[definition], None);
    };
    // One closed alternative per module, so that an editor offers the right keys.
    let alternatives: Vec<Value> = variants
        .iter()
        .map(|(name, more)| object(more, &[definition, more], Some((key, name))))
        .collect();
    json!({ "description": definition.doc, "oneOf": alternatives })
}

fn object(described: &Table, parts: &[&Table], constant: Option<(&str, &str)>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in parts.iter().flat_map(|part| part.keys) {
        let schema = match constant {
            Some((name, value)) if name == key.name => {
                json!({ "const": value, "description": key.doc })
            }
            _ => property(key),
        };
        properties.insert(key.name.into(), schema);
        if key.required {
            required.push(key.name);
        }
    }
    json!({
        "type": "object",
        "description": described.doc,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(key: &Key) -> Value {
    let mut schema = value(key.kind);
    if let Some(object) = schema.as_object_mut() {
        object.insert("description".into(), key.doc.into());
    }
    schema
}

fn value(kind: Kind) -> Value {
    let text = |pattern: &str, examples: &[&str]| json!({ "type": "string", "pattern": pattern, "examples": examples });
    match kind {
        Kind::Text | Kind::Path => json!({ "type": "string", "minLength": 1 }),
        Kind::Name => text(r"^[\p{L}\p{N}._-]+$", &[]),
        Kind::Integer(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Kind::Signed(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Kind::Date => text(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", &["2024-01-31"]),
        Kind::Clock => text(r"^[0-2]?[0-9]:[0-5][0-9](:[0-5][0-9])?$", &["09:00"]),
        Kind::Threshold => text(
            r"^\s*(\$\s*[0-9][0-9,_.]*|[0-9][0-9,_.]*\s*(USD|g?wei)?)\s*$",
            &["$3000", "20 gwei", "45.5"],
        ),
        Kind::Topic => text(
            r"^(any|0x[0-9a-fA-F]{40}|0x[0-9a-fA-F]{64}|[A-Za-z_$][A-Za-z0-9_$]*\([^ ]*\))$",
            &["Transfer(address,address,uint256)", "any"],
        ),
        Kind::Resource => text(r"^[^:]+:.+$", &["team:x"]),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Duration(from, to) => {
            let mut schema = text(r"^\s*([0-9]+\s*(ms|s|m|min|h|d)\s*)+$", &["15s", "1h30m"]);
            schema["$comment"] = format!(
                "from {} to {}",
                duration_text(std::time::Duration::from_secs(from)),
                duration_text(std::time::Duration::from_secs(to))
            )
            .into();
            schema
        }
        Kind::Percent(..) => text(r"^\s*[0-9]+(\.[0-9]{1,2})?\s*%\s*$", &["20%", "0.5%"]),
        Kind::Dollars => text(
            r"^\s*(\$\s*[0-9][0-9,_]*(\.[0-9]{1,6})?|[0-9][0-9,_]*(\.[0-9]{1,6})?\s*USD)\s*$",
            &["$50", "50 USD"],
        ),
        Kind::FeeRate => text(
            r"^\s*[0-9][0-9,_]*(\.[0-9]{1,9})?\s*g?wei\s*$",
            &["60 gwei"],
        ),
        Kind::Decimal => text(r"^\s*[0-9][0-9,_]*(\.[0-9]+)?\s*$", &["1.25"]),
        Kind::Amount => text(
            r"^(target|all|\s*[0-9][0-9,_]*(\.[0-9]+)?\s*%?)$",
            &["target", "all", "25%", "1.25"],
        ),
        Kind::Address => text("^0x[0-9a-fA-F]{40}$", &[]),
        Kind::Digest => text("^0x[0-9a-fA-F]{64}$", &[]),
        Kind::Instant => json!({ "type": "string", "format": "date-time" }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Endpoint => json!({ "oneOf": [
            { "type": "string", "pattern": "^https?://" },
            reference("env"),
            reference("file"),
        ] }),
        Kind::Url => text("^https?://", &[]),
        Kind::GasBound => text(
            r"^\s*(\$\s*[0-9][0-9,_.]*|[0-9][0-9,_.]*\s*(USD|%|g?wei))\s*$",
            &["80%", "5 gwei", "$2"],
        ),
        Kind::Dependency => text(
            r"^(protocol|asset|wrapper|stablecoin|bridge|oracle|chain|admin):[^@]+(@[0-9.]+\s*%)?$",
            &["oracle:chainlink", "stablecoin:USDC@40%"],
        ),
        Kind::Passphrase | Kind::Secret => {
            json!({ "oneOf": [reference("file"), reference("env"), reference("credential")] })
        }
        Kind::List(item) => json!({ "type": "array", "items": value(*item) }),
        Kind::Each(item) => json!({ "type": "object", "additionalProperties": value(*item) }),
        Kind::Table(definition) => table(definition),
        Kind::NamesOr(definition) => json!({
            "type": "array",
            "items": { "oneOf": [value(Kind::Name), table(definition)] },
        }),
        Kind::Tables(definition) => json!({ "type": "array", "items": table(definition) }),
    }
}

fn reference(key: &str) -> Value {
    json!({
        "type": "object",
        "properties": { key: { "type": "string", "minLength": 1 } },
        "required": [key],
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use super::super::resolve::asked;
    use super::*;

    const EVERY_KEY: &str = include_str!("../../tests/it/every-key.toml");
    const OPPORTUNITIES: &str = "[[opportunity]]\nprotocol = \"aerie\"\nfdv = \"$1000\"\n\
                                 others = \"$1000\"\n[[opportunity]]\nprotocol = \"pair\"\n";

    fn declared(table: &'static Table, into: &mut BTreeSet<(&'static str, &'static str)>) {
        let variants = table.variants.map_or(&[][..], |(_, variants)| variants);
        for (_, variant) in variants {
            declared(variant, into);
        }
        for key in table.keys {
            into.insert((table.name, key.name));
            match key.kind {
                Kind::Table(inner) | Kind::Tables(inner) | Kind::NamesOr(inner) => {
                    declared(inner, into);
                }
                Kind::Each(Kind::Table(inner)) => declared(inner, into),
                _ => {}
            }
        }
    }

    const SHARED: &str = r#"
[store]
url = "postgres://localhost/farm"
node = "attic"
lease = "5s"

[server]
listen = "127.0.0.1:8787"

[[webhook]]
name = "snapshot"
secret = { env = "WEBHOOK_SNAPSHOT" }
"#;

    #[test]
    fn the_reader_asks_for_every_key_that_the_schema_has_and_no_other() {
        let mut all = BTreeSet::new();
        declared(&ROOT, &mut all);
        assert!(all.len() > 70, "{}", all.len());
        // Weights and opportunities are not in one file, nor a database file and a server, unless by
        // mistake.
        let mistaken = format!("{EVERY_KEY}\n{OPPORTUNITIES}\n{SHARED}");
        assert_eq!(asked(&mistaken), all);
    }

    #[test]
    fn the_schema_has_the_keys_of_every_module() {
        let schema = schema();
        let modules = &schema["properties"]["protocol"]["items"]["oneOf"];
        let modules = modules.as_array().unwrap();
        assert_eq!(modules.len(), 6);
        for module in modules {
            assert!(module["properties"]["id"].is_object());
            assert!(module["properties"]["module"]["const"].is_string());
            assert_eq!(module["additionalProperties"], false);
        }
        assert_eq!(schema["required"], json!(["chain", "wallet"]));
    }
}
