//! Streaming anomaly detection: failure rates, latency, gas, balances that move without us, and any
//! other series.
//!
//! Every detector judges a value by what came before it and only then takes it in: nothing looks
//! ahead. State is bounded and survives a restart. Thresholds follow from a stated number of false
//! alarms.
//!
//! - [`stream`]: a named detector with its state, the entrance for most uses.
//! - [`detector`]: what judges it, and what it says.
//! - [`ensemble`]: anything unusual, from several statistics judged by their own past.
//! - [`bernoulli`]: failure rates per class.
//! - [`cusum`], [`ewma_chart`]: control charts on values standardised by [`robust`].
//! - [`mod@calibrate`]: the threshold that keeps a budget of false alarms, by block bootstrap.
//! - [`arl`]: what textbooks say of those charts under normal noise.
//! - [`tail`], [`season`], [`hold_off`], [`window`]: what the others are made of.

pub mod arl;
pub mod bernoulli;
pub mod calibrate;
pub mod cusum;
pub mod detector;
pub mod ensemble;
pub mod ewma_chart;
pub mod hold_off;
pub mod robust;
pub mod season;
pub mod stream;
pub mod tail;
pub mod window;

pub use arl::{ArlError, Sides, cusum_arl, ewma_arl};
pub use bernoulli::{
    BernoulliCusum, BernoulliError, BernoulliReading, FailureCharts, bernoulli_arl,
};
pub use calibrate::{CalibrateError, Calibration, FalseAlarmBudget, calibrate};
pub use cusum::{Cusum, CusumReading};
pub use detector::{Evidence, Method, Observation};
pub use ensemble::{Ensemble, Signal, Surprise};
pub use ewma_chart::{EwmaChart, EwmaReading};
pub use hold_off::HoldOff;
pub use robust::RobustScale;
pub use season::SeasonProfile;
pub use stream::{Stream, StreamError, StreamSettings};
pub use tail::{Side, TailModel};
pub use window::OrderedWindow;
