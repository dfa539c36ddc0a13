//! The HDF5 filter pipeline: decoding of chunks.
