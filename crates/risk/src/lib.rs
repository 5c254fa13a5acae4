//! Risk Management System.

pub mod policy;

pub use policy::{AllowedCall, Policy};
