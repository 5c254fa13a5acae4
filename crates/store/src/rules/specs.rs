//! Specifications, each stored once however many runs share it.

use std::sync::Arc;

use airdrops_types::TaskSpec;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use super::column::{from_json, json};
use crate::StoreError;
use crate::sql::{Sql, params};

/// So many are remembered at most.
const REMEMBERED: usize = 10_000;

/// Which specifications are stored under which number, by where they are in memory. Each is kept
/// alive here, so that its place means nothing else.
#[derive(Debug, Default)]
pub struct Specs {
    known: FxHashMap<usize, (Arc<TaskSpec>, i64)>,
    /// Those that the current transaction brought.
    fresh: Vec<usize>,
}

impl Specs {
    fn place(spec: &Arc<TaskSpec>) -> usize {
        Arc::as_ptr(spec).addr()
    }

    fn find(&self, spec: &Arc<TaskSpec>) -> Option<i64> {
        self.known.get(&Self::place(spec)).map(|(_, id)| *id)
    }

    fn remember(&mut self, spec: &Arc<TaskSpec>, id: i64) {
        let place = Self::place(spec);
        self.known.insert(place, (Arc::clone(spec), id));
        self.fresh.push(place);
    }

    /// The transaction is committed.
    pub(crate) fn settle(&mut self) {
        self.fresh.clear();
        if self.known.len() > REMEMBERED {
            self.known.clear();
        }
    }

    /// The transaction is undone.
    pub(crate) fn undo(&mut self) {
        for place in self.fresh.drain(..) {
            self.known.remove(&place);
        }
    }
}

/// The number of a specification, which is stored if it is new.
pub(crate) fn number(sql: &mut dyn Sql, spec: &Arc<TaskSpec>) -> Result<i64, StoreError> {
    if let Some(id) = sql.specs().find(spec) {
        return Ok(id);
    }
    let id = store(sql, &json("task specification", spec)?)?;
    sql.specs().remember(spec, id);
    Ok(id)
}

/// The number of the specification with these JSON bytes.
pub(crate) fn store(sql: &mut dyn Sql, text: &str) -> Result<i64, StoreError> {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    sql.execute(
        "INSERT INTO specs (digest, spec) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING",
        &params![&digest[..], text],
    )?;
    sql.first(
        "SELECT id FROM specs WHERE digest = ?1",
        &params![&digest[..]],
        |row| row.int(0),
    )?
    .ok_or_else(|| StoreError::Corrupt {
        what: "task specification",
        why: "it was stored, and is not there".to_owned(),
    })
}

/// The specifications of these numbers.
pub(crate) fn load(
    sql: &mut dyn Sql,
    numbers: &[i64],
) -> Result<FxHashMap<i64, Arc<TaskSpec>>, StoreError> {
    /// More are read in one go.
    const FEW: usize = 16;
    let mut wanted: Vec<i64> = numbers.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let mut specs = FxHashMap::default();
    if wanted.len() > FEW {
        sql.rows("SELECT id, spec FROM specs", &[], &mut |row| {
            let id = row.int(0)?;
            if wanted.binary_search(&id).is_ok() {
                let spec: TaskSpec = from_json("task specification", row.text(1)?)?;
                specs.insert(id, Arc::new(spec));
            }
            Ok(())
        })?;
    } else {
        for id in wanted {
            let found = sql.first(
                "SELECT spec FROM specs WHERE id = ?1",
                &params![id],
                |row| from_json::<TaskSpec>("task specification", row.text(0)?),
            )?;
            if let Some(spec) = found {
                specs.insert(id, Arc::new(spec));
            }
        }
    }
    Ok(specs)
}
