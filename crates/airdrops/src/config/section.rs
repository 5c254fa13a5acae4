//! Typed reading of one table: every value by its [`Kind`], every mistake noted, none thrown.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use airdrops_risk::gas::GasLimit;
use airdrops_risk::look_through::Node;
use airdrops_types::{Address, AmountSpec, B256, Bps, Timestamp, Usd};
use secrecy::SecretString;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check::{
    article, check_address, check_clock, check_date, check_dependency, check_digest, check_dollars,
    check_duration, check_gas_bound, check_name, check_percent, check_resource, check_topic,
    check_url, example, wanted,
};
use super::diagnostic::suggestion;
use super::keys::{Key, Kind, Table};
use super::reader::{At, Reader, SecretPlace};
use super::unit;

/// One table of the file. Making it notes unknown keys, missing keys and values of the wrong kind;
/// the getters then give `None` without a second finding.
pub(super) struct Section<'a> {
    reader: &'a Reader<'a>,
    table: Option<&'a DeTable<'a>>,
    definitions: Vec<&'static Table>,
    /// Where the table begins.
    pub(super) span: Range<usize>,
}

/// A name, or a table in its place.
pub(super) enum NameOr<'a> {
    /// The name.
    Name(At<String>),
    /// The table.
    Table(Section<'a>),
}

impl<'a> Section<'a> {
    /// The table `table` at `span`, as `definition` wants it.
    pub(super) fn new(
        reader: &'a Reader<'a>,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        definition: &'static Table,
    ) -> Self {
        let mut definitions = vec![definition];
        let mut variant_known = true;
        if let Some((key, variants)) = definition.variants {
            let chosen = table.get(key).and_then(|value| value.get_ref().as_str());
            match variants.iter().find(|(name, _)| Some(*name) == chosen) {
                Some((_, more)) => definitions.push(more),
                None => variant_known = false,
            }
        }
        let section = Self {
            reader,
            table: Some(table),
            definitions,
            span,
        };
        if variant_known {
            section.note_unknown_keys(table);
        }
        for key in section.keys() {
            if key.required && table.get(key.name).is_none() {
                section.lacks(key);
            }
        }
        section
    }

    fn lacks(&self, key: &Key) {
        let name = self.definitions.first().map_or("", |table| table.name);
        self.reader.error(
            self.span.clone(),
            format!("{name} lacks the key `{}`", key.name),
            format!("{} Write {}", key.doc, example(key)),
        );
    }

    /// Notes that a key is missing that is needed here.
    pub(super) fn needs(&self, name: &str) {
        if let Some(key) = self.keys().find(|key| key.name == name)
            && !self.has(name)
        {
            self.lacks(key);
        }
    }

    /// A table that is not in the file: every getter gives `None`.
    pub(super) fn absent(reader: &'a Reader<'a>, definition: &'static Table) -> Self {
        Self {
            reader,
            table: None,
            definitions: vec![definition],
            span: 0..0,
        }
    }

    fn keys(&self) -> impl Iterator<Item = &'static Key> + '_ {
        self.definitions.iter().flat_map(|table| table.keys)
    }

    fn note_unknown_keys(&self, table: &DeTable<'_>) {
        let known: Vec<&str> = self.keys().map(|key| key.name).collect();
        for name in table.keys() {
            let text: &str = name.get_ref();
            if !known.contains(&text) {
                let place: Vec<&str> = self.definitions.iter().map(|table| table.name).collect();
                self.reader.error(
                    name.span(),
                    format!("unknown key `{text}` in {}", place.join(", ")),
                    suggestion(text, known.iter().copied(), "key"),
                );
            }
        }
    }

    /// The key's definition and value. A key that the key table lacks gives `None` always, which
    /// the schema test reports.
    fn find(&self, name: &'static str) -> Option<(&'static Key, &'a Spanned<DeValue<'a>>)> {
        let (table, key) = self.definitions.iter().find_map(|table| {
            let key = table.keys.iter().find(|key| key.name == name)?;
            Some((table.name, key))
        })?;
        self.reader.asked.borrow_mut().insert((table, name));
        Some((key, self.table?.get(name)?))
    }

    /// Where the value of a key stands; the table's beginning if it is not there.
    pub(super) fn span_of(&self, name: &str) -> Range<usize> {
        self.table
            .and_then(|table| table.get(name))
            .map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Whether the key is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.is_some_and(|table| table.get(name).is_some())
    }

    /// Whether the value of a key is this text.
    pub(super) fn is(&self, name: &str, text: &str) -> bool {
        self.table
            .and_then(|table| table.get(name))
            .is_some_and(|value| value.get_ref().as_str() == Some(text))
    }

    fn wrong(&self, key: &Key, span: Range<usize>, defect: &str) {
        self.reader.error(
            span,
            format!("`{}` {defect}", key.name),
            format!("write {}", example(key)),
        );
    }

    /// A text value, noted if it is none.
    fn string(&self, key: &Key, value: &'a Spanned<DeValue<'a>>) -> Option<&'a str> {
        match value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => {
                self.wrong(key, value.span(), "is empty");
                None
            }
            DeValue::String(text) => Some(text),
            other => {
                let defect = format!("must be {}, not {}", wanted(key.kind), article(other));
                self.wrong(key, value.span(), &defect);
                None
            }
        }
    }

    fn parsed<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<At<T>> {
        let (key, value) = self.find(name)?;
        let text = self.string(key, value)?;
        match parse(text) {
            Ok(parsed) => Some(Spanned::new(value.span(), parsed)),
            Err(defect) => {
                self.reader.error(
                    value.span(),
                    format!("`{name}`: `{text}` {defect}"),
                    format!("write {}", example(key)),
                );
                None
            }
        }
    }

    /// Text.
    pub(super) fn text(&self, name: &'static str) -> Option<At<String>> {
        self.parsed(name, |text| Ok(text.to_owned()))
    }

    /// A name.
    pub(super) fn name(&self, name: &'static str) -> Option<At<String>> {
        self.parsed(name, check_name)
    }

    /// One of the words of the key's definition.
    pub(super) fn choice(&self, name: &'static str) -> Option<At<&'static str>> {
        let (key, value) = self.find(name)?;
        let Kind::Choice(words) = key.kind else {
            return None;
        };
        let text = self.string(key, value)?;
        let found = words.iter().find(|word| **word == text);
        if found.is_none() {
            self.reader.error(
                value.span(),
                format!("`{name}`: `{text}` is unknown"),
                suggestion(text, words.iter().copied(), "choice"),
            );
        }
        found.map(|word| Spanned::new(value.span(), *word))
    }

    /// A whole number.
    pub(super) fn integer(&self, name: &'static str) -> Option<At<u64>> {
        let (key, value) = self.find(name)?;
        let Kind::Integer(from, to) = key.kind else {
            return None;
        };
        let DeValue::Integer(integer) = value.get_ref() else {
            let defect = format!("must be a whole number, not {}", article(value.get_ref()));
            self.wrong(key, value.span(), &defect);
            return None;
        };
        let digits = integer.as_str().replace('_', "");
        match u64::from_str_radix(&digits, integer.radix()) {
            Ok(number) if (from..=to).contains(&number) => Some(Spanned::new(value.span(), number)),
            _ => {
                self.wrong(
                    key,
                    value.span(),
                    &format!("must be from {from} to {to}, and is {integer}"),
                );
                None
            }
        }
    }

    /// A whole number that may be below zero.
    pub(super) fn signed(&self, name: &'static str) -> Option<i64> {
        let (key, value) = self.find(name)?;
        let Kind::Signed(from, to) = key.kind else {
            return None;
        };
        let DeValue::Integer(integer) = value.get_ref() else {
            let defect = format!("must be a whole number, not {}", article(value.get_ref()));
            self.wrong(key, value.span(), &defect);
            return None;
        };
        let digits = integer.as_str().replace('_', "");
        match i64::from_str_radix(&digits, integer.radix()) {
            Ok(number) if (from..=to).contains(&number) => Some(number),
            _ => {
                let defect = format!("must be from {from} to {to}, and is {integer}");
                self.wrong(key, value.span(), &defect);
                None
            }
        }
    }

    /// Whole numbers under free keys.
    pub(super) fn counts(&self, name: &'static str) -> Vec<(At<String>, u64)> {
        let Some((key, value)) = self.find(name) else {
            return Vec::new();
        };
        let (Some(table), Kind::Each(Kind::Integer(from, to))) =
            (value.get_ref().as_table(), key.kind)
        else {
            let defect = format!("must be a table, not {}", article(value.get_ref()));
            self.wrong(key, value.span(), &defect);
            return Vec::new();
        };
        let mut counts = Vec::new();
        for (name, value) in table {
            let number = match value.get_ref() {
                DeValue::Integer(integer) => {
                    let digits = integer.as_str().replace('_', "");
                    u64::from_str_radix(&digits, integer.radix()).ok()
                }
                _ => None,
            };
            match number.filter(|number| (*from..=*to).contains(number)) {
                Some(number) => {
                    let name = Spanned::new(name.span(), name.get_ref().to_string());
                    counts.push((name, number));
                }
                None => {
                    let defect = format!("of `{}` must be from {from} to {to}", name.get_ref());
                    self.wrong(key, value.span(), &defect);
                }
            }
        }
        counts
    }

    /// Tables under free keys.
    pub(super) fn each_table(&self, name: &'static str) -> Vec<(At<String>, Section<'a>)> {
        let Some((key, value)) = self.find(name) else {
            return Vec::new();
        };
        let (Some(table), Kind::Each(Kind::Table(definition))) =
            (value.get_ref().as_table(), key.kind)
        else {
            let defect = format!("must be a table, not {}", article(value.get_ref()));
            self.wrong(key, value.span(), &defect);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (name, value) in table {
            match value.get_ref().as_table() {
                Some(table) => {
                    let name = Spanned::new(name.span(), name.get_ref().to_string());
                    let section = Section::new(self.reader, table, value.span(), definition);
                    tables.push((name, section));
                }
                None => self.wrong(key, value.span(), "must hold tables"),
            }
        }
        tables
    }

    /// A list of names, some of them as tables with more to say.
    pub(super) fn names_or(&self, name: &'static str) -> Vec<NameOr<'a>> {
        let Some((key, value)) = self.find(name) else {
            return Vec::new();
        };
        let (Some(items), Kind::NamesOr(definition)) = (value.get_ref().as_array(), key.kind)
        else {
            let defect = format!("must be a list, not {}", article(value.get_ref()));
            self.wrong(key, value.span(), &defect);
            return Vec::new();
        };
        let mut list = Vec::new();
        for item in items.iter() {
            if let Some(table) = item.get_ref().as_table() {
                let section = Section::new(self.reader, table, item.span(), definition);
                list.push(NameOr::Table(section));
            } else if let Some(text) = self.string(key, item) {
                match check_name(text) {
                    Ok(name) => list.push(NameOr::Name(Spanned::new(item.span(), name))),
                    Err(defect) => self.wrong(key, item.span(), &format!("`{text}` {defect}")),
                }
            }
        }
        list
    }

    /// A list of words out of those of the key's definition.
    pub(super) fn choices(&self, name: &'static str) -> Vec<At<String>> {
        let words = match self.find(name) {
            Some((key, _)) => match key.kind {
                Kind::List(Kind::Choice(words)) => *words,
                _ => &[],
            },
            None => &[],
        };
        self.list(name, |text| {
            if words.contains(&text) {
                Ok(text.to_owned())
            } else {
                Err("is unknown".into())
            }
        })
    }

    /// A time of day, seconds after midnight.
    pub(super) fn clock(&self, name: &'static str) -> Option<u32> {
        self.parsed(name, check_clock).map(Spanned::into_inner)
    }

    /// A date as text; it is one of the calendar.
    pub(super) fn date(&self, name: &'static str) -> Option<String> {
        if let Some((_, value)) = self.find(name)
            && let DeValue::Datetime(date) = value.get_ref()
            && let Ok(date) = check_date(&date.to_string())
        {
            return Some(date);
        }
        self.parsed(name, check_date).map(Spanned::into_inner)
    }

    /// Topics of a log; `None` is any.
    pub(super) fn topics(&self, name: &'static str) -> Vec<At<Option<B256>>> {
        self.list(name, check_topic)
    }

    /// What a task uses.
    pub(super) fn resources(&self, name: &'static str) -> Vec<At<String>> {
        self.list(name, check_resource)
    }

    /// Text in a form of the caller's.
    pub(super) fn measured<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<At<T>> {
        self.parsed(name, parse)
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &'static str) -> Option<bool> {
        let (key, value) = self.find(name)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            let defect = format!("must be true or false, not {}", article(value.get_ref()));
            self.wrong(key, value.span(), &defect);
        }
        flag
    }

    /// A duration within the key's range.
    pub(super) fn duration(&self, name: &'static str) -> Option<Duration> {
        let (key, _) = self.find(name)?;
        self.parsed(name, |text| check_duration(key.kind, text))
            .map(Spanned::into_inner)
    }

    /// A share within the key's range.
    pub(super) fn percent(&self, name: &'static str) -> Option<At<Bps>> {
        let (key, _) = self.find(name)?;
        self.parsed(name, |text| check_percent(key.kind, text))
    }

    /// An amount of dollars greater than zero.
    pub(super) fn dollars(&self, name: &'static str) -> Option<Usd> {
        self.parsed(name, check_dollars).map(Spanned::into_inner)
    }

    /// Wei per gas.
    pub(super) fn fee_rate(&self, name: &'static str) -> Option<At<u128>> {
        self.parsed(name, unit::fee_rate)
    }

    /// A decimal amount of whole tokens, as text that has at most `decimals` decimals.
    pub(super) fn decimal(&self, name: &'static str, decimals: u8) -> Option<airdrops_types::U256> {
        self.parsed(name, |text| unit::tokens(text, decimals))
            .map(Spanned::into_inner)
    }

    /// How much a task moves.
    pub(super) fn amount(&self, name: &'static str) -> Option<At<AmountSpec>> {
        self.parsed(name, |text| match text {
            "target" => Ok(AmountSpec::Target),
            "all" => Ok(AmountSpec::All),
            text if text.ends_with('%') => match unit::percent(text)? {
                Bps(0) => Err("must be more than zero".into()),
                share if share > Bps::WHOLE => Err("is more than the whole".into()),
                share => Ok(AmountSpec::Share(share)),
            },
            text => match unit::tokens(text, 36) {
                Ok(amount) if amount.is_zero() => Err("must be more than zero".into()),
                Ok(_) => Ok(AmountSpec::Exact(text.replace([',', '_'], ""))),
                Err(_) => Err("is not an amount".into()),
            },
        })
    }

    /// An address; mixed case must be a correct EIP-55 checksum.
    pub(super) fn address(&self, name: &'static str) -> Option<At<Address>> {
        self.parsed(name, check_address)
    }

    /// An instant, as text or as a TOML date-time with an offset.
    pub(super) fn instant(&self, name: &'static str) -> Option<At<Timestamp>> {
        let (key, value) = self.find(name)?;
        let DeValue::Datetime(datetime) = value.get_ref() else {
            return self.parsed(name, unit::instant);
        };
        match unit::instant(&datetime.to_string()) {
            Ok(instant) => Some(Spanned::new(value.span(), instant)),
            Err(_) => {
                self.wrong(key, value.span(), "must have a time and a time zone");
                None
            }
        }
    }

    /// A path, seen from where the program runs.
    pub(super) fn path(&self, name: &'static str) -> Option<At<PathBuf>> {
        self.parsed(name, |text| Ok(self.reader.path(text)))
    }

    /// Where a secret is. Its text is never part of a finding.
    pub(super) fn secret(&self, name: &'static str) -> Option<At<SecretPlace>> {
        let (key, value) = self.find(name)?;
        let at = |place| Some(Spanned::new(value.span(), place));
        let by_reference = matches!(key.kind, Kind::Passphrase | Kind::Secret);
        let references: &[&str] = if by_reference {
            &["file", "env", "credential"]
        } else {
            &["env", "file"]
        };
        match value.get_ref() {
            DeValue::String(_) if by_reference => {
                self.wrong(key, value.span(), "must not be written in this file");
                None
            }
            DeValue::String(text) => at(SecretPlace::Literal(SecretString::from(text.to_string()))),
            DeValue::Table(table) => {
                for name in table.keys() {
                    let text: &str = name.get_ref();
                    if !references.contains(&text) {
                        self.reader.error(
                            name.span(),
                            format!("unknown key `{text}` in `{}`", key.name),
                            suggestion(text, references.iter().copied(), "key"),
                        );
                        return None;
                    }
                }
                let mut entries = table.iter();
                let (Some((reference, target)), None) = (entries.next(), entries.next()) else {
                    self.wrong(key, value.span(), "needs exactly one reference");
                    return None;
                };
                let target = self.string(key, target)?.to_owned();
                at(match &**reference.get_ref() {
                    "env" => SecretPlace::Env(target),
                    "file" => SecretPlace::File(self.reader.path(&target)),
                    _ => SecretPlace::Credential(target),
                })
            }
            other => {
                let defect = format!("must be {}, not {}", wanted(key.kind), article(other));
                self.wrong(key, value.span(), &defect);
                None
            }
        }
    }

    /// A list of names.
    pub(super) fn names(&self, name: &'static str) -> Vec<At<String>> {
        self.list(name, check_name)
    }

    /// What something depends on, and with how much of its value.
    pub(super) fn dependencies(&self, name: &'static str) -> Vec<At<(Node, Bps)>> {
        self.list(name, check_dependency)
    }

    /// A list of addresses, if there is one.
    pub(super) fn addresses(&self, name: &'static str) -> Option<Vec<At<Address>>> {
        let addresses = self.list(name, check_address);
        self.has(name).then_some(addresses)
    }

    /// The most that gas may cost.
    pub(super) fn gas_bound(&self, name: &'static str) -> Option<GasLimit> {
        self.parsed(name, check_gas_bound).map(Spanned::into_inner)
    }

    /// The address of a service.
    pub(super) fn url(&self, name: &'static str) -> Option<At<String>> {
        self.parsed(name, check_url)
    }

    /// A list of 32-byte hashes.
    pub(super) fn digests(&self, name: &'static str) -> Vec<B256> {
        let digests = self.list(name, check_digest);
        digests.into_iter().map(Spanned::into_inner).collect()
    }

    fn list<T>(&self, name: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<At<T>> {
        let Some((key, value)) = self.find(name) else {
            return Vec::new();
        };
        let Some(items) = value.get_ref().as_array() else {
            let defect = format!("must be a list, not {}", article(value.get_ref()));
            self.wrong(key, value.span(), &defect);
            return Vec::new();
        };
        let mut list = Vec::new();
        for item in items.iter() {
            let Some(text) = self.string(key, item) else {
                continue;
            };
            match parse(text) {
                Ok(parsed) => list.push(Spanned::new(item.span(), parsed)),
                Err(defect) => self.wrong(key, item.span(), &format!("`{text}` {defect}")),
            }
        }
        list
    }

    /// Shares under free keys.
    pub(super) fn percents(&self, name: &'static str) -> Vec<(At<String>, Bps)> {
        let shares = self.each(name, check_percent);
        let shares = shares.into_iter();
        shares
            .map(|(name, share)| (name, share.into_inner()))
            .collect()
    }

    /// Values of one kind under free keys.
    pub(super) fn each<T>(
        &self,
        name: &'static str,
        parse: impl Fn(Kind, &str) -> Result<T, String>,
    ) -> Vec<(At<String>, At<T>)> {
        let Some((key, value)) = self.find(name) else {
            return Vec::new();
        };
        let (Some(table), Kind::Each(kind)) = (value.get_ref().as_table(), key.kind) else {
            let defect = format!("must be a table, not {}", article(value.get_ref()));
            self.wrong(key, value.span(), &defect);
            return Vec::new();
        };
        let mut entries = Vec::new();
        for (name, value) in table {
            let Some(text) = self.string(key, value) else {
                continue;
            };
            match parse(*kind, text) {
                Ok(parsed) => {
                    let name = Spanned::new(name.span(), name.get_ref().to_string());
                    entries.push((name, Spanned::new(value.span(), parsed)));
                }
                Err(defect) => {
                    let defect = format!("`{}`: `{text}` {defect}", name.get_ref());
                    let help = format!("write {}", example(key));
                    self.reader.error(value.span(), defect, help);
                }
            }
        }
        entries
    }

    /// A table within.
    pub(super) fn table(&self, name: &'static str) -> Option<Section<'a>> {
        let (key, value) = self.find(name)?;
        let Kind::Table(definition) = key.kind else {
            return None;
        };
        let Some(table) = value.get_ref().as_table() else {
            let defect = format!("must be a table, not {}", article(value.get_ref()));
            self.wrong(key, value.span(), &defect);
            return None;
        };
        Some(Section::new(self.reader, table, value.span(), definition))
    }

    /// The tables of a list of tables.
    pub(super) fn tables(&self, name: &'static str) -> Vec<Section<'a>> {
        let Some((key, value)) = self.find(name) else {
            return Vec::new();
        };
        let (Some(items), Kind::Tables(definition)) = (value.get_ref().as_array(), key.kind) else {
            let defect = format!("must be a list of tables, not {}", article(value.get_ref()));
            self.wrong(key, value.span(), &defect);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items.iter() {
            match item.get_ref().as_table() {
                Some(table) => {
                    sections.push(Section::new(self.reader, table, item.span(), definition));
                }
                None => self.wrong(key, item.span(), "must be a list of tables"),
            }
        }
        sections
    }
}
