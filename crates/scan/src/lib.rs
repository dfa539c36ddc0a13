//! From an HDF5 granule to a manifest: drives the parser over io and maps HDF5 to Zarr.
