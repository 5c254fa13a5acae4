//! Named places at which tests stop the process to kill it there.

/// `AIRDROPS_STOP_AT=place:n` makes a debug build stand still at the `n`-th visit of `place`, after
/// saying so on standard error: a test then kills it. A release build has no such places.
#[cfg(debug_assertions)]
pub fn checkpoint(place: &'static str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static STOP: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static VISITS: AtomicU64 = AtomicU64::new(0);
    let stop = STOP.get_or_init(|| {
        let text = std::env::var("AIRDROPS_STOP_AT").ok()?;
        let (place, count) = text.rsplit_once(':')?;
        Some((place.to_owned(), count.parse().ok()?))
    });
    let Some((at, count)) = stop else { return };
    if at == place && VISITS.fetch_add(1, Ordering::SeqCst) + 1 == *count {
        anstream::eprintln!("stopped at {place}");
        loop {
            std::thread::park();
        }
    }
}

/// Does nothing.
#[cfg(not(debug_assertions))]
pub fn checkpoint(_place: &'static str) {}
