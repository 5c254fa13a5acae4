//! Shares of the replayed portfolio.

use airdrops_types::{AssetId, Bps};

/// The name of cash.
pub const CASH: &str = "USD";

/// Equal shares that sum to the whole; what does not divide goes to the first ones.
///
/// # Errors
/// If there are more assets than basis points.
pub fn equal(names: &[AssetId]) -> Result<Vec<Bps>, String> {
    let count = u32::try_from(names.len())
        .ok()
        .filter(|count| (1..=Bps::WHOLE.0).contains(count))
        .ok_or("there are too many assets for equal shares: name them")?;
    let (share, rest) = (Bps::WHOLE.0 / count, Bps::WHOLE.0 % count);
    Ok((0..count)
        .map(|index| Bps(share + u32::from(index < rest)))
        .collect())
}

/// The share of each of `names` in `ETH=0.6,USD=0.4`: together with cash exactly 1.
///
/// # Errors
/// What is wrong, and where.
pub fn parse(text: &str, names: &[AssetId]) -> Result<Vec<Bps>, String> {
    let mut shares = vec![None; names.len()];
    let mut cash = None;
    for part in text.split(',').map(str::trim) {
        let (name, share) = part
            .split_once('=')
            .ok_or_else(|| format!("`{part}` is no share: write ETH=0.6"))?;
        let name = name.trim().to_ascii_uppercase();
        let share = fraction(share.trim()).ok_or_else(|| {
            format!("`{part}`: a share is a number from 0 to 1 with at most four decimals")
        })?;
        let place = if name == CASH {
            &mut cash
        } else {
            let index = names.iter().position(|known| known.as_str() == name);
            &mut shares[index.ok_or_else(|| {
                let known: Vec<&str> = names.iter().map(AssetId::as_str).collect();
                format!(
                    "there are no prices of {name}; there are those of {}, and {CASH} is cash",
                    known.join(", ")
                )
            })?]
        };
        if place.replace(share).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    let total = shares.iter().chain([&cash]).flatten();
    let sum = total.fold(0_u32, |sum, share| sum.saturating_add(share.0));
    if sum != Bps::WHOLE.0 {
        return Err(format!(
            "the shares sum to {} and not to 1; {CASH} is cash",
            f64::from(sum) / 10_000.0
        ));
    }
    Ok(shares.into_iter().map(Option::unwrap_or_default).collect())
}

/// A decimal fraction as basis points.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn fraction(text: &str) -> Option<Bps> {
    let scaled = text.parse::<f64>().ok()? * 10_000.0;
    // In range by the check, so that the cast neither truncates nor loses a sign.
    ((0.0..=10_000.0).contains(&scaled) && (scaled - scaled.round()).abs() < 1e-6)
        .then(|| Bps(scaled.round() as u32))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn shares_sum_to_one_with_cash() {
        let names = ["ETH".into(), "BTC".into(), "ARB".into()];
        let shares = parse("eth=0.6, USD=0.15,BTC=0.25", &names).unwrap();
        assert_eq!(shares, [Bps(6000), Bps(2500), Bps(0)]);
        let equal = equal(&names).unwrap();
        assert_eq!(equal, [Bps(3334), Bps(3333), Bps(3333)]);
        for (wrong, part) in [
            ("ETH=0.6", "sum to 0.6"),
            ("ETH=0.6,BTC=0.6", "sum to 1.2"),
            ("ETH=1,ETH=0", "twice"),
            ("DOGE=1", "no prices of DOGE"),
            ("ETH", "is no share"),
            ("ETH=-0.1", "from 0 to 1"),
            ("ETH=0.00001", "four decimals"),
            ("ETH=NaN", "from 0 to 1"),
        ] {
            let error = parse(wrong, &names).unwrap_err();
            assert!(error.contains(part), "{wrong}: {error}");
        }
    }
}
