//! Unwinds that an operator asks for beside a runner.

use airdrops_store::{Access, Batch, Sqlite, Store, StoreError, UNWINDS};
use airdrops_types::{
    ChainId, Entry, Scope, Timestamp, Unwind, UnwindEnd, UnwindOutcome, UnwindRequest,
};

use crate::sample::{Place, places};

fn ask(store: &dyn Store, scope: &Scope) -> Result<UnwindRequest, StoreError> {
    store.request_unwind(Timestamp(5), scope, "fire drill", "ada")
}

fn progress(store: &dyn Store, request: u64, end: Option<UnwindOutcome>) {
    let at = Timestamp(9);
    let unwind = Unwind {
        request,
        accepted: at,
        tasks: Vec::new(),
        end: end.map(|outcome| UnwindEnd { at, outcome }),
    };
    let settings = vec![(UNWINDS.to_owned(), serde_json::to_value([unwind]).unwrap())];
    let batch = Batch {
        settings,
        ..Batch::at(at)
    };
    store.commit(&batch).unwrap();
}

#[test]
fn a_request_is_stored_with_its_journal_entry_beside_a_runner() {
    for place in places() {
        let runner = place.open(Access::Runner);
        let operator = place.open(Access::Operator);
        let scope = Scope::Chain(ChainId(10));
        let asked = ask(&*operator, &scope).unwrap();
        assert_eq!((asked.id, asked.by.as_str()), (1, "ada"));
        assert_eq!(runner.unwinds(), Ok((vec![asked], vec![])));
        let journal = runner.journal(1, 9).unwrap();
        let Entry::Note { text } = &journal[0].entry else {
            panic!("{journal:?}");
        };
        assert_eq!(text, "ada unwinds chain:10 (request 1): fire drill");
        assert_eq!(journal.len(), 1);
        let reader = place.open(Access::ReadOnly);
        assert!(matches!(
            ask(&*reader, &Scope::Everything),
            Err(StoreError::NotPermitted { .. })
        ));
    }
}

#[test]
fn what_an_open_request_covers_is_refused_and_nothing_is_written() {
    for place in places() {
        let runner = place.open(Access::Runner);
        let store = place.open(Access::Operator);
        let (narrow, other) = (Scope::Chain(ChainId(10)), Scope::Chain(ChainId(1)));
        ask(&*store, &narrow).unwrap();
        let refused = |scope: &Scope, by: u64| {
            let before = (store.unwinds(), store.journal(1, 99));
            assert!(
                matches!(ask(&*store, scope), Err(StoreError::UnwindOpen { id, .. }) if id == by)
            );
            assert_eq!((store.unwinds(), store.journal(1, 99)), before);
        };
        refused(&narrow, 1);
        progress(&*runner, 1, None);
        refused(&narrow, 1);
        assert_eq!(ask(&*store, &Scope::Everything).unwrap().id, 2);
        refused(&other, 2);
        progress(&*runner, 2, Some(UnwindOutcome::Done));
        assert_eq!(ask(&*store, &other).unwrap().id, 3);
    }
}

#[test]
fn a_request_that_was_taken_back_is_open_no_more() {
    for place in places() {
        let store = place.open(Access::Operator);
        let cancel = |scope: &Scope| store.cancel_unwind(Timestamp(6), scope, "a mistake", "bob");
        let scope = Scope::Everything;
        assert_eq!(
            cancel(&scope),
            Err(StoreError::NoUnwind {
                scope: scope.clone()
            })
        );
        ask(&*store, &scope).unwrap();
        let cancelled = cancel(&scope).unwrap().cancelled.unwrap();
        assert_eq!((cancelled.by.as_str(), cancelled.at), ("bob", Timestamp(6)));
        assert!(cancel(&scope).is_err());
        assert_eq!(ask(&*store, &scope).unwrap().id, 2);
        assert_eq!(store.journal(1, 9).unwrap().len(), 3);
    }
}

#[test]
fn a_runner_is_seen_while_it_runs_and_only_then() {
    let place = Place::file();
    assert_eq!(Sqlite::has_runner(place.path()), Ok(false));
    let runner = place.open(Access::Runner);
    assert_eq!(Sqlite::has_runner(place.path()), Ok(true));
    drop(runner);
    assert_eq!(Sqlite::has_runner(place.path()), Ok(false));
    assert!(place.beside(".lock").exists());
}
