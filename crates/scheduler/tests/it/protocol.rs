//! The protocol of leases, epochs, intents and nonces, explored state by state: two nodes, two jobs,
//! one lane of one wallet on one chain. What decides are the real functions: `lease::{claim, renew,
//! release, check}`, `admission::admit`, the scheduler's `tick`, `runnable` and `apply`, and
//! `IntentId::derive`.
//!
//! A node claims the lane, loads, plans, signs, stores the signature, sends the stored bytes, settles.
//! It may be as slow as it likes between any two of these, so that a node whose lease ran out goes on
//! with what it had; it may lose its memory; bytes may be lost on the way, forgotten by the pool, sent
//! again; a transaction may be mined without an effect; an operator may cancel a run and start the same
//! job again; the control states may change.
//!
//! Each rule can be left out, and then the exploration must find what the rule is there for:
//!
//! - **Store first** keeps a crash after the broadcast from being followed by another signature for
//!   the same step.
//! - **One signature per intent** alone already keeps a zombie from signing a step that another node
//!   signed: steps have the same intent on every node. (Without the epoch check the states have no end
//!   in reach, because old records are written over newer ones; only the shortest courses are seen.)
//! - **The epoch** protects what intents cannot: a zombie holds a run that was cancelled meanwhile and
//!   whose job was given to another run. The two runs have different intents, so the job would be done
//!   twice. It also keeps a zombie's old records from being written over newer ones.
//! - **The nonce rule** keeps two nodes that read the same next nonce from signing it for two intents;
//!   while the epoch is checked only one node gets as far as that.
//! - **The control revision** keeps a permit from being used after a stop.

mod node;
mod promise;
mod world;

use airdrops_types::{TaskId, TaskRecord, TaskState};
use stateright::{Checker, Expectation, HasDiscoveries, Model, Property};

use promise::{
    BOTH, CANCELLED, NONCE, OTHER_RUN, OUTDATED, OVERWRITTEN, SECOND_INTENT, TAKEOVER, TWICE,
    UNSTORED, ZOMBIE, promises,
};
use world::{ALL, Doing, Faults, JOBS, Node, Rules, State, Tx};

#[derive(Debug, Clone, PartialEq)]
enum Action {
    Claim(usize),
    Load(usize),
    Renew(usize),
    Release(usize),
    Wake(usize),
    Plan(usize, TaskId),
    Sign(usize, usize, u64),
    Store(usize),
    Broadcast { node: usize, arrives: bool },
    Resend(usize, Tx),
    Settle(usize, Tx),
    Replace(usize),
    Crash(usize),
    Expire,
    ChangeControl,
    Mine { tx: Tx, succeeds: bool },
    Forget(Tx),
}

struct Protocol {
    rules: Rules,
    faults: Faults,
}

impl Protocol {
    /// What a node that does nothing at present may begin.
    fn work(&self, node: usize, records: &[TaskRecord], state: &State, actions: &mut Vec<Action>) {
        for record in records {
            let job = usize::from(record.campaign.as_str() == JOBS[1]);
            match record.state {
                TaskState::Ready => actions.push(Action::Plan(node, record.id.clone())),
                TaskState::Running => actions.push(Action::Sign(node, job, record.run)),
                TaskState::Retrying => actions.push(Action::Wake(node)),
                _ => {}
            }
        }
        for slot in state.slots.iter().filter(|slot| slot.open) {
            actions.push(Action::Resend(node, slot.tx.clone()));
            actions.push(Action::Settle(node, slot.tx.clone()));
        }
        if state.left.replacements > 0 {
            actions.push(Action::Replace(node));
        }
    }
}

fn broadcasts(node: usize) -> [Action; 2] {
    [true, false].map(|arrives| Action::Broadcast { node, arrives })
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.faults.clone())]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (node, memory) in state.nodes.iter().enumerate() {
            match memory {
                Node::Idle { .. } => actions.push(Action::Claim(node)),
                Node::Claimed(_) => actions.push(Action::Load(node)),
                Node::Working { records, doing, .. } => {
                    actions.extend([Action::Renew(node), Action::Release(node)]);
                    match doing {
                        Doing::Nothing => self.work(node, records, state, actions),
                        Doing::Signed(..) if !self.rules.store_first => {
                            actions.extend(broadcasts(node));
                        }
                        Doing::Signed(..) | Doing::Sent(..) => actions.push(Action::Store(node)),
                        Doing::Stored(_) => actions.extend(broadcasts(node)),
                    }
                }
            }
            if !matches!(memory, Node::Idle { .. }) {
                actions.push(Action::Crash(node));
            }
        }
        actions.extend([Action::Expire, Action::ChangeControl]);
        for tx in &state.pool {
            if tx.nonce == state.chain_nonce() {
                for succeeds in [true, false] {
                    let tx = tx.clone();
                    actions.push(Action::Mine { tx, succeeds });
                }
            }
            actions.push(Action::Forget(tx.clone()));
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        let rules = self.rules;
        let happened = match action {
            Action::Claim(node) => state.claim(node),
            Action::Load(node) => state.load(node, rules),
            Action::Renew(node) => {
                let over = |lease: &airdrops_scheduler::Lease| lease.until <= state.now;
                state.lease.as_ref().is_some_and(over) && state.renew(node, true)
            }
            Action::Release(node) => take(&mut state.left.releases) && state.renew(node, false),
            Action::Wake(node) => state.wake(node, rules),
            Action::Plan(node, task) => state.plan(node, &task, rules),
            Action::Sign(node, job, run) => state.sign(node, job, run),
            Action::Store(node) => state.store(node, rules),
            Action::Broadcast { node, arrives } => state.broadcast(node, arrives, rules),
            Action::Resend(node, tx) => state.resend(node, &tx),
            Action::Settle(node, tx) => state.settle(node, &tx, rules),
            Action::Replace(node) => {
                take(&mut state.left.replacements) && state.replace(node, 0, rules)
            }
            Action::Crash(node) => {
                state.nodes[node] = Node::Idle { refused: false };
                take(&mut state.left.crashes)
            }
            Action::Expire => match &state.lease {
                Some(lease) if lease.holder.is_some() && lease.until > state.now => {
                    state.now = lease.until;
                    take(&mut state.left.expiries)
                }
                _ => false,
            },
            Action::ChangeControl => {
                state.revision += 1;
                take(&mut state.left.stops)
            }
            Action::Mine { tx, succeeds } => {
                state.mine(&tx, succeeds);
                succeeds || take(&mut state.left.reverts)
            }
            Action::Forget(tx) => {
                state.pool.remove(&tx);
                take(&mut state.left.drops)
            }
        };
        happened.then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises()
    }
}

fn take(left: &mut u8) -> bool {
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}

const NO_FAULTS: Faults = Faults {
    expiries: 0,
    releases: 0,
    crashes: 0,
    reverts: 0,
    replacements: 0,
    stops: 0,
    drops: 0,
};

/// Explores all states: the rules of the program keep every promise, and all of `seen` happens.
fn holds(faults: Faults, seen: &[&'static str]) {
    let rules = ALL;
    let model = Protocol { rules, faults };
    let checker = model.checker().threads(2).spawn_bfs().join();
    println!(
        "{} states, {} transitions, {:?}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.model().faults
    );
    assert!(checker.is_done());
    for property in checker.model().properties() {
        if property.expectation == Expectation::Always {
            checker.assert_no_discovery(property.name);
        }
    }
    for name in [BOTH].iter().chain(seen) {
        checker.assert_any_discovery(name);
    }
}

/// Without one of the rules all of `broken` is found: prints the shortest way to the first.
fn finds(rules: Rules, faults: Faults, broken: &[&'static str]) {
    let model = Protocol { rules, faults };
    let all = HasDiscoveries::AllOf(broken.iter().copied().collect());
    let checker = model.checker().finish_when(all).spawn_bfs().join();
    println!("{} states, {rules:?}", checker.unique_state_count());
    for name in broken {
        let path = checker.assert_any_discovery(name);
        println!("{name}: {:?}", path.into_actions());
    }
}

const EXPIRIES: Faults = Faults {
    expiries: 2,
    ..NO_FAULTS
};

#[test]
fn three_expiries_and_two_crashes_send_nothing_twice() {
    let faults = Faults {
        expiries: 3,
        crashes: 2,
        ..NO_FAULTS
    };
    holds(faults, &[TAKEOVER, ZOMBIE]);
}

#[test]
fn a_step_that_reverts_is_tried_again_by_one_node_only() {
    let faults = Faults {
        crashes: 1,
        reverts: 1,
        ..EXPIRIES
    };
    holds(faults, &[TAKEOVER, ZOMBIE, SECOND_INTENT]);
}

#[test]
fn a_run_that_was_cancelled_and_replaced_does_nothing_any_more() {
    let faults = Faults {
        crashes: 1,
        replacements: 1,
        ..EXPIRIES
    };
    holds(faults, &[TAKEOVER, ZOMBIE, OTHER_RUN]);
}

#[test]
fn a_stop_between_permit_and_signature_refuses_the_signature() {
    let faults = Faults {
        releases: 1,
        stops: 2,
        ..EXPIRIES
    };
    holds(faults, &[TAKEOVER, ZOMBIE]);
}

#[test]
fn bytes_that_the_pool_forgets_are_sent_again_and_nothing_else() {
    let faults = Faults {
        crashes: 1,
        drops: 1,
        ..EXPIRIES
    };
    holds(faults, &[TAKEOVER, ZOMBIE]);
}

#[test]
fn without_the_epoch_check_a_zombie_does_a_job_twice() {
    let rules = Rules {
        epoch: false,
        ..ALL
    };
    let faults = Faults {
        expiries: 1,
        replacements: 1,
        ..NO_FAULTS
    };
    finds(rules, faults, &[TWICE, CANCELLED, OVERWRITTEN]);
}

#[test]
fn without_epoch_check_and_unique_intents_a_step_is_made_twice() {
    let rules = Rules {
        epoch: false,
        intents: false,
        ..ALL
    };
    let faults = Faults {
        expiries: 1,
        ..NO_FAULTS
    };
    finds(rules, faults, &[TWICE]);
}

#[test]
fn without_epoch_check_and_nonce_rule_two_intents_share_a_nonce() {
    let rules = Rules {
        epoch: false,
        nonces: false,
        ..ALL
    };
    let faults = Faults {
        expiries: 1,
        ..NO_FAULTS
    };
    finds(rules, faults, &[NONCE]);
}

#[test]
fn without_the_control_revision_a_stop_comes_too_late() {
    let rules = Rules {
        revision: false,
        ..ALL
    };
    let faults = Faults {
        stops: 1,
        ..NO_FAULTS
    };
    finds(rules, faults, &[OUTDATED]);
}

#[test]
fn broadcasting_before_storing_does_a_job_twice() {
    let rules = Rules {
        store_first: false,
        ..ALL
    };
    let faults = Faults {
        crashes: 1,
        ..NO_FAULTS
    };
    finds(rules, faults, &[UNSTORED, TWICE]);
}

/// With only some of the rules: what holds all the same. Explores the shortest courses of events, up
/// to about 100,000 transitions.
fn still_holds(rules: Rules, faults: Faults, kept: &[&'static str]) {
    let model = Protocol { rules, faults };
    let checker = model.checker().target_state_count(100_000);
    let checker = checker.threads(2).spawn_bfs().join();
    println!("{} states, {rules:?}", checker.unique_state_count());
    for name in kept {
        checker.assert_no_discovery(name);
    }
}

#[test]
fn unique_intents_alone_keep_a_step_from_being_made_twice() {
    let rules = Rules {
        epoch: false,
        ..ALL
    };
    let faults = Faults {
        expiries: 1,
        ..NO_FAULTS
    };
    still_holds(rules, faults, &[TWICE, NONCE, UNSTORED]);
}

#[test]
fn the_epoch_alone_keeps_a_step_from_being_made_twice() {
    let rules = Rules {
        intents: false,
        nonces: false,
        ..ALL
    };
    let faults = Faults {
        crashes: 1,
        ..EXPIRIES
    };
    still_holds(
        rules,
        faults,
        &[TWICE, NONCE, UNSTORED, CANCELLED, OVERWRITTEN],
    );
}
