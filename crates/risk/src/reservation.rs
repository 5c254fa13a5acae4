//! Exposure that was permitted and that no snapshot shows yet.

use std::sync::Arc;

use airdrops_types::{AssetId, IntentId, Reservation, Snapshot, Usd};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::look_through::NodeName;

/// All standing reservations, at most one per intent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Reservation>", into = "Vec<Reservation>")]
pub struct ReservationBook {
    /// Sorted by intent.
    entries: Vec<Reservation>,
    claims: Claims,
}

/// What all entries claim, added up: kept, because a decision asks for many.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Claims {
    protocols: FxHashMap<String, Usd>,
    assets: FxHashMap<AssetId, Usd>,
    nodes: FxHashMap<NodeName, Usd>,
}

impl Claims {
    fn add(&mut self, reservation: &Reservation) {
        for (family, claim) in &reservation.protocols {
            *self.protocols.entry(family.clone()).or_default() += *claim;
        }
        for (asset, claim) in &reservation.assets {
            *self.assets.entry(asset.clone()).or_default() += *claim;
        }
        for (node, claim) in &reservation.nodes {
            let name = NodeName::new(Arc::clone(node));
            *self.nodes.entry(name).or_default() += *claim;
        }
    }
}

impl From<Vec<Reservation>> for ReservationBook {
    fn from(reservations: Vec<Reservation>) -> Self {
        Self::restore(reservations)
    }
}

impl From<ReservationBook> for Vec<Reservation> {
    fn from(book: ReservationBook) -> Self {
        book.entries
    }
}

impl ReservationBook {
    /// The book as it was stored.
    #[must_use]
    pub fn restore(reservations: Vec<Reservation>) -> Self {
        let mut book = Self::default();
        for reservation in reservations {
            book.reserve(reservation);
        }
        book
    }

    /// The standing reservations, by intent.
    #[must_use]
    pub fn entries(&self) -> &[Reservation] {
        &self.entries
    }

    /// The reservation of `intent`.
    #[must_use]
    pub fn of(&self, intent: IntentId) -> Option<&Reservation> {
        let index = self.find(intent).ok()?;
        self.entries.get(index)
    }

    /// Adds a reservation in place of the same intent's. One that claims nothing is not kept.
    pub fn reserve(&mut self, reservation: Reservation) {
        let empty = reservation.protocols.is_empty()
            && reservation.assets.is_empty()
            && reservation.nodes.is_empty();
        self.release(reservation.intent);
        if empty {
            return;
        }
        self.claims.add(&reservation);
        if let Err(index) = self.find(reservation.intent) {
            self.entries.insert(index, reservation);
        }
    }

    /// Ends the reservation of an intent that had, or can have, no effect.
    pub fn release(&mut self, intent: IntentId) -> Option<Reservation> {
        let index = self.find(intent).ok()?;
        let released = self.entries.remove(index);
        self.add_up();
        Some(released)
    }

    /// Notes the block of the final outcome of `intent`; its reservation stands until a snapshot
    /// shows that block. Returns whether there was one.
    pub fn book(&mut self, intent: IntentId, block_number: u64) -> bool {
        match self.find(intent) {
            Ok(index) => {
                self.entries[index].booked_at = Some(block_number);
                true
            }
            Err(_) => false,
        }
    }

    /// Ends the booked reservations whose block the snapshot shows: its fresh head on that chain
    /// is at least as high. Returns their intents.
    pub fn retire(&mut self, snapshot: &Snapshot) -> Vec<IntentId> {
        let (gone, kept) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition::<Vec<_>, _>(|entry| {
                let head = snapshot
                    .chains
                    .get(&entry.chain)
                    .and_then(|view| view.head.fresh());
                match (entry.booked_at, head) {
                    (Some(booked_at), Some(head)) => head.number >= booked_at,
                    _ => false,
                }
            });
        self.entries = kept;
        self.add_up();
        gone.into_iter().map(|entry| entry.intent).collect()
    }

    /// What all intents other than `except` claim of the protocol family.
    #[must_use]
    pub fn protocol(&self, family: &str, except: Option<IntentId>) -> Usd {
        let all = self.claims.protocols.get(family);
        self.of_others(all, except, |entry| {
            let claims = entry.protocols.iter();
            claims.filter(|(name, _)| name == family).map(claim).sum()
        })
    }

    /// What all intents other than `except` claim of the asset.
    #[must_use]
    pub fn asset(&self, asset: &AssetId, except: Option<IntentId>) -> Usd {
        let all = self.claims.assets.get(asset);
        self.of_others(all, except, |entry| {
            let claims = entry.assets.iter();
            claims.filter(|(name, _)| name == asset).map(claim).sum()
        })
    }

    /// What all intents other than `except` claim of a node.
    pub(crate) fn node(&self, node: &NodeName, except: Option<IntentId>) -> Usd {
        let all = self.claims.nodes.get(node);
        self.of_others(all, except, |entry| {
            let claims = entry.nodes.iter();
            claims
                .filter(|(name, _)| name == node.text())
                .map(claim)
                .sum()
        })
    }

    /// `all` claims on one thing, or only those of others if `except` is among those that claim.
    fn of_others(
        &self,
        all: Option<&Usd>,
        except: Option<IntentId>,
        claim: impl Fn(&Reservation) -> Usd,
    ) -> Usd {
        let all = all.copied().unwrap_or_default();
        let own = except.filter(|intent| all != Usd::ZERO && self.find(*intent).is_ok());
        match own {
            None => all,
            own => self.others(own).map(claim).sum(),
        }
    }

    fn add_up(&mut self) {
        self.claims = Claims::default();
        for entry in &self.entries {
            self.claims.add(entry);
        }
    }

    fn others(&self, except: Option<IntentId>) -> impl Iterator<Item = &Reservation> {
        self.entries
            .iter()
            .filter(move |entry| Some(entry.intent) != except)
    }

    fn find(&self, intent: IntentId) -> Result<usize, usize> {
        self.entries
            .binary_search_by_key(&intent, |entry| entry.intent)
    }
}

fn claim<T>((_, claim): &(T, Usd)) -> Usd {
    *claim
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use airdrops_types::{B256, BlockRef, ChainId, ChainView, Reading, Timestamp};

    use super::*;

    fn id(byte: u8) -> IntentId {
        IntentId(B256::repeat_byte(byte))
    }

    fn claim(intent: u8, vault: i64, usdc: i64) -> Reservation {
        Reservation {
            intent: id(intent),
            chain: ChainId(1),
            protocols: vec![("vault".to_owned(), Usd::dollars(vault))],
            assets: vec![(AssetId::new("USDC"), Usd::dollars(usdc))],
            nodes: Vec::new(),
            booked_at: None,
        }
    }

    fn at_height(head: Reading<BlockRef>) -> Snapshot {
        let view = ChainView {
            head,
            base_fee: Reading::missing("not asked"),
            gas_asset: AssetId::new("ETH"),
        };
        Snapshot {
            at: Timestamp(0),
            chains: BTreeMap::from([(ChainId(1), view)]),
            prices: BTreeMap::new(),
            holdings: Vec::new(),
            positions: Vec::new(),
            ..Snapshot::default()
        }
    }

    fn block(number: u64) -> BlockRef {
        BlockRef {
            number,
            hash: B256::ZERO,
            time: Timestamp(0),
        }
    }

    fn fresh(number: u64) -> Reading<BlockRef> {
        Reading::Fresh {
            value: block(number),
            at: Timestamp(0),
        }
    }

    #[test]
    fn an_intent_has_one_reservation_and_does_not_count_against_itself() {
        let mut book = ReservationBook::default();
        book.reserve(claim(1, 10, 3));
        book.reserve(claim(2, 5, 4));
        book.reserve(claim(1, 20, 6));
        assert_eq!(book.entries().len(), 2);
        assert_eq!(book.protocol("vault", None), Usd::dollars(25));
        assert_eq!(book.protocol("vault", Some(id(1))), Usd::dollars(5));
        assert_eq!(book.protocol("pool", None), Usd::ZERO);
        assert_eq!(book.asset(&AssetId::new("USDC"), None), Usd::dollars(10));
        assert_eq!(
            book.asset(&AssetId::new("USDC"), Some(id(2))),
            Usd::dollars(6)
        );
        book.release(id(1)).unwrap();
        assert_eq!(book.protocol("vault", None), Usd::dollars(5));
        assert_eq!(book.release(id(1)), None);
    }

    #[test]
    fn what_is_kept_added_up_is_what_the_entries_claim() {
        let hop: Arc<str> = "bridge:hop".into();
        let with_node = |intent, dollars| Reservation {
            nodes: vec![(Arc::clone(&hop), Usd::dollars(dollars))],
            ..claim(intent, dollars, dollars)
        };
        let name = NodeName::new(Arc::clone(&hop));
        let agrees = |book: &ReservationBook, dollars| {
            let all = Usd::dollars(dollars);
            assert_eq!(*book, ReservationBook::restore(book.entries().to_vec()));
            assert_eq!(book.node(&name, None), all);
            assert_eq!(book.protocol("vault", None), all);
            assert_eq!(book.asset(&AssetId::new("USDC"), None), all);
        };
        let mut book = ReservationBook::default();
        agrees(&book, 0);
        book.reserve(with_node(1, 10));
        book.reserve(with_node(2, 5));
        agrees(&book, 15);
        book.reserve(with_node(1, 20));
        agrees(&book, 25);
        assert_eq!(book.node(&name, Some(id(1))), Usd::dollars(5));
        assert_eq!(book.node(&name, Some(id(9))), Usd::dollars(25));
        let text = serde_json::to_string(&book).unwrap();
        assert_eq!(
            serde_json::from_str::<ReservationBook>(&text).unwrap(),
            book
        );
        book.book(id(2), 100);
        assert_eq!(book.retire(&at_height(fresh(100))), [id(2)]);
        agrees(&book, 20);
        book.release(id(1));
        agrees(&book, 0);
    }

    #[test]
    fn a_reservation_stands_until_a_fresh_snapshot_shows_its_block() {
        let mut book = ReservationBook::restore(vec![claim(1, 10, 0), claim(2, 10, 0)]);
        assert!(book.retire(&at_height(fresh(1000))).is_empty());
        assert!(book.book(id(1), 100));
        assert!(!book.book(id(9), 100));
        assert!(book.retire(&at_height(fresh(99))).is_empty());
        let stale = Reading::Stale {
            value: block(100),
            at: Timestamp(0),
            reason: "old".to_owned(),
        };
        assert!(book.retire(&at_height(stale)).is_empty());
        assert!(book.retire(&at_height(Reading::missing("down"))).is_empty());
        assert_eq!(book.retire(&at_height(fresh(100))), [id(1)]);
        assert_eq!(book.protocol("vault", None), Usd::dollars(10));
    }

    #[test]
    fn a_claim_of_nothing_is_not_kept_and_takes_the_old_claim_away() {
        let mut book = ReservationBook::restore(vec![claim(1, 10, 0)]);
        let nothing = Reservation {
            protocols: Vec::new(),
            assets: Vec::new(),
            ..claim(1, 0, 0)
        };
        book.reserve(nothing);
        assert!(book.entries().is_empty());
    }
}
