//! Campaigns in a file of their own, with names of the configuration.

use std::path::Path;

use airdrops_scheduler::Campaign;
use toml::Spanned;
use toml::de::DeTable;

use super::super::diagnostic::{Diagnostic, Source};
use super::super::reader::Reader;
use super::super::resolve::Names;
use super::super::section::Section;
use super::super::{ConfigError, Loaded, keys};
use super::{World, read_all, runs};

/// The campaigns of a file.
#[derive(Debug)]
pub struct CampaignFile {
    /// What they are.
    pub campaigns: Vec<Campaign>,
    /// What probably does not say what was meant.
    pub warnings: Vec<Diagnostic>,
    /// The file.
    pub source: Source,
}

/// Reads the campaigns of a text that is called `name`: `[[campaign]]` tables, or one campaign's
/// keys at the top. Wallets, protocols, chains and assets are those of the configuration; `others`
/// are campaigns that are defined elsewhere, beside those of the configuration.
///
/// # Errors
/// [`ConfigError::Invalid`], with every mistake.
pub fn read_file(
    loaded: &Loaded,
    name: &str,
    text: String,
    others: &[Campaign],
) -> Result<CampaignFile, ConfigError> {
    let source = Source {
        name: name.to_owned(),
        text,
    };
    let no_environment = |_: &str| None;
    let reader = Reader::new(Path::new(""), &no_environment);
    let campaigns = read(&reader, &source.text, loaded, others);
    let findings = reader.findings();
    if reader.failed() {
        return Err(ConfigError::Invalid { source, findings });
    }
    Ok(CampaignFile {
        campaigns,
        warnings: findings,
        source,
    })
}

fn read(reader: &Reader<'_>, text: &str, loaded: &Loaded, others: &[Campaign]) -> Vec<Campaign> {
    let Some(document) = super::super::resolve::document(reader, text) else {
        return Vec::new();
    };
    let settings = &loaded.settings;
    let mut wallets = Names::new("wallet");
    for wallet in &loaded.wallets {
        wallets.define(reader, known(&wallet.name), Some(wallet.address));
    }
    let mut protocols = Names::new("protocol");
    for config in &settings.protocols {
        protocols.define(reader, known(config.id.as_str()), Some(config.clone()));
    }
    let mut chains = Names::new("chain");
    for chain in &settings.chains {
        chains.define(reader, known(&chain.name), Some(chain.id));
    }
    let elsewhere = settings.campaigns.iter().chain(others);
    let world = World {
        wallets: &wallets,
        protocols: &protocols,
        chains: &chains,
        assets: settings
            .tokens
            .iter()
            .map(|token| token.asset.as_str().to_owned())
            .collect(),
        confirmations: settings
            .chains
            .iter()
            .map(|chain| (chain.id, chain.confirmations))
            .collect(),
        campaigns: elsewhere
            .map(|campaign| (campaign.id.as_str().to_owned(), runs(campaign)))
            .collect(),
    };
    read_all(reader, sections(reader, text, document.get_ref()), &world)
}

/// A name that is known to be right and stands in another file.
fn known(name: &str) -> Spanned<String> {
    Spanned::new(0..0, name.to_owned())
}

/// The campaigns of the file: its tables, or the file itself.
fn sections<'a>(reader: &'a Reader<'a>, text: &str, table: &'a DeTable<'a>) -> Vec<Section<'a>> {
    let end = text.trim_end().len();
    if table.get("campaign").is_some() {
        let root = Section::new(reader, table, end..end, &keys::CAMPAIGN_FILE);
        root.tables("campaign")
    } else {
        vec![Section::new(reader, table, end..end, &keys::CAMPAIGN)]
    }
}
