//! What an operator announced to take out, and how much of it was seen to leave.

use std::collections::BTreeMap;

use airdrops_types::{Address, Token, U256, Withdrawal};

/// Per wallet and token, how much of the announced withdrawals has left.
#[derive(Debug, Clone, Default)]
pub struct Withdrawn(BTreeMap<(Address, Token), U256>);

impl Withdrawn {
    /// From stored sums.
    #[must_use]
    pub fn new(sums: Vec<(Address, Token, U256)>) -> Self {
        let sums = sums.into_iter();
        Self(
            sums.map(|(wallet, token, sum)| ((wallet, token), sum))
                .collect(),
        )
    }

    /// For storage.
    #[must_use]
    pub fn sums(&self) -> Vec<(Address, Token, U256)> {
        let sums = self.0.iter();
        sums.map(|((wallet, token), sum)| (*wallet, token.clone(), *sum))
            .collect()
    }

    /// How much of `left` base units was announced and had not left before; it has now.
    pub fn take(
        &mut self,
        announced: &[Withdrawal],
        wallet: Address,
        token: &Token,
        left: U256,
    ) -> U256 {
        let total = announced
            .iter()
            .filter(|each| each.wallet == wallet && each.token == *token)
            .fold(U256::ZERO, |sum, each| sum.saturating_add(each.amount));
        let gone = self.0.entry((wallet, token.clone())).or_default();
        let taken = total.saturating_sub(*gone).min(left);
        *gone = gone.saturating_add(taken);
        taken
    }
}

#[cfg(test)]
mod tests {
    use airdrops_types::{AssetId, ChainId};

    use super::*;

    #[test]
    fn only_what_was_announced_and_has_not_left_is_taken() {
        let token = Token {
            chain: ChainId(1),
            contract: None,
            asset: AssetId::new("ETH"),
            decimals: 18,
        };
        let wallet = Address::repeat_byte(1);
        let announced = [5u64, 3].map(|amount| Withdrawal {
            wallet,
            token: token.clone(),
            amount: U256::from(amount),
            reason: "rent".into(),
        });
        let mut withdrawn = Withdrawn::default();
        let mut take = |left: u64| withdrawn.take(&announced, wallet, &token, U256::from(left));
        assert_eq!(take(6), U256::from(6));
        assert_eq!(take(6), U256::from(2));
        assert_eq!(take(6), U256::ZERO);
        let again = Withdrawn::new(withdrawn.sums());
        assert_eq!(again.0, withdrawn.0);
        let other = Address::repeat_byte(2);
        assert_eq!(
            withdrawn.take(&announced, other, &token, U256::from(1)),
            U256::ZERO
        );
    }
}
