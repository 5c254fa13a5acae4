//! The modules as their callers see them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod allow_list;
mod books;
mod configuration;
mod encoding;
mod on_paper;
mod scenery;
mod script;
mod world;
