//! What must not compile: each refused example is the one above it with one thing changed, so
//! that it fails for that reason.
//!
//! A permit is the way to a signature, and it is used up:
//!
//! ```
//! use airdrops_chain::{SubmitError, Submitted, TransactionManager};
//! use airdrops_risk::Permit;
//! use airdrops_types::Timestamp;
//!
//! async fn sign(manager: TransactionManager, permit: Permit) -> Result<Submitted, SubmitError> {
//!     manager.submit(permit, Timestamp(0)).await
//! }
//! ```
//!
//! ```compile_fail
//! use airdrops_chain::{SubmitError, Submitted, TransactionManager};
//! use airdrops_risk::Permit;
//! use airdrops_types::Timestamp;
//!
//! async fn sign(manager: TransactionManager, permit: Permit) -> Result<Submitted, SubmitError> {
//!     manager.submit(permit, Timestamp(0)).await?;
//!     manager.submit(permit, Timestamp(0)).await
//! }
//! ```
//!
//! What is stored beside a signature is no permit:
//!
//! ```compile_fail
//! use airdrops_chain::{SubmitError, Submitted, TransactionManager};
//! use airdrops_types::{PermitTerms, Timestamp};
//!
//! async fn sign(manager: TransactionManager, terms: PermitTerms) -> Result<Submitted, SubmitError> {
//!     manager.submit(terms, Timestamp(0)).await
//! }
//! ```
//!
//! A keyring tells addresses, and does not sign:
//!
//! ```
//! let keyring = airdrops_chain::Keyring::new();
//! assert!(keyring.addresses().is_empty());
//! ```
//!
//! ```compile_fail
//! let sign = airdrops_chain::Keyring::sign;
//! ```
//!
//! ```compile_fail
//! let keyring = airdrops_chain::Keyring::new();
//! let keys = keyring.keys;
//! ```
//!
//! It has no copy and no text:
//!
//! ```
//! fn held<T: Send + Sync>() {}
//! held::<airdrops_chain::Keyring>();
//! ```
//!
//! ```compile_fail
//! fn held<T: Clone>() {}
//! held::<airdrops_chain::Keyring>();
//! ```
//!
//! ```compile_fail
//! fn held<T: std::fmt::Debug>() {}
//! held::<airdrops_chain::Keyring>();
//! ```
//!
//! ```compile_fail
//! fn held<T: serde::Serialize>() {}
//! held::<airdrops_chain::Keyring>();
//! ```
//!
//! Neither has the manager that holds it:
//!
//! ```compile_fail
//! fn held<T: Clone>() {}
//! held::<airdrops_chain::TransactionManager>();
//! ```
//!
//! ```compile_fail
//! fn held<T: std::fmt::Debug>() {}
//! held::<airdrops_chain::TransactionManager>();
//! ```
//!
//! A keystore opens into a keyring only:
//!
//! ```
//! let named = airdrops_chain::keystore::named_address("none".as_ref());
//! assert!(named.is_err());
//! ```
//!
//! ```compile_fail
//! let open = airdrops_chain::keystore::open;
//! ```
//!
//! An RPC URL shows its origin only:
//!
//! ```
//! fn shown<T: std::fmt::Debug>() {}
//! shown::<airdrops_chain::RpcUrl>();
//! ```
//!
//! ```compile_fail
//! fn shown<T: std::fmt::Display>() {}
//! shown::<airdrops_chain::RpcUrl>();
//! ```
//!
//! ```compile_fail
//! fn shown<T: serde::Serialize>() {}
//! shown::<airdrops_chain::RpcUrl>();
//! ```
//!
//! Signed bytes are sent by the manager only:
//!
//! ```
//! async fn ask(client: airdrops_chain::ChainClient) {
//!     let _ = client.head().await;
//! }
//! ```
//!
//! ```compile_fail
//! async fn ask(client: airdrops_chain::ChainClient) {
//!     let _ = client.send_raw(&Default::default()).await;
//! }
//! ```
