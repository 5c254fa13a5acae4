//! Estimates: what opportunities are worth, and how that is learnt.

mod beliefs;
mod exploring;
mod forecasts;
mod learning;
mod payoffs;
mod priors;
mod samples;
mod scenarios;
mod scoring;
