//! Who owns what of a protocol instance.

use airdrops_types::Usd;

/// New values and flows of the owners of a protocol instance that is worth `value` now.
pub(super) fn share(
    value: Usd,
    before: &[Usd],
    flows: &[Usd],
    outside: Option<usize>,
) -> Vec<(Usd, Usd)> {
    let mut flows = flows.to_vec();
    let all: Usd = before.iter().copied().sum();
    let put: Usd = flows.iter().copied().sum();
    if all <= Usd::ZERO {
        // Nothing was there: what is there now belongs to those who put it in.
        let weights: Vec<i128> = flows.iter().map(|flow| flow.0.max(0)).collect();
        if weights.iter().all(|weight| *weight == 0) {
            let mut shared: Vec<(Usd, Usd)> = flows.iter().map(|flow| (Usd::ZERO, *flow)).collect();
            if let Some((of, flow)) = outside.and_then(|place| shared.get_mut(place)) {
                *of = value;
                *flow += value;
            }
            return shared;
        }
        return split(value.0, &weights)
            .into_iter()
            .zip(flows)
            .map(|(value, flow)| (Usd(value), flow))
            .collect();
    }
    let weights: Vec<i128> = before.iter().map(|value| value.0.max(0)).collect();
    let grown = split((value - put).0, &weights);
    // Nobody owns less than nothing: who took more took it from the others.
    let mut after: Vec<i128> = grown
        .iter()
        .zip(&flows)
        .map(|(grown, flow)| grown + flow.0)
        .collect();
    let short: i128 = after.iter().filter(|value| **value < 0).sum();
    if short < 0 && value.0 >= 0 {
        let owned: Vec<i128> = after.iter().map(|value| (*value).max(0)).collect();
        let taken = split(-short, &owned);
        for (place, own) in after.iter_mut().enumerate() {
            if *own < 0 {
                flows[place] = flows[place] - Usd(*own);
                *own = 0;
            } else {
                *own -= taken[place];
                flows[place] = flows[place] - Usd(taken[place]);
            }
        }
    }
    after
        .into_iter()
        .zip(flows)
        .map(|(value, flow)| (Usd(value), flow))
        .collect()
}

/// `total` in proportion to `weights`, of which none is negative; the parts sum to it.
fn split(total: i128, weights: &[i128]) -> Vec<i128> {
    let sum: i128 = weights.iter().sum();
    let mut parts: Vec<i128> = weights
        .iter()
        .map(|weight| match sum {
            0 => 0,
            sum => total.saturating_mul(*weight) / sum,
        })
        .collect();
    let rest = total - parts.iter().sum::<i128>();
    let most = (0..weights.len()).max_by_key(|place| weights[*place]);
    if let Some(part) = most.and_then(|place| parts.get_mut(place)) {
        *part += rest;
    }
    parts
}
