//! An EVM chain inside the process, reached as an alloy transport: for paper mode and the demo.
//!
//! [`PaperChain`] executes real bytecode (revm), keeps a pool with go-ethereum's rules, moves the
//! base fee by EIP-1559, remembers the state of recent blocks, can fork a live chain, and answers
//! JSON-RPC as a node does. It reads no clock and draws no random number: two equal sequences of
//! calls give equal block hashes.
//!
//! What it is not:
//! - It has no state trie: `stateRoot` is zero. Transaction and receipt roots are real.
//! - No system calls are made (EIP-4788 beacon roots, EIP-2935 history contract), and there are
//!   no blobs: type-3 transactions are refused, and the blob base fee is 1 wei.
//! - The point evaluation precompile (0x0a) is absent in the minimal build of revm.
//! - The pool enforces no minimum tip and no size limits. geth's miner asks for a tip by default.
//! - Base fees are EIP-1559 with elasticity 2 and denominator 8 on every chain, and there is no
//!   L1 data fee: rollups differ in both.

mod block;
mod chain;
mod error;
mod evm;
mod fork;
mod mining;
mod pool;
mod rpc;
mod state;
mod transport;
mod world;

pub use chain::{Hardfork, PaperChain, PaperConfig};
pub use error::{PaperError, RpcError};
pub use transport::PaperTransport;
