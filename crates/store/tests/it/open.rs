//! Who may open a database, and which.

use airdrops_store::{Access, Batch, Options, Sqlite, StoreError};
use airdrops_types::{Entry, Timestamp};

use crate::sample::Place;

fn note(text: &str) -> Batch {
    Batch {
        entries: vec![Entry::Note { text: text.into() }],
        ..Batch::at(Timestamp(1))
    }
}

fn open(place: &Place, access: Access) -> Result<Sqlite, StoreError> {
    Sqlite::open(place.path(), access, Options::default())
}

#[test]
fn a_second_runner_is_refused_and_told_who_runs() {
    let place = Place::file();
    let first = place.open(Access::Runner);
    let Err(error) = open(&place, Access::Runner) else {
        panic!("two runners");
    };
    assert_eq!(
        error,
        StoreError::Locked {
            path: place.beside(".lock"),
            holder: std::process::id().to_string(),
        }
    );
    // The refused one changed nothing for the first.
    first.commit(&note("still here")).unwrap();
    drop(first);
    place.open(Access::Runner).commit(&note("next")).unwrap();
}

#[test]
fn a_reader_sees_what_a_running_runner_commits() {
    let place = Place::file();
    let runner = place.open(Access::Runner);
    let reader = place.open(Access::ReadOnly);
    for entries in 1..4 {
        runner.commit(&note("tick")).unwrap();
        assert_eq!(reader.journal(1, 10).unwrap().len(), entries);
    }
    drop(reader);
    drop(runner);
    // SQLite's side files are gone now, and a reader does without.
    assert!(!place.beside("-wal").exists());
    let alone = place.open(Access::ReadOnly);
    assert_eq!(alone.journal(1, 10).unwrap().len(), 3);
}

#[test]
fn reading_a_database_that_is_not_there_says_so_and_makes_none() {
    let place = Place::file();
    assert_eq!(
        open(&place, Access::ReadOnly).err(),
        Some(StoreError::Missing {
            path: place.path().to_owned()
        })
    );
    assert!(!place.path().exists());
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let place = Place::file();
    drop(place.open(Access::Runner));
    place.raw().pragma_update(None, "user_version", 99).unwrap();
    let before = std::fs::read(place.path()).unwrap();
    for access in [Access::Runner, Access::Operator, Access::ReadOnly] {
        let error = open(&place, access).err().unwrap();
        assert!(
            matches!(error, StoreError::Newer { found: 99, .. }),
            "{access}: {error}"
        );
    }
    assert_eq!(std::fs::read(place.path()).unwrap(), before);
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let place = Place::file();
    place.raw().execute_batch("CREATE TABLE t (x)").unwrap();
    let before = std::fs::read(place.path()).unwrap();
    for access in [Access::Runner, Access::Operator] {
        let error = open(&place, access).err().unwrap();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    }
    assert!(matches!(
        open(&place, Access::ReadOnly),
        Err(StoreError::Older { found: 0, .. })
    ));
    assert_eq!(std::fs::read(place.path()).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::file();
    // Made by somebody careless.
    std::fs::write(place.path(), []).unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = place.open(Access::Runner);
    store.commit(&note("secret")).unwrap();
    for ending in ["", "-wal", "-shm", ".lock"] {
        let mode = std::fs::metadata(place.beside(ending))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{ending}");
    }
}

/// POSIX drops a process's locks on a file when the process closes any handle of it. Were the
/// database file opened past SQLite, a running runner's lock would be gone.
#[cfg(target_os = "linux")]
#[test]
fn opening_the_database_again_keeps_the_locks_of_the_process() {
    use std::os::unix::fs::MetadataExt;
    let place = Place::file();
    let runner = place.open(Access::Runner);
    let locks = || {
        let file = format!(":{} ", std::fs::metadata(place.path()).unwrap().ino());
        std::fs::read_to_string("/proc/locks")
            .unwrap()
            .lines()
            .filter(|line| line.contains(&file))
            .count()
    };
    assert_eq!(locks(), 1);
    let again = [place.open(Access::Operator), place.open(Access::ReadOnly)];
    assert_eq!(locks(), 1);
    drop(again);
    assert_eq!(locks(), 1);
    drop(runner);
    assert_eq!(locks(), 0);
}
