//! What we own, and what is at stake where.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_types::{
    Address, AssetId, ChainId, Price, Reading, Reason, Rounding, Snapshot, Token, TokenAmount,
    U256, Usd,
};

use crate::Policy;
use crate::look_through::{Source, allowance_exposure};
use crate::marked::Balances;

/// Why a measure cannot be relied upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// Which input: `price of ETH`.
    pub what: String,
    /// What is wrong with it.
    pub defect: String,
    /// Whether it is a number that does not fit, and not an observation that is not fresh.
    pub overflow: bool,
}

impl From<Defect> for Reason {
    fn from(defect: Defect) -> Self {
        let Defect {
            what,
            defect,
            overflow,
        } = defect;
        if overflow {
            Self::Unmeasurable { what }
        } else {
            Self::NotFresh { what, defect }
        }
    }
}

/// One part of the portfolio.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// The protocol family that holds it, or that may take it.
    pub family: Option<String>,
    /// Its value, rounded up.
    pub value: Usd,
}

/// Equity and exposure as one snapshot shows them.
///
/// A token whose asset has no entry among the snapshot's prices has no value of its own: a receipt
/// token, or an airdrop that is not traded yet. A receipt token counts through its position only,
/// priced or not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exposure {
    /// Value of all wallets and positions, each rounded down.
    pub equity: Usd,
    /// Value inside each protocol family, or lent to it by an open allowance, each rounded up.
    pub protocols: BTreeMap<String, Usd>,
    /// Value of each asset, wherever it is held, each amount rounded up.
    pub assets: BTreeMap<AssetId, Usd>,
    /// The same, part by part.
    pub parts: BTreeMap<Source, Part>,
    /// What is not fresh, was not observed, or does not fit. The numbers above leave it out, or
    /// take its last known value.
    pub defects: Vec<Defect>,
}

impl Exposure {
    /// The measure by fresh and stale values: for display, and for what only reduces.
    #[must_use]
    pub fn last_known(snapshot: &Snapshot, policy: &Policy) -> Self {
        let mut measured = Self::default();
        measured.check_inputs(snapshot, policy);
        let receipts = receipts(snapshot);
        for holding in &snapshot.holdings {
            if let Some(amount) = holding.amount.last_known()
                && !receipts.contains(&holding.token)
            {
                let source = Source::Holding {
                    wallet: holding.wallet,
                    token: holding.token.clone(),
                };
                measured.add(snapshot, &holding.token.amount(*amount), None, source);
            }
        }
        for view in &snapshot.positions {
            let family = policy.family(&view.protocol);
            let legs = view.position.last_known().map(|position| &position.legs);
            for leg in legs.into_iter().flatten() {
                let source = Source::Position {
                    wallet: view.wallet,
                    protocol: view.protocol.clone(),
                    token: leg.amount.token.clone(),
                };
                measured.add(snapshot, &leg.amount, Some(family), source);
            }
        }
        let balances = balances(snapshot);
        let allowances = snapshot.allowances.values();
        for view in allowances.filter_map(Reading::last_known).flatten() {
            let balance = balances.get(&(view.wallet, &view.token));
            let balance = balance.and_then(|balance| balance.last_known());
            let balance = balance.copied().unwrap_or(view.amount);
            let lent = allowance_exposure(view.amount, balance, U256::ZERO);
            let source = Source::Allowance {
                wallet: view.wallet,
                token: view.token.clone(),
                spender: view.spender,
            };
            let family = policy.family(&view.protocol);
            measured.lend(snapshot, &view.token.amount(lent), family, source);
        }
        measured
    }

    /// The measure by fresh values alone: what new exposure may rest on.
    ///
    /// # Errors
    /// Every input that is not fresh, as reasons for a refusal.
    pub fn strict(snapshot: &Snapshot, policy: &Policy) -> Result<Self, Vec<Reason>> {
        let measured = Self::last_known(snapshot, policy);
        if measured.defects.is_empty() {
            Ok(measured)
        } else {
            Err(measured.defects.into_iter().map(Reason::from).collect())
        }
    }

    /// Exposure to a protocol family.
    #[must_use]
    pub fn protocol(&self, family: &str) -> Usd {
        self.protocols.get(family).copied().unwrap_or_default()
    }

    /// Exposure to an asset.
    #[must_use]
    pub fn asset(&self, asset: &AssetId) -> Usd {
        self.assets.get(asset).copied().unwrap_or_default()
    }

    fn check_inputs(&mut self, snapshot: &Snapshot, policy: &Policy) {
        for (chain, view) in &snapshot.chains {
            self.require(&view.head, || format!("head of chain {chain}"));
        }
        for (asset, price) in &snapshot.prices {
            self.require(price, || format!("price of {asset}"));
        }
        let mut seen: BTreeSet<(Address, &Token)> = BTreeSet::new();
        let mut unseen_chains = BTreeSet::new();
        for holding in &snapshot.holdings {
            self.require(&holding.amount, || {
                balance_of(holding.wallet, &holding.token)
            });
            seen.insert((holding.wallet, &holding.token));
            if !snapshot.chains.contains_key(&holding.token.chain) {
                unseen_chains.insert(holding.token.chain);
            }
        }
        for chain in unseen_chains {
            self.defect(format!("head of chain {chain}"), "missing: not observed");
        }
        for wallet in &policy.wallets {
            for token in &policy.tokens {
                if !seen.contains(&(*wallet, token)) {
                    self.defect(balance_of(*wallet, token), "missing: not observed");
                }
            }
        }
        for view in &snapshot.positions {
            self.require(&view.position, || {
                format!("position of {} in {}", view.wallet, view.protocol)
            });
        }
        let lenders: BTreeSet<ChainId> = policy.spenders.iter().map(|(chain, _)| *chain).collect();
        for chain in lenders {
            let what = || format!("allowances on chain {chain}");
            match snapshot.allowances.get(&chain) {
                Some(reading) => self.require(reading, what),
                None => self.defect(what(), "missing: not observed"),
            }
        }
    }

    fn require<T>(&mut self, reading: &Reading<T>, what: impl Fn() -> String) {
        if let Some(defect) = reading.defect() {
            self.defect(what(), &defect);
        }
    }

    fn defect(&mut self, what: String, defect: &str) {
        self.defects.push(Defect {
            what,
            defect: defect.to_owned(),
            overflow: false,
        });
    }

    fn add(
        &mut self,
        snapshot: &Snapshot,
        amount: &TokenAmount,
        family: Option<&str>,
        source: Source,
    ) {
        let asset = &amount.token.asset;
        // An unpriced token has no value; a missing price is a defect already.
        let Some(price) = snapshot.prices.get(asset).and_then(Reading::last_known) else {
            return;
        };
        if self.try_add(*price, amount, family, source).is_none() {
            self.defects.push(Defect {
                what: format!("the value of {} base units of {asset}", amount.amount),
                defect: "too large".to_owned(),
                overflow: true,
            });
        }
    }

    /// What a protocol may take is exposure to it; to its asset it is already, in the wallet.
    fn lend(&mut self, snapshot: &Snapshot, amount: &TokenAmount, family: &str, source: Source) {
        let asset = &amount.token.asset;
        let Some(price) = snapshot.prices.get(asset).and_then(Reading::last_known) else {
            return;
        };
        let value = price.value(amount.amount, amount.token.decimals, Rounding::Up);
        let sum = value.and_then(|value| self.protocol(family).0.checked_add(value.0));
        match sum {
            Some(sum) => {
                self.protocols.insert(family.to_owned(), Usd(sum));
                let part = self.parts.entry(source).or_default();
                part.family = Some(family.to_owned());
                part.value = value.unwrap_or_default();
            }
            None => self.defects.push(Defect {
                what: format!("an allowance of {} base units of {asset}", amount.amount),
                defect: "too large".to_owned(),
                overflow: true,
            }),
        }
    }

    fn try_add(
        &mut self,
        price: Price,
        amount: &TokenAmount,
        family: Option<&str>,
        source: Source,
    ) -> Option<()> {
        let decimals = amount.token.decimals;
        let own = price.value(amount.amount, decimals, Rounding::Down)?;
        let risk = price.value(amount.amount, decimals, Rounding::Up)?;
        let equity = self.equity.0.checked_add(own.0)?;
        let asset = self.asset(&amount.token.asset).0.checked_add(risk.0)?;
        let part = self.parts.get(&source).map_or(Usd::ZERO, |part| part.value);
        let part = part.0.checked_add(risk.0)?;
        if let Some(family) = family {
            let protocol = self.protocol(family).0.checked_add(risk.0)?;
            self.protocols.insert(family.to_owned(), Usd(protocol));
        }
        self.assets.insert(amount.token.asset.clone(), Usd(asset));
        self.equity = Usd(equity);
        let part = Part {
            family: family.map(str::to_owned),
            value: Usd(part),
        };
        self.parts.insert(source, part);
        Some(())
    }
}

/// The tokens that stand for a position, so far as positions are known.
pub(crate) fn receipts(snapshot: &Snapshot) -> BTreeSet<&Token> {
    snapshot
        .positions
        .iter()
        .filter_map(|view| view.position.last_known())
        .flat_map(|position| &position.receipts)
        .map(|receipt| &receipt.token)
        .collect()
}

/// All balances of a snapshot, to be found by wallet and token.
pub(crate) fn balances(snapshot: &Snapshot) -> Balances<'_> {
    let holdings = snapshot.holdings.iter();
    holdings
        .map(|holding| ((holding.wallet, &holding.token), &holding.amount))
        .collect()
}

pub(crate) fn balance_of(wallet: Address, token: &Token) -> String {
    format!(
        "balance of {} of {wallet} on chain {}",
        token.asset, token.chain
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use airdrops_types::{
        B256, BlockRef, ChainId, ChainView, Holding, Position, PositionLeg, PositionView,
        ProtocolId, Timestamp, U256,
    };

    use super::*;

    const WALLET: Address = Address::repeat_byte(1);

    fn token(asset: &str, contract: u8, decimals: u8) -> Token {
        Token {
            chain: ChainId(1),
            contract: Some(Address::repeat_byte(contract)),
            asset: AssetId::new(asset),
            decimals,
        }
    }

    fn fresh<T>(value: T) -> Reading<T> {
        Reading::Fresh {
            value,
            at: Timestamp(0),
        }
    }

    fn stale<T>(value: T) -> Reading<T> {
        Reading::Stale {
            value,
            at: Timestamp(0),
            reason: "old".to_owned(),
        }
    }

    fn holding(token: Token, amount: u64) -> Holding {
        Holding {
            wallet: WALLET,
            token,
            amount: fresh(U256::from(amount)),
        }
    }

    /// 1,000 USDC in the wallet, 500 in a vault whose 490 shares are in the wallet, and 7 tokens
    /// of an airdrop that nobody trades yet.
    fn world() -> Snapshot {
        let (usdc, share) = (token("USDC", 2, 6), token("vault-share", 3, 6));
        let head = BlockRef {
            number: 5,
            hash: B256::ZERO,
            time: Timestamp(0),
        };
        let chain = ChainView {
            head: fresh(head),
            base_fee: fresh(1),
            gas_asset: AssetId::new("ETH"),
        };
        let position = Position {
            legs: vec![PositionLeg {
                amount: usdc.amount(U256::from(500_000_000)),
            }],
            receipts: vec![share.amount(U256::from(490_000_000))],
        };
        Snapshot {
            at: Timestamp(0),
            chains: BTreeMap::from([(ChainId(1), chain)]),
            prices: BTreeMap::from([
                (AssetId::new("USDC"), fresh(Price(Price::SCALE))),
                (AssetId::new("ETH"), fresh(Price(Price::SCALE * 2000))),
            ]),
            holdings: vec![
                holding(usdc, 1_000_000_000),
                holding(share, 490_000_000),
                holding(token("DROP", 4, 0), 7),
            ],
            positions: vec![PositionView {
                wallet: WALLET,
                protocol: ProtocolId::new("vault-1"),
                position: fresh(position),
            }],
            ..Snapshot::default()
        }
    }

    fn policy() -> Policy {
        Policy {
            families: BTreeMap::from([(ProtocolId::new("vault-1"), "vault".to_owned())]),
            ..Policy::with_default_limits()
        }
    }

    #[test]
    fn a_position_counts_once_and_unpriced_tokens_not_at_all() {
        let measured = Exposure::strict(&world(), &policy()).unwrap();
        assert_eq!(measured.equity, Usd::dollars(1500));
        assert_eq!(measured.protocol("vault"), Usd::dollars(500));
        assert_eq!(measured.asset(&AssetId::new("USDC")), Usd::dollars(1500));
        assert_eq!(measured.asset(&AssetId::new("DROP")), Usd::ZERO);
    }

    #[test]
    fn a_priced_receipt_counts_through_its_position_only() {
        let mut world = world();
        world
            .prices
            .insert(AssetId::new("vault-share"), fresh(Price(Price::SCALE)));
        let measured = Exposure::strict(&world, &policy()).unwrap();
        assert_eq!(measured.equity, Usd::dollars(1500));
        assert_eq!(measured.asset(&AssetId::new("vault-share")), Usd::ZERO);
    }

    #[test]
    fn wealth_rounds_down_and_exposure_rounds_up() {
        let mut world = world();
        world
            .prices
            .insert(AssetId::new("USDC"), fresh(Price(Price::SCALE / 3)));
        let measured = Exposure::strict(&world, &policy()).unwrap();
        assert_eq!(measured.equity, Usd(333_333_333 + 166_666_666));
        assert_eq!(
            measured.asset(&AssetId::new("USDC")),
            Usd(333_333_334 + 166_666_667)
        );
        assert_eq!(measured.protocol("vault"), Usd(166_666_667));
    }

    #[test]
    fn every_input_that_is_not_fresh_is_named() {
        let mut world = world();
        world
            .prices
            .insert(AssetId::new("USDC"), stale(Price(Price::SCALE)));
        world.holdings[1].amount = Reading::missing("node is down");
        world.positions[0].position = Reading::missing("call reverted");
        let chain = world.chains.get_mut(&ChainId(1)).unwrap();
        chain.head = Reading::missing("node is down");
        let reasons = Exposure::strict(&world, &policy()).unwrap_err();
        assert_eq!(reasons.len(), 4, "{reasons:?}");
        assert!(reasons.iter().all(|reason| reason.code() == "not_fresh"));
        // For display, the stale price still gives a number.
        let shown = Exposure::last_known(&world, &policy());
        assert_eq!(shown.equity, Usd::dollars(1000));
        assert_eq!(shown.defects.len(), 4);
    }

    #[test]
    fn an_unobserved_balance_is_a_defect() {
        let policy = Policy {
            wallets: vec![WALLET],
            tokens: vec![token("USDC", 2, 6), token("WETH", 5, 18)],
            ..policy()
        };
        let reasons = Exposure::strict(&world(), &policy).unwrap_err();
        assert_eq!(reasons.len(), 1);
        assert!(reasons[0].to_string().contains("WETH"));
    }

    #[test]
    fn a_holding_on_an_unobserved_chain_is_a_defect() {
        let mut world = world();
        world.chains.clear();
        let reasons = Exposure::strict(&world, &policy()).unwrap_err();
        assert_eq!(reasons.len(), 1);
        assert!(reasons[0].to_string().contains("chain 1"));
    }

    #[test]
    fn a_value_that_does_not_fit_is_unmeasurable() {
        let mut world = world();
        world.holdings[0].amount = fresh(U256::MAX);
        let reasons = Exposure::strict(&world, &policy()).unwrap_err();
        assert_eq!(reasons.len(), 1);
        assert_eq!(reasons[0].code(), "unmeasurable");
        assert_eq!(
            Exposure::last_known(&world, &policy()).equity,
            Usd::dollars(500)
        );
    }
}
