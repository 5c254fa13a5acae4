//! What the registry accepts and lists.

use airdrops_protocols::{ModuleConfig, Registry, RegistryError};
use airdrops_types::{Action, Bps, ProtocolId};

use crate::scenery::*;

#[test]
fn all_mistakes_are_named_at_once() {
    let mut far = usdc();
    far.chain = THERE;
    let mut wide = pair();
    if let ModuleConfig::UniswapV2 { slippage, .. } = &mut wide {
        *slippage = Bps(10_000);
    }
    let errors = Registry::new(vec![
        protocol("pool", wide),
        protocol("pool", pair()),
        protocol("farm", staking("nowhere")),
        protocol("farm-2", staking("vault")),
        protocol(
            "vault",
            ModuleConfig::Erc4626 {
                asset: far,
                share: ether(),
            },
        ),
    ])
    .unwrap_err();
    let id = |text: &str| ProtocolId::new(text);
    let underlying = |protocol: &str, underlying: &str, problem| RegistryError::Underlying {
        protocol: id(protocol),
        underlying: id(underlying),
        problem,
    };
    let expected = [
        RegistryError::DuplicateId(id("pool")),
        RegistryError::Slippage(id("pool")),
        underlying("farm", "nowhere", "there is no such protocol"),
        underlying("farm-2", "vault", "it is not a `uniswap_v2` protocol"),
        RegistryError::WrongChain {
            protocol: id("vault"),
            field: "asset",
            expected: HERE,
            actual: THERE,
        },
        RegistryError::WrongKind {
            protocol: id("vault"),
            field: "share",
            expected: "an ERC-20 token",
        },
    ];
    for error in &expected {
        assert!(errors.contains(error), "{error} is missing in {errors:?}");
    }
    assert_eq!(errors.len(), expected.len(), "{errors:?}");
}

#[test]
fn one_contract_with_two_descriptions_is_refused() {
    let mut odd = usdc();
    odd.decimals = 18;
    let mut protocols = all();
    protocols.push(protocol(
        "odd",
        ModuleConfig::Erc4626 {
            asset: odd,
            share: token(HERE, Some(GOV), "GOV", 18),
        },
    ));
    let errors = Registry::new(protocols).unwrap_err();
    assert!(
        matches!(
            errors.as_slice(),
            [RegistryError::ConflictingTokens { chain: HERE, .. }]
        ),
        "{errors:?}"
    );
}

#[test]
fn a_bridge_leads_to_another_chain() {
    let module = ModuleConfig::Bridge {
        contract: BRIDGE,
        remote_chain: HERE,
        remote_contract: FAR_BRIDGE,
        token: ether(),
        remote_token: ether(),
    };
    let errors = Registry::new(vec![protocol("loop", module)]).unwrap_err();
    assert!(matches!(errors.as_slice(), [RegistryError::Same { .. }]));
}

#[test]
fn tokens_are_listed_once_with_receipts_apart() {
    let registry = registry();
    assert_eq!(registry.receipt_tokens(), {
        let mut receipts = vec![share(), lp()];
        receipts.sort();
        receipts
    });
    let tokens = registry.tokens();
    for token in [ether(), weth(), usdc(), gov(), share(), lp()] {
        assert_eq!(tokens.iter().filter(|have| **have == token).count(), 1);
    }
    assert_eq!(
        tokens.iter().filter(|token| token.chain == THERE).count(),
        2
    );
    assert_eq!(registry.families()[&ProtocolId::new("farm")], "farm-family");
}

#[test]
fn a_swap_is_supported_between_the_assets_of_the_pair_only() {
    let registry = registry();
    let pool = registry.get(&"pool".into()).unwrap();
    let swap = |from: &str, to: &str| Action::Swap {
        from: from.into(),
        to: to.into(),
    };
    assert!(registry.supports(pool, &swap("USDC", "ETH")));
    assert!(registry.supports(pool, &swap("ETH", "USDC")));
    assert!(!registry.supports(pool, &swap("ETH", "GOV")));
    assert!(!registry.supports(pool, &swap("ETH", "ETH")));
    assert!(!registry.supports(pool, &Action::Supply));
}
