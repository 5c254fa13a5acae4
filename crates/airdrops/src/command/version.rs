//! `version`.

use serde_json::json;

use crate::cli::Global;
use crate::exit::Failure;

/// Prints the version.
///
/// # Errors
/// Never.
pub fn version(global: &Global) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    super::answer(
        global,
        &format!("airdrops {version} ({target})"),
        &json!({ "name": "airdrops", "version": version, "target": target }),
    );
    Ok(())
}
