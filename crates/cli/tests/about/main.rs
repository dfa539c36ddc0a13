//! What sets say of themselves, how the command is configured, and what it says of itself.

mod cite;
mod configuration;
mod pages;
mod run;
