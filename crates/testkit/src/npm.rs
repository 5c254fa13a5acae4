//! The npm packages that hold the local chain's binary and the compiled contracts.
//!
//! `npm/package-lock.json` pins them; [`ensure`] installs them on first use, without running any
//! of their scripts. Parallel test processes wait for one another.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use alloy::primitives::{Bytes, hex, keccak256};
use serde_json::Value;

use crate::process::wait_within;

/// Longest that an installation may take.
const INSTALL_LIMIT: Duration = Duration::from_secs(300);

/// Where `ensure` notes which lock file it installed.
const STAMP: &str = ".installed-lock-hash";

/// The reason why a test that needs the real chain or the real contracts cannot run here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unavailable {
    /// What is missing, for a person.
    pub reason: String,
}

impl Unavailable {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

/// The compiled form of one contract, as its authors published it.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The JSON interface, where the file has one.
    pub abi: Option<Value>,
    /// Creation bytecode, without constructor arguments.
    pub bytecode: Bytes,
}

/// Why an artifact could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The file is not a compiled contract.
    #[error("{path}: {detail}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
}

/// The installed packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NpmFolder {
    root: PathBuf,
}

impl NpmFolder {
    /// The folder `node_modules`.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The anvil binary for this platform.
    ///
    /// # Errors
    /// [`Unavailable`] on a platform for which no binary is pinned.
    pub fn anvil(&self) -> Result<PathBuf, Unavailable> {
        let path = self.root.join("@foundry-rs/anvil-linux-amd64/bin/anvil");
        if path.is_file() {
            Ok(path)
        } else {
            Err(Unavailable::new(
                "no anvil for this platform: only linux-amd64 is pinned in npm/package.json",
            ))
        }
    }

    /// A compiled contract, by its path below `node_modules`:
    /// `canonical-weth/build/contracts/WETH9.json`.
    ///
    /// # Errors
    /// [`ArtifactError`] when there is no such file, or it has no linked creation bytecode.
    pub fn artifact(&self, package_path: &str) -> Result<Artifact, ArtifactError> {
        let path = self.root.join(package_path);
        let malformed = |detail: String| ArtifactError::Malformed {
            path: path.clone(),
            detail,
        };
        let text = fs::read(&path).map_err(|source| ArtifactError::Read {
            path: path.clone(),
            source,
        })?;
        let mut json: Value =
            serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?;
        let code = json
            .get("bytecode")
            .and_then(Value::as_str)
            .ok_or_else(|| malformed("no `bytecode` text".to_owned()))?;
        let bytecode = hex::decode(code)
            .map_err(|error| malformed(format!("creation bytecode is not plain hex: {error}")))?;
        if bytecode.is_empty() {
            return Err(malformed(
                "no creation bytecode: an interface or abstract contract".to_owned(),
            ));
        }
        let abi = json.get_mut("abi").map(Value::take);
        Ok(Artifact {
            abi,
            bytecode: bytecode.into(),
        })
    }
}

/// The installed packages; installs them if that has not happened yet for the current
/// `package-lock.json`. One attempt per process: a failure is remembered. Blocks.
///
/// # Errors
/// [`Unavailable`] without npm or without a way to its registry.
pub fn ensure() -> Result<NpmFolder, Unavailable> {
    static INSTALLED: OnceLock<Result<NpmFolder, Unavailable>> = OnceLock::new();
    INSTALLED
        .get_or_init(|| install(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/npm"))))
        .clone()
}

fn install(folder: &Path) -> Result<NpmFolder, Unavailable> {
    let failed = |what: &str, error: io::Error| Unavailable::new(format!("{what}: {error}"));
    let lock_path = folder.join("package-lock.json");
    let mut lock = File::open(&lock_path).map_err(|e| failed("cannot open the lock file", e))?;
    // Held until `lock` is dropped, also when this process dies.
    lock.lock()
        .map_err(|e| failed("cannot lock the lock file", e))?;
    let mut pinned = Vec::new();
    lock.read_to_end(&mut pinned)
        .map_err(|e| failed("cannot read the lock file", e))?;
    let want = keccak256(&pinned).to_string();

    let root = folder.join("node_modules");
    let stamp = root.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|have| have == want) {
        return Ok(NpmFolder { root });
    }
    npm_ci(folder)?;
    // Written last: a half-finished installation has no stamp and is done again.
    File::create(&stamp)
        .and_then(|mut file| file.write_all(want.as_bytes()))
        .map_err(|e| failed("cannot write the stamp", e))?;
    Ok(NpmFolder { root })
}

fn npm_ci(folder: &Path) -> Result<(), Unavailable> {
    let mut child = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .args(["--fetch-retries=1", "--fetch-retry-mintimeout=500"])
        .arg("--loglevel=error")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Unavailable::new(format!("npm does not start: {error}")))?;
    let stderr = child.stderr.take();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut stderr) = stderr {
            // What could be read is good enough for a message.
            let _ = stderr.read_to_string(&mut text);
        }
        text
    });
    let finished = wait_within(&mut child, INSTALL_LIMIT)
        .map_err(|error| Unavailable::new(format!("npm cannot be waited for: {error}")))?;
    match finished {
        Some(status) if status.success() => Ok(()),
        Some(status) => {
            let text = reader.join().unwrap_or_default();
            let shown: Vec<&str> = text.lines().take(6).collect();
            Err(Unavailable::new(format!(
                "`npm ci` in {} ended with {status}: {}",
                folder.display(),
                shown.join(" / ")
            )))
        }
        None => {
            // It may have ended by itself meanwhile.
            let _ = child.kill().and_then(|()| child.wait().map(drop));
            Err(Unavailable::new(format!(
                "`npm ci` in {} did not finish in {} s",
                folder.display(),
                INSTALL_LIMIT.as_secs()
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn installation_with_the_stamp_of_its_lock_file_is_not_done_again() {
        let folder = tempfile::tempdir().unwrap();
        let lock = "no lock that npm would accept";
        fs::write(folder.path().join("package-lock.json"), lock).unwrap();
        let root = folder.path().join("node_modules");
        fs::create_dir(&root).unwrap();
        fs::write(root.join(STAMP), keccak256(lock).to_string()).unwrap();
        assert_eq!(install(folder.path()).unwrap().path(), root);
    }

    #[test]
    fn failed_installation_says_why_and_leaves_no_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let lock = "no lock that npm would accept";
        fs::write(folder.path().join("package.json"), "{}").unwrap();
        fs::write(folder.path().join("package-lock.json"), lock).unwrap();
        let root = folder.path().join("node_modules");
        fs::create_dir(&root).unwrap();
        fs::write(root.join(STAMP), "of an older lock file").unwrap();
        let error = install(folder.path()).unwrap_err();
        assert!(error.reason.contains("npm"), "{error}");
        let stamp = fs::read_to_string(root.join(STAMP)).unwrap_or_default();
        assert_ne!(stamp, keccak256(lock).to_string());
    }
}
