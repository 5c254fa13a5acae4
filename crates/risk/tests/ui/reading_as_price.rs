use airdrops_types::{Price, Reading, Rounding, U256, Usd};

fn value(price: Reading<Price>, amount: U256) -> Option<Usd> {
    Price::value(price, amount, 18, Rounding::Up)
}

fn main() {}
