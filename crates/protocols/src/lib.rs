//! Protocol interaction modules.

pub mod config;

pub use config::{ModuleConfig, ProtocolConfig};
