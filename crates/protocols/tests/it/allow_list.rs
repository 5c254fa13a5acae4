//! Whatever step is built for whatever protocol: the registry listed its call before.

use airdrops_types::{B256, Operation, Origin, TaskId, Token, U256};
use proptest::prelude::*;

use crate::scenery::*;
use crate::script::{Script, address_word, word};

fn amount() -> impl Strategy<Value = U256> {
    (1u128..1_000_000_000_000).prop_map(U256::from)
}

fn some_token() -> impl Strategy<Value = Token> {
    prop::sample::select(vec![weth(), usdc(), gov(), share(), lp()])
}

fn operation() -> impl Strategy<Value = Operation> {
    let spenders = vec![VAULT, ROUTER, STAKING, TOKEN_BRIDGE, BRIDGE, WALLET];
    prop_oneof![
        (some_token(), prop::sample::select(spenders), amount()).prop_map(
            |(token, spender, amount)| Operation::Approve {
                token,
                spender,
                amount
            }
        ),
        amount().prop_map(|amount| Operation::Wrap { amount }),
        amount().prop_map(|amount| Operation::Unwrap { amount }),
        amount().prop_map(|amount| Operation::Supply { amount }),
        (amount(), any::<bool>()).prop_map(|(amount, all)| Operation::Withdraw { amount, all }),
        (some_token(), some_token(), amount()).prop_map(|(from, to, amount)| Operation::Swap {
            from,
            to,
            amount
        }),
        (amount(), amount())
            .prop_map(|(amount_a, amount_b)| Operation::AddLiquidity { amount_a, amount_b }),
        amount().prop_map(|liquidity| Operation::RemoveLiquidity { liquidity }),
        amount().prop_map(|amount| Operation::Stake { amount }),
        Just(Operation::Exit),
        amount().prop_map(|amount| Operation::Bridge { amount }),
        Just(Operation::Claim {
            index: 7,
            amount: U256::from(1000),
            proof: vec![B256::repeat_byte(1), B256::repeat_byte(2)],
        }),
    ]
}

fn generous() -> Script {
    let much = word(1 << 100);
    let mut script = Script::new(HERE)
        .says(PAIR, "token0()", &[address_word(USDC)])
        .says(PAIR, "token1()", &[address_word(WETH)])
        .says(
            PAIR,
            "getReserves()",
            &[word(1 << 90), word(1 << 90), word(1)],
        )
        .says(PAIR, "totalSupply()", std::slice::from_ref(&much))
        .says(
            ROUTER,
            "getAmountsOut(uint256,address[])",
            &[word(32), word(2), much.clone(), much.clone()],
        );
    for question in [
        "previewDeposit(uint256)",
        "previewWithdraw(uint256)",
        "previewRedeem(uint256)",
        "balanceOf(address)",
    ] {
        script = script.says(VAULT, question, std::slice::from_ref(&much));
    }
    for question in ["balanceOf(address)", "earned(address)"] {
        script = script.says(STAKING, question, std::slice::from_ref(&much));
    }
    script
}

/// Every kind of step is built by at least one protocol, or the property would hold of nothing.
const KINDS: usize = 12;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_call_that_can_be_built_is_allowed(operations in prop::collection::vec(operation(), 1..6)) {
        check(&operations);
    }
}

#[test]
fn every_kind_of_step_can_be_built() {
    let one = U256::from(1_000_000);
    let operations = [
        Operation::Approve {
            token: usdc(),
            spender: VAULT,
            amount: one,
        },
        Operation::Wrap { amount: one },
        Operation::Unwrap { amount: one },
        Operation::Supply { amount: one },
        Operation::Withdraw {
            amount: one,
            all: false,
        },
        Operation::Swap {
            from: usdc(),
            to: weth(),
            amount: one,
        },
        Operation::AddLiquidity {
            amount_a: one,
            amount_b: one,
        },
        Operation::RemoveLiquidity { liquidity: one },
        Operation::Stake { amount: one },
        Operation::Exit,
        Operation::Bridge { amount: one },
        Operation::Claim {
            index: 7,
            amount: U256::from(1000),
            proof: vec![B256::repeat_byte(1), B256::repeat_byte(2)],
        },
    ];
    assert_eq!(operations.len(), KINDS);
    for operation in operations {
        assert!(check(std::slice::from_ref(&operation)) > 0, "{operation:?}");
    }
}

/// Builds every operation at every protocol; how many could be built.
fn check(operations: &[Operation]) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (registry, view) = (registry(), generous());
    let (calls, spenders, tokens) = (
        registry.allowed_calls(),
        registry.spenders(),
        registry.tokens(),
    );
    let task = TaskId::new("t");
    let mut built = 0;
    for (protocol, operation) in registry
        .iter()
        .flat_map(|each| operations.iter().map(move |op| (each, op)))
    {
        let intent = registry.build(
            protocol,
            &view,
            WALLET,
            operation,
            &task,
            0,
            Origin::Scheduler,
        );
        let Ok(intent) = runtime.block_on(intent) else {
            continue;
        };
        built += 1;
        let call = (
            intent.chain,
            intent.call.to,
            intent.call.selector().unwrap(),
            intent.protocol.clone(),
        );
        assert!(calls.contains(&call), "{call:?}");
        for set in &intent.allowances {
            assert!(spenders.contains(&(intent.chain, set.spender)), "{set:?}");
        }
        let moved = intent
            .spend
            .iter()
            .chain(&intent.receive)
            .map(|amount| &amount.token);
        for token in moved.chain(intent.allowances.iter().map(|set| &set.token)) {
            assert!(tokens.contains(token), "{token:?}");
        }
        for change in &intent.positions {
            assert!(tokens.contains(&change.token));
            assert!(registry.get(&change.protocol).is_some());
        }
    }
    built
}
