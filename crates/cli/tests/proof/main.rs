//! `verify` and `export`, as a user runs them.

mod export;
mod run;
mod verify;
