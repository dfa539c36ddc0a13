//! `verify`, as a user runs it.

mod run;
mod verify;
