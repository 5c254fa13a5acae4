//! Who may run: one process per database.
//!
//! The lock of the operating system keeps a second runner out; the epoch of the stored lease finds
//! out a first one that lost its lock and does not know, for example because the lock file was
//! removed.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::file;
use crate::StoreError;

/// How often, and after what pause, a lock that is held is asked for again: [`Lock::is_held`] holds
/// it for a moment.
const ASKED_AGAIN: u32 = 3;
const ASKED_AFTER: Duration = Duration::from_millis(20);

/// The lock file of a database, locked until this is dropped or the process ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Locks, or says who has once patience is over.
    pub(super) fn acquire(database: &Path, patience: Duration) -> Result<Self, StoreError> {
        let until = Instant::now() + patience.max(ASKED_AFTER * ASKED_AGAIN);
        let path = lock_path(database);
        file::make_private(&path)?;
        let mut file = File::options()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|error| file::failed(&path, &error))?;
        let mut locked = file.try_lock();
        while matches!(locked, Err(TryLockError::WouldBlock)) && Instant::now() < until {
            std::thread::sleep(ASKED_AFTER);
            locked = file.try_lock();
        }
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = std::fs::read_to_string(&path).unwrap_or_default();
                let holder = holder.trim();
                return Err(StoreError::Locked {
                    path,
                    holder: if holder.is_empty() { "?" } else { holder }.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(file::failed(&path, &error)),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| file::failed(&path, &error))?;
        Ok(Self { _file: file })
    }

    /// Whether somebody holds it. A shared lock, held for this moment only, asks: two who ask do
    /// not see each other.
    pub(super) fn is_held(database: &Path) -> Result<bool, StoreError> {
        let path = lock_path(database);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(file::failed(&path, &error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(file::failed(&path, &error)),
        }
    }
}

fn lock_path(database: &Path) -> PathBuf {
    file::beside(database, ".lock")
}
