//! What the program serves over HTTP: for now the intake of signed webhooks, on a loopback address.
//!
//! - [`webhook`]: who may send events, and what becomes of a delivery.
//! - [`signature`]: how a delivery is signed.
//! - [`serve`]: the listener, its bounds, and its end.

mod answer;
mod rate;
pub mod serve;
pub mod signature;
pub mod webhook;

pub use serve::{Clock, Running, ServeError, serve};
pub use webhook::{Inbox, InboxError, MOST_BODY, WebhookDefect, Webhooks};
