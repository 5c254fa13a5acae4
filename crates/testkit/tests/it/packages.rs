//! The npm packages.

use std::fs;
use std::path::Path;

use airdrops_testkit::npm::{self, ArtifactError};
use airdrops_testkit::skip;

#[test]
fn artifacts_have_bytecode_and_interfaces_have_none() {
    let packages = match npm::ensure() {
        Ok(packages) => packages,
        Err(reason) => return skip(&reason),
    };
    let weth = packages
        .artifact("canonical-weth/build/contracts/WETH9.json")
        .unwrap();
    assert!(weth.bytecode.len() > 1_000);
    assert!(weth.abi.is_some_and(|abi| abi.is_array()));
    let interface = packages
        .artifact("@uniswap/v2-core/build/IERC20.json")
        .unwrap_err();
    assert!(
        matches!(interface, ArtifactError::Malformed { .. }),
        "{interface}"
    );
    let missing = packages.artifact("no/such.json").unwrap_err();
    assert!(matches!(missing, ArtifactError::Read { .. }), "{missing}");
}

#[test]
fn lock_file_pins_every_package_by_content_and_names_no_private_registry() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("npm/package-lock.json");
    let lock: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let packages = lock["packages"].as_object().unwrap();
    assert!(packages.len() > 8);
    for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
        assert!(
            package["integrity"]
                .as_str()
                .unwrap()
                .starts_with("sha512-"),
            "{name}"
        );
        if let Some(from) = package["resolved"].as_str() {
            assert!(
                from.starts_with("https://registry.npmjs.org/"),
                "{name}: {from}"
            );
        }
    }
}
