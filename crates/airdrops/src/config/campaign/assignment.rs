//! What one element of a task does: which wallet, at which instance, with how much.

use airdrops_protocols::{ModuleConfig, ProtocolConfig, catalogue};
use airdrops_types::{Action, Address, AmountSpec, AssetId, Assignment, Token};

use super::super::diagnostic::suggestion;
use super::super::reader::{At, Reader};
use super::super::section::Section;
use super::super::unit;
use super::World;
use super::fan_out::{Element, Over};
use super::task::Draft;

/// One element of a task while it is read.
pub(super) struct Place<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) section: &'a Section<'a>,
    pub(super) draft: &'a Draft,
    pub(super) element: &'a Element,
    pub(super) world: &'a World<'a>,
}

impl<'a> Place<'a> {
    /// The instance and the assignment; `None` after a mistake.
    pub(super) fn assignment(&self) -> Option<(&'a ProtocolConfig, Assignment)> {
        let verb = self.draft.verb.as_ref()?;
        let wallet = self.wallet();
        let config = self.protocol(verb.get_ref())?;
        let module = config.module.name();
        if catalogue::kind(module, verb.get_ref()).is_none() {
            self.reader.error(
                verb.span(),
                format!(
                    "protocol `{}` cannot {}: its module is {module}",
                    config.id,
                    verb.get_ref()
                ),
                format!("it can: {}", catalogue::actions_of(module).join(", ")),
            );
            return None;
        }
        let action = self.action(config, verb.get_ref());
        let amount = self.amount(config, verb.get_ref());
        let assignment = Assignment {
            wallet: wallet?,
            protocol: config.id.clone(),
            action: action?,
            amount: amount?,
        };
        Some((config, assignment))
    }

    /// The element's name of this kind, or that of a key; both are a mistake.
    fn one_of(&self, over: Over, written: Option<&'a At<String>>) -> Option<&'a At<String>> {
        let element = self.element.of(over);
        if let (Some(_), Some(written)) = (element, written) {
            let key = over.key();
            let message = format!("the {key} is given twice: by `{key}` and by `for_each`");
            self.reader
                .error(written.span(), message, "remove one of them");
        }
        element.or(written)
    }

    fn wallet(&self) -> Option<Address> {
        let Some(name) = self.one_of(Over::Wallet, self.draft.wallet.as_ref()) else {
            self.section.needs("wallet");
            return None;
        };
        self.world.wallets.find(self.reader, name).copied()
    }

    fn protocol(&self, verb: &str) -> Option<&'a ProtocolConfig> {
        let named = self.one_of(Over::Protocol, self.draft.protocol.as_ref());
        if let Some(name) = named {
            let sides = verb == "swap" && !(self.section.has("from") && self.section.has("to"));
            if let Some(asset) = self.element.of(Over::Asset).filter(|_| !sides) {
                let message = "the assets of `for_each` are not used";
                let help = "remove them: the protocol says which asset it takes";
                self.reader.error(asset.span(), message, help);
            }
            return self.world.protocols.find(self.reader, name);
        }
        let Some(asset) = self.element.of(Over::Asset) else {
            self.section.needs("protocol");
            return None;
        };
        let fits = |config: &&ProtocolConfig| {
            catalogue::kind(config.module.name(), verb).is_some()
                && takes(&config.module).contains(&asset.get_ref().as_str())
        };
        let found: Vec<&ProtocolConfig> = self.world.protocols.values().filter(fits).collect();
        match found.as_slice() {
            [only] => Some(only),
            [] => {
                let message = format!("no protocol can {verb} {}", asset.get_ref());
                let help = "add a [[protocol]] that can, or take the asset out";
                self.reader.error(asset.span(), message, help);
                None
            }
            several => {
                let names: Vec<&str> = several.iter().map(|it| it.id.as_str()).collect();
                let message = format!("several protocols can {verb} {}", asset.get_ref());
                let help = format!("name protocols in place of assets: {}", names.join(", "));
                self.reader.error(asset.span(), message, help);
                None
            }
        }
    }

    fn action(&self, config: &ProtocolConfig, verb: &str) -> Option<Action> {
        if verb != "swap" {
            for key in ["from", "to"] {
                if self.section.has(key) {
                    let message = format!("`{key}` means nothing for {verb}");
                    let help = format!("remove `{key}`: only a swap has it");
                    self.reader.error(self.section.span_of(key), message, help);
                }
            }
        }
        Some(match verb {
            "wrap" => Action::Wrap,
            "unwrap" => Action::Unwrap,
            "supply" => Action::Supply,
            "withdraw" => Action::Withdraw,
            "swap" => return self.swap(config),
            "add_liquidity" => Action::AddLiquidity,
            "remove_liquidity" => Action::RemoveLiquidity,
            "stake" => Action::Stake,
            "exit" => Action::Exit,
            "bridge" => Action::Bridge,
            _ => Action::Claim,
        })
    }

    /// What a swap gives and wants: as written, or the element's asset where one is left out.
    fn sides(&self) -> (Option<&'a At<String>>, Option<&'a At<String>>) {
        let asset = self.element.of(Over::Asset);
        let (from, to) = (self.draft.from.as_ref(), self.draft.to.as_ref());
        match (from, to) {
            (None, _) => (asset.filter(|_| !self.section.has("from")), to),
            (Some(_), None) => (from, asset.filter(|_| !self.section.has("to"))),
            both => both,
        }
    }

    fn swap(&self, config: &ProtocolConfig) -> Option<Action> {
        let (from, to) = self.sides();
        for (key, value) in [("from", from), ("to", to)] {
            if value.is_none() && !self.section.has(key) {
                self.reader.error(
                    self.section.span.clone(),
                    format!("a swap needs `{key}`"),
                    format!("write {key} = \"USDC\""),
                );
            }
        }
        let (from, to) = (from?, to?);
        let (given, wanted) = (self.side(config, from), self.side(config, to));
        let (given, wanted) = (given?, wanted?);
        if given == wanted {
            let message = "`from` and `to` are the same";
            self.reader.error(to.span(), message, "");
            return None;
        }
        Some(Action::Swap {
            from: given,
            to: wanted,
        })
    }

    /// The asset of one side of the pair.
    fn side(&self, config: &ProtocolConfig, name: &At<String>) -> Option<AssetId> {
        let ModuleConfig::UniswapV2 {
            token_a, token_b, ..
        } = &config.module
        else {
            return None;
        };
        let sides = [token_a.asset.as_str(), token_b.asset.as_str()];
        if !sides.contains(&name.get_ref().as_str()) {
            self.reader.error(
                name.span(),
                format!("the pair `{}` has no asset `{}`", config.id, name.get_ref()),
                suggestion(name.get_ref(), sides, "asset"),
            );
            return None;
        }
        Some(AssetId(name.get_ref().clone()))
    }

    /// The token that an exact amount counts, where the configuration knows it.
    fn counted<'c>(&self, config: &'c ProtocolConfig, verb: &str) -> Option<&'c Token> {
        match &config.module {
            ModuleConfig::WrappedNative { native, .. } => Some(native),
            ModuleConfig::Erc4626 { asset, .. } => Some(asset),
            ModuleConfig::UniswapV2 {
                token_a,
                token_b,
                lp,
                ..
            } => match verb {
                "swap" => {
                    let given = self.sides().0.map(At::get_ref);
                    let second = given.is_some_and(|given| given == token_b.asset.as_str());
                    Some(if second { token_b } else { token_a })
                }
                "remove_liquidity" => Some(lp),
                _ => Some(token_a),
            },
            ModuleConfig::StakingRewards { stake, .. } => Some(stake),
            ModuleConfig::Bridge { token, .. } => Some(token),
            ModuleConfig::MerkleDistributor { .. } => None,
        }
    }

    fn amount(&self, config: &ProtocolConfig, verb: &str) -> Option<AmountSpec> {
        let takes_all = catalogue::kind(config.module.name(), verb)
            .is_some_and(|kind| kind.amounts == catalogue::Amounts::All);
        let Some(amount) = &self.draft.amount else {
            if takes_all {
                return Some(AmountSpec::All);
            }
            if !self.section.has("amount") {
                self.reader.error(
                    self.section.span.clone(),
                    format!("{verb} needs `amount`"),
                    "write amount = \"target\", \"all\", \"25%\" or \"1.25\"",
                );
            }
            return None;
        };
        let span = amount.span();
        match amount.get_ref() {
            other if takes_all && *other != AmountSpec::All => {
                let message = format!("{verb} always takes all");
                self.reader.error(span, message, "remove `amount`");
                return None;
            }
            AmountSpec::Exact(text) => {
                let token = self.counted(config, verb)?;
                if let Err(defect) = unit::tokens(text, token.decimals) {
                    let message = format!("`amount`: `{text}` {defect}, as {} has", token.asset);
                    self.reader.error(span, message, "");
                    return None;
                }
            }
            _ => {}
        }
        Some(amount.get_ref().clone())
    }
}

/// The assets that an instance takes.
fn takes(module: &ModuleConfig) -> Vec<&str> {
    match module {
        ModuleConfig::WrappedNative { native, .. } => vec![native.asset.as_str()],
        ModuleConfig::Erc4626 { asset, .. } => vec![asset.asset.as_str()],
        ModuleConfig::UniswapV2 {
            token_a, token_b, ..
        } => vec![token_a.asset.as_str(), token_b.asset.as_str()],
        ModuleConfig::StakingRewards { stake, .. } => vec![stake.asset.as_str()],
        ModuleConfig::Bridge { token, .. } | ModuleConfig::MerkleDistributor { token, .. } => {
            vec![token.asset.as_str()]
        }
    }
}
