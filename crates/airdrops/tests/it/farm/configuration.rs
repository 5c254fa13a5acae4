//! The farm's one configuration file.

use airdrops_testkit::World;

use super::Farm;

impl Farm {
    /// The configuration without campaigns.
    pub(crate) fn configuration(&self, mode: &str, rpc: &str) -> String {
        let world = &self.world;
        let proof: Vec<String> = world
            .proof
            .iter()
            .map(|node| format!("\"{node}\""))
            .collect();
        format!(
            r#"mode = "{mode}"

[engine]
tick = "1s"
database = "airdrops.sqlite"
seed = 7

[limits]
protocol = "20%"
transaction = "5%"
asset = "30%"
rolling_loss = "10%"
fee = "$50"
assets = {{ ETH = "100%" }}

[[chain]]
name = "local"
id = 31337
rpc = "{rpc}"
confirmations = 3
gas_ceiling = "20 gwei"
priority_fee = "0.1 gwei"
max_head_age = "3h"
rebroadcast_after = "2s"

[[token]]
chain = "local"
name = "WETH"
asset = "ETH"
address = "{weth}"
decimals = 18

[[token]]
chain = "local"
asset = "TOKEN"
address = "{token}"
decimals = 18

[[token]]
chain = "local"
asset = "DROP"
address = "{reward}"
decimals = 18

{prices}
[[wallet]]
name = "main"
keystore = "wallet.json"
passphrase = {{ file = "passphrase" }}

[[protocol]]
id = "weth"
chain = "local"
module = "wrapped_native"
wrapped = "{weth}"

[[protocol]]
id = "pair"
chain = "local"
module = "uniswap_v2"
router = "{router}"
pair = "{pair}"
token_a = "WETH"
token_b = "TOKEN"

[[protocol]]
id = "rewards"
chain = "local"
module = "staking_rewards"
pool = "{staking}"
underlying = "pair"
reward = "DROP"

[[protocol]]
id = "drop"
chain = "local"
module = "merkle_distributor"
contract = "{distributor}"
asset = "DROP"
index = {index}
amount = "{amount}"
proof = [{proof}]
"#,
            weth = world.weth,
            token = world.token,
            reward = world.reward,
            prices = prices(world),
            router = world.router,
            pair = world.pair,
            staking = world.staking,
            distributor = world.distributor,
            index = world.grant.index,
            amount = alloy::primitives::utils::format_ether(world.grant.amount),
            proof = proof.join(", "),
        )
    }
}

/// Two feeds of two publishers for each asset.
fn prices(world: &World) -> String {
    let feeds = [
        ("ETH", world.eth_usd, world.second.eth_usd),
        ("TOKEN", world.token_usd, world.second.token_usd),
        ("DROP", world.reward_usd, world.second.reward_usd),
    ];
    feeds
        .into_iter()
        .flat_map(|(asset, first, second)| [(asset, "chainlink", first), (asset, "second", second)])
        .map(|(asset, source, feed)| {
            format!(
                r#"[[price]]
asset = "{asset}"
chain = "local"
feed = "{feed}"
source = "{source}"
max_age = "1d"

"#
            )
        })
        .collect()
}

/// Wraps, provides liquidity, stakes it, takes everything back, and claims meanwhile.
pub(super) const CAMPAIGN: &str = r#"
[[campaign]]
name = "farm"

[[campaign.task]]
name = "wrap"
wallet = "main"
protocol = "weth"
action = "wrap"
amount = "2.5"
retry_after = "1s"
retry_cap = "2s"

[[campaign.task]]
name = "provide"
wallet = "main"
protocol = "pair"
action = "add_liquidity"
amount = "2"
after = ["wrap"]
retry_after = "1s"
retry_cap = "2s"

[[campaign.task]]
name = "stake"
wallet = "main"
protocol = "rewards"
action = "stake"
amount = "50%"
after = ["provide"]
retry_after = "1s"
retry_cap = "2s"

[[campaign.task]]
name = "leave"
wallet = "main"
protocol = "rewards"
action = "exit"
after = ["stake"]
retry_after = "1s"
retry_cap = "2s"

[[campaign.task]]
name = "withdraw"
wallet = "main"
protocol = "pair"
action = "remove_liquidity"
amount = "all"
after = ["leave"]
retry_after = "1s"
retry_cap = "2s"

[[campaign.task]]
name = "unwrap"
wallet = "main"
protocol = "weth"
action = "unwrap"
amount = "0.5"
after = ["withdraw"]
retry_after = "1s"
retry_cap = "2s"

[[campaign.task]]
name = "claim"
wallet = "main"
protocol = "drop"
action = "claim"
retry_after = "1s"
retry_cap = "2s"
"#;
