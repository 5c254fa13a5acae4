//! `run` and `once`: the engine on what the configuration names.

mod intake;
mod node;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use airdrops_chain::{ChainClient, Keyring, RpcUrl, Witness};
use airdrops_market::Watcher;
use airdrops_runtime::{
    Clock, Engine, Listener, Market, Mode, NoMarket, Parts, SystemClock, TickReport,
};
use airdrops_store::{Access, Store, StoreError};
use airdrops_types::{Address, ChainId, ControlState, Entry, Timestamp, U256, Verdict};
use alloy::rpc::client::RpcClient;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::intake::listen;
use self::node::{Heartbeat, STAND_BY, claim};
use crate::cli::{Global, Once};
use crate::config::{Loaded, Location};
use crate::event_line::Teller;
use crate::exit::{Exit, Failure};
use crate::fault::checkpoint;
use crate::paper_world::{PaperWorld, PaperWorldError};

/// Longest time that one request to a node may take.
const RPC_TIMEOUT: Duration = Duration::from_secs(15);

/// Longest that a start waits for the first answers of all sources.
const FIRST_ANSWERS: Duration = Duration::from_secs(5);

/// Time between two looks at what others have written to the store.
const GLANCE: Duration = Duration::from_millis(250);

/// However often something is due, the world is looked at no more often.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);

/// By how many blocks a second endpoint may be ahead of the first.
const WITNESS_LEAD: u64 = 10;

impl From<PaperWorldError> for Failure {
    fn from(error: PaperWorldError) -> Self {
        Self::failed(error.to_string())
    }
}

/// Runs until it is told to stop (Ctrl-C or SIGTERM); what is under way is continued by the next
/// run.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let mut stop = StopSignals::listen()?;
        let mut reached = false;
        loop {
            let loaded = super::load(global)?;
            let shared = matches!(loaded.database, Location::Server { .. });
            let Some(store) = claim(global, &loaded.database, &mut reached, &mut stop).await?
            else {
                break;
            };
            let beat = Heartbeat::of(&loaded.database, &store);
            let ended = follow(global, loaded, store.clone(), &mut stop).await;
            drop(beat);
            match ended {
                Ok(()) => {
                    // Who was replaced meanwhile has nothing left to let go.
                    match store.release() {
                        Err(error) if error != StoreError::LeaseLost => return Err(error.into()),
                        _ => break,
                    }
                }
                Err(failure) if shared && failure.of_the_store => {
                    tell(global, &format!("{} Standing by.", failure.message));
                    drop(store);
                    if waits(STAND_BY, &mut stop).await {
                        break;
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
        tell(
            global,
            "Stopped. What is under way is continued by the next run.",
        );
        Ok(())
    })
}

fn tell(global: &Global, text: &str) {
    if !global.json {
        anstream::eprintln!("{text}");
    }
}

/// Waits; whether it was told to stop.
async fn waits(pause: Duration, stop: &mut StopSignals) -> bool {
    tokio::select! {
        () = tokio::time::sleep(pause) => false,
        () = stop.heard() => true,
    }
}

/// Runs tick after tick until it is told to stop.
async fn follow(
    global: &Global,
    mut loaded: Loaded,
    store: Arc<dyn Store>,
    stop: &mut StopSignals,
) -> Result<(), Failure> {
    let intake = loaded.intake.take();
    let mut farm = Farm::start(global, loaded, store.clone(), false).await?;
    let _server = match intake {
        Some(intake) => Some(listen(global, intake, store).await?),
        None => None,
    };
    loop {
        farm.tick().await?;
        let mut left = farm.pause();
        // What others write, a halt or a request, is looked at soon.
        loop {
            let glance = left.min(GLANCE);
            if waits(glance, stop).await {
                return Ok(());
            }
            left -= glance;
            if left.is_zero() || farm.is_told()? {
                break;
            }
        }
    }
}

/// One tick. A dry run decides everything, and stores, signs and sends nothing.
///
/// # Errors
/// [`Failure`]; exit code 4 if everything is halted, 6 if a chain could not be read, 10 if a dry
/// run would do something.
pub fn once(global: &Global, options: &Once) -> Result<(), Failure> {
    let (report, actions) = runtime()?.block_on(async {
        let loaded = super::load(global)?;
        // The lock first: two runs of one configuration must not even read the same chains.
        let store = loaded.database.open(Access::Runner)?;
        let mut farm = Farm::start(global, loaded, store.clone(), options.dry_run).await?;
        let report = farm.tick().await?;
        // What was sent to a chain in this process would otherwise end with it.
        farm.mine()?;
        store.release()?;
        Ok::<_, Failure>((report, farm.actions.load(Ordering::Relaxed)))
    })?;
    let mut text = format!(
        "{}: {} transactions under way, {} tasks can go on, {} are not finished.",
        report.state, report.open_transactions, report.runnable, report.unfinished
    );
    if options.dry_run {
        text.push_str(&format!(" Dry run: {actions} transactions would be sent."));
    }
    super::answer(
        global,
        &text,
        &json!({
            "state": report.state,
            "open_transactions": report.open_transactions,
            "runnable": report.runnable,
            "unfinished": report.unfinished,
            "unreadable_chains": report.unreadable_chains,
            "dry_run": options.dry_run,
            "permitted": actions,
        }),
    );
    if report.unreadable_chains > 0 {
        return Err(Failure::quiet(Exit::RpcLost));
    }
    if report.state >= ControlState::Halted {
        return Err(Failure::quiet(Exit::Halted));
    }
    if options.dry_run && actions > 0 {
        return Err(Failure::quiet(Exit::WouldChange));
    }
    Ok(())
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

/// Listens from the start, so that a signal during a tick is heard at its end.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for a signal; returns at once if one came since the last time.
    async fn heard(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// An engine with its world.
struct Farm {
    engine: Engine,
    store: Arc<dyn Store>,
    papers: Vec<PaperWorld>,
    clock: Arc<SystemClock>,
    tick: Duration,
    dry_run: bool,
    /// Permits given.
    actions: Arc<AtomicU64>,
}

impl Farm {
    async fn start(
        global: &Global,
        mut loaded: Loaded,
        store: Arc<dyn Store>,
        dry_run: bool,
    ) -> Result<Self, Failure> {
        let clock = Arc::new(SystemClock);
        let keyring = keyring(&loaded)?;
        let (clients, papers) = match loaded.settings.mode {
            Mode::Live => (live_clients(&loaded).await?, Vec::new()),
            Mode::Paper | Mode::Demo => {
                let open = PaperWorld::open;
                let papers = paper_chains(&loaded, clock.as_ref(), open).await?;
                let client = |(id, world): &(ChainId, PaperWorld)| {
                    (*id, ChainClient::from_rpc(*id, world.chain().client()))
                };
                let clients = papers.iter().map(client).collect();
                (
                    clients,
                    papers.into_iter().map(|(_, world)| world).collect(),
                )
            }
        };
        let tick = loaded.settings.tick;
        let actions = Arc::new(AtomicU64::new(0));
        let parts = Parts {
            store: store.clone(),
            log: store.clone(),
            clients,
            market: market(&mut loaded, clock.clone()).await?,
            keyring,
            clock: clock.clone(),
            checkpoint,
            listener: listener(global, &loaded, actions.clone()),
            dry_run,
        };
        let engine = Engine::start(loaded.settings, parts)?;
        Ok(Self {
            engine,
            store,
            papers,
            clock,
            tick,
            dry_run,
            actions,
        })
    }

    /// Until the next tick: the usual pause, or less if something is due earlier.
    fn pause(&self) -> Duration {
        let due = self.engine.next_wake();
        let until = due.map_or(self.tick, |due| due.since(self.clock.now()));
        until.max(SHORTEST_PAUSE).min(self.tick)
    }

    /// Whether somebody else has written to the store since the last look.
    fn is_told(&self) -> Result<bool, Failure> {
        let told = self.store.engine().wait(Duration::ZERO);
        told.map_err(|error| StoreError::Database(error.to_string()).into())
    }

    async fn tick(&mut self) -> Result<TickReport, Failure> {
        self.mine()?;
        Ok(self.engine.tick().await?)
    }

    /// Makes a block on every paper chain.
    fn mine(&mut self) -> Result<(), Failure> {
        for paper in self.papers.iter_mut().filter(|_| !self.dry_run) {
            paper.mine(self.clock.now())?;
        }
        Ok(())
    }
}

/// The services of the file. Waits until each has answered once, or failed, but not for long: what
/// is not known yet only makes the first look more careful.
async fn market(loaded: &mut Loaded, clock: Arc<SystemClock>) -> Result<Arc<dyn Market>, Failure> {
    let Some(config) = loaded.market.take() else {
        return Ok(Arc::new(NoMarket));
    };
    let source_clock = clock.clone();
    let source_clock = airdrops_market::Clock::new(move || source_clock.now());
    let watcher = Watcher::start(config, &source_clock)
        .map_err(|error| Failure::new(Exit::Config, format!("[[source]] {error}")))?;
    let answered = async {
        let fresh = |watcher: &Watcher| {
            let view = watcher.view(clock.now());
            view.sources
                .values()
                .all(|reading| reading.fresh().is_some())
        };
        while !fresh(&watcher) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    // Too late is no failure: the sources are told as silent in the first look.
    let _ = tokio::time::timeout(FIRST_ANSWERS, answered).await;
    Ok(Arc::new(watcher))
}

fn listener(global: &Global, loaded: &Loaded, actions: Arc<AtomicU64>) -> Listener {
    let mut teller = Teller::new(loaded.chain_names());
    let json = global.json;
    Box::new(move |at, entry| {
        if matches!(
            entry,
            Entry::Decided {
                verdict: Verdict::Permitted { .. },
                ..
            }
        ) {
            actions.fetch_add(1, Ordering::Relaxed);
        }
        if json {
            anstream::println!("{}", json!({ "at": at.to_string(), "entry": entry }));
        } else if let Some(line) = teller.line(at, entry) {
            anstream::println!("{line}");
        }
    })
}

fn keyring(loaded: &Loaded) -> Result<Keyring, Failure> {
    let mut keyring = Keyring::new();
    for wallet in &loaded.wallets {
        let address = match (&wallet.keystore, loaded.settings.mode) {
            (Some(path), Mode::Live) => {
                let passphrase = wallet.passphrase()?;
                keyring.add_keystore(path, &passphrase).map_err(|error| {
                    Failure::new(
                        Exit::NeedsUnlock,
                        format!("wallet {}: {error}", wallet.name),
                    )
                })?
            }
            // On paper no real key is touched, and so no passphrase is asked for.
            _ => wallet.add_paper_key(&mut keyring),
        };
        if address != wallet.address {
            return Err(Failure::new(
                Exit::Config,
                format!(
                    "wallet {}: the keystore holds {address}, not {}",
                    wallet.name, wallet.address
                ),
            ));
        }
    }
    Ok(keyring)
}

fn endpoint(loaded: &Loaded, chain: ChainId) -> Result<Option<ChainClient>, Failure> {
    client(&loaded.rpc, chain)
}

fn client(
    endpoints: &BTreeMap<ChainId, SecretString>,
    chain: ChainId,
) -> Result<Option<ChainClient>, Failure> {
    let Some(secret) = endpoints.get(&chain) else {
        return Ok(None);
    };
    let failed = |error: airdrops_chain::EndpointError| {
        Failure::new(Exit::Config, format!("chain {chain}: {error}"))
    };
    let url = RpcUrl::parse(secret.expose_secret()).map_err(failed)?;
    ChainClient::http(chain, &url, RPC_TIMEOUT)
        .map(Some)
        .map_err(failed)
}

async fn live_clients(loaded: &Loaded) -> Result<BTreeMap<ChainId, ChainClient>, Failure> {
    let mut clients = BTreeMap::new();
    for chain in &loaded.settings.chains {
        let client = endpoint(loaded, chain.id)?.ok_or_else(|| {
            Failure::new(
                Exit::Config,
                format!("chain {}: live mode needs `rpc`", chain.name),
            )
        })?;
        let client = match self::client(&loaded.witnesses, chain.id)? {
            Some(witness) => client
                .with_witness(Witness {
                    client: witness,
                    depth: chain.confirmations,
                    max_lead: WITNESS_LEAD,
                    required: false,
                })
                .map_err(|error| {
                    Failure::new(Exit::Config, format!("chain {}: {error}", chain.name))
                })?,
            None => client,
        };
        client.verify_chain_id().await.map_err(|error| {
            Failure::new(Exit::RpcLost, format!("chain {}: {error}", chain.name))
        })?;
        clients.insert(chain.id, client);
    }
    Ok(clients)
}

/// How a paper chain is made from its file.
type Maker<T> = fn(
    ChainId,
    &Path,
    Timestamp,
    Option<(RpcClient, u64)>,
    &[(Address, U256)],
) -> Result<T, PaperWorldError>;

async fn paper_chains<T>(
    loaded: &Loaded,
    clock: &SystemClock,
    make: Maker<T>,
) -> Result<Vec<(ChainId, T)>, Failure> {
    let balances: Vec<(Address, U256)> = loaded
        .wallets
        .iter()
        .map(|wallet| (wallet.address, wallet.paper_balance))
        .collect();
    let mut papers = Vec::new();
    for chain in &loaded.settings.chains {
        let upstream = match endpoint(loaded, chain.id)? {
            Some(client) => {
                let lost = |error: String| {
                    Failure::new(Exit::RpcLost, format!("chain {}: {error}", chain.name))
                };
                client
                    .verify_chain_id()
                    .await
                    .map_err(|error| lost(error.to_string()))?;
                let head = client
                    .head()
                    .await
                    .map_err(|error| lost(error.to_string()))?;
                // The fork asks from a thread of its own, and so needs connections of its own.
                endpoint(loaded, chain.id)?.map(|own| (own.into_rpc(), head.number))
            }
            None => None,
        };
        let Location::File(database) = &loaded.database else {
            return Err(Failure::new(
                Exit::Config,
                "paper chains need a database file",
            ));
        };
        let mut path = database.as_os_str().to_owned();
        path.push(format!(".paper-{}", chain.id));
        let path = PathBuf::from(path);
        let made = make(chain.id, &path, clock.now(), upstream, &balances)?;
        papers.push((chain.id, made));
    }
    Ok(papers)
}

/// An engine that only looks: without keys, without the right to write, also while a run is under
/// way. Paper chains are as their files tell.
pub(crate) async fn onlooker(loaded: Loaded) -> Result<Engine, Failure> {
    let clock = Arc::new(SystemClock);
    let store = loaded.database.open(Access::ReadOnly)?;
    let clients = match loaded.settings.mode {
        Mode::Live => live_clients(&loaded).await?,
        Mode::Paper | Mode::Demo => paper_chains(&loaded, clock.as_ref(), PaperWorld::look)
            .await?
            .into_iter()
            .map(|(id, chain)| (id, ChainClient::from_rpc(id, chain.client())))
            .collect(),
    };
    let parts = Parts {
        store: store.clone(),
        log: store,
        clients,
        market: Arc::new(NoMarket),
        keyring: Keyring::new(),
        clock,
        checkpoint,
        listener: Box::new(|_, _| {}),
        dry_run: true,
    };
    Ok(Engine::start(loaded.settings, parts)?)
}
