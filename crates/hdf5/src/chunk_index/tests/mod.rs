//! Chunk indexes in files that libhdf5 wrote (`fixtures/generate_indexes.py`) and in bytes built
//! by hand, driven with the bytes arriving in every order.

mod arrays;
mod drive;
mod fixtures;
mod image;
mod trees;
