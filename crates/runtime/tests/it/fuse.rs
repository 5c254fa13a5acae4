//! A crash at a chosen checkpoint, inside the process.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::Runtime;

use crate::world::Farm;

thread_local! {
    /// Checkpoints until the crash.
    pub static FUSE: Cell<usize> = const { Cell::new(usize::MAX) };
}

pub fn fuse(_: &'static str) {
    let left = FUSE.get();
    if left != usize::MAX {
        FUSE.set(left.saturating_sub(1));
        // Not a second time while the first unwinds.
        if left == 0 && !std::thread::panicking() {
            FUSE.set(usize::MAX);
            panic!("the fuse of this test");
        }
    }
}

/// Ticks once; after a crash, starts again and ticks. Whether it crashed.
pub fn tick_or_crash(runtime: &Runtime, farm: &mut Farm) -> bool {
    let tick = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(farm.tick());
    }));
    if tick.is_err() {
        farm.stop();
        runtime.block_on(farm.tick());
    }
    tick.is_err()
}

/// Runs a started farm for some blocks, and crashes at checkpoint number `crash` from now on, once.
/// Whether it came so far.
pub fn run_with_a_crash(farm: &mut Farm, blocks: usize, crash: usize) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    FUSE.set(crash);
    let mut crashed = false;
    for _ in 0..blocks {
        farm.mine();
        if tick_or_crash(&runtime, farm) {
            assert!(!crashed);
            crashed = true;
        }
    }
    FUSE.set(usize::MAX);
    crashed
}
