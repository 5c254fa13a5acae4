//! Each log once: across reorganisations, restarts and answers that do not fit.

use std::collections::BTreeMap;

use airdrops_scheduler::event::log::{MOST_TOLD, WIDEST_SPAN};
use airdrops_scheduler::{Happening, LogCursor, LogDefect, LogQuery, LogTrigger, Taken};
use airdrops_types::{Address, B256, CampaignId, ChainId, ChainLog, LogRange, Timestamp};
use proptest::prelude::*;

const ADDRESS: Address = Address::repeat_byte(7);
const NONE: [B256; 0] = [];
const NOW: Timestamp = Timestamp(0);

/// A block: what tells it from another one of its height, and its transactions with their logs.
#[derive(Debug, Clone, Default)]
struct Block {
    fork: u8,
    transactions: Vec<(u8, u32)>,
}

/// A chain of blocks from height 0.
#[derive(Debug, Clone, Default)]
struct Chain(Vec<Block>);

fn tx(number: u8) -> B256 {
    B256::repeat_byte(number)
}

impl Chain {
    fn hash(&self, number: u64) -> B256 {
        let forks: Vec<u8> = self.0[..=usize::try_from(number).unwrap()]
            .iter()
            .map(|block| block.fork)
            .collect();
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        for (i, fork) in forks.iter().enumerate() {
            hash[8 + i % 24] = hash[8 + i % 24].wrapping_mul(31).wrapping_add(*fork);
        }
        B256::from(hash)
    }

    fn head(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap() - 1
    }

    fn answer(&self, query: LogQuery) -> LogRange {
        let mut logs = Vec::new();
        for block in query.from..=query.to {
            let mut index = 0;
            for (number, count) in &self.0[usize::try_from(block).unwrap()].transactions {
                for _ in 0..*count {
                    logs.push(ChainLog {
                        address: ADDRESS,
                        topics: vec![],
                        block,
                        block_hash: self.hash(block),
                        transaction: tx(*number),
                        index,
                    });
                    index += 1;
                }
            }
        }
        LogRange {
            from: query.from,
            to: query.to,
            before: query.from.checked_sub(1).map(|before| self.hash(before)),
            end: self.hash(query.to),
            logs,
        }
    }

    /// Reads all that is deep enough: the transactions that were told, one for each log.
    fn read(&self, cursor: &mut LogCursor, confirmations: u64) -> Vec<B256> {
        let mut told = Vec::new();
        while let Some(query) = cursor.query(confirmations, self.head()) {
            told.extend(transactions(
                take(cursor, confirmations, self.head(), &self.answer(query)).unwrap(),
            ));
        }
        told
    }
}

fn take(
    cursor: &mut LogCursor,
    confirmations: u64,
    head: u64,
    answer: &LogRange,
) -> Result<Taken, LogDefect> {
    let campaign = CampaignId::from("watch");
    let trigger = LogTrigger {
        campaign: &campaign,
        chain: ChainId(1),
        address: ADDRESS,
        confirmations,
    };
    cursor.take(trigger, head, answer, NOW)
}

fn transactions(taken: Taken) -> Vec<B256> {
    match taken {
        Taken::Events(events) => events
            .into_iter()
            .map(|event| match event.what {
                Happening::Log { transaction, .. } => transaction,
                other => panic!("{other}"),
            })
            .collect(),
        Taken::Reorganised { .. } => vec![],
    }
}

fn chain(logs: &[(usize, u8, u32)], length: usize, fork: u8) -> Chain {
    let mut chain = Chain(vec![Block::default(); length]);
    for (block, transaction, count) in logs {
        chain.0[*block].transactions.push((*transaction, *count));
        chain.0[*block].fork = fork;
    }
    chain
}

#[test]
fn a_log_counts_once_enough_blocks_lie_on_it() {
    let mut cursor = LogCursor::starting_at(0);
    for (length, told) in [(4, vec![]), (5, vec![]), (6, vec![tx(1)]), (7, vec![])] {
        let chain = chain(&[(3, 1, 1)], length, 0);
        assert_eq!(chain.read(&mut cursor, 2), told, "{length} blocks");
    }
}

#[test]
fn a_log_that_vanishes_before_it_counts_does_not_fire_and_one_that_moves_fires_once() {
    let mut cursor = LogCursor::starting_at(0);
    assert_eq!(
        chain(&[(3, 1, 1), (3, 2, 1)], 5, 0).read(&mut cursor, 2),
        NONE
    );
    // Transaction 1 is gone, transaction 2 moved to block 5.
    let after = chain(&[(5, 2, 1)], 8, 1);
    assert_eq!(after.read(&mut cursor, 2), [tx(2)]);
    assert_eq!(chain(&[(5, 2, 1)], 20, 1).read(&mut cursor, 2), NONE);
}

#[test]
fn a_log_that_moves_after_it_counted_is_not_told_again_and_what_is_new_there_is() {
    let mut cursor = LogCursor::starting_at(0);
    assert_eq!(
        chain(&[(5, 1, 2)], 9, 0).read(&mut cursor, 1),
        [tx(1), tx(1)]
    );
    // The transaction comes after another one now, in another block: other indices.
    let after = chain(&[(6, 9, 1), (6, 1, 2)], 12, 1);
    assert_eq!(after.read(&mut cursor, 1), [tx(9)]);
}

#[test]
fn a_reorganisation_deeper_than_all_that_is_remembered_starts_over_and_tells_nothing_twice() {
    let mut cursor = LogCursor::starting_at(2);
    let mut before = chain(&[(3, 1, 1), (60, 2, 1)], 100, 0);
    assert_eq!(before.read(&mut cursor, 1), [tx(1), tx(2)]);
    before.0[0].fork = 9;
    before.0.resize(120, Block::default());
    before.0[10].transactions.push((3, 1));
    assert_eq!(before.read(&mut cursor, 1), [tx(3)]);
}

#[test]
fn the_head_may_go_back() {
    let mut cursor = LogCursor::starting_at(0);
    assert_eq!(chain(&[(3, 1, 1)], 10, 0).read(&mut cursor, 2), [tx(1)]);
    assert_eq!(cursor.next(), 8);
    for head in [9, 5, 1, 0] {
        assert_eq!(cursor.query(2, head), None, "head {head}");
    }
    assert_eq!(cursor.query(2, 10), Some(LogQuery { from: 8, to: 8 }));
}

#[test]
fn a_gap_a_repeated_answer_and_one_from_too_near_the_head_are_refused() {
    let chain = chain(&[(3, 1, 1)], 10, 0);
    let mut cursor = LogCursor::starting_at(0);
    let ask = |from, to| chain.answer(LogQuery { from, to });
    let refused = |cursor: &mut LogCursor, from, to| {
        let before = cursor.clone();
        let defect = take(cursor, 2, 9, &ask(from, to)).unwrap_err();
        assert_eq!(*cursor, before);
        let LogDefect::Range { next, last, .. } = defect else {
            panic!("{defect}")
        };
        (next, last)
    };
    assert_eq!(refused(&mut cursor, 1, 5), (0, 7), "a gap");
    assert_eq!(refused(&mut cursor, 0, 8), (0, 7), "too near the head");
    assert_eq!(
        transactions(take(&mut cursor, 2, 9, &ask(0, 5)).unwrap()),
        [tx(1)]
    );
    assert_eq!(refused(&mut cursor, 0, 5), (6, 7), "the same answer again");
}

#[test]
fn a_log_that_does_not_belong_into_the_answer_is_refused() {
    let chain = chain(&[(3, 1, 2)], 10, 0);
    let good = chain.answer(LogQuery { from: 0, to: 3 });
    let lies: [fn(&mut LogRange); 6] = [
        |answer| answer.logs[0].address = Address::ZERO,
        |answer| answer.logs[0].block = 4,
        |answer| answer.logs[0].block_hash = B256::ZERO,
        |answer| answer.end = B256::ZERO,
        |answer| answer.logs[1].index = 0,
        |answer| {
            answer.to = 2;
        },
    ];
    for (i, lie) in lies.into_iter().enumerate() {
        let mut answer = good.clone();
        lie(&mut answer);
        if i == 4 {
            answer.logs[1].transaction = tx(8);
        }
        let mut cursor = LogCursor::starting_at(0);
        let defect = take(&mut cursor, 1, 9, &answer).unwrap_err();
        assert!(matches!(defect, LogDefect::Log { .. }), "{i}: {defect}");
        assert_eq!(cursor, LogCursor::starting_at(0));
    }
    // A node that repeats a log does not make it two.
    let mut answer = good;
    answer.logs.push(answer.logs[0].clone());
    assert_eq!(
        transactions(take(&mut LogCursor::starting_at(0), 1, 9, &answer).unwrap()),
        [tx(1), tx(1)]
    );
}

#[test]
fn ranges_are_bounded_and_shrink_until_the_node_takes_them() {
    let mut cursor = LogCursor::starting_at(100);
    let head = 1_000_000;
    let width = |cursor: &LogCursor| cursor.query(1, head).map(|query| query.to - query.from + 1);
    assert_eq!(width(&cursor), Some(WIDEST_SPAN));
    let mut asked = 0;
    while cursor.too_large() {
        asked += 1;
    }
    assert_eq!((asked, width(&cursor)), (10, Some(1)));
    let empty = |query: LogQuery| LogRange {
        from: query.from,
        to: query.to,
        before: None,
        end: B256::ZERO,
        logs: vec![],
    };
    let answer = empty(cursor.query(1, head).unwrap());
    take(&mut cursor, 1, head, &answer).unwrap();
    assert_eq!(width(&cursor), Some(2), "it grows again");
    assert_eq!(
        cursor.query(0, 100),
        None,
        "a confirmation is always asked for"
    );
}

#[test]
fn what_is_stored_stays_small() {
    let mut cursor = LogCursor::starting_at(0);
    for block in 0..20_000_u64 {
        let mut transaction = [0; 32];
        transaction[..8].copy_from_slice(&block.to_be_bytes());
        let log = ChainLog {
            address: ADDRESS,
            topics: vec![],
            block,
            block_hash: B256::with_last_byte(1),
            transaction: B256::from(transaction),
            index: 0,
        };
        let hash = Some(B256::with_last_byte(1));
        let answer = LogRange {
            from: block,
            to: block,
            before: hash,
            end: B256::with_last_byte(1),
            logs: vec![log],
        };
        assert_eq!(
            transactions(take(&mut cursor, 1, block + 1, &answer).unwrap()).len(),
            1
        );
    }
    let stored = serde_json::to_string(&cursor).unwrap();
    assert!(
        stored.len() < 80 * (MOST_TOLD + 50),
        "{} bytes",
        stored.len()
    );
    assert_eq!(serde_json::from_str::<LogCursor>(&stored).unwrap(), cursor);
}

proptest! {
    /// A chain whose end is replaced again and again, at most as deep as the trigger's confirmations:
    /// at the end each log of the canonical chain that is deep enough was told once, and no other one.
    /// The program dies between any two answers, before or after what it stored.
    #[test]
    fn each_canonical_log_is_told_once_whatever_is_replaced(
        confirmations in 1_u64..6,
        steps in proptest::collection::vec((0_usize..6, 1_usize..8, any::<bool>(), proptest::collection::vec((0_usize..8, 1_u32..4), 0..4)), 1..25),
    ) {
        let mut chain = Chain(vec![Block::default()]);
        let mut cursor = LogCursor::starting_at(0);
        let mut told: BTreeMap<B256, u32> = BTreeMap::new();
        let mut pool: Vec<(u8, u32)> = Vec::new();
        let (mut number, mut fork) = (0_u8, 0_u8);
        for (depth, growth, dies, sent) in steps {
            fork += 1;
            let depth = depth.min(usize::try_from(confirmations).unwrap()).min(chain.0.len() - 1);
            let gone = chain.0.split_off(chain.0.len() - depth);
            // What was in the blocks that went comes again, somewhere.
            pool.extend(gone.into_iter().flat_map(|block| block.transactions));
            let start = chain.0.len();
            chain.0.extend((0..growth + depth).map(|_| Block { fork, transactions: vec![] }));
            for (_, count) in &sent {
                number += 1;
                pool.push((number, *count));
            }
            for (i, transaction) in pool.drain(..).enumerate() {
                let block = start + sent.get(i).map_or(i, |(block, _)| *block) % (growth + depth);
                chain.0[block].transactions.push(transaction);
            }
            if dies {
                // It took answers, and died before it stored them.
                chain.read(&mut cursor.clone(), confirmations);
            }
            cursor = serde_json::from_str(&serde_json::to_string(&cursor).unwrap()).unwrap();
            for transaction in chain.read(&mut cursor, confirmations) {
                *told.entry(transaction).or_default() += 1;
            }
        }
        let deep = chain.0.len() - usize::try_from(confirmations).unwrap().min(chain.0.len());
        let expected: BTreeMap<B256, u32> =
            chain.0[..deep].iter().flat_map(|block| &block.transactions).map(|(number, count)| (tx(*number), *count)).collect();
        prop_assert_eq!(told, expected);
    }

    /// However deep blocks are replaced: nothing is told twice, and nothing that stays is missed.
    #[test]
    fn deep_reorganisations_repeat_and_lose_nothing(
        steps in proptest::collection::vec((0_usize..40, 1_usize..20, proptest::collection::vec((0_usize..20, 1_u32..4), 0..3)), 1..20),
    ) {
        let mut chain = Chain(vec![Block::default()]);
        let mut cursor = LogCursor::starting_at(0);
        let mut told: BTreeMap<B256, u32> = BTreeMap::new();
        let mut counts: BTreeMap<B256, u32> = BTreeMap::new();
        let (mut number, mut fork) = (0_u8, 0_u8);
        for (depth, growth, sent) in steps {
            fork += 1;
            let depth = depth.min(chain.0.len() - 1);
            let gone = chain.0.split_off(chain.0.len() - depth);
            let pool: Vec<(u8, u32)> = gone.into_iter().flat_map(|block| block.transactions).collect();
            let start = chain.0.len();
            chain.0.extend((0..growth + depth).map(|_| Block { fork, transactions: vec![] }));
            for (i, transaction) in pool.into_iter().enumerate() {
                chain.0[start + i % (growth + depth)].transactions.push(transaction);
            }
            for (block, count) in sent {
                number += 1;
                counts.insert(tx(number), count);
                chain.0[start + block % (growth + depth)].transactions.push((number, count));
            }
            for transaction in chain.read(&mut cursor, 1) {
                *told.entry(transaction).or_default() += 1;
            }
        }
        let deep = chain.0.len() - 1;
        for (transaction, times) in &told {
            prop_assert!(times <= &counts[transaction], "{} was told {} times", transaction, times);
        }
        for (number, count) in chain.0[..deep].iter().flat_map(|block| &block.transactions) {
            prop_assert_eq!(told.get(&tx(*number)), Some(count));
        }
    }
}
