//! A test that cannot run here says so, loudly, and fails where it has to run.

use std::fmt::Display;
use std::io::Write;

/// Set to `1` where a missing chain must fail the tests: in continuous integration.
const REQUIRE: &str = "AIRDROPS_REQUIRE_ANVIL";

/// A file that collects the skips, so that a runner that hides the output of tests can show them.
const LOG: &str = "AIRDROPS_SKIP_LOG";

/// Says on standard error that the current test did not run, and why. Written past the test
/// harness's capture, which hides the output of tests that return normally.
///
/// # Panics
/// When the environment says `AIRDROPS_REQUIRE_ANVIL=1`: a skipped test is not a passed one.
pub fn skip(reason: &dyn Display) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("unnamed test");
    assert!(
        std::env::var_os(REQUIRE).is_none_or(|value| value != "1"),
        "{test} must run here ({REQUIRE}=1), but cannot: {reason}"
    );
    // Nothing can be done about a closed standard error.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {test}: {reason}");
    if let Some(log) = std::env::var_os(LOG) {
        let file = std::fs::File::options().append(true).create(true).open(log);
        let written = file.and_then(|mut file| writeln!(file, "SKIPPED: {test}: {reason}"));
        if let Err(error) = written {
            panic!("{test} was skipped ({reason}), and that could not be noted: {error}");
        }
    }
}

/// Starts an [`Anvil`](crate::Anvil) with the given options, inside an async test that returns
/// `()`. Where no anvil can be had the test is [skipped](crate::skip()); any other failure to
/// start panics.
#[macro_export]
macro_rules! anvil_or_skip {
    ($options:expr) => {
        match $crate::Anvil::start($options).await {
            Ok(anvil) => anvil,
            Err($crate::StartError::Unavailable(reason)) => {
                $crate::skip(&reason);
                return;
            }
            Err(error) => panic!("anvil: {error}"),
        }
    };
    () => {
        $crate::anvil_or_skip!($crate::AnvilOptions::default())
    };
}
