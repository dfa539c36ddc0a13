//! Commands that make sets of sets, and buckets that they write to.

mod buckets;
mod relocate;
mod setting;
