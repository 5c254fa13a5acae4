use airdrops_risk::Permit;

fn use_twice(permit: Permit) {
    let _first = permit.into_parts();
    let _second = permit.into_parts();
}

fn main() {}
