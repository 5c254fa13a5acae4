//! For tests only: a world of real contracts on a real local EVM, a wallet's keystore file, the
//! program under test as a process, and a JSON-RPC proxy that injects faults.
//!
//! Nothing here is linked into the program, and nothing needs anything but loopback once the npm
//! packages in `npm/package-lock.json` are installed (which [`npm::ensure`] does on first use).
//!
//! ```no_run
//! # async fn claim() {
//! let anvil = airdrops_testkit::anvil_or_skip!();
//! anvil.mine(3).await.unwrap();
//! assert_eq!(anvil.block_number().await.unwrap(), 3);
//! # }
//! ```

pub mod anvil;
pub mod contracts;
pub mod control;
pub mod keystore;
pub mod merkle;
pub mod npm;
pub mod process;
pub mod proxy;
pub mod rpc;
mod skip;
pub mod world;

pub use alloy::primitives;
pub use anvil::{Anvil, AnvilOptions, DEV_ACCOUNTS, Mining, StartError, TEST_WALLET};
pub use keystore::write_test_keystore;
pub use npm::{Artifact, NpmFolder, Unavailable};
pub use process::Program;
pub use proxy::{Fault, FaultProxy};
pub use rpc::{Rpc, RpcError};
pub use skip::skip;
pub use world::World;
