//! `chunkref build` as a user runs it.

mod bad_input;
mod killed;
mod setting;
mod words;
