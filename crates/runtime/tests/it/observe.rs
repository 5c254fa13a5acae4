//! What a tick sees.

use airdrops_types::{Address, AssetId, Entry, Reading, Token};

use crate::world::Farm;

#[tokio::test]
async fn a_token_that_does_not_answer_is_missing_and_the_others_stay() {
    let mut farm = Farm::new(Vec::new());
    let dead = Token {
        contract: Some(Address::repeat_byte(0x99)),
        asset: AssetId::from("DEAD"),
        ..farm.usdc.clone()
    };
    farm.settings.tokens.insert(0, dead.clone());
    farm.run(1).await;
    let heard = farm.heard.lock().unwrap();
    let snapshot = heard
        .iter()
        .find_map(|entry| match entry {
            Entry::Observed { snapshot } => Some(snapshot),
            _ => None,
        })
        .unwrap();
    assert!(snapshot.holdings.len() > 3);
    for holding in &snapshot.holdings {
        if holding.token == dead {
            assert!(
                matches!(&holding.amount, Reading::Missing { reason }
                    if reason.contains("is there a contract?")),
                "{holding:?}"
            );
        } else {
            assert!(holding.amount.fresh().is_some(), "{holding:?}");
        }
    }
}
