//! The server's programs, and the user that they run as.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The name of the database's own administrator.
pub(crate) const SUPERUSER: &str = "postgres";

/// Where Debian's packages put them, one folder per version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The server refuses to run as root: then it runs as this user and group.
const NOBODY: u32 = 65534;

/// `initdb` and `postgres`.
#[derive(Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    as_nobody: bool,
}

impl Programs {
    /// In the search path, or where Debian puts them: the newest version.
    pub(crate) fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut debian: Vec<PathBuf> = std::fs::read_dir(DEBIAN)
            .into_iter()
            .flatten()
            .flatten()
            .map(|version| version.path().join("bin"))
            .collect();
        debian.sort_by_key(|folder| {
            let version = folder.parent().and_then(Path::file_name);
            version.and_then(|name| name.to_string_lossy().parse::<u32>().ok())
        });
        debian.reverse();
        let folder = debian
            .into_iter()
            .chain(std::env::split_paths(&path))
            .find(|folder| {
                ["initdb", "postgres"]
                    .iter()
                    .all(|name| folder.join(name).is_file())
            })?;
        Some(Self {
            folder,
            as_nobody: is_root(),
        })
    }

    /// A temporary folder that the server may use.
    pub(crate) fn folder(&self) -> std::io::Result<TempDir> {
        let folder = tempfile::Builder::new().prefix("pg").tempdir()?;
        if self.as_nobody {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY))?;
        }
        Ok(folder)
    }

    /// One of the programs, as a user that it agrees to run as.
    pub(crate) fn command(&self, name: &str) -> Command {
        let program = self.folder.join(name);
        if !self.as_nobody {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={NOBODY}"))
            .arg(format!("--regid={NOBODY}"))
            .args(["--clear-groups", "--"])
            .arg(program);
        command
    }

    /// Makes an empty cluster.
    pub(crate) fn cluster(&self, data: &Path) -> Result<(), String> {
        let made = self
            .command("initdb")
            .args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .arg(format!("--username={SUPERUSER}"))
            .arg("-D")
            .arg(data)
            .output()
            .map_err(|error| error.to_string())?;
        if made.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&made.stderr).into_owned())
        }
    }
}

/// Whether this process runs as root: whether what it makes belongs to user 0.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    tempfile::tempdir()
        .and_then(|made| std::fs::metadata(made.path()))
        .is_ok_and(|made| made.uid() == 0)
}
