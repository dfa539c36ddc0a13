"""Every known exception to the comparison, by name and with its reason.

An entry that no longer matches anything fails the tests: it must go.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from references import Difference


@dataclass(frozen=True)
class Exception_:
    """Differences of one file that are right or not ours to mend."""

    # The file as the tests name it, the rule and path of the differences, as shell patterns.
    file: str
    rule: str
    path: str
    reason: str

    def covers(self, file: str, difference: Difference) -> bool:
        return (
            fnmatchcase(file, self.file)
            and fnmatchcase(difference.rule, self.rule)
            and fnmatchcase(difference.path, self.path)
        )


# Differences that are accepted.
DIFFERENCES: list[Exception_] = [
    Exception_(
        "corpus/hdf5/format/h5ex_d_bitgroom.h5",
        "values",
        "/DS1",
        "h5py has no plugin for filter 32022, which gives what is stored; test_filters.py compares that",
    ),
    Exception_(
        "corpus/hdf5/format/h5ex_d_granularbr.h5",
        "values",
        "/DS1",
        "h5py has no plugin for filter 32023, which gives what is stored; test_filters.py compares that",
    ),
    Exception_(
        "corpus/hdf5/format/attr_datatypes.hdf5",
        "attributes",
        "/",
        "h5py gives the elements of a big-endian sequence with their bytes swapped",
    ),
    Exception_(
        "corpus/hdf5/format/test_vr.bag",
        "xarray attributes",
        "/BAG_root *",
        "netCDF-C reads a null-terminated string beyond its NUL",
    ),
    Exception_(
        "corpus/hdf5/netcdf4/alldatatypes.nc",
        "*",
        "/group*char_var",
        "two dimensions Y, of the group and of the root: netCDF4-python finds them by name alone",
    ),
    Exception_(
        "fixtures/granules/types.h5",
        "xarray",
        "/strings * space_padded*",
        "netCDF-C shows the blanks that fill up a string; libhdf5, h5py and chunkref take them off",
    ),
    Exception_(
        "corpus/hdf5/format/test_s102_v2.1.h5",
        "xarray",
        "/Group_F * BathymetryCoverage",
        "netCDF4-python shows one character of a string of fixed length in a compound",
    ),
    Exception_(
        "corpus/hdf5/netcdf4/ref_tst_compounds.nc",
        "xarray",
        "/ (raw) obs",
        "xarray reads no compound with a big-endian field from any Zarr store",
    ),
    Exception_(
        "corpus/hdf5/netcdf4/ref_nc_test_netcdf4_4_0.nc",
        "xarray attributes",
        "/ *",
        "text that is not UTF-8: netCDF4-python puts a replacement character for each byte",
    ),
    Exception_(
        "corpus/hdf5/netcdf4/test_gold.nc",
        "xarray attributes",
        "/ *",
        "_NCPROPERTIES is not in the file; netCDF-C makes it up",
    ),
    Exception_(
        "matrix/filters_libhdf5_*",
        "values",
        "/shuffle_nbit_fletcher32/*",
        "libhdf5 takes a chunk that n-bit has not packed for as long as its buffer, which has room for "
        "the checksum, and so shuffles back too many bytes; chunkref gives what was written",
    ),
    Exception_(
        "matrix/attributes_*",
        "attributes",
        "/kinds/sequence_f64_be",
        "h5py gives the elements of a big-endian sequence with their bytes swapped",
    ),
    Exception_(
        "matrix/netcdf_none_fill.nc",
        "*",
        "/*_tyx",
        "a variable shorter than its unlimited dimension, without a fill value in the file: netCDF-C adds "
        "rows of its own default fill value, chunkref leaves the axis as it is and anonymous",
    ),
]

# Files that h5py opens and chunkref does not: name -> (part of the message, reason).
FAILURES: dict[str, tuple[str, str]] = {}

# Files that kill the process of netCDF-C: name -> reason.
NETCDF_ABORTS: dict[str, str] = {
    "fixtures/granules/link_names_earliest.h5": "groups that are within themselves: assertion in netCDF-C",
    "fixtures/granules/link_names_latest.h5": "groups that are within themselves: assertion in netCDF-C",
    "corpus/hdf5/granules/NEONDSTowerTemperatureData.hdf5": "abort in netCDF-C",
    "corpus/hdf5/format/thlink.h5": "a group that is a member of itself: assertion in netCDF-C",
    "corpus/hdf5/format/tloop.h5": "a group that is a member of itself: assertion in netCDF-C",
    "corpus/hdf5/granules/OMPS-NPP_NMNO2-L2_2017m0101t000532_o26838_2017m0309t171152.h5": (
        "segmentation fault in netCDF-C"
    ),
}

# Files of which netCDF-C reads memory out of place, so that it answers or dies otherwise from run to
# run: they are compared with h5py alone. Name -> reason.
NETCDF_UNRELIABLE: dict[str, str] = {
    "fixtures/granules/elements_compounds.h5": "compounds and arrays within compounds",
    "fixtures/granules/types_compounds.h5": "compounds and arrays within compounds",
}
