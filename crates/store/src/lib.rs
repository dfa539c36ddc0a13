//! A manifest served as Zarr, through the zarrs storage traits.
