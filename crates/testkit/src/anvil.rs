//! A local chain: one anvil process, on loopback, that ends with its owner.

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256, address, b256};
use serde_json::{Value, json};

use crate::npm::{self, Unavailable};
use crate::rpc::{Rpc, RpcError};

/// Longest that anvil may take until it answers. Generous: the machine may be busy.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Ends anvil when its standard input closes, which the operating system does however the owner
/// ends. `$1` is the signal to try first; the rest is the command.
const SUPERVISOR: &str = r#"
first=$1; shift
"$@" </dev/null 2>&1 &
child=$!
exec >/dev/null 2>&1
while read -r _; do :; done
kill -"$first" "$child"
tries=0
while [ "$first" != KILL ] && kill -0 "$child" && [ "$tries" -lt 100 ]; do sleep 0.05; tries=$((tries+1)); done
kill -KILL "$child"
wait "$child"
"#;

/// The development accounts that every anvil unlocks, from its public mnemonic
/// `test test test test test test test test test test test junk`.
pub const DEV_ACCOUNTS: [Address; 10] = [
    address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
    address!("70997970C51812dc3A010C7d01b50e0d17dc79C8"),
    address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
    address!("90F79bf6EB2c4f870365E785982E1f101E93b906"),
    address!("15d34AAf54267DB7D7c367839AAf71A00a2C6A65"),
    address!("9965507D1a55bcC2695C58ba16FB37d819B0A4dc"),
    address!("976EA74026E726554dB657fA54763abd0C3a0aa9"),
    address!("14dC79964da2C08b23698B3D3cc7Ca32193d9955"),
    address!("23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f"),
    address!("a0Ee7A142d267C1f36714E4a8F75612F20a79720"),
];

/// The public private key of [`DEV_ACCOUNTS`]`[5]`, the wallet under test. Worth nothing anywhere.
pub const TEST_WALLET_KEY: B256 =
    b256!("8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba");

/// The address of [`TEST_WALLET_KEY`].
pub const TEST_WALLET: Address = DEV_ACCOUNTS[5];

/// How blocks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mining {
    /// One block for each transaction, at once.
    #[default]
    Automine,
    /// One block each interval.
    Interval(Duration),
    /// Only on [`Anvil::mine`].
    Manual,
}

/// What chain to start. The default is chain 31337 with automine under the Prague rules.
#[derive(Debug, Clone)]
pub struct AnvilOptions {
    /// The EIP-155 chain id.
    pub chain_id: u64,
    /// How blocks are made.
    pub mining: Mining,
    /// The rules: `cancun`, `prague`, `osaka`.
    pub hardfork: String,
    /// Base fee of the genesis block, wei; anvil's own (1 gwei) when `None`.
    pub base_fee: Option<u64>,
    /// Balance of each development account, whole ether.
    pub balance_ether: u64,
    /// Blocks per epoch: `safe` is one epoch behind `latest`, `finalized` two.
    pub slots_in_an_epoch: u64,
    /// Time of the genesis block, seconds since 1970; now when `None`.
    pub genesis_time: Option<u64>,
    /// A state file: loaded if it exists, written when the chain stops.
    pub state: Option<PathBuf>,
    /// The JSON-RPC URL of a chain to fork.
    pub fork_url: Option<String>,
}

impl Default for AnvilOptions {
    fn default() -> Self {
        Self {
            chain_id: 31_337,
            mining: Mining::Automine,
            hardfork: "prague".to_owned(),
            base_fee: None,
            balance_ether: 10_000,
            slots_in_an_epoch: 32,
            genesis_time: None,
            state: None,
            fork_url: None,
        }
    }
}

impl AnvilOptions {
    /// The default chain under another id.
    #[must_use]
    pub fn with_chain_id(chain_id: u64) -> Self {
        Self {
            chain_id,
            ..Self::default()
        }
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = [
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--threads",
            "2",
            "--color",
            "never",
        ]
        .map(str::to_owned)
        .into();
        let mut option = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        option("--chain-id", self.chain_id.to_string());
        option("--hardfork", self.hardfork.clone());
        option("--balance", self.balance_ether.to_string());
        option("--slots-in-an-epoch", self.slots_in_an_epoch.to_string());
        if let Some(fee) = self.base_fee {
            option("--block-base-fee-per-gas", fee.to_string());
        }
        if let Some(time) = self.genesis_time {
            option("--timestamp", time.to_string());
        }
        if let Some(path) = &self.state {
            option("--state", path.display().to_string());
        }
        if let Some(url) = &self.fork_url {
            option("--fork-url", url.clone());
            option("--retries", "1".to_owned());
        }
        match self.mining {
            Mining::Automine => {}
            Mining::Interval(every) => option("--block-time", every.as_secs_f64().to_string()),
            Mining::Manual => arguments.push("--no-mining".to_owned()),
        }
        arguments
    }
}

/// Why no chain started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no anvil here and none can be installed.
    #[error("anvil is not available: {0}")]
    Unavailable(#[from] Unavailable),
    /// The process could not be started.
    #[error("anvil does not start: {0}")]
    Spawn(#[from] io::Error),
    /// The process ended, or did not listen in time. Holds the last lines that it printed.
    #[error("anvil did not come up: {0}")]
    NotListening(String),
    /// It listens, but does not answer as asked.
    #[error("anvil answers wrongly: {0}")]
    Wrong(RpcError),
}

/// A running chain. Dropping it ends the process, as does the end of the owner by any means.
#[derive(Debug)]
pub struct Anvil {
    rpc: Rpc,
    chain_id: u64,
    supervisor: Child,
    lifeline: Option<ChildStdin>,
}

impl Anvil {
    /// Starts a chain on a free port and waits until it answers. Installs anvil on first use.
    ///
    /// # Errors
    /// [`StartError`] without a chain that answers.
    pub async fn start(options: AnvilOptions) -> Result<Self, StartError> {
        let binary = npm::ensure()?.anvil()?;
        Self::start_binary(&binary, &options).await
    }

    async fn start_binary(binary: &Path, options: &AnvilOptions) -> Result<Self, StartError> {
        // The state is written by anvil's own handler; without one there is nothing to wait for.
        let signal = if options.state.is_some() {
            "TERM"
        } else {
            "KILL"
        };
        let mut supervisor = Command::new("/bin/sh")
            .args(["-c", SUPERVISOR, "anvil-supervisor", signal])
            .arg(binary)
            .args(options.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let lifeline = supervisor.stdin.take();
        let stdout = supervisor.stdout.take();
        // From here on an early return drops it, and with it the process.
        let mut anvil = Self {
            rpc: Rpc::new(SocketAddr::from(([127, 0, 0, 1], 0))),
            chain_id: options.chain_id,
            supervisor,
            lifeline,
        };
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            // Reads to the end, so that anvil never blocks on a full pipe.
            for line in stdout
                .into_iter()
                .flat_map(|out| BufReader::new(out).lines())
            {
                let Ok(line) = line else { break };
                // After start-up nobody listens.
                let _ = sender.send(line);
            }
        });
        let address = tokio::task::spawn_blocking(move || listening_address(&lines))
            .await
            .map_err(|error| StartError::NotListening(error.to_string()))??;
        anvil.rpc = Rpc::new(address);
        anvil.wait_until_it_answers().await?;
        Ok(anvil)
    }

    async fn wait_until_it_answers(&self) -> Result<(), StartError> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            match self.rpc.request("eth_chainId", json!([])).await {
                Ok(id) if id == json!(format!("0x{:x}", self.chain_id)) => return Ok(()),
                Ok(id) => {
                    return Err(StartError::Wrong(RpcError::Unexpected(format!(
                        "chain id {id}, not {}",
                        self.chain_id
                    ))));
                }
                Err(error) if Instant::now() >= deadline => return Err(StartError::Wrong(error)),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Its JSON-RPC URL: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.rpc.url()
    }

    /// Its WebSocket URL: `ws://127.0.0.1:PORT`.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.rpc.address())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.rpc.address()
    }

    /// Its chain id.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// A client of it, which does not keep it alive.
    #[must_use]
    pub fn client(&self) -> Rpc {
        self.rpc
    }

    /// The result of one JSON-RPC call; `params` is the JSON array of its parameters.
    ///
    /// # Errors
    /// [`RpcError`] without a result.
    pub async fn rpc(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        self.rpc.request(method, params).await
    }

    /// Stops the chain, and waits until its process has ended. A state file is complete afterwards.
    ///
    /// # Errors
    /// The operating system's, when the process cannot be waited for.
    pub fn stop(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        drop(self.lifeline.take());
        self.supervisor.wait().map(drop)
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            // A drop cannot fail, and a panic here would hide the test's own.
            let _ = writeln!(io::stderr(), "anvil cannot be waited for: {error}");
        }
    }
}

fn listening_address(lines: &mpsc::Receiver<String>) -> Result<SocketAddr, StartError> {
    let deadline = Instant::now() + START_LIMIT;
    let mut seen: Vec<String> = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left) {
            Ok(line) => {
                if let Some(address) = line
                    .strip_prefix("Listening on ")
                    .and_then(|address| address.trim().parse().ok())
                {
                    return Ok(address);
                }
                if !line.trim().is_empty() {
                    seen.push(line);
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                return Err(StartError::NotListening(format!(
                    "not listening after {START_LIMIT:?}"
                )));
            }
            Err(RecvTimeoutError::Disconnected) => {
                let last = seen.len().saturating_sub(5);
                return Err(StartError::NotListening(seen[last..].join(" / ")));
            }
        }
    }
}
