use airdrops_risk::Permit;

fn read_back(text: &str) -> Permit {
    serde_json::from_str(text).unwrap()
}

fn main() {}
