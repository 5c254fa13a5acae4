//! The `airdrops` program without its `main`: configuration, commands, and the report.

pub mod breaker_steps;
pub mod cli;
pub mod command;
pub mod config;
pub mod demo;
pub mod event_line;
pub mod exit;
pub mod fault;
pub mod narrate;
pub mod paper_world;
pub mod report;
