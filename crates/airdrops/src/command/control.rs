//! `halt` and `resume`.

use airdrops_risk::MANUAL;
use airdrops_store::{Access, ControlChange, Store, StoreError};
use airdrops_types::{AssetId, ChainId, ControlState, ProtocolId, Scope, Timestamp, Trip};
use serde_json::json;

use crate::cli::{Control, Global};
use crate::config::Loaded;
use crate::config::diagnostic::suggestion;
use crate::exit::{Exit, Failure};
use crate::narrate;

/// Halts a scope. Takes effect before the next signature, also while a run is under way.
///
/// # Errors
/// If the scope is unknown or the database cannot be written.
pub fn halt(global: &Global, options: &Control) -> Result<(), Failure> {
    let opened = super::open(global, Access::Operator)?;
    let scope = parse_scope(&options.scope, opened.loaded.as_ref())?;
    let trip = Trip {
        scope: scope.clone(),
        breaker: MANUAL.into(),
        state: ControlState::Halted,
        since: super::now(),
        evidence: options.reason.clone(),
    };
    let revision = opened.store.set_control(
        trip.since,
        &ControlChange::Trip(trip.clone()),
        &super::operator(),
    )?;
    let shown = narrate::scope_text(&opened.chain_names(), &scope);
    super::answer(
        global,
        &format!(
            "Halted: {shown}. Nothing is signed there until `airdrops resume --scope {} --reason …`.",
            options.scope
        ),
        &json!({ "halted": trip, "revision": revision }),
    );
    Ok(())
}

/// Clears every trip of a scope.
///
/// # Errors
/// If the scope is unknown, has no trips, or the database cannot be written.
pub fn resume(global: &Global, options: &Control) -> Result<(), Failure> {
    let opened = super::open(global, Access::Operator)?;
    let names = opened.chain_names();
    let scope = parse_scope(&options.scope, opened.loaded.as_ref())?;
    let shown = narrate::scope_text(&names, &scope);
    let (cleared, standing) = resume_scope(
        opened.store.as_ref(),
        super::now(),
        &scope,
        &super::operator(),
        &options.reason,
    )?;
    if cleared.is_empty() {
        let mut message = format!("Nothing to resume: {shown} has no trips.");
        message.push_str(&others(&names, &standing));
        return Err(Failure::failed(message));
    }
    let mut text = format!("Resumed: {shown}\n");
    for trip in &cleared {
        text.push_str(&format!(
            "  cleared {} ({} since {}): {}\n",
            trip.breaker, trip.state, trip.since, trip.evidence
        ));
    }
    text.push_str(&others(&names, &standing));
    super::answer(
        global,
        &text,
        &json!({ "cleared": cleared, "standing": standing }),
    );
    Ok(())
}

/// Clears every trip of exactly `scope`, and returns the cleared and the standing ones.
///
/// # Errors
/// If the store fails.
pub fn resume_scope(
    store: &dyn Store,
    now: Timestamp,
    scope: &Scope,
    by: &str,
    reason: &str,
) -> Result<(Vec<Trip>, Vec<Trip>), StoreError> {
    let (trips, _) = store.control()?;
    let (cleared, standing): (Vec<Trip>, Vec<Trip>) =
        trips.into_iter().partition(|trip| trip.scope == *scope);
    for trip in &cleared {
        let change = ControlChange::Clear {
            scope: trip.scope.clone(),
            breaker: trip.breaker.clone(),
            reason: reason.to_owned(),
        };
        store.set_control(now, &change, by)?;
    }
    Ok((cleared, standing))
}

fn others(names: &narrate::ChainNames, standing: &[Trip]) -> String {
    if standing.is_empty() {
        return String::new();
    }
    let mut text = "\nStill standing:\n".to_owned();
    for trip in standing {
        text.push_str(&format!(
            "  {} is {} by {}: {}\n",
            narrate::scope_text(names, &trip.scope),
            trip.state,
            trip.breaker,
            trip.evidence
        ));
    }
    text
}

/// `everything`, `chain:NAME`, `protocol:ID`, `asset:NAME`, `wallet:NAME`. Without a
/// configuration, chains are named by their id and wallets by their address.
///
/// # Errors
/// Exit code 2, with what is known.
pub fn parse_scope(text: &str, loaded: Option<&Loaded>) -> Result<Scope, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    if text == "everything" {
        return Ok(Scope::Everything);
    }
    let (kind, name) = text.split_once(':').unwrap_or((text, ""));
    let unknown = |known: Vec<&str>| {
        usage(format!(
            "unknown {kind} `{name}`: {}",
            suggestion(name, known, kind)
        ))
    };
    match kind {
        "chain" => {
            let chains = loaded.map(|loaded| loaded.settings.chains.as_slice());
            let chains = chains.unwrap_or_default();
            chains
                .iter()
                .find(|chain| chain.name == name || chain.id.to_string() == name)
                .map(|chain| chain.id)
                .or_else(|| name.parse().ok().map(ChainId).filter(|_| loaded.is_none()))
                .map(Scope::Chain)
                .ok_or_else(|| unknown(chains.iter().map(|chain| chain.name.as_str()).collect()))
        }
        "wallet" => {
            let wallets = loaded.map(|loaded| loaded.wallets.as_slice());
            let wallets = wallets.unwrap_or_default();
            wallets
                .iter()
                .find(|wallet| wallet.name == name)
                .map(|wallet| wallet.address)
                .or_else(|| name.parse().ok())
                .map(Scope::Wallet)
                .ok_or_else(|| unknown(wallets.iter().map(|wallet| wallet.name.as_str()).collect()))
        }
        "protocol" => match loaded {
            Some(loaded) => {
                let protocols = &loaded.settings.protocols;
                let known = || protocols.iter().map(|protocol| protocol.id.as_str());
                if known().any(|id| id == name) {
                    Ok(Scope::Protocol(ProtocolId::from(name)))
                } else {
                    Err(unknown(known().collect()))
                }
            }
            None if name.is_empty() => Err(unknown(Vec::new())),
            None => Ok(Scope::Protocol(ProtocolId::from(name))),
        },
        "asset" => match loaded {
            Some(loaded) => {
                let known = || {
                    loaded
                        .settings
                        .tokens
                        .iter()
                        .map(|token| token.asset.as_str())
                };
                if known().any(|asset| asset == name) {
                    Ok(Scope::Asset(AssetId::from(name)))
                } else {
                    Err(unknown(known().collect()))
                }
            }
            None if name.is_empty() => Err(unknown(Vec::new())),
            None => Ok(Scope::Asset(AssetId::from(name))),
        },
        _ => Err(usage(format!(
            "unknown scope `{text}`: write everything, chain:NAME, protocol:ID, asset:NAME or wallet:NAME"
        ))),
    }
}
