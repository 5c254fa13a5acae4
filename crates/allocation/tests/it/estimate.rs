//! Estimates: what opportunities are worth, and how that is learnt.

mod beliefs;
mod payoffs;
mod samples;
mod scenarios;
