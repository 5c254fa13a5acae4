//! The program is killed, again and again, and still does everything exactly once.
//!
//! `AIRDROPS_CRASH_SEED` repeats a run; `AIRDROPS_FULL_TESTS=1` makes many more kills.

use std::time::{Duration, Instant};

use airdrops_testkit::{Fault, FaultProxy, Program};
use airdrops_types::ControlState;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::farm::{Farm, LIMIT};

/// The seed of this run, printed so that it can be repeated.
pub(crate) fn seeded() -> ChaCha8Rng {
    let seed = match std::env::var("AIRDROPS_CRASH_SEED") {
        Ok(text) => text.parse().expect("AIRDROPS_CRASH_SEED is a number"),
        Err(_) => std::time::UNIX_EPOCH
            .elapsed()
            .unwrap()
            .subsec_nanos()
            .into(),
    };
    eprintln!("AIRDROPS_CRASH_SEED={seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// `few`, or `many` where there is time.
pub(crate) fn kills(few: usize, many: usize) -> usize {
    match std::env::var("AIRDROPS_FULL_TESTS") {
        Ok(value) if value == "1" => many,
        _ => few,
    }
}

/// How a program that was to be killed at a place came to its end.
enum End {
    Killed,
    /// The farm was done before it came to that place.
    Done,
}

/// Kills the program where it stands still.
fn kill_there(farm: &Farm, run: &mut Program, place: &str) -> End {
    let deadline = Instant::now() + LIMIT;
    let said = format!("stopped at {place}");
    loop {
        if run
            .wait_for_output(&said, Duration::from_millis(200))
            .unwrap()
        {
            run.kill().unwrap();
            return End::Killed;
        }
        let ended = run.wait(Duration::ZERO).unwrap();
        assert!(
            ended.is_none() && Instant::now() < deadline,
            "{said}? ended {ended:?}\n{}\n{}\n{}",
            run.stdout().unwrap(),
            run.stderr().unwrap(),
            farm.told()
        );
        if farm.is_done() {
            run.kill().unwrap();
            return End::Done;
        }
    }
}

/// Lets the program finish, and checks that everything happened exactly once.
fn finish(farm: &Farm) {
    let starts = farm.starts();
    let mut run = farm.run();
    farm.wait_until_done(&mut run);
    // If it was done before, this run has to listen to the signal first.
    farm.wait_until(&mut run, "a tick", |farm| farm.ticks_after(starts) > 0);
    run.terminate().unwrap();
    let ended = run.wait(LIMIT).unwrap().expect("it stops");
    assert!(ended.success(), "{ended}");
    farm.check();
}

#[test]
fn crash_at_every_named_place() {
    let mut random = seeded();
    // Those of the control states are visited by `halt`, and are below; those of an unwind need a
    // person's request, and are visited by the runtime's own tests.
    let mut places: Vec<&str> = [
        airdrops_chain::CHECKPOINTS,
        airdrops_store::CHECKPOINTS,
        airdrops_runtime::CHECKPOINTS,
    ]
    .concat()
    .into_iter()
    .filter(|place| !place.starts_with("store.control.") && !place.starts_with("runtime.unwind."))
    .collect();
    assert_eq!(places.len(), 22);
    let rounds = kills(1, 6);
    for _ in 0..rounds {
        places.shuffle(&mut random);
        let mut left = places.clone();
        while !left.is_empty() {
            let Some(farm) = Farm::start() else { return };
            while let Some(place) = left.last() {
                let count = random.random_range(1..=2);
                let mut run = farm.run_until(place, count);
                match kill_there(&farm, &mut run, place) {
                    End::Killed => {
                        eprintln!("killed at {place}:{count}");
                        left.pop();
                    }
                    End::Done => break,
                }
            }
            finish(&farm);
        }
    }
}

#[test]
fn crash_at_random_instants() {
    let mut random = seeded();
    let (mut killed, wanted) = (0, kills(15, 100));
    while killed < wanted {
        let Some(farm) = Farm::start() else { return };
        while killed < wanted && !farm.is_done() {
            let mut run = farm.run();
            let after = Duration::from_millis(random.random_range(20..1500));
            let ended = run.wait(after).unwrap();
            assert!(ended.is_none(), "{ended:?} {}", run.stderr().unwrap());
            run.kill().unwrap();
            killed += 1;
        }
        finish(&farm);
    }
}

#[test]
fn crash_with_a_faulty_endpoint() {
    let mut random = seeded();
    let (mut killed, wanted) = (0, kills(10, 60));
    while killed < wanted {
        let Some(farm) = Farm::start() else { return };
        let mut restarts = 0;
        while killed < wanted && !farm.is_done() {
            inject(&farm, &mut random);
            let mut run = farm.run();
            let after = Duration::from_millis(random.random_range(300..2500));
            if let Some(ended) = run.wait(after).unwrap() {
                // The endpoint failed when it was asked which chain it is.
                assert_eq!(ended.code(), Some(6), "{}", run.stderr().unwrap());
                restarts += 1;
                assert!(restarts < 100, "{}", run.stderr().unwrap());
                continue;
            }
            run.kill().unwrap();
            killed += 1;
        }
        farm.proxy.heal();
        finish(&farm);
    }
}

/// Plans a few different faults, each for one of the next calls, in place of those left over. Not
/// two receipts missing in a row: from a block that is confirmed, that would be the mark of
/// somebody else's transaction, and lock the wallet.
fn inject(farm: &Farm, random: &mut ChaCha8Rng) {
    let send = "eth_sendRawTransaction";
    let receipt = "eth_getTransactionReceipt";
    let delivered = Fault::Status {
        code: 502,
        retry_after: None,
        delivered: true,
    };
    let mut faults = [
        (send, Fault::LoseResponse),
        (send, Fault::Duplicate),
        (send, Fault::bad_gateway()),
        (send, Fault::Reset),
        (send, delivered),
        (receipt, Fault::Result(serde_json::Value::Null)),
        (receipt, Fault::bad_gateway()),
        (FaultProxy::ANY, Fault::too_many_requests(1)),
        (FaultProxy::ANY, Fault::Reset),
    ];
    farm.proxy.heal();
    faults.shuffle(random);
    for (method, fault) in faults.into_iter().take(random.random_range(1..=3)) {
        farm.proxy.inject(method, fault, 1);
    }
}

#[test]
fn crash_while_halting() {
    let Some(farm) = Farm::start() else { return };
    let mut run = farm.run();
    farm.wait_until(&mut run, "a signature", |farm| farm.nonce() > 0);
    let halt = |place: &str| {
        let env = [("AIRDROPS_STOP_AT", format!("{place}:1"))];
        let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
        let mut halt = farm.spawn(&["halt", "--reason", "drill"], &env);
        let stopped = halt.wait_for_output("stopped at", LIMIT).unwrap();
        assert!(stopped, "{}", halt.stderr().unwrap());
        halt.kill().unwrap();
        farm.store().control().unwrap().0
    };
    // Not durable: nothing is halted, and the run was not held up for good.
    assert_eq!(halt("store.control.before"), []);
    let after = halt("store.control.after");
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].state, ControlState::Halted);
    run.kill().unwrap();
    let (code, text) = farm.answer(&["once"]);
    assert_eq!(code, 4, "{text}");
    let (code, text) = farm.answer(&["resume", "--reason", "over"]);
    assert_eq!(code, 0, "{text}");
    finish(&farm);
}
