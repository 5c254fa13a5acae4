//! From problems to allocations: no answer breaks a limit.

mod faults;
mod laws;
mod random;
