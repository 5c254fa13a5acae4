//! GoPlus: what a token's contract can do to its holders.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_types::{Address, Bps, ChainId, TokenDanger, TokenFindings};
use serde::de::{Deserialize, Deserializer, Error};

use super::sightings;
use crate::settings::{Settings, seconds};
use crate::{Clock, Fetcher, Observed, Request, SetupError, Sighting, SourceError, decimal};

/// The public API.
pub const BASE_URL: &str = "https://api.gopluslabs.io";

/// The chains whose tokens it judges, by the documentation of its API.
pub const CHAINS: [u64; 26] = [
    1, 10, 25, 56, 66, 100, 128, 137, 146, 169, 204, 250, 321, 324, 1514, 2741, 5000, 8453, 10_001,
    42_161, 43_114, 59_144, 80_094, 81_457, 201_022, 534_352,
];

/// The least tax that is called high.
const HIGH_TAX: Bps = Bps(1000);

/// The answer is complete.
const COMPLETE: i64 = 1;

/// The source is still looking; what it has is there.
const PARTIAL: i64 = 2;

/// Asked too often.
const TOO_OFTEN: i64 = 4029;

/// Defaults: every hour, at most 24 h old, 10 requests in a minute.
#[must_use]
pub fn settings() -> Settings {
    let mut settings = Settings::new(BASE_URL, seconds(3600), seconds(24 * 3600));
    settings.fetch.timeout = seconds(10);
    settings.fetch.rate.burst = 10;
    settings.fetch.rate.per = seconds(60);
    settings
}

/// What is known about one token. `None` is unknown, and is not a no.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenSecurity {
    /// It can be bought and not sold.
    pub is_honeypot: Option<bool>,
    /// Its code can be exchanged.
    pub is_proxy: Option<bool>,
    /// Its source is published.
    pub is_open_source: Option<bool>,
    /// More of it can be made.
    pub is_mintable: Option<bool>,
    /// It has an owner that it does not show.
    pub hidden_owner: Option<bool>,
    /// A former owner can come back.
    pub can_take_back_ownership: Option<bool>,
    /// The owner can change balances.
    pub owner_change_balance: Option<bool>,
    /// Transfers can be stopped.
    pub transfer_pausable: Option<bool>,
    /// Addresses can be shut out.
    pub is_blacklisted: Option<bool>,
    /// It can delete itself.
    pub selfdestruct: Option<bool>,
    /// Not everything can be sold.
    pub cannot_sell_all: Option<bool>,
    /// The taxes can be changed.
    pub slippage_modifiable: Option<bool>,
    /// Who owns it.
    pub owner: Option<Address>,
    /// What is kept of a purchase, rounded up.
    pub buy_tax: Option<Bps>,
    /// What is kept of a sale, rounded up.
    pub sell_tax: Option<Bps>,
}

impl TokenSecurity {
    /// The same by name. A tax is high from 10 % on.
    #[must_use]
    pub fn findings(&self) -> TokenFindings {
        let is_high = |tax: Option<Bps>| tax.map(|tax| tax >= HIGH_TAX);
        let high_tax = match (is_high(self.buy_tax), is_high(self.sell_tax)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
        let mut findings = TokenFindings::default();
        for (danger, known) in [
            (TokenDanger::Honeypot, self.is_honeypot),
            (TokenDanger::CannotSellAll, self.cannot_sell_all),
            (TokenDanger::BalancesChangeable, self.owner_change_balance),
            (TokenDanger::HiddenOwner, self.hidden_owner),
            (
                TokenDanger::OwnershipReclaimable,
                self.can_take_back_ownership,
            ),
            (TokenDanger::SelfDestruct, self.selfdestruct),
            (TokenDanger::Pausable, self.transfer_pausable),
            (TokenDanger::Blacklist, self.is_blacklisted),
            (TokenDanger::TaxChangeable, self.slippage_modifiable),
            (TokenDanger::HighTax, high_tax),
            (TokenDanger::Mintable, self.is_mintable),
            (TokenDanger::Proxy, self.is_proxy),
            (
                TokenDanger::ClosedSource,
                self.is_open_source.map(|open| !open),
            ),
        ] {
            match known {
                Some(true) => findings.dangers.insert(danger),
                Some(false) => false,
                None => findings.unknown.insert(danger),
            };
        }
        findings
    }
}

/// `GET /api/v1/token_security/{chain}`.
#[derive(Debug)]
pub struct GoPlus {
    fetcher: Fetcher,
}

#[derive(serde::Deserialize)]
struct Report {
    code: i64,
    message: Option<String>,
    result: Option<BTreeMap<String, Row>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Row {
    is_honeypot: Flag,
    is_proxy: Flag,
    is_open_source: Flag,
    is_mintable: Flag,
    hidden_owner: Flag,
    can_take_back_ownership: Flag,
    owner_change_balance: Flag,
    transfer_pausable: Flag,
    is_blacklisted: Flag,
    selfdestruct: Flag,
    cannot_sell_all: Flag,
    slippage_modifiable: Flag,
    owner_address: Owner,
    buy_tax: Tax,
    sell_tax: Tax,
}

/// `"1"`, `"0"`; missing, `null` and empty are unknown.
#[derive(Default)]
struct Flag(Option<bool>);

#[derive(Default)]
struct Owner(Option<Address>);

/// Decimal text: `"0.05"` is 5 %.
#[derive(Default)]
struct Tax(Option<Bps>);

/// Text that is not empty.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()))
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match known(deserializer)?.as_deref() {
            None => Ok(Self(None)),
            Some("0") => Ok(Self(Some(false))),
            Some("1") => Ok(Self(Some(true))),
            Some(other) => Err(D::Error::custom(format_args!(
                "expected \"0\" or \"1\", found \"{other}\""
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for Owner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = known(deserializer)?;
        let parsed = text.as_deref().map(str::parse).transpose();
        parsed.map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Tax {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(text) = known(deserializer)? else {
            return Ok(Self(None));
        };
        decimal::share(&text)
            .map(|bps| Self(Some(Bps(bps))))
            .map_err(|refusal| D::Error::custom(format_args!("the tax {text} {refusal}")))
    }
}

impl GoPlus {
    /// Without key: the source's own are short-lived tokens, which this client does not obtain.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn new(settings: &Settings, clock: Clock) -> Result<Self, SetupError> {
        let fetcher = settings.fetcher("goplus", None, clock)?;
        Ok(Self { fetcher })
    }

    /// What is known about each of `tokens` on `chain`. The source gives no time: that of the
    /// answer is used, see [`Answer::as_of`](crate::Answer::as_of).
    ///
    /// # Errors
    /// Any [`ErrorKind`](crate::ErrorKind).
    pub async fn tokens(
        &self,
        chain: ChainId,
        tokens: &BTreeSet<Address>,
    ) -> Result<BTreeMap<Address, Sighting<TokenSecurity>>, SourceError> {
        let list: Vec<String> = tokens.iter().map(|token| format!("{token:#x}")).collect();
        let chain = chain.to_string();
        let request = Request::path(["api", "v1", "token_security", &chain])
            .with("contract_addresses", list.join(","));
        let answer = self.fetcher.get(&request).await?;
        let report: Report = self.fetcher.parse(&answer)?;
        let partial = match report.code {
            COMPLETE => false,
            PARTIAL => true,
            TOO_OFTEN => return Err(self.fetcher.pause()),
            code => {
                let message = report.message.unwrap_or_default();
                return Err(self.fetcher.refused(&format!("{message} (code {code})")));
            }
        };
        let mut found = BTreeMap::new();
        for (address, row) in report.result.unwrap_or_default() {
            let parsed: Address = address
                .parse()
                .map_err(|_| self.fetcher.malformed("the address is not one", &address))?;
            let mut observed = Observed::new(row.into(), answer.as_of, answer.received);
            if partial {
                observed = observed.doubted("the source is still looking");
            }
            found.insert(parsed, observed);
        }
        let wanted: BTreeMap<Address, Address> =
            tokens.iter().map(|token| (*token, *token)).collect();
        sightings(&self.fetcher, &wanted, |token| {
            let missing = || format!("nothing known of {token} on chain {chain}");
            found.remove(token).ok_or_else(missing)
        })
    }
}

impl From<Row> for TokenSecurity {
    fn from(row: Row) -> Self {
        Self {
            is_honeypot: row.is_honeypot.0,
            is_proxy: row.is_proxy.0,
            is_open_source: row.is_open_source.0,
            is_mintable: row.is_mintable.0,
            hidden_owner: row.hidden_owner.0,
            can_take_back_ownership: row.can_take_back_ownership.0,
            owner_change_balance: row.owner_change_balance.0,
            transfer_pausable: row.transfer_pausable.0,
            is_blacklisted: row.is_blacklisted.0,
            selfdestruct: row.selfdestruct.0,
            cannot_sell_all: row.cannot_sell_all.0,
            slippage_modifiable: row.slippage_modifiable.0,
            owner: row.owner_address.0,
            buy_tax: row.buy_tax.0,
            sell_tax: row.sell_tax.0,
        }
    }
}
