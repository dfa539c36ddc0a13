//! Virtual Zarr datasets over HDF5 and NetCDF-4 archives, without copying them.
