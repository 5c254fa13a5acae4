//! What a task uses, as the scheduler's limits name it.

use airdrops_protocols::ProtocolConfig;
use airdrops_types::Address;

/// `chain:ID` and `rpc:ID` of the chain that it sends to, `protocol:ID` of the instance,
/// `family:NAME` of all instances that share an exposure limit, `wallet:0x…`; and what its
/// definition adds. Sorted, each once.
pub(super) fn of(config: &ProtocolConfig, wallet: Address, own: &[String]) -> Vec<String> {
    let mut keys = vec![
        format!("chain:{}", config.chain),
        format!("family:{}", config.family),
        format!("protocol:{}", config.id),
        format!("rpc:{}", config.chain),
        format!("wallet:{wallet}"),
    ];
    keys.extend_from_slice(own);
    keys.sort();
    keys.dedup();
    keys
}
