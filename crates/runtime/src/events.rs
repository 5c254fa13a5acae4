//! What happens in the world, as far as campaigns wait for it: conditions, logs, new opportunities.
//!
//! How far each was seen is stored in the transaction that stores what it led to.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_chain::{LogFilter, LogsError, read_logs};
use airdrops_scheduler::event::condition::ConditionState;
use airdrops_scheduler::event::log::{LogCursor, LogTrigger, Taken};
use airdrops_scheduler::{Event, EventSource, Happening, Measure};
use airdrops_store::Batch;
use airdrops_types::{
    Address, B256, CampaignId, ChainId, ProtocolId, Reading, Snapshot, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::RunError;

/// Setting that holds [`Seen`].
pub(crate) const SEEN: &str = "events_seen";

/// Prices are in 10⁻¹² dollars, conditions in micro-dollars.
const PRICE_PER_MICRO_DOLLAR: u128 = 1_000_000;

/// How many ranges of blocks are read for one trigger in one tick.
const RANGES_PER_TICK: usize = 4;

/// How far everything that campaigns wait for was seen. A campaign may wait for several things: each is
/// named by the campaign and its place among its events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    conditions: BTreeMap<String, ConditionState>,
    logs: BTreeMap<String, LogCursor>,
    /// `None` before the first look.
    opportunities: Option<BTreeSet<ProtocolId>>,
}

/// One event that a campaign waits for.
struct Waits {
    campaign: CampaignId,
    name: String,
    source: EventSource,
}

impl Engine {
    /// Everything that campaigns wait for, by campaign.
    fn waits(&self) -> Vec<Waits> {
        self.scheduler
            .definitions()
            .flat_map(|campaign| {
                let sources = campaign.trigger.event_sources();
                (0..).zip(sources).map(|(place, source): (usize, _)| Waits {
                    campaign: campaign.id.clone(),
                    name: format!("{}/{place}", campaign.id),
                    source: source.clone(),
                })
            })
            .collect()
    }

    /// Tells the scheduler what happened since the last tick.
    pub(crate) async fn sense(
        &mut self,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<(), RunError> {
        let waits = self.waits();
        let mut seen = self.seen.clone();
        let mut events = Vec::new();
        self.opportunities(&mut seen, &mut events, now);
        let mut known = BTreeSet::new();
        for wait in &waits {
            match &wait.source {
                EventSource::Condition(condition) => {
                    known.insert(wait.name.clone());
                    let measured = self.measured(&condition.measure, snapshot);
                    let state = seen.conditions.entry(wait.name.clone()).or_default();
                    let (next, fires) = condition.observe(*state, measured, now);
                    *state = next;
                    if let Some(value) = measured.filter(|_| fires) {
                        events.push(Event {
                            at: now,
                            what: Happening::Condition {
                                campaign: wait.campaign.clone(),
                                measured: condition.told(value),
                            },
                        });
                    }
                }
                EventSource::Log {
                    chain,
                    address,
                    topics,
                    confirmations,
                } => {
                    known.insert(wait.name.clone());
                    let trigger = LogTrigger {
                        campaign: &wait.campaign,
                        chain: *chain,
                        address: *address,
                        confirmations: *confirmations,
                    };
                    let cursor = seen.logs.remove(&wait.name);
                    let read = self
                        .read_events(cursor, trigger, topics, snapshot, now, &mut events)
                        .await?;
                    if let Some(cursor) = read {
                        seen.logs.insert(wait.name.clone(), cursor);
                    }
                }
                EventSource::Task { .. }
                | EventSource::Opportunity
                | EventSource::Plan
                | EventSource::Named { .. } => {}
            }
        }
        seen.conditions.retain(|name, _| known.contains(name));
        seen.logs.retain(|name, _| known.contains(name));
        if seen == self.seen && events.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::at(now);
        for event in &events {
            let changes = self.scheduler.event(event, now);
            Self::note_changes(&mut batch, changes);
        }
        batch
            .settings
            .push((SEEN.to_owned(), serde_json::to_value(&seen)?));
        self.commit(batch)?;
        self.seen = seen;
        Ok(())
    }

    /// Opportunities that were not there at the last look. At the very first look all are as they are.
    fn opportunities(&self, seen: &mut Seen, events: &mut Vec<Event>, now: Timestamp) {
        let stances = self.settings.planning.iter();
        let present: BTreeSet<ProtocolId> = stances
            .flat_map(|planning| &planning.opportunities)
            .map(|stance| stance.opportunity.id.clone())
            .collect();
        if let Some(before) = &seen.opportunities {
            events.extend(present.difference(before).map(|id| Event {
                at: now,
                what: Happening::Opportunity {
                    name: id.to_string(),
                },
            }));
        }
        seen.opportunities = Some(present);
    }

    /// The present value in the measure's unit; `None` if it is not freshly known.
    fn measured(&self, measure: &Measure, snapshot: &Snapshot) -> Option<i128> {
        match measure {
            Measure::Price(asset) => {
                let price = snapshot.prices.get(asset).and_then(Reading::fresh)?;
                i128::try_from(price.0 / PRICE_PER_MICRO_DOLLAR).ok()
            }
            Measure::BaseFee(chain) => {
                let fee = snapshot.chains.get(chain)?.base_fee.fresh()?;
                i128::try_from(*fee).ok()
            }
            Measure::Volatility => self.outlook.index.map(|index| i128::from(index.0) * 10),
        }
    }

    /// Reads on for one trigger. A chain that does not answer is asked again in the next tick, and said
    /// so once. `None` before there is a head to begin at.
    async fn read_events(
        &mut self,
        cursor: Option<LogCursor>,
        trigger: LogTrigger<'_>,
        topics: &[Option<B256>],
        snapshot: &Snapshot,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<Option<LogCursor>, RunError> {
        let head = snapshot.chains.get(&trigger.chain);
        let head = head.and_then(|chain| chain.head.fresh());
        let (Some(head), Some(client)) = (head, self.clients.get(&trigger.chain)) else {
            return Ok(cursor);
        };
        let head = head.number;
        let mut cursor = cursor.unwrap_or_else(|| LogCursor::starting_at(head.saturating_add(1)));
        let filter = LogFilter {
            address: trigger.address,
            topics: topics.to_vec(),
        };
        let about = logs_of(trigger.chain, trigger.address);
        let mut defect = None;
        for _ in 0..RANGES_PER_TICK {
            let Some(query) = cursor.query(trigger.confirmations, head) else {
                break;
            };
            match read_logs(client, &filter, query.from, query.to).await {
                Ok(range) => match cursor.take(trigger, head, &range, now) {
                    Ok(Taken::Events(found)) => events.extend(found),
                    Ok(Taken::Reorganised { .. }) => {}
                    Err(error) => {
                        defect = Some(error.to_string());
                        break;
                    }
                },
                Err(LogsError::TooLarge(_)) if cursor.too_large() => {}
                Err(error) => {
                    defect = Some(error.to_string());
                    break;
                }
            }
        }
        match defect {
            Some(defect) => {
                let text = format!("{about} cannot be read: {defect}");
                self.tell(about, text, now)?;
            }
            None => {
                self.told.remove(&about);
            }
        }
        Ok(Some(cursor))
    }
}

fn logs_of(chain: ChainId, address: Address) -> String {
    format!("logs of {address} on chain {chain}")
}
