//! `replay`: computes every verdict and every allocation again from the journal.

use airdrops_runtime::replay::replay as decide_again;
use airdrops_store::Access;
use serde_json::json;

use super::report::whole_journal;
use crate::cli::Global;
use crate::exit::Failure;

/// Computes every decision again, and compares with what was written down.
///
/// # Errors
/// Exit code 1 if any differs.
pub fn replay(global: &Global) -> Result<(), Failure> {
    let opened = super::open(global, Access::ReadOnly)?;
    let found = decide_again(&whole_journal(opened.store.as_ref())?);
    let mut text = format!(
        "{} verdicts, {} allocations and {} plans computed again, {} differ.",
        found.verdicts,
        found.allocations,
        found.plans,
        found.differences.len()
    );
    for (seq, difference) in &found.differences {
        text.push_str(&format!("\n  entry {seq}: {difference}"));
    }
    let differences: Vec<_> = found
        .differences
        .iter()
        .map(|(seq, difference)| json!({ "seq": seq, "difference": difference }))
        .collect();
    super::answer(
        global,
        &text,
        &json!({
            "verdicts": found.verdicts,
            "allocations": found.allocations,
            "plans": found.plans,
            "differences": differences,
        }),
    );
    if found.differences.is_empty() {
        Ok(())
    } else {
        Err(Failure::quiet(crate::exit::Exit::Failed))
    }
}
