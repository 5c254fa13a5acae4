use airdrops_risk::Permit;
use airdrops_types::PermitTerms;

fn from_storage(terms: PermitTerms) -> Permit {
    terms.into()
}

fn main() {}
