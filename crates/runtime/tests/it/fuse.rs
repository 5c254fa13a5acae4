//! A crash at a chosen checkpoint, inside the process.

use std::cell::Cell;

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
