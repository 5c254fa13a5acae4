//! Prices, implied volatility, value locked and reports of trouble, over HTTP.
//!
//! Adapters only: what a number means for the portfolio is decided in `airdrops-risk`.
