//! `unwind`: the way out, asked for by a person.

use airdrops_protocols::ModuleConfig;
use airdrops_runtime::unwind::preview::{Judgement, PreviewedExit, UnwindPreview};
use airdrops_store::{Access, StoreError};
use airdrops_types::{Address, Scope};
use serde_json::json;

use super::control::parse_scope;
use crate::cli::{self, Global};
use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::narrate::{self, ChainNames};

/// Asks for an unwind, takes one back, or shows what it would do.
///
/// # Errors
/// If the scope is unknown, an open request covers it already, or there is none to take back; if
/// the database cannot be written. For a dry run, exit code 6 if a chain cannot be read, and 10 if
/// something would be unwound.
pub fn unwind(global: &Global, options: &cli::Unwind) -> Result<(), Failure> {
    if options.dry_run {
        return preview(global, options);
    }
    let opened = super::open(global, Access::Operator)?;
    let scope = parse_scope(&options.scope, opened.loaded.as_ref())?;
    let shown = narrate::scope_text(&opened.chain_names(), &scope);
    let reason = options.reason.as_deref().unwrap_or_default();
    let (now, by) = (super::now(), super::operator());
    let runs = opened.store.has_runner()?;
    if options.cancel {
        let cancelled = opened.store.cancel_unwind(now, &scope, reason, &by)?;
        super::answer(
            global,
            &format!(
                "Taken back: the unwind of {shown} (request {}). What is signed already still happens.",
                cancelled.id
            ),
            &json!({ "cancelled": cancelled, "running": runs }),
        );
        return Ok(());
    }
    let asked = opened.store.request_unwind(now, &scope, reason, &by);
    let request = asked.map_err(|error| match error {
        StoreError::UnwindOpen { id, scope, by, at } => Failure::failed(format!(
            "An unwind of {} is open already: request {id} by {by} of {at}. `airdrops status` shows how far it is.",
            narrate::scope_text(&opened.chain_names(), &scope)
        )),
        other => other.into(),
    })?;
    let next = if runs {
        "The run that is under way takes it up in its next tick."
    } else {
        "Nothing runs on this database now: it is stored, and waits for `airdrops run` (or `once`)."
    };
    super::answer(
        global,
        &format!(
            "Asked for: the unwind of {shown} (request {}). {next}\nUntil it ends, other tasks there wait. `airdrops status` shows how far it is.",
            request.id
        ),
        &json!({ "requested": request, "running": runs }),
    );
    Ok(())
}

fn preview(global: &Global, options: &cli::Unwind) -> Result<(), Failure> {
    let loaded = super::load(global)?;
    let scope: Scope = parse_scope(&options.scope, Some(&loaded))?;
    let shown = Shown {
        names: loaded.chain_names(),
        wallets: wallet_names(&loaded),
        modules: loaded
            .settings
            .protocols
            .iter()
            .map(|protocol| (protocol.id.to_string(), protocol.module.clone()))
            .collect(),
    };
    let preview = super::run::runtime()?.block_on(async {
        let mut engine = super::run::onlooker(loaded).await?;
        Ok::<_, Failure>(engine.preview_unwind(&scope).await?)
    })?;
    super::answer(
        global,
        &shown.text(&preview),
        &json!({ "preview": preview }),
    );
    if preview.unreadable_chains > 0 {
        return Err(Failure::quiet(Exit::RpcLost));
    }
    if preview.exits.is_empty() {
        return Ok(());
    }
    Err(Failure::quiet(Exit::WouldChange))
}

fn wallet_names(loaded: &Loaded) -> Vec<(Address, String)> {
    let wallets = loaded.wallets.iter();
    wallets
        .map(|wallet| (wallet.address, wallet.name.clone()))
        .collect()
}

/// What names things in the answer.
struct Shown {
    names: ChainNames,
    wallets: Vec<(Address, String)>,
    modules: Vec<(String, ModuleConfig)>,
}

impl Shown {
    fn text(&self, preview: &UnwindPreview) -> String {
        let scope = narrate::scope_text(&self.names, &preview.scope);
        let mut text = format!("Unwind of {scope}, dry run: nothing is changed.\n");
        if preview.exits.is_empty() {
            text.push_str("\nNo position and no open allowance was seen in it.\n");
        }
        for (place, exit) in (1..).zip(&preview.exits) {
            text.push_str(&self.exit(place, exit));
        }
        for (title, lines) in [
            ("Beyond this program", &preview.beyond),
            ("Not known", &preview.unknown),
        ] {
            if !lines.is_empty() {
                text.push_str(&format!("\n{title}\n"));
            }
            for line in lines {
                text.push_str(&format!("  {}\n", narrate::named(&self.names, line)));
            }
        }
        text
    }

    fn exit(&self, place: usize, exit: &PreviewedExit) -> String {
        let wallet = self
            .wallets
            .iter()
            .find(|(address, _)| *address == exit.wallet)
            .map_or_else(|| exit.wallet.to_string(), |(_, name)| name.clone());
        let value = exit
            .value
            .map_or_else(|| "value not known".into(), |value| value.to_string());
        let mut text = format!(
            "\n{place}. {} of wallet {wallet}: {value}, {}\n",
            exit.protocol, exit.control
        );
        for amount in &exit.holds {
            text.push_str(&format!("   holds {amount}\n"));
        }
        for open in &exit.allowances {
            text.push_str(&format!(
                "   lends {} to {}\n",
                open.token.amount(open.amount),
                open.spender
            ));
        }
        if let Some(obstacle) = &exit.obstacle {
            let obstacle = narrate::named(&self.names, obstacle);
            text.push_str(&format!("   there is no plan: {obstacle}\n"));
        }
        let protocol = exit.protocol.as_str();
        let module = self.modules.iter().find(|(id, _)| id == protocol);
        for step in &exit.steps {
            let what = step.summary.as_ref().map_or_else(
                || narrate::operation_text(&step.operation, module.map(|(_, module)| module)),
                |summary| narrate::named(&self.names, summary),
            );
            let answer = match &step.judgement {
                Judgement::Permitted => "would go out".to_owned(),
                Judgement::Refused { reasons } => {
                    let why = narrate::reasons_text(reasons);
                    format!("refused: {}", narrate::named(&self.names, &why))
                }
                Judgement::NotBuilt { reason } => {
                    format!("cannot be made: {}", narrate::named(&self.names, reason))
                }
                Judgement::AfterTheStepBefore => "is judged when the step before is made".into(),
            };
            text.push_str(&format!("   - {what}: {answer}\n"));
        }
        text
    }
}
