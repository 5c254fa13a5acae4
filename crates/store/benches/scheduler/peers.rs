//! APScheduler 3.11 on the same disk.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The interpreter that has it.
const PYTHON: &str = "AIRDROPS_PEERS_PYTHON";

/// What one configuration of it did.
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) loaded_per_s: f64,
    pub(crate) fired_per_s: f64,
    /// Lateness at p50, p99 and the maximum, milliseconds; or why there is none.
    pub(crate) lateness: Result<[f64; 3], String>,
}

/// Runs it, or says what is missing.
pub(crate) fn measure(
    folder: &Path,
    jobs: usize,
    rate: usize,
    seconds: usize,
) -> Result<Vec<Peer>, String> {
    let Some(python) = std::env::var_os(PYTHON) else {
        return Err(format!(
            "not measured: python3 -m venv peers && peers/bin/pip install 'apscheduler==3.11.*' \
             sqlalchemy, then set {PYTHON}=peers/bin/python (an absolute path)"
        ));
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/apscheduler3.py");
    let output = Command::new(python)
        .arg(script)
        .arg(folder.join("peers"))
        .args([jobs, rate, seconds].map(|number| number.to_string()))
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{PYTHON} does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("apscheduler3.py ended with {}", output.status));
    }
    let text = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
    text.lines().map(peer).collect()
}

fn peer(line: &str) -> Result<Peer, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| format!("{line}: {error}"))?;
    let number = |name: &str| {
        value[name]
            .as_f64()
            .ok_or_else(|| format!("no {name} in {line}"))
    };
    Ok(Peer {
        name: value["name"].as_str().unwrap_or_default().to_owned(),
        loaded_per_s: number("loaded_per_s")?,
        fired_per_s: number("fired_per_s")?,
        lateness: match value["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok([number("p50_ms")?, number("p99_ms")?, number("max_ms")?]),
        },
    })
}
