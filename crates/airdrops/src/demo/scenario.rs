//! What happens to the demo's world: prices, yield, other people's transactions, the bridge's
//! relayer, a gas spike and a market crash.

use std::collections::VecDeque;

use airdrops_paper::{PaperChain, PaperError};
use airdrops_types::{Timestamp, U256};
use alloy::sol_types::{SolCall, SolEvent};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::world::{BLOCK_SECONDS, IBridge, IFeed, IPool, IVault, KEEPER, World, at, whole};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
/// Blocks between a message on one end of the bridge and its delivery on the other.
const BRIDGE_DELAY_SECONDS: u64 = 3 * BLOCK_SECONDS;

/// The gas spike: from, to, in seconds since the start.
pub(crate) const GAS_SPIKE: (u64, u64) = (19 * DAY + 20 * HOUR, 21 * DAY);
/// The crash: from, to.
pub(crate) const CRASH: (u64, u64) = (31 * DAY + 6 * HOUR, 31 * DAY + 10 * HOUR);

/// A message on its way over the bridge.
struct Message {
    to: airdrops_types::Address,
    amount: U256,
    nonce: U256,
    due: u64,
}

/// Drives the world along a script that the seed makes unique.
pub(crate) struct Scenario {
    rng: ChaCha8Rng,
    start: Timestamp,
    /// Dollars per ether.
    ether: f64,
    /// Dollars per token of the airdrop.
    aerie: f64,
    messages: VecDeque<Message>,
    /// First L1 block whose bridge events were not seen yet.
    seen: u64,
    last_hour: Option<u64>,
    last_day: Option<u64>,
}

impl Scenario {
    pub(crate) fn new(seed: u64, start: Timestamp, world: &World) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            start,
            ether: 2_000.0,
            aerie: 2.0,
            messages: VecDeque::new(),
            seen: world.l1.head().number + 1,
            last_hour: None,
            last_day: None,
        }
    }

    /// Seconds since the start.
    pub(crate) fn elapsed(&self, now: Timestamp) -> u64 {
        now.since(self.start).as_secs()
    }

    /// Lets everything happen that is due, then mines one block on each chain.
    pub(crate) fn step(&mut self, world: &World, now: Timestamp) -> Result<(), PaperError> {
        let elapsed = self.elapsed(now);
        self.relay(world, elapsed)?;
        if self.last_hour != Some(elapsed / HOUR) {
            self.last_hour = Some(elapsed / HOUR);
            self.move_prices(world, now, elapsed)?;
        }
        if self.last_day != Some(elapsed / DAY) {
            self.last_day = Some(elapsed / DAY);
            pay_yield(&world.l1, world.vault_l1)?;
            pay_yield(&world.l2, world.vault_l2)?;
        }
        let spike = (GAS_SPIKE.0..GAS_SPIKE.1).contains(&elapsed);
        let noise = self.rng.random_range(0.8..1.25);
        crowd(&world.l1, if spike { 95e9 } else { 12e9 * noise });
        crowd(&world.l2, 0.05e9 * noise);
        world.l1.mine(now);
        world.l2.mine(now);
        Ok(())
    }

    /// Delivers bridge messages whose delay is over, and notices new ones.
    fn relay(&mut self, world: &World, elapsed: u64) -> Result<(), PaperError> {
        let head = world.l1.head().number;
        for log in bridge_logs(world, self.seen, head)? {
            if let Ok(sent) = IBridge::Sent::decode_log(&log.inner) {
                self.messages.push_back(Message {
                    to: sent.from,
                    amount: sent.amount,
                    nonce: sent.nonce,
                    due: elapsed + BRIDGE_DELAY_SECONDS,
                });
            }
        }
        self.seen = head + 1;
        while self
            .messages
            .front()
            .is_some_and(|message| message.due <= elapsed)
        {
            let Some(message) = self.messages.pop_front() else {
                break;
            };
            let call = IBridge::deliverCall {
                to: message.to,
                amount: message.amount,
                nonce: message.nonce,
            };
            world.l2.transact(
                KEEPER,
                world.bridge_l2,
                U256::ZERO,
                call.abi_encode().into(),
            )?;
        }
        Ok(())
    }

    /// One hour of a random walk (about 55 % a year), with the crash in its place and a slow
    /// recovery after it.
    fn move_prices(
        &mut self,
        world: &World,
        now: Timestamp,
        elapsed: u64,
    ) -> Result<(), PaperError> {
        let noise: f64 = (0..12).map(|_| self.rng.random::<f64>()).sum::<f64>() - 6.0;
        let drift = if (CRASH.0..CRASH.1).contains(&elapsed) {
            -0.145
        } else if (CRASH.1 + 2 * DAY..CRASH.1 + 12 * DAY).contains(&elapsed) {
            0.0011
        } else {
            (1_990.0 / self.ether).ln() * 0.002 * f64::from(u8::from(elapsed < CRASH.0))
        };
        self.ether = (self.ether * (drift + 0.004 * noise).exp()).clamp(300.0, 6_000.0);
        self.aerie += 0.02 * (2.0 - self.aerie) + 0.01 * (self.rng.random::<f64>() - 0.5);
        for feed in &world.feeds {
            let dollars = match feed.asset {
                "ETH" => self.ether,
                "AERIE" => self.aerie,
                _ => 1.0,
            };
            let call = IFeed::setCall {
                answer: alloy::primitives::I256::try_from(scaled(dollars, 1e8)).unwrap_or_default(),
                updatedAt: U256::from(now.unix_seconds()),
            };
            world
                .l2
                .transact(KEEPER, feed.contract, U256::ZERO, call.abi_encode().into())?;
        }
        self.arbitrage(world)
    }

    /// Somebody trades the pool back to the market price when it is off by more than half a
    /// percent.
    fn arbitrage(&mut self, world: &World) -> Result<(), PaperError> {
        let usdc = at(&world.usdc_l2);
        let weth = at(&world.weth_l2);
        let token0 = world
            .l2
            .call(world.pool, IPool::token0Call {}.abi_encode().into())?;
        let reserves = world
            .l2
            .call(world.pool, IPool::getReservesCall {}.abi_encode().into())?;
        let (Ok(token0), Ok(reserves)) = (
            IPool::token0Call::abi_decode_returns(&token0),
            IPool::getReservesCall::abi_decode_returns(&reserves),
        ) else {
            return Err(PaperError::Unsupported(
                "the pool does not answer".to_owned(),
            ));
        };
        let (dollars, ethers) = if token0 == usdc {
            (reserves._0, reserves._1)
        } else {
            (reserves._1, reserves._0)
        };
        let (dollars, ethers) = (f64::from(dollars) / 1e6, f64::from(ethers) / 1e18);
        let product = dollars * ethers;
        if (dollars / ethers / self.ether - 1.0).abs() < 0.005 {
            return Ok(());
        }
        // At the market price p the reserves are √(k·p) dollars and √(k/p) ether.
        let wanted = (product * self.ether).sqrt();
        let (amount, path) = if wanted > dollars {
            (scaled(wanted - dollars, 1e6), vec![usdc, weth])
        } else {
            (
                scaled((product / self.ether).sqrt() - ethers, 1e18),
                vec![weth, usdc],
            )
        };
        let call = IPool::swapExactTokensForTokensCall {
            amountIn: amount,
            amountOutMin: U256::ZERO,
            path,
            to: KEEPER,
            deadline: U256::MAX,
        };
        world
            .l2
            .transact(KEEPER, world.pool, U256::ZERO, call.abi_encode().into())
            .map(drop)
    }
}

/// What the L1's end of the bridge wrote in a range of blocks.
fn bridge_logs(
    world: &World,
    from: u64,
    to: u64,
) -> Result<Vec<alloy::rpc::types::Log>, PaperError> {
    if from > to {
        return Ok(Vec::new());
    }
    let filter = serde_json::json!([{
        "address": world.bridge_l1,
        "fromBlock": format!("{from:#x}"),
        "toBlock": format!("{to:#x}"),
    }]);
    let broken = |text: String| PaperError::Unsupported(text);
    let logs = world
        .l1
        .request("eth_getLogs", filter)
        .map_err(|error| broken(error.to_string()))?;
    serde_json::from_value(logs).map_err(|error| broken(error.to_string()))
}

/// 0.02 % a day to everyone in the vault.
fn pay_yield(chain: &PaperChain, vault: airdrops_types::Address) -> Result<(), PaperError> {
    let held = chain.call(vault, IVault::totalAssetsCall {}.abi_encode().into())?;
    let held = IVault::totalAssetsCall::abi_decode_returns(&held).unwrap_or(whole(2_000_000, 6));
    let call = IVault::donateCall {
        assets: held / U256::from(5_000),
    };
    chain
        .transact(KEEPER, vault, U256::ZERO, call.abi_encode().into())
        .map(drop)
}

/// Sets other people's demand so that the base fee moves towards `wanted` wei as fast as EIP-1559
/// lets it.
fn crowd(chain: &PaperChain, wanted: f64) {
    #[expect(clippy::cast_precision_loss, reason = "a fee in wei is far below 2^52")]
    let now = chain.base_fee() as f64;
    let target = 18_000_000.0;
    let used = (target * (1.0 + 8.0 * (wanted / now - 1.0))).clamp(0.0, 33_000_000.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..=33,000,000"
    )]
    chain.set_background_gas(used as u64);
}

/// A positive number times `scale` as an integer.
fn scaled(value: f64, scale: f64) -> U256 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the demo's amounts are positive and far below 2^127"
    )]
    U256::from((value.max(0.0) * scale) as u128)
}
