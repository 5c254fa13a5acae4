//! When work stops, when it goes on, and how limits follow the market: the monitor's policy.

use std::ops::Range;
use std::time::Duration;

use airdrops_risk::breaker::{ClearedBy, Clearing};
use airdrops_risk::{BreakerKind, MonitorPolicy};
use airdrops_types::{AssetId, Bps, ControlState};

use super::chain::Chains;
use super::check::{check_dollars, check_duration};
use super::diagnostic::suggestion;
use super::keys;
use super::reader::{At, Reader};
use super::section::Section;
use super::source::unknown_asset;

/// The tables that the policy is read from.
struct Tables<'a> {
    engine: &'a Section<'a>,
    limits: &'a Section<'a>,
    adaptive: Section<'a>,
    volatility: Section<'a>,
    breakers: Section<'a>,
}

/// The monitor's policy, and the time between two looks at a contract. `tick` is the time between
/// two looks at everything else.
pub(super) fn monitor<'a>(
    reader: &'a Reader<'a>,
    root: &Section<'a>,
    engine: &'a Section<'a>,
    limits: &'a Section<'a>,
    chains: &Chains,
    rolling_loss: Bps,
    tick: Duration,
) -> (MonitorPolicy, Duration) {
    let within = |section: &Section<'a>, name, keys| {
        let found = section.table(name);
        found.unwrap_or_else(|| Section::absent(reader, keys))
    };
    let tables = Tables {
        engine,
        limits,
        adaptive: within(limits, "adaptive", &keys::ADAPTIVE),
        volatility: within(root, "volatility", &keys::VOLATILITY),
        breakers: within(root, "breakers", &keys::BREAKERS),
    };
    let mut policy = MonitorPolicy::default();
    policy.breakers.rolling_loss.limit = rolling_loss;
    read_limits(&tables, &mut policy);
    read_volatility(reader, &tables.volatility, chains, &mut policy);
    read_thresholds(&tables.breakers, chains, &mut policy);
    read_failures(&tables.breakers, &mut policy);
    read_ends(reader, &tables.breakers, &mut policy);
    for (name, value) in tables
        .breakers
        .each("expected_value", |_, text| check_dollars(text))
    {
        if let Some(chain) = chains.names.find(reader, &name) {
            policy.expected_value.insert(*chain, value.into_inner());
        }
    }
    let wrong = [policy.validate().err(), policy.validate_period(tick).err()];
    for wrong in wrong.into_iter().flatten().flatten() {
        let (span, help) = tables.place(&wrong);
        reader.error(span, wrong, help);
    }
    let period = tables.breakers.duration("contract_period");
    (policy, period.unwrap_or(Duration::from_secs(600)))
}

fn read_limits(tables: &Tables<'_>, policy: &mut MonitorPolicy) {
    let drawdown = &mut policy.breakers.drawdown;
    set(&mut drawdown.limit, tables.limits.percent("drawdown"));
    wait(&mut drawdown.window, tables.limits, "drawdown_window");
    let (section, bounds) = (&tables.adaptive, &mut policy.adapt);
    set(&mut bounds.floor, section.percent("floor"));
    set(&mut bounds.loosening_per_hour, section.percent("loosening"));
    wait(&mut bounds.max_gap, section, "longest_pause");
}

fn read_volatility(
    reader: &Reader<'_>,
    section: &Section<'_>,
    chains: &Chains,
    policy: &mut MonitorPolicy,
) {
    let assets = chains.assets();
    for asset in section.names("reference") {
        unknown_asset(reader, &asset, &assets);
        policy.reference.insert(AssetId(asset.into_inner()));
    }
    let actions = &mut policy.breakers.volatility;
    set(&mut actions.low.scale, section.percent("low"));
    for (scale, state, action) in [
        ("medium", "medium_state", &mut actions.medium),
        ("high", "high_state", &mut actions.high),
        ("extreme", "extreme_state", &mut actions.extreme),
    ] {
        set(&mut action.scale, section.percent(scale));
        action.state = match section.choice(state).map(At::into_inner) {
            Some("halted") => ControlState::Halted,
            Some("reducing") => ControlState::Reducing,
            Some("cautious") => ControlState::Cautious,
            Some(_) => ControlState::Active,
            None => action.state,
        };
    }
}

fn read_thresholds(section: &Section<'_>, chains: &Chains, policy: &mut MonitorPolicy) {
    let breakers = &mut policy.breakers;
    let (depeg, gas) = (&mut breakers.depeg, &mut breakers.unprofitable_gas);
    depeg.pegs.clone_from(&chains.pegs);
    for (share, lasting, step) in [
        ("depeg_warn", "depeg_warn_for", &mut depeg.warn),
        ("depeg_reduce", "depeg_reduce_for", &mut depeg.reduce),
        ("depeg_halt", "depeg_halt_for", &mut depeg.halt),
    ] {
        set(&mut step.deviation, section.percent(share));
        wait(&mut step.lasting, section, lasting);
    }
    set(&mut gas.share, section.percent("gas_share"));
    wait(&mut gas.max_gap, section, "observation_gap");
    depeg.max_gap = gas.max_gap;
    let clock = &mut breakers.clock;
    for (key, place) in [
        ("gas_for", &mut gas.lasting),
        ("incident_window", &mut breakers.incident.window),
        ("data_grace", &mut breakers.data.grace),
        ("data_reduce_after", &mut breakers.data.reduce_after),
        ("clock_jump", &mut clock.jump.cautious),
        ("clock_jump_halt", &mut clock.jump.halted),
        ("clock_chain", &mut clock.chain.cautious),
        ("clock_chain_halt", &mut clock.chain.halted),
        ("contract_unread", &mut breakers.pin_change.max_unread),
    ] {
        wait(place, section, key);
    }
    if let Some(gas) = section.integer("standard_gas") {
        policy.standard_gas = gas.into_inner();
    }
}

fn read_failures(section: &Section<'_>, policy: &mut MonitorPolicy) {
    let share = |place: &mut f64, key| {
        if let Some(share) = section.percent(key) {
            *place = f64::from(share.into_inner().0) / f64::from(Bps::WHOLE.0);
        }
    };
    let count = |key| {
        let count = section.integer(key)?;
        u32::try_from(count.into_inner()).ok()
    };
    let rates = &mut policy.failures;
    share(&mut rates.usual, "failure_usual");
    share(&mut rates.alarming, "failure_alarming");
    rates.between = count("failure_between").map_or(rates.between, f64::from);
    rates.least = count("failure_least").unwrap_or(rates.least);
    let held = &mut policy.breakers.failure_rate;
    held.successes = count("failure_successes").unwrap_or(held.successes);
    wait(&mut held.persists, section, "failure_persists");
}

/// How stops end.
fn read_ends(reader: &Reader<'_>, section: &Section<'_>, policy: &mut MonitorPolicy) {
    let breakers = &mut policy.breakers;
    wait(&mut breakers.evidence_gap, section, "evidence_gap");
    for (name, pause) in section.each("cool_down", check_duration) {
        if let Some(kind) = self_clearing(reader, &name, "never ends by itself") {
            let clearing = Clearing {
                by: ClearedBy::Itself,
                cool_down: pause.into_inner(),
            };
            breakers.clearing.insert(kind, clearing);
        }
    }
    for name in section.names("administrator") {
        let Some(kind) = self_clearing(reader, &name, "is always ended by an administrator") else {
            continue;
        };
        let before = breakers.clearing.insert(kind, Clearing::ADMINISTRATOR);
        match before.map(|clearing| clearing.by) {
            Some(ClearedBy::Itself) => reader.error(
                name.span(),
                format!("{kind} has a cool-down too"),
                "remove it here or in `cool_down`",
            ),
            Some(ClearedBy::Administrator) => reader.error(
                name.span(),
                format!("{kind} is listed twice"),
                "remove one of them",
            ),
            None => {}
        }
    }
}

fn set(place: &mut Bps, share: Option<At<Bps>>) {
    if let Some(share) = share {
        *place = share.into_inner();
    }
}

fn wait(place: &mut Duration, section: &Section<'_>, key: &'static str) {
    if let Some(duration) = section.duration(key) {
        *place = duration;
    }
}

fn self_clearing(reader: &Reader<'_>, name: &At<String>, otherwise: &str) -> Option<BreakerKind> {
    let text = name.get_ref();
    let clears = |kind: &BreakerKind| kind.clearing().by == ClearedBy::Itself;
    let Some(kind) = BreakerKind::from_name(text) else {
        let known = BreakerKind::ALL
            .into_iter()
            .filter(clears)
            .map(BreakerKind::name);
        let help = suggestion(text, known, "breaker");
        reader.error(name.span(), format!("unknown breaker `{text}`"), help);
        return None;
    };
    if clears(&kind) {
        return Some(kind);
    }
    reader.error(
        name.span(),
        format!("{kind} {otherwise}"),
        "only an administrator ends it: remove it here",
    );
    None
}

#[derive(Debug, Clone, Copy)]
enum In {
    Engine,
    Limits,
    Adaptive,
    Volatility,
    Breakers,
}

/// Which keys make a place of the policy; the first that a mistake begins with counts.
const PLACES: &[(&str, &[(In, &str)])] = &[
    (
        "evidence_gap",
        &[
            (In::Breakers, "evidence_gap"),
            (In::Engine, "tick"),
            (In::Breakers, "cool_down"),
        ],
    ),
    (
        "depeg.max_gap",
        &[(In::Breakers, "observation_gap"), (In::Engine, "tick")],
    ),
    (
        "unprofitable_gas.max_gap",
        &[(In::Breakers, "observation_gap"), (In::Engine, "tick")],
    ),
    (
        "depeg",
        &[
            (In::Breakers, "depeg_warn"),
            (In::Breakers, "depeg_reduce"),
            (In::Breakers, "depeg_halt"),
        ],
    ),
    (
        "data",
        &[
            (In::Breakers, "data_reduce_after"),
            (In::Breakers, "data_grace"),
        ],
    ),
    (
        "clock.jump",
        &[
            (In::Breakers, "clock_jump"),
            (In::Breakers, "clock_jump_halt"),
        ],
    ),
    (
        "clock.chain",
        &[
            (In::Breakers, "clock_chain"),
            (In::Breakers, "clock_chain_halt"),
        ],
    ),
    (
        "failures",
        &[
            (In::Breakers, "failure_alarming"),
            (In::Breakers, "failure_usual"),
            (In::Breakers, "failure_between"),
        ],
    ),
    (
        "volatility.extreme.scale",
        &[(In::Volatility, "extreme"), (In::Adaptive, "floor")],
    ),
    (
        "volatility",
        &[
            (In::Volatility, "extreme"),
            (In::Volatility, "high"),
            (In::Volatility, "medium"),
            (In::Volatility, "low"),
            (In::Volatility, "extreme_state"),
            (In::Volatility, "high_state"),
            (In::Volatility, "medium_state"),
        ],
    ),
    ("drawdown", &[(In::Limits, "drawdown_window")]),
];

impl Tables<'_> {
    fn section(&self, table: In) -> &Section<'_> {
        match table {
            In::Engine => self.engine,
            In::Limits => self.limits,
            In::Adaptive => &self.adaptive,
            In::Volatility => &self.volatility,
            In::Breakers => &self.breakers,
        }
    }

    /// Where a mistake of the policy is, as far as the file has a say in it, and what to look at.
    fn place(&self, wrong: &str) -> (Range<usize>, String) {
        let keys = PLACES.iter().find(|(place, _)| wrong.starts_with(place));
        let keys = keys.map_or(&[][..], |(_, keys)| keys);
        let written: Vec<_> = keys
            .iter()
            .filter(|(table, key)| self.section(*table).has(key))
            .collect();
        let span = written
            .first()
            .map_or(0..0, |(table, key)| self.section(*table).span_of(key));
        let names: Vec<String> = written.iter().map(|(_, key)| format!("`{key}`")).collect();
        let help = if names.is_empty() {
            String::new()
        } else {
            format!("change {}", names.join(" or "))
        };
        (span, help)
    }
}
