//! What the engine knows of markets: a watcher in the background, or nothing.

use airdrops_market::Watcher;
use airdrops_types::{AssetId, Bar, MarketView, Timestamp};

/// Markets and feeds as they were last seen. Never waits.
pub trait Market: Send + Sync {
    /// What they say, as of `now`.
    fn view(&self, now: Timestamp) -> MarketView;

    /// The hourly prices that are known from elsewhere, oldest first.
    fn bars(&self, asset: &AssetId) -> Vec<Bar>;
}

/// No source is configured.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMarket;

impl Market for NoMarket {
    fn view(&self, _now: Timestamp) -> MarketView {
        MarketView::default()
    }

    fn bars(&self, _asset: &AssetId) -> Vec<Bar> {
        Vec::new()
    }
}

impl Market for Watcher {
    fn view(&self, now: Timestamp) -> MarketView {
        Self::view(self, now)
    }

    fn bars(&self, asset: &AssetId) -> Vec<Bar> {
        Self::bars(self, asset)
    }
}
