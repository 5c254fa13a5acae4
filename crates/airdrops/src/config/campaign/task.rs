//! One task as it is written, before it becomes one task per element.

use std::collections::BTreeMap;

use airdrops_protocols::{ModuleConfig, ProtocolConfig, catalogue};
use airdrops_scheduler::TaskDef;
use airdrops_types::{
    Action, Address, AmountSpec, AssetId, Assignment, Conditions, ErrorClass, GasWindow, Join,
    RetryPolicy, TaskSpec, Token, Work,
};

use super::super::diagnostic::suggestion;
use super::super::reader::{At, Reader};
use super::super::section::{NameOr, Section};
use super::super::unit;
use super::fan_out::{Dimension, Element, Over};
use super::{World, resources};

/// A task as it is written.
pub(super) struct Draft {
    pub(super) name: At<String>,
    /// The campaign that it runs, if that is its work.
    pub(super) campaign: Option<At<String>>,
    /// What it is made for each of.
    pub(super) each: Vec<Dimension>,
    /// What it comes after, and how that must end.
    pub(super) after: Vec<(At<String>, Conditions)>,
    verb: Option<At<&'static str>>,
    wallet: Option<At<String>>,
    protocol: Option<At<String>>,
    from: Option<At<String>>,
    to: Option<At<String>>,
    amount: Option<At<AmountSpec>>,
    timeout: Option<std::time::Duration>,
    /// Everything but the work and the keys that follow from it.
    spec: TaskSpec,
}

/// Reads a task; `None` if it has no name or does not say what it does.
pub(super) fn read(reader: &Reader<'_>, section: &Section<'_>, world: &World<'_>) -> Option<Draft> {
    let name = section.name("name");
    let verb = section.choice("action");
    let campaign = section.name("campaign");
    let each = super::fan_out::read(reader, section, world);
    let draft = Draft {
        campaign,
        each,
        after: after(reader, section),
        verb,
        wallet: section.name("wallet"),
        protocol: section.name("protocol"),
        from: section.name("from"),
        to: section.name("to"),
        amount: section.amount("amount"),
        timeout: section.duration("timeout"),
        spec: spec(reader, section),
        name: name?,
    };
    match (&draft.verb, &draft.campaign) {
        (Some(verb), Some(_)) => {
            let message = "a task has an action or runs a campaign, this has both";
            reader.error(verb.span(), message, "remove `action` or `campaign`");
            return None;
        }
        (None, None) => {
            if !section.has("action") && !section.has("campaign") {
                section.needs("action");
            }
            return None;
        }
        _ => {}
    }
    if draft.acts() {
        Some(draft)
    } else {
        let keys = [
            "wallet",
            "protocol",
            "amount",
            "from",
            "to",
            "for_each",
            "compensate",
        ];
        for key in keys.into_iter().filter(|key| section.has(key)) {
            let what = match &draft.campaign {
                Some(_) => "a task that runs a campaign",
                None => "a task that does nothing",
            };
            let message = format!("`{key}` means nothing for {what}");
            reader.error(section.span_of(key), message, format!("remove `{key}`"));
        }
        Some(draft)
    }
}

fn after(reader: &Reader<'_>, section: &Section<'_>) -> Vec<(At<String>, Conditions)> {
    let mut after: Vec<(At<String>, Conditions)> = Vec::new();
    for item in section.names_or("after") {
        let (name, on) = match item {
            NameOr::Name(name) => (Some(name), Conditions::SUCCESS),
            NameOr::Table(section) => {
                let words = section.choices("on");
                let on = Conditions::parse(words.iter().map(|word| word.get_ref().as_str()));
                if on.is_none() && section.has("on") && words.is_empty() {
                    let help = "write on = [\"success\", \"failure\", \"skip\"] for any ending";
                    reader.error(section.span_of("on"), "`on` names no ending", help);
                }
                (section.name("task"), on.unwrap_or_default())
            }
        };
        let Some(name) = name else { continue };
        if after
            .iter()
            .any(|(known, _)| known.get_ref() == name.get_ref())
        {
            reader.error(
                name.span(),
                format!("task `{}` is named twice in `after`", name.get_ref()),
                "put all its endings into one: { task = \"…\", on = [\"success\", \"skip\"] }",
            );
            continue;
        }
        after.push((name, on));
    }
    after
}

/// All that does not depend on the wallet and the protocol.
fn spec(reader: &Reader<'_>, section: &Section<'_>) -> TaskSpec {
    let default = TaskSpec::of(Work::Nothing);
    let critical = section.flag("critical");
    let gas = section.table("gas").and_then(|gas| {
        let (quantile, within) = (gas.percent("quantile"), gas.duration("within"));
        Some(GasWindow {
            quantile: quantile?.into_inner(),
            within: within?,
        })
    });
    if gas.is_some() && critical == Some(true) {
        reader.warning(
            section.span_of("gas"),
            "a critical task waits for no better moment: `gas` is not heeded",
            "remove `gas`, or `critical`",
        );
    }
    let join = section.choice("join");
    if let Some(join) = join.as_ref().filter(|_| !section.has("after")) {
        let message = "`join` means nothing without `after`";
        reader.error(join.span(), message, "remove `join`");
    }
    TaskSpec {
        critical: critical.unwrap_or(false),
        priority: section
            .signed("priority")
            .map_or(0, |priority| i16::try_from(priority).unwrap_or(0)),
        retry: retry(reader, section),
        join: match join.map(At::into_inner) {
            Some("any") => Join::Any,
            _ => Join::All,
        },
        delay: section.duration("delay").unwrap_or_default(),
        approval: section.flag("approval").unwrap_or(false),
        deadline: section.duration("deadline"),
        sla: section.duration("sla"),
        gas,
        keys: section
            .resources("keys")
            .into_iter()
            .map(At::into_inner)
            .collect(),
        compensate: section.flag("compensate").unwrap_or(false),
        ..default
    }
}

fn retry(reader: &Reader<'_>, section: &Section<'_>) -> RetryPolicy {
    let max_attempts = section.integer("max_attempts");
    let (base, cap) = (
        section.duration("retry_after"),
        section.duration("retry_cap"),
    );
    let count = |number: At<u64>| u32::try_from(number.into_inner()).unwrap_or(u32::MAX);
    let default = RetryPolicy::default();
    let mut limits = BTreeMap::new();
    if let Some(section) = section.table("retry_limits") {
        for class in ErrorClass::ALL {
            if let Some(limit) = section.integer(class.name()) {
                limits.insert(class, count(limit));
            }
        }
    }
    let retry = RetryPolicy {
        max_attempts: max_attempts.map_or(default.max_attempts, count),
        base: base.unwrap_or(default.base),
        cap: cap.unwrap_or(default.cap),
        limits,
    };
    if retry.base > retry.cap {
        let message = "`retry_after` is longer than `retry_cap`";
        reader.error(
            section.span_of("retry_after"),
            message,
            "lower it, or raise `retry_cap`",
        );
    }
    retry
}

impl Draft {
    /// Whether it does something at a protocol.
    fn acts(&self) -> bool {
        self.verb
            .as_ref()
            .is_some_and(|verb| *verb.get_ref() != "nothing")
    }

    /// The task of one element.
    pub(super) fn element(
        &self,
        reader: &Reader<'_>,
        section: &Section<'_>,
        element: &Element,
        world: &World<'_>,
    ) -> Option<TaskDef> {
        let name = element.name(self.name.get_ref());
        let mut spec = self.spec.clone();
        if let Some(campaign) = &self.campaign {
            spec.work = Work::Campaign(campaign.get_ref().as_str().into());
        } else if self.acts() {
            let place = Place {
                reader,
                section,
                draft: self,
                element,
                world,
            };
            let (config, assignment) = place.assignment()?;
            let kind = catalogue::kind(config.module.name(), assignment.action.verb())?;
            if spec.compensate && kind.compensation.is_none() {
                reader.error(
                    section.span_of("compensate"),
                    format!("nothing undoes {}", kind.action),
                    "remove `compensate`",
                );
            }
            spec.critical |= kind.critical;
            let usual = std::time::Duration::from_secs(kind.timeout_seconds);
            spec.timeout = Some(self.timeout.unwrap_or(usual));
            spec.keys = resources::of(config, assignment.wallet, &spec.keys);
            spec.work = Work::Act(assignment);
        } else {
            spec.timeout = self.timeout;
        }
        spec.keys.sort();
        spec.keys.dedup();
        Some(TaskDef {
            name,
            spec: spec.into(),
            after: Vec::new(),
        })
    }
}

/// One element of a task while it is read.
struct Place<'a> {
    reader: &'a Reader<'a>,
    section: &'a Section<'a>,
    draft: &'a Draft,
    element: &'a Element,
    world: &'a World<'a>,
}

impl<'a> Place<'a> {
    fn assignment(&self) -> Option<(&'a ProtocolConfig, Assignment)> {
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
