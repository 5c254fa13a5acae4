use airdrops_risk::Permit;
use airdrops_types::{Intent, PermitTerms};

fn forge(intent: Intent, terms: PermitTerms) -> Permit {
    Permit { intent, terms }
}

fn main() {}
