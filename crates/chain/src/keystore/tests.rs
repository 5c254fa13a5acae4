use super::*;
use serde_json::{Value, json};

/// Cheap enough for a test.
const CHEAP: ScryptCost = ScryptCost {
    log_n: 4,
    r: 8,
    p: 1,
};

// Test vectors of the Web3 Secret Storage Definition, version 3 (Ethereum Wiki).
const SCRYPT_VECTOR: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"83dbcc02d8ccb40e466191a123791e0e"},"ciphertext":"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c","kdf":"scrypt","kdfparams":{"dklen":32,"n":262144,"r":1,"p":8,"salt":"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},"mac":"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
const PBKDF2_VECTOR: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},"ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2","kdfparams":{"c":262144,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},"mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
const VECTOR_PASSPHRASE: &str = "testpassword";
const VECTOR_SECRET: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";

fn passphrase(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn private_file(directory: &Path, text: &str) -> PathBuf {
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = directory.join("key.json");
    let _ = fs::remove_file(&path);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    path
}

#[test]
fn both_published_vectors_open() {
    let directory = tempfile::tempdir().unwrap();
    for vector in [SCRYPT_VECTOR, PBKDF2_VECTOR] {
        let path = private_file(directory.path(), vector);
        let signer = open(&path, &passphrase(VECTOR_PASSPHRASE)).unwrap();
        assert_eq!(
            alloy::primitives::hex::encode(signer.to_bytes()),
            VECTOR_SECRET
        );
    }
}

#[test]
fn a_wrong_passphrase_is_told_apart_from_a_broken_file() {
    let directory = tempfile::tempdir().unwrap();
    let signer = PrivateKeySigner::from_slice(&[7; 32]).unwrap();
    let path = directory.path().join("k");
    store(&path, &signer, &passphrase("right"), CHEAP).unwrap();
    assert!(matches!(
        open(&path, &passphrase("wrong")),
        Err(KeystoreError::WrongPassphrase { .. })
    ));
    assert!(open(&path, &passphrase("right")).is_ok());
}

#[test]
fn what_is_stored_opens_has_mode_0600_and_leaves_nothing_beside() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wallet.json");
    let signer = PrivateKeySigner::from_slice(&[9; 32]).unwrap();
    let address = store(&path, &signer, &passphrase("p"), CHEAP).unwrap();
    assert_eq!(address, signer.address());
    assert_eq!(open(&path, &passphrase("p")).unwrap().address(), address);
    assert_eq!(named_address(&path).unwrap(), Some(address));
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn the_cost_of_writing_is_geths_standard() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new.json");
    let address = create(&path, &passphrase("long enough")).unwrap();
    let file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(file["crypto"]["kdfparams"]["n"], json!(262_144));
    assert_eq!(file["crypto"]["kdfparams"]["r"], json!(8));
    assert_eq!(
        open(&path, &passphrase("long enough")).unwrap().address(),
        address
    );
}

#[test]
fn an_existing_file_is_never_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = private_file(directory.path(), "precious");
    let signer = PrivateKeySigner::from_slice(&[9; 32]).unwrap();
    assert!(matches!(
        store(&path, &signer, &passphrase("p"), CHEAP),
        Err(KeystoreError::Exists { .. })
    ));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_file_that_others_may_read_is_refused_with_the_remedy() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = private_file(directory.path(), SCRYPT_VECTOR);
    for mode in [0o644, 0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = open(&path, &passphrase(VECTOR_PASSPHRASE)).unwrap_err();
        assert!(
            matches!(error, KeystoreError::TooOpen { mode: seen, .. } if seen == mode),
            "{error}"
        );
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}

#[test]
fn a_key_under_the_wrong_address_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("k");
    let signer = PrivateKeySigner::from_slice(&[7; 32]).unwrap();
    store(&path, &signer, &passphrase("p"), CHEAP).unwrap();
    let mut file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    file["address"] = json!("00".repeat(20));
    let path = private_file(directory.path(), &file.to_string());
    assert!(matches!(
        open(&path, &passphrase("p")),
        Err(KeystoreError::AddressMismatch { .. })
    ));
}

#[test]
fn hostile_files_are_errors_and_never_panics_or_huge_allocations() {
    let changes: Vec<(&str, Value)> = vec![
        ("/version", json!(1)),
        ("/version", json!(-3)),
        ("/crypto/cipher", json!("none")),
        ("/crypto/ciphertext", json!("")),
        ("/crypto/ciphertext", json!("00")),
        ("/crypto/ciphertext", json!("zz".repeat(32))),
        ("/crypto/ciphertext", json!("00".repeat(33))),
        ("/crypto/cipherparams/iv", json!("00".repeat(15))),
        ("/crypto/mac", json!("00".repeat(31))),
        ("/crypto/mac", json!("é".repeat(32))),
        ("/crypto/kdf", json!("md5")),
        ("/crypto/kdf", json!("pbkdf2")),
        ("/crypto/kdfparams/n", json!(0)),
        ("/crypto/kdfparams/n", json!(1)),
        ("/crypto/kdfparams/n", json!(262_143)),
        ("/crypto/kdfparams/n", json!(1u64 << 63)),
        ("/crypto/kdfparams/n", json!(1u64 << 30)),
        ("/crypto/kdfparams/n", json!(1e30)),
        ("/crypto/kdfparams/r", json!(0)),
        ("/crypto/kdfparams/r", json!(u64::MAX)),
        ("/crypto/kdfparams/r", json!(1 << 20)),
        ("/crypto/kdfparams/p", json!(0)),
        ("/crypto/kdfparams/p", json!(u64::MAX)),
        ("/crypto/kdfparams/p", json!(1 << 29)),
        ("/crypto/kdfparams/dklen", json!(16)),
        ("/crypto/kdfparams/dklen", json!(u64::MAX)),
        ("/crypto/kdfparams/salt", json!("0")),
        ("/crypto/kdfparams/salt", json!("00".repeat(30_000))),
        ("/crypto", json!(null)),
        ("/crypto/kdfparams", json!([])),
    ];
    let directory = tempfile::tempdir().unwrap();
    for (place, value) in changes {
        let mut file: Value = serde_json::from_str(SCRYPT_VECTOR).unwrap();
        *file.pointer_mut(place).unwrap() = value.clone();
        let path = private_file(directory.path(), &file.to_string());
        let result = open(&path, &passphrase(VECTOR_PASSPHRASE));
        assert!(
            matches!(result, Err(KeystoreError::Format { .. })),
            "{place} = {value}"
        );
    }
    for text in ["", "{", "null", "[]", "3", &"[".repeat(60_000), "\u{0}"] {
        let path = private_file(directory.path(), text);
        assert!(matches!(
            open(&path, &passphrase("p")),
            Err(KeystoreError::Format { .. })
        ));
    }
    let path = private_file(directory.path(), &" ".repeat(100_000));
    let error = open(&path, &passphrase("p")).unwrap_err();
    assert!(error.to_string().contains("longer than"), "{error}");
    assert!(matches!(
        open(directory.path(), &passphrase("p")),
        Err(KeystoreError::Format { .. })
    ));
}

#[test]
fn no_prefix_of_a_valid_file_is_accepted() {
    for end in 0..SCRYPT_VECTOR.len() {
        assert!(cipher::parse(&SCRYPT_VECTOR[..end]).is_err(), "{end}");
    }
}

#[test]
fn an_empty_passphrase_and_a_bad_key_are_refused_without_repeating_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("k");
    assert!(matches!(
        create(&path, &passphrase("")),
        Err(KeystoreError::EmptyPassphrase)
    ));
    for text in ["canary", &"0".repeat(64), &"f".repeat(64), &"ab".repeat(31)] {
        let error = import(&path, &passphrase(text), &passphrase("p")).unwrap_err();
        assert!(matches!(error, KeystoreError::NotAKey), "{error}");
        assert!(!format!("{error:?}").contains("canary"));
    }
    assert!(!path.exists());
}
