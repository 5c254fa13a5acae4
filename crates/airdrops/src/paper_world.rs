//! Paper mode's chains: inside the process, empty or forked from the configured endpoint, and the
//! same again after a restart.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use airdrops_paper::{PaperChain, PaperConfig, PaperError, RpcError};
use airdrops_types::{Address, Bytes, ChainId, Timestamp, U256};
use alloy::eips::Encodable2718;
use alloy::rpc::client::RpcClient;
use serde::{Deserialize, Serialize};

/// Why a paper chain could not be started or written down.
#[derive(Debug, thiserror::Error)]
pub enum PaperWorldError {
    /// The file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not what this program wrote.
    #[error(
        "{path}:{line}: not a paper chain's record ({error}); move this file and the database away to begin again"
    )]
    Record {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        error: String,
    },
    /// The chain was copied from an endpoint, and there is none to read the rest from.
    #[error(
        "{path}: this paper chain was copied from an endpoint at block {block}, and needs the endpoint's address again; or move this file and the database away to begin again"
    )]
    NoUpstream {
        /// The file.
        path: PathBuf,
        /// The block of the copy.
        block: u64,
    },
    /// The chain failed.
    #[error("paper chain {chain}: {error}")]
    Chain {
        /// Which.
        chain: ChainId,
        /// Why.
        error: PaperError,
    },
    /// A request was refused.
    #[error("paper chain {chain}: {error}")]
    Request {
        /// Which.
        chain: ChainId,
        /// Why.
        error: RpcError,
    },
}

/// First line of the record: where the chain began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    chain: ChainId,
    genesis: Timestamp,
    forked: Option<u64>,
    balances: Vec<(Address, U256)>,
}

/// Every further line: one block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mined {
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    transactions: Vec<Bytes>,
}

/// A paper chain whose blocks are written down, so that a restart has the same chain.
pub struct PaperWorld {
    id: ChainId,
    chain: PaperChain,
    path: PathBuf,
    record: File,
}

impl PaperWorld {
    /// Continues the chain of the record at `path`, or begins one: forked from `upstream` at its
    /// block `head`, or empty. `balances` are given to wallets at the beginning, wei.
    ///
    /// # Errors
    /// [`PaperWorldError`].
    pub fn open(
        id: ChainId,
        path: &Path,
        now: Timestamp,
        upstream: Option<(RpcClient, u64)>,
        balances: &[(Address, U256)],
    ) -> Result<Self, PaperWorldError> {
        let io = |error| PaperWorldError::Io {
            path: path.to_owned(),
            error,
        };
        let lines = recorded(path, true)?;
        // Also when the process died while it wrote the first line.
        let fresh = lines.is_empty();
        let (chain, origin) = built(id, path, lines, now, upstream, balances)?;
        let record = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(io)?;
        let mut world = Self {
            id,
            chain,
            path: path.to_owned(),
            record,
        };
        if fresh {
            world.write(&origin)?;
        }
        Ok(world)
    }

    /// The chain of the record at `path` as its last complete line left it; the file stays as it
    /// is, also while another process writes it.
    ///
    /// # Errors
    /// [`PaperWorldError`].
    pub fn look(
        id: ChainId,
        path: &Path,
        now: Timestamp,
        upstream: Option<(RpcClient, u64)>,
        balances: &[(Address, U256)],
    ) -> Result<PaperChain, PaperWorldError> {
        let lines = recorded(path, false)?;
        Ok(built(id, path, lines, now, upstream, balances)?.0)
    }
    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &PaperChain {
        &self.chain
    }

    /// Mines one block, and writes it down before anybody can have acted on it.
    ///
    /// # Errors
    /// [`PaperWorldError`].
    pub fn mine(&mut self, now: Timestamp) -> Result<(), PaperWorldError> {
        let at = now.max(Timestamp(self.chain.head().time.0 + 1000));
        self.chain.mine(at);
        let failed = |error| PaperWorldError::Request {
            chain: self.id,
            error,
        };
        let block = self
            .chain
            .request("eth_getBlockByNumber", serde_json::json!(["latest", true]))
            .map_err(failed)?;
        let block: alloy::rpc::types::Block = serde_json::from_value(block)
            .map_err(|error| failed(RpcError::server(error.to_string())))?;
        let transactions = block
            .transactions
            .into_transactions()
            .map(|transaction| Bytes::from(transaction.inner.encoded_2718()))
            .collect();
        self.write(&Mined { at, transactions })
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), PaperWorldError> {
        let io = |error| PaperWorldError::Io {
            path: self.path.clone(),
            error,
        };
        let mut text = serde_json::to_string(line).map_err(|error| io(error.into()))?;
        text.push('\n');
        self.record.write_all(text.as_bytes()).map_err(io)?;
        self.record.sync_data().map_err(io)
    }
}

/// The chain that the lines of a record tell, or one that begins now.
fn built(
    id: ChainId,
    path: &Path,
    lines: Vec<(usize, String)>,
    now: Timestamp,
    upstream: Option<(RpcClient, u64)>,
    balances: &[(Address, U256)],
) -> Result<(PaperChain, Origin), PaperWorldError> {
    let mut lines = lines.into_iter();
    let origin = match lines.next() {
        Some((line, text)) => parse::<Origin>(path, line, &text)?,
        None => Origin {
            chain: id,
            genesis: now,
            forked: upstream.as_ref().map(|(_, head)| *head),
            balances: balances.to_vec(),
        },
    };
    let failed = |error| PaperWorldError::Chain { chain: id, error };
    let config = PaperConfig::new(id, origin.genesis);
    let chain = match (origin.forked, upstream) {
        (Some(block), Some((client, _))) => {
            PaperChain::fork(config, client, block).map_err(failed)?
        }
        (Some(block), None) => {
            return Err(PaperWorldError::NoUpstream {
                path: path.to_owned(),
                block,
            });
        }
        (None, _) => PaperChain::new(config),
    };
    for (account, balance) in &origin.balances {
        chain.set_balance(*account, *balance).map_err(failed)?;
    }
    for (line, text) in lines {
        let block = parse::<Mined>(path, line, &text)?;
        for raw in block.transactions {
            chain
                .request("eth_sendRawTransaction", serde_json::json!([raw]))
                .map_err(|error| PaperWorldError::Request { chain: id, error })?;
        }
        chain.mine(block.at);
    }
    Ok((chain, origin))
}

/// The record's complete lines; none if there is no file.
fn recorded(path: &Path, cut: bool) -> Result<Vec<(usize, String)>, PaperWorldError> {
    match File::open(path) {
        Ok(file) => read_record(path, file, cut),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(PaperWorldError::Io {
            path: path.to_owned(),
            error,
        }),
    }
}

/// The record's complete lines. A last line without its end was being written when the process
/// died, and is cut off; or is still being written, and left alone without `cut`.
fn read_record(
    path: &Path,
    file: File,
    cut: bool,
) -> Result<Vec<(usize, String)>, PaperWorldError> {
    let io = |error| PaperWorldError::Io {
        path: path.to_owned(),
        error,
    };
    let mut reader = BufReader::new(file);
    let (mut lines, mut complete) = (Vec::new(), 0u64);
    loop {
        let mut text = String::new();
        let read = reader.read_line(&mut text).map_err(io)?;
        if !text.ends_with('\n') {
            if read > 0 && cut {
                let file = OpenOptions::new().write(true).open(path).map_err(io)?;
                file.set_len(complete).map_err(io)?;
            }
            return Ok(lines);
        }
        complete += read as u64;
        lines.push((lines.len() + 1, text));
    }
}

fn parse<T: serde::de::DeserializeOwned>(
    path: &Path,
    line: usize,
    text: &str,
) -> Result<T, PaperWorldError> {
    serde_json::from_str(text).map_err(|error| PaperWorldError::Record {
        path: path.to_owned(),
        line,
        error: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_record_that_was_cut_at_any_byte_can_be_continued() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        let account = Address::repeat_byte(7);
        let balances = [(account, U256::from(5))];
        let open = || PaperWorld::open(ChainId(9), &path, Timestamp(1000), None, &balances);
        let mut world = open().unwrap();
        world.mine(Timestamp(2000)).unwrap();
        world.mine(Timestamp(3000)).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in 0..=whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let seen = PaperWorld::look(ChainId(9), &path, Timestamp(1000), None, &balances);
            let left = std::fs::read(&path).unwrap();
            assert_eq!(left, whole[..length], "a look changes nothing");
            let mut world = open().unwrap();
            let height = world.chain().head().number;
            assert_eq!(seen.unwrap().head().number, height);
            world.mine(Timestamp(9000)).unwrap();
            let again = open().unwrap();
            assert_eq!(again.chain().head().number, height + 1, "cut at {length}");
        }
        assert_eq!(open().unwrap().chain().head().number, 3);
    }
}
