//! Prices, implied volatility, value locked and reports of trouble, over HTTP.
//!
//! Adapters only: what a number means for the portfolio is decided in `airdrops-risk`. A source is
//! believed about its own data and nothing else: it cannot make the program read without end, wait
//! without end, follow it elsewhere, or take a wrong type for a number. What does not look as the
//! source documents it is refused whole, with the place.
//!
//! # Time
//!
//! Every observation carries the source's own time, never that of receipt, where the source gives
//! one:
//!
//! | source | time of an observation |
//! |---|---|
//! | Pyth Hermes | `publish_time` of the price |
//! | CoinGecko | `last_updated_at` of the price |
//! | Binance | `openTime` of the newest minute in which anything was traded: up to 60 s too old, never too young |
//! | DefiLlama prices | `timestamp` of the price |
//! | Deribit volatility | time of the newest point |
//! | Deribit book summary | `creation_timestamp` of the row |
//! | DefiLlama TVL and protocols, GoPlus | none given: [`Answer::as_of`](fetch::Answer::as_of), the oldest of receipt, `Date` less `Age`, and `Last-Modified` |
//! | feeds | publication of the entry, else its update, else as above |
//!
//! # Why the clients are our own
//!
//! The crates `pyth-hermes-client` 0.7, `coingecko` 1.1, `deribit-http` 0.7, `binance-sdk` 77 and
//! `gplus` 0.2 were looked at. All read the whole answer into memory whatever its length, and none
//! takes a clock. Besides, `coingecko` has no timeout, keeps the key in the URL (which its errors
//! print) and reads prices as floats; `pyth-hermes-client` has no place for the key of its own and
//! prints the URL in errors; `deribit-http` reads `.env` files and environment variables by
//! itself; `binance-sdk` types a kline's fields as integer, text or anything, and is 24 MB of
//! generated source; `gplus` takes no limit of length. Feeds are parsed by `feed-rs`.

pub mod api_key;
pub mod clock;
pub mod config;
mod decimal;
pub mod error;
pub mod fetch;
mod json;
pub mod observed;
mod quoted;
pub mod settings;
pub mod source;
pub mod watch;

pub use api_key::{ApiKey, KeyUse};
pub use clock::Clock;
pub use config::MarketConfig;
pub use error::{ErrorKind, SourceError};
pub use fetch::{Answer, FetchPolicy, Fetcher, RateLimit, Request, SetupError};
pub use observed::{Observed, Sighting};
pub use settings::Settings;
pub use watch::Watcher;
