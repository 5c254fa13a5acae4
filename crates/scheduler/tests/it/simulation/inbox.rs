//! What comes from outside while all runs: operators' commands, events, graphs that grow.

use airdrops_scheduler::{Campaign, EventSource, Growth, Trigger};
use airdrops_types::{CampaignId, Command, Conditions, TaskId, TaskRecord, TaskState, Timestamp};
use rand::Rng as _;
use rand::seq::IndexedRandom as _;

use super::definitions::EVENTS;
use super::durable::Tables;
use super::verdict::{Kind, Violation};
use super::world::World;
use crate::task;

/// What somebody asks for.
#[derive(Debug, Clone)]
pub(super) enum Request {
    Command(Command),
    Grow(Growth),
    /// A run whose tasks wait for each other.
    Knot(CampaignId),
}

/// A stored message.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub request: Request,
    /// Once it was answered: whether it was done, and not refused.
    pub done: Option<bool>,
}

/// Who sent a message: one sender each, so that what it led to bears its name.
pub(super) fn sender(message: usize) -> String {
    format!("operator-{message}.")
}

impl World {
    pub(super) fn ask(&mut self, request: Request) {
        self.trace(|| format!("asked for: {request:?}"));
        self.store.tables.inbox.push(Letter {
            request,
            done: None,
        });
        self.stats.operated += 1;
        self.notify();
    }

    /// Somebody asks for something.
    pub(super) fn operate(&mut self) {
        if let Some(request) = self.request() {
            self.ask(request);
        }
    }

    /// Approves what waits for it, if anything does.
    pub(super) fn approve(&mut self) {
        let task = self.pick(|task| {
            task.state == TaskState::Pending && task.spec.approval && task.approved.is_none()
        });
        if let Some(task) = task {
            self.ask(Request::Command(Command::Approve { task: task.id }));
        }
    }

    /// Any task of some kind.
    fn pick(&mut self, wanted: impl Fn(&TaskRecord) -> bool) -> Option<TaskRecord> {
        let tasks = self.store.tables.tasks.values();
        let tasks: Vec<_> = tasks.filter(|task| wanted(task)).collect();
        tasks.choose(&mut self.rng).map(|task| (*task).clone())
    }

    fn request(&mut self) -> Option<Request> {
        let any = self.setting.campaigns.choose(&mut self.rng)?;
        let campaign = any.id.clone();
        let reason = "so".to_owned();
        let open = |task: &TaskRecord| !task.state.is_final();
        let command = match self.rng.random_range(0..33) {
            0..3 => Command::Run { campaign },
            3..5 => Command::Pause { campaign, reason },
            5..8 => {
                let paused = self.store.tables.triggers.values();
                let paused: Vec<_> = paused.filter(|state| state.paused.is_some()).collect();
                let paused = paused.choose(&mut self.rng);
                Command::Resume {
                    campaign: paused.map_or(campaign, |state| state.campaign.clone()),
                }
            }
            8..10 => {
                let from = self.now.0 - self.rng.random_range(0..2 * 3_600_000);
                let to = from + self.rng.random_range(0..90 * 60_000);
                Command::Backfill {
                    campaign,
                    from: Timestamp(from),
                    to: Timestamp(to),
                }
            }
            10..14 => {
                let gave_up = [
                    TaskState::Failed,
                    TaskState::Dead,
                    TaskState::Deferred,
                    TaskState::Retrying,
                ];
                let task = self.pick(|task| gave_up.contains(&task.state))?.id;
                Command::Retry { task }
            }
            14..16 => Command::Rerun {
                task: self.pick(|task| task.state.is_final())?.id,
            },
            16..18 => Command::Skip {
                task: self.pick(open)?.id,
                reason,
            },
            18..21 => Command::Cancel {
                task: match self.rng.random_range(0..3) {
                    0 => self.pick(|task| open(task) && task.cursor > 0)?.id,
                    1 => self.pick(|task| task.state == TaskState::Dead)?.id,
                    _ => self.pick(open)?.id,
                },
                reason,
            },
            21..26 => Command::Event {
                name: EVENTS[self.rng.random_range(0..EVENTS.len())].to_owned(),
                payload: serde_json::Value::Null,
            },
            26..29 => {
                self.approve();
                return None;
            }
            29..32 => return self.growth(),
            _ => return Some(Request::Knot(campaign)),
        };
        Some(Request::Command(command))
    }

    /// One more task for an open run: after one that is there, and sometimes before another one.
    fn growth(&mut self) -> Option<Request> {
        let after = self.pick(|task| !task.state.is_final())?;
        let name = format!("grown-{}", self.store.tables.inbox.len());
        let before = self.pick(|task| {
            (&task.campaign, task.run) == (&after.campaign, after.run)
                && task.state == TaskState::Pending
                && task.id != after.id
        });
        let edges = before.map(|before| (name.clone(), before.name, Conditions::ANY));
        let mut new = task(&name, &[&after.name]);
        new.after[0].on = Conditions::ANY;
        Some(Request::Grow(Growth {
            campaign: after.campaign,
            run: after.run,
            tasks: vec![new],
            edges: edges.into_iter().collect(),
        }))
    }
}

/// Each message was answered, and what was done by it took effect once.
pub(super) fn messages(campaigns: &[Campaign], tables: &Tables) -> Result<(), Violation> {
    let broken = |what: String| Err(Violation::new(Kind::Message, what));
    let fires = || tables.fires.values().flatten();
    for (place, letter) in tables.inbox.iter().enumerate() {
        let by = sender(place);
        let Some(done) = letter.done else {
            return broken(format!("{letter:?} was not answered"));
        };
        let request = &letter.request;
        let made = fires()
            .filter(|fire| fire.is_asked_for() && fire.note.contains(&by))
            .count();
        let expected = match request {
            Request::Command(Command::Run { .. }) => usize::from(done),
            Request::Command(Command::Backfill { campaign, from, to }) if done => {
                let state = tables.triggers.get(campaign);
                let first_seen = state.map_or(Timestamp(0), |state| state.first_seen);
                let defined = campaigns.iter().find(|known| known.id == *campaign);
                let instants = defined.map(|of| super::fires::instants(of, first_seen, *from, *to));
                let within = instants.into_iter().flatten();
                within.filter(|instant| instant >= from).count()
            }
            _ => 0,
        };
        if made != expected {
            return broken(format!(
                "{request:?}, done {done}: {made} fires, not {expected}"
            ));
        }
        let says = |task: &TaskRecord| {
            task.reason
                .as_ref()
                .is_some_and(|text| text.starts_with(&by))
        };
        let is_so = match request {
            Request::Command(Command::Cancel { task, .. }) => tables
                .tasks
                .get(task)
                .is_some_and(|task| done == (says(task) && task.state == TaskState::Cancelled)),
            Request::Command(Command::Skip { task, .. }) => tables
                .tasks
                .get(task)
                .is_some_and(|task| done == (says(task) && task.state == TaskState::Skipped)),
            Request::Command(Command::Approve { task }) => {
                let task = tables.tasks.get(task);
                done == (task.and_then(|task| task.approved.as_ref()) == Some(&by))
            }
            Request::Grow(growth) => {
                let mut new = growth.tasks.iter();
                let exists = |name: &str| {
                    let id = format!("{}/{name}#{}", growth.campaign, growth.run);
                    tables.tasks.contains_key(&TaskId::new(id))
                };
                done == new.all(|task| exists(&task.name))
            }
            _ => true,
        };
        if !is_so {
            return broken(format!("{request:?}, done {done}, is not so"));
        }
    }
    events(campaigns, tables)
}

/// Each event led to one run of each campaign that waits for it, or to a note.
fn events(campaigns: &[Campaign], tables: &Tables) -> Result<(), Violation> {
    for campaign in campaigns {
        let Trigger::Event(source) = &campaign.trigger else {
            continue;
        };
        let happened = match source {
            EventSource::Named { name } => {
                let told = |letter: &&Letter| {
                    letter.done == Some(true)
                        && matches!(&letter.request, Request::Command(Command::Event { name: of, .. }) if of == name)
                };
                tables.inbox.iter().filter(told).count() as u64
            }
            _ => tables.happened.get(&campaign.id).copied().unwrap_or(0),
        };
        let fires = tables.fires.get(&campaign.id).into_iter().flatten();
        let fired = fires.filter(|fire| !fire.is_asked_for()).count() as u64;
        if fired != happened {
            let what = format!("{}: {happened} events, {fired} fires", campaign.id);
            return Err(Violation::new(Kind::Message, what));
        }
    }
    Ok(())
}
