//! The tick: wires the rooms into the flow.

pub mod settings;
