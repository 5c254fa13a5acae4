//! The test wallet's keystore file.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;

use airdrops_testkit::keystore::write_keystore;
use airdrops_testkit::primitives::B256;
use airdrops_testkit::{TEST_WALLET, write_test_keystore};

#[test]
fn keystore_is_private_to_its_owner_and_names_the_test_wallet() {
    let folder = tempfile::tempdir().unwrap();
    let (path, address) = write_test_keystore(folder.path(), "correct horse").unwrap();
    assert_eq!(address, TEST_WALLET);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let json: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(json["version"], 3);
    assert_eq!(json["address"], format!("{address:x}"));
    assert_eq!(json["crypto"]["kdfparams"]["n"], 4096);
    // Computed with Python's `hashlib.scrypt` and PyCryptodome from the same key, passphrase, salt
    // and iv.
    assert_eq!(
        json["crypto"]["ciphertext"],
        "7e3aa6109f2553388d838991f3ef3ca6bc21516f845a280572b2dc13c32da261"
    );
    assert_eq!(
        json["crypto"]["mac"],
        "c83a376d33c671d30b5ec803a1d7dc79006638a2681d971da351a36bc4313ed6"
    );
}

#[test]
fn existing_keystore_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    write_test_keystore(folder.path(), "a").unwrap();
    let error = write_test_keystore(folder.path(), "b").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

#[test]
fn zero_is_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let error = write_keystore(folder.path(), &B256::ZERO, "a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
