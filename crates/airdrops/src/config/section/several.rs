//! Reading of lists, and of tables with free keys.

use airdrops_risk::look_through::Node;
use airdrops_types::{Address, B256, Bps};
use toml::Spanned;
use toml::de::DeValue;

use super::super::check::{
    article, check_address, check_dependency, check_digest, check_name, check_percent,
    check_resource, check_topic, example,
};
use super::super::keys::Kind;
use super::super::reader::At;
use super::{NameOr, Section};

impl<'a> Section<'a> {
    /// Whole numbers under free keys.
    pub(in crate::config) fn counts(&self, name: &'static str) -> Vec<(At<String>, u64)> {
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
    pub(in crate::config) fn each_table(
        &self,
        name: &'static str,
    ) -> Vec<(At<String>, Section<'a>)> {
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
    pub(in crate::config) fn names_or(&self, name: &'static str) -> Vec<NameOr<'a>> {
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
    pub(in crate::config) fn choices(&self, name: &'static str) -> Vec<At<String>> {
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

    /// Topics of a log; `None` is any.
    pub(in crate::config) fn topics(&self, name: &'static str) -> Vec<At<Option<B256>>> {
        self.list(name, check_topic)
    }

    /// What a task uses.
    pub(in crate::config) fn resources(&self, name: &'static str) -> Vec<At<String>> {
        self.list(name, check_resource)
    }

    /// A list of names.
    pub(in crate::config) fn names(&self, name: &'static str) -> Vec<At<String>> {
        self.list(name, check_name)
    }

    /// What something depends on, and with how much of its value.
    pub(in crate::config) fn dependencies(&self, name: &'static str) -> Vec<At<(Node, Bps)>> {
        self.list(name, check_dependency)
    }

    /// A list of addresses, if there is one.
    pub(in crate::config) fn addresses(&self, name: &'static str) -> Option<Vec<At<Address>>> {
        let addresses = self.list(name, check_address);
        self.has(name).then_some(addresses)
    }

    /// A list of 32-byte hashes.
    pub(in crate::config) fn digests(&self, name: &'static str) -> Vec<B256> {
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
    pub(in crate::config) fn percents(&self, name: &'static str) -> Vec<(At<String>, Bps)> {
        let shares = self.each(name, check_percent);
        let shares = shares.into_iter();
        shares
            .map(|(name, share)| (name, share.into_inner()))
            .collect()
    }

    /// Values of one kind under free keys.
    pub(in crate::config) fn each<T>(
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

    /// The tables of a list of tables.
    pub(in crate::config) fn tables(&self, name: &'static str) -> Vec<Section<'a>> {
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
