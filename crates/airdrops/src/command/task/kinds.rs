//! `task kinds`: what tasks can do.

use airdrops_protocols::catalogue::{APPROVAL_GAS, Amounts, TaskKind, kinds as all};
use airdrops_types::RetryPolicy;
use serde_json::json;

use crate::cli::Global;
use crate::config::unit::duration_text;
use crate::exit::Failure;

/// Lists every action of every module.
pub(super) fn kinds(global: &Global) -> Result<(), Failure> {
    let kinds = all();
    let mut text = String::new();
    let mut module = "";
    for kind in &kinds {
        if kind.module != module {
            module = kind.module;
            text.push_str(&format!("{module}\n"));
        }
        text.push_str(&told(kind));
    }
    let allowance = APPROVAL_GAS.map_or_else(String::new, |gas| {
        format!(
            "An allowance is a transaction of its own before: {} gas ({}, {} seen).\n",
            gas.units, gas.source, gas.seen
        )
    });
    let retry = RetryPolicy::default();
    text.push_str(&format!(
        "\n{allowance}Every task also has wallet and protocol, and unless it says otherwise {} \
         attempts, the second at most {} after the first and none later than {}.\n",
        retry.max_attempts,
        duration_text(retry.base),
        duration_text(retry.cap)
    ));
    crate::command::answer(
        global,
        &text,
        &json!({ "kinds": kinds, "allowance_gas": APPROVAL_GAS, "retry": retry }),
    );
    Ok(())
}

fn told(kind: &TaskKind) -> String {
    let mut parameters: Vec<String> = kind
        .parameters
        .iter()
        .map(|it| format!("{} ({})", it.name, it.means))
        .collect();
    parameters.push(match kind.amounts {
        Amounts::Any => "amount (target, all, a share, tokens)".into(),
        Amounts::All => "no amount: always all".into(),
    });
    let gas = kind.gas.map_or_else(
        || "not known".to_owned(),
        |gas| format!("{} ({}, {} seen)", gas.units, gas.source, gas.seen),
    );
    let mut traits = Vec::new();
    if kind.only_reduces {
        traits.push("only reduces exposure");
    }
    if kind.approves {
        traits.push("may need an allowance before");
    }
    if kind.critical {
        traits.push("critical");
    }
    let traits = match traits.as_slice() {
        [] => String::new(),
        traits => format!(" ({})", traits.join("; ")),
    };
    let timeout = duration_text(std::time::Duration::from_secs(kind.timeout_seconds));
    format!(
        "  {}: {}{traits}\n    {}\n    gas {gas}; an attempt ends after {timeout}; undone by {}\n    \
         limits: {}\n",
        kind.action,
        kind.does,
        parameters.join(", "),
        kind.compensation.unwrap_or("nothing"),
        kind.limits.join(", ")
    )
}
