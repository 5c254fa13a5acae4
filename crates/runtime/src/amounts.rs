//! From "up to the target" and "25 %" to base units, split so that no single transaction exceeds
//! its limit.

use airdrops_allocation::tranches;
use airdrops_protocols::{Amounts, ModuleConfig, ProtocolConfig};
use airdrops_types::{
    Action, Address, AmountSpec, Assignment, Bps, ChainId, Price, Reading, Rounding, Snapshot,
    Target, Token, U256, Usd,
};

/// What is needed to turn a wish into amounts.
pub(crate) struct Resolver<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) tokens: &'a [Token],
    pub(crate) targets: &'a [Target],
    /// What is owned; `None` while inputs are not fresh.
    pub(crate) equity: Option<Usd>,
    pub(crate) transaction_limit: Bps,
    /// Native currency that is kept back for gas, wei, per chain.
    pub(crate) gas_reserve: &'a dyn Fn(ChainId) -> U256,
    /// Base units of a token that are on their way to a wallet over a bridge.
    pub(crate) under_way: &'a dyn Fn(Address, &Token) -> U256,
}

impl Resolver<'_> {
    /// The amounts of an assignment; an empty list is nothing to do.
    ///
    /// # Errors
    /// A text that says what is missing; waiting may help.
    pub(crate) fn resolve(
        &self,
        protocol: &ProtocolConfig,
        assignment: &Assignment,
    ) -> Result<Amounts, String> {
        if matches!(assignment.action, Action::Claim | Action::Exit) {
            return Ok(Amounts::Everything);
        }
        if assignment.action == Action::Stake {
            return self.stake_parts(protocol, assignment);
        }
        let reduces = assignment.action.only_reduces() || assignment.action == Action::Unwrap;
        if reduces && assignment.amount == AmountSpec::All {
            return Ok(Amounts::Everything);
        }
        let token = self
            .input_token(protocol, &assignment.action)
            .ok_or_else(|| {
                format!(
                    "{} does not know what to {}",
                    protocol.id,
                    assignment.action.verb()
                )
            })?;
        let available = self.available(assignment.wallet, protocol, &token, reduces)?;
        let wanted = match &assignment.amount {
            AmountSpec::All => available,
            AmountSpec::Share(share) => share.of(available),
            AmountSpec::Exact(text) => {
                let exact = parse_amount(text, token.decimals)?;
                if exact > available {
                    return Err(format!(
                        "needs {}, has {}",
                        token.amount(exact),
                        token.amount(available)
                    ));
                }
                exact
            }
            AmountSpec::Target => {
                let gap = self.gap(protocol, &token, reduces)?;
                let coming = (self.under_way)(assignment.wallet, &token);
                if gap > available && !coming.is_zero() {
                    return Err(format!(
                        "needs {}, has {}; {} is under way over a bridge",
                        token.amount(gap),
                        token.amount(available),
                        token.amount(coming)
                    ));
                }
                gap.min(available)
            }
        };
        if wanted.is_zero() {
            return Ok(Amounts::Tranches(Vec::new()));
        }
        if reduces {
            return Ok(Amounts::Tranches(vec![wanted]));
        }
        // A pool deposit moves as much of the other token again.
        let sides: u32 = if assignment.action == Action::AddLiquidity {
            2
        } else {
            1
        };
        let value = self
            .price(&token)?
            .value(wanted, token.decimals, Rounding::Up)
            .and_then(|value| value.0.checked_mul(i128::from(sides)).map(Usd))
            .ok_or("the amount is too large to be valued")?;
        Ok(Amounts::Tranches(split(
            wanted,
            tranches(value, self.transaction_limit, self.equity()?).len(),
        )?))
    }

    fn stake_parts(
        &self,
        protocol: &ProtocolConfig,
        assignment: &Assignment,
    ) -> Result<Amounts, String> {
        let ModuleConfig::StakingRewards {
            stake, underlying, ..
        } = &protocol.module
        else {
            return Err(format!("{} cannot stake", protocol.id));
        };
        let balance = self.balance(assignment.wallet, stake)?;
        let position = self
            .snapshot
            .position(assignment.wallet, underlying)
            .ok_or_else(|| format!("the position in {underlying} is not known"))?;
        let mut value = Usd::ZERO;
        for leg in &position.legs {
            let token = &leg.amount.token;
            value += self
                .price(token)?
                .value(leg.amount.amount, token.decimals, Rounding::Up)
                .ok_or("the position is too large to be valued")?;
        }
        let wanted = match &assignment.amount {
            AmountSpec::All | AmountSpec::Target => balance,
            AmountSpec::Share(share) => share.of(balance),
            AmountSpec::Exact(text) => {
                let exact = parse_amount(text, stake.decimals)?;
                if exact > balance {
                    return Err(format!(
                        "needs {}, has {}",
                        stake.amount(exact),
                        stake.amount(balance)
                    ));
                }
                exact
            }
        };
        if wanted.is_zero() {
            return Ok(Amounts::Tranches(Vec::new()));
        }
        Ok(Amounts::Tranches(split(
            wanted,
            tranches(value, self.transaction_limit, self.equity()?).len(),
        )?))
    }

    /// Base units between where the position is and where it should be.
    fn gap(&self, protocol: &ProtocolConfig, token: &Token, reduces: bool) -> Result<U256, String> {
        self.equity()?;
        let target = self
            .targets
            .iter()
            .find(|target| target.protocol == protocol.id)
            .ok_or_else(|| format!("{} has no allocation", protocol.id))?;
        let gap = if reduces {
            target.current - target.target
        } else {
            target.target - target.current
        };
        let one_side = match protocol.module {
            ModuleConfig::UniswapV2 { .. } => Usd(gap.0 / 2),
            _ => gap,
        };
        self.price(token)?
            .amount_worth(one_side.or_zero(), token.decimals)
            .ok_or_else(|| "the target is too large".to_owned())
    }

    fn available(
        &self,
        wallet: Address,
        protocol: &ProtocolConfig,
        token: &Token,
        reduces: bool,
    ) -> Result<U256, String> {
        let from_position =
            reduces && !matches!(protocol.module, ModuleConfig::WrappedNative { .. });
        if from_position {
            let position = self
                .snapshot
                .position(wallet, &protocol.id)
                .ok_or_else(|| format!("the position in {} is not known", protocol.id))?;
            return Ok(position
                .legs
                .iter()
                .filter(|leg| leg.amount.token == *token)
                .fold(U256::ZERO, |sum, leg| sum.saturating_add(leg.amount.amount)));
        }
        let balance = self.balance(wallet, token)?;
        Ok(if token.is_native() {
            balance.saturating_sub((self.gas_reserve)(token.chain))
        } else {
            balance
        })
    }

    fn balance(&self, wallet: Address, token: &Token) -> Result<U256, String> {
        self.snapshot.balance(wallet, token).ok_or_else(|| {
            format!(
                "the {} balance on chain {} is not known",
                token.asset, token.chain
            )
        })
    }

    fn equity(&self) -> Result<Usd, String> {
        self.equity.ok_or_else(|| {
            let unknown: Vec<&str> = self
                .snapshot
                .prices
                .iter()
                .filter(|(_, price)| price.fresh().is_none())
                .map(|(asset, _)| asset.as_str())
                .collect();
            match unknown.as_slice() {
                [] => "equity is not known: balances or positions are not fresh".to_owned(),
                assets => {
                    format!(
                        "equity is not known: no fresh price of {}",
                        assets.join(", ")
                    )
                }
            }
        })
    }

    fn price(&self, token: &Token) -> Result<Price, String> {
        self.snapshot
            .prices
            .get(&token.asset)
            .and_then(Reading::fresh)
            .copied()
            .ok_or_else(|| format!("the price of {} is not fresh", token.asset))
    }

    /// What goes in (or, for an exit, what the amount is counted in).
    fn input_token(&self, protocol: &ProtocolConfig, action: &Action) -> Option<Token> {
        if let Action::Swap { from, .. } = action {
            return self
                .tokens
                .iter()
                .find(|token| {
                    token.asset == *from && token.chain == protocol.chain && !token.is_native()
                })
                .cloned();
        }
        Some(match &protocol.module {
            ModuleConfig::WrappedNative { native, wrapped } => match action {
                Action::Unwrap => wrapped.clone(),
                _ => native.clone(),
            },
            ModuleConfig::Erc4626 { asset, .. } => asset.clone(),
            ModuleConfig::UniswapV2 { token_a, .. } => token_a.clone(),
            ModuleConfig::Bridge { token, .. } => token.clone(),
            ModuleConfig::StakingRewards { .. } | ModuleConfig::MerkleDistributor { .. } => {
                return None;
            }
        })
    }
}

/// `amount` in `parts` parts that differ by at most one base unit and add up to it.
fn split(amount: U256, parts: usize) -> Result<Vec<U256>, String> {
    if parts == 0 {
        return Err("nothing can be moved within the transaction limit".to_owned());
    }
    let count = U256::from(parts);
    let each = amount / count;
    let mut amounts = vec![each; parts];
    if let Some(last) = amounts.last_mut() {
        *last = amount - each * (count - U256::from(1));
    }
    amounts.retain(|part| !part.is_zero());
    Ok(amounts)
}

/// A decimal number of whole tokens as base units.
///
/// # Errors
/// A text that says what is wrong with it.
pub fn parse_amount(text: &str, decimals: u8) -> Result<U256, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.chars().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return Err(format!("`{text}` is not a decimal number like 1.25"));
    }
    if fraction.len() > usize::from(decimals) {
        return Err(format!("`{text}` has more than {decimals} decimals"));
    }
    let padded = format!("{whole}{fraction:0<width$}", width = usize::from(decimals));
    U256::from_str_radix(&padded, 10).map_err(|_| format!("`{text}` is too large"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parts_add_up_exactly() {
        let amount = U256::from(1_000_003);
        let parts = split(amount, 7).unwrap();
        assert_eq!(parts.len(), 7);
        assert_eq!(
            parts.iter().fold(U256::ZERO, |sum, part| sum + part),
            amount
        );
        assert!(split(amount, 0).is_err());
    }

    #[test]
    fn decimal_amounts_are_exact_or_refused() {
        assert_eq!(parse_amount("1.25", 6).unwrap(), U256::from(1_250_000));
        assert_eq!(parse_amount("3", 0).unwrap(), U256::from(3));
        for bad in ["", "1,5", "-1", ".5", "1.2345678", "1e3"] {
            assert!(parse_amount(bad, 6).is_err(), "{bad}");
        }
    }
}
