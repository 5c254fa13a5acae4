//! Price feeds with Chainlink's `AggregatorV3Interface`, and its feed of a sequencer's uptime.

use std::time::Duration;

use airdrops_types::{Address, Bytes, I256, Price, Reading, Timestamp, U256};
use alloy::sol_types::SolCall;

use crate::batch::{Query, read_batch};
use crate::read::{ChainRead, ReadError};
use crate::view::View;

/// How long prices on a rollup are not believed after its sequencer came back: Chainlink's advice.
pub const UPTIME_GRACE: Duration = Duration::from_secs(3_600);

mod aggregator {
    #![allow(missing_docs, unreachable_pub)]
    alloy::sol! {
        function decimals() external view returns (uint8);
        function latestRoundData() external view returns (
            uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt,
            uint80 answeredInRound
        );
        function aggregator() external view returns (address);
        function minAnswer() external view returns (int192);
        function maxAnswer() external view returns (int192);
    }
}
use aggregator::{
    aggregatorCall, decimalsCall, latestRoundDataCall, latestRoundDataReturn, maxAnswerCall,
    minAnswerCall,
};

/// What a feed says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedAnswer {
    /// The price of one whole token in USD.
    pub price: Price,
    /// When it was set.
    pub updated: Timestamp,
    /// Why the price is only a bound of the true one: it is at the least or the most that the
    /// feed's aggregator can say.
    pub at_bound: Option<String>,
}

impl FeedAnswer {
    /// Fresh if it is at most `max_age` old at `now` and not at a bound. A feed's heartbeat may
    /// be missed by some 40 s, which `max_age` has to allow for.
    #[must_use]
    pub fn reading(&self, now: Timestamp, max_age: Duration) -> Reading<Price> {
        let reading = Reading::aged(self.price, self.updated, now, max_age);
        match &self.at_bound {
            Some(reason) => reading.disputed(reason),
            None => reading,
        }
    }
}

/// What each feed says at the view's block, in their order, in two [batches](read_batch).
///
/// [`ReadError::Unexpected`] if the answer is not positive, does not fit, is of an unfinished
/// round, or was set never or after the view's block. Age is for [`FeedAnswer::reading`] to judge.
/// A feed without `aggregator()`, `minAnswer()` or `maxAnswer()` has no bounds.
pub async fn read_feeds(view: &View, feeds: &[Address]) -> Vec<Result<FeedAnswer, ReadError>> {
    let queries: Vec<Query> = feeds
        .iter()
        .flat_map(|feed| {
            [
                query(*feed, decimalsCall::SELECTOR, 32),
                query(*feed, latestRoundDataCall::SELECTOR, 5 * 32),
                query(*feed, aggregatorCall::SELECTOR, 32),
            ]
        })
        .collect();
    let mut answers = read_batch(view, &queries).await.into_iter();
    let mut rounds = Vec::new();
    let mut aggregators = Vec::new();
    for feed in feeds {
        let mut next = || answers.next().unwrap_or_else(|| Err(not_read()));
        let (decimals, round, aggregator) = (next(), next(), next());
        let read: Result<_, ReadError> = (|| {
            let decimals = decode::<decimalsCall>(*feed, &decimals?)?;
            let round = decode::<latestRoundDataCall>(*feed, &round?)?;
            let aggregator = optional::<aggregatorCall>(aggregator)?;
            Ok((decimals, round, aggregator))
        })();
        if let Ok((.., Some(aggregator))) = &read {
            aggregators.push(query(*aggregator, minAnswerCall::SELECTOR, 32));
            aggregators.push(query(*aggregator, maxAnswerCall::SELECTOR, 32));
        }
        rounds.push(read);
    }
    let mut bounds = read_batch(view, &aggregators).await.into_iter();
    let now = view.block().time;
    feeds
        .iter()
        .zip(rounds)
        .map(|(feed, read)| {
            let (decimals, round, aggregator) = read?;
            let mut next = || bounds.next().unwrap_or_else(|| Err(not_read()));
            let (least, most) = match aggregator {
                Some(_) => (next(), next()),
                None => return judge(*feed, decimals, &round, None, None, now),
            };
            let least = optional::<minAnswerCall>(least)?.map(I256::from);
            let most = optional::<maxAnswerCall>(most)?.map(I256::from);
            judge(*feed, decimals, &round, least, most, now)
        })
        .collect()
}

fn judge(
    feed: Address,
    decimals: u8,
    round: &latestRoundDataReturn,
    least: Option<I256>,
    most: Option<I256>,
    now: Timestamp,
) -> Result<FeedAnswer, ReadError> {
    let unexpected = |detail: String| ReadError::Unexpected { to: feed, detail };
    let answer = round.answer;
    let value = U256::try_from(answer)
        .ok()
        .filter(|value| !value.is_zero())
        .ok_or_else(|| unexpected(format!("the price is {answer}, not positive")))?;
    let price = Price::from_scaled(value, decimals)
        .ok_or_else(|| unexpected(format!("price {value} with {decimals} decimals")))?;
    if round.answeredInRound < round.roundId {
        return Err(unexpected(format!(
            "round {} is not finished: the answer is of round {}",
            round.roundId, round.answeredInRound
        )));
    }
    let updated = u64::try_from(round.updatedAt)
        .ok()
        .filter(|seconds| (1..=now.unix_seconds()).contains(seconds))
        .ok_or_else(|| {
            unexpected(format!(
                "updatedAt is {}, the block's time {}",
                round.updatedAt,
                now.unix_seconds()
            ))
        })?;
    let at_bound = match (least, most) {
        (Some(least), _) if answer <= least => Some(("least", least)),
        (_, Some(most)) if answer >= most => Some(("most", most)),
        _ => None,
    };
    Ok(FeedAnswer {
        price,
        updated: Timestamp::from_unix_seconds(updated),
        at_bound: at_bound.map(|(which, bound)| {
            format!("the feed says {answer}, and {bound} is the {which} that it can say")
        }),
    })
}

/// Whether a rollup's sequencer runs, by Chainlink's uptime feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uptime {
    /// It runs.
    Up {
        /// Since when.
        since: Timestamp,
    },
    /// It does not.
    Down {
        /// Since when.
        since: Timestamp,
    },
    /// The feed has no round yet, or says neither.
    Unknown,
}

impl Uptime {
    /// Why prices on the chain cannot be believed at `now`: the sequencer is down, has been up for
    /// less than `grace` ([`UPTIME_GRACE`]), or that is not known.
    #[must_use]
    pub fn defect(&self, now: Timestamp, grace: Duration) -> Option<String> {
        match self {
            Self::Up { since } if now.since(*since) >= grace => None,
            Self::Up { since } => Some(format!(
                "the sequencer is up for {} s, at least {} s needed",
                now.since(*since).as_secs(),
                grace.as_secs()
            )),
            Self::Down { since } => Some(format!(
                "the sequencer is down for {} s",
                now.since(*since).as_secs()
            )),
            Self::Unknown => Some("whether the sequencer is up is not known".to_owned()),
        }
    }
}

/// What the uptime feed says at the view's block.
///
/// # Errors
/// [`ReadError`]; a chain whose uptime cannot be read is not up.
pub async fn read_uptime(view: &dyn ChainRead, feed: Address) -> Result<Uptime, ReadError> {
    let call = latestRoundDataCall::SELECTOR.into();
    let round = decode::<latestRoundDataCall>(feed, &view.call(feed, call).await?)?;
    // Zero in a round that was never initialised, as on Arbitrum after its feed was deployed.
    let since = u64::try_from(round.startedAt)
        .ok()
        .filter(|seconds| (1..=view.block().time.unix_seconds()).contains(seconds))
        .map(Timestamp::from_unix_seconds);
    Ok(match (since, round.answer) {
        (Some(since), I256::ZERO) => Uptime::Up { since },
        (Some(since), I256::ONE) => Uptime::Down { since },
        _ => Uptime::Unknown,
    })
}

fn query(to: Address, selector: [u8; 4], limit: u32) -> Query {
    Query::Call {
        to,
        data: selector.into(),
        limit,
    }
}

fn not_read() -> ReadError {
    ReadError::Unreachable("the read was not made".to_owned())
}

fn decode<C: SolCall>(to: Address, answer: &[u8]) -> Result<C::Return, ReadError> {
    C::abi_decode_returns(answer).map_err(|error| ReadError::Unexpected {
        to,
        detail: format!("{}: {error}", C::SIGNATURE),
    })
}

/// What a feed may lack: `None` if it reverts or gives no such value, never if it was not read.
fn optional<C: SolCall>(answer: Result<Bytes, ReadError>) -> Result<Option<C::Return>, ReadError> {
    match answer {
        Ok(answer) => Ok(C::abi_decode_returns(&answer).ok()),
        Err(ReadError::Reverted { .. } | ReadError::Unexpected { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn prices_wait_for_the_grace_period_after_the_sequencer_came_back() {
        let up = Uptime::Up { since: at(1_000) };
        assert!(up.defect(at(4_599), UPTIME_GRACE).is_some());
        assert_eq!(up.defect(at(4_600), UPTIME_GRACE), None);
        // A clock behind the chain does not count as time that passed.
        assert!(up.defect(at(10), UPTIME_GRACE).is_some());
    }

    #[test]
    fn a_sequencer_that_is_down_or_unknown_is_never_up() {
        for uptime in [Uptime::Down { since: at(1) }, Uptime::Unknown] {
            assert!(uptime.defect(at(1_000_000), Duration::ZERO).is_some());
        }
    }

    #[test]
    fn an_answer_at_or_beyond_a_bound_is_not_fresh() {
        let round = |answer: i64| latestRoundDataReturn {
            roundId: alloy::primitives::Uint::from(1),
            answer: I256::try_from(answer).unwrap(),
            startedAt: U256::from(5),
            updatedAt: U256::from(5),
            answeredInRound: alloy::primitives::Uint::from(1),
        };
        let bounds = [10, 100].map(|bound| Some(I256::try_from(bound).unwrap()));
        for (answer, fresh) in [
            (9, false),
            (10, false),
            (11, true),
            (99, true),
            (100, false),
        ] {
            let [least, most] = bounds;
            let said = judge(Address::ZERO, 0, &round(answer), least, most, at(5)).unwrap();
            let reading = said.reading(at(6), Duration::from_secs(1));
            assert_eq!(reading.fresh().is_some(), fresh, "{answer}: {reading:?}");
        }
    }
}
