//! `scan`, `inspect`, `read`, `verify` and `export`, as a user runs them.

mod export;
mod files;
mod run;
mod sets;
mod verify;
