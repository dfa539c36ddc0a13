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
        "fixtures/granules/types_compounds.h5",
        "xarray",
        "/compounds (*) [pc][lh]*",
        "xarray reads no compound with a big-endian field from any Zarr store",
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
]

MATRIX_DIFFERENCES: list[Exception_] = [
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
        "matrix/netcdf_*_fill.nc",
        "*",
        "/*_tyx",
        "a variable shorter than its unlimited dimension: netCDF-C adds rows of fill values",
    ),
    Exception_(
        "matrix/netcdf_*_fill.nc",
        "*",
        "/*_partly",
        "a variable shorter than its unlimited dimension: netCDF-C adds rows of fill values",
    ),
]
DIFFERENCES += MATRIX_DIFFERENCES

# Files that h5py opens and chunkref does not: name -> (part of the message, reason).
FAILURES: dict[str, tuple[str, str]] = {
    "matrix/sizes_4_4_earliest.h5": (
        "object reference datatype has size 8",
        "references of files with short offsets are not read yet",
    ),
    "matrix/sizes_4_8_v200.h5": (
        "object reference datatype has size 8",
        "references of files with short offsets are not read yet",
    ),
    "matrix/sizes_2_8_v200.h5": (
        "object reference datatype has size 8",
        "references of files with short offsets are not read yet",
    ),
    "matrix/sizes_4_8_earliest.h5": (
        "object header at",
        "symbol tables where offsets and lengths differ in size are not read yet",
    ),
    "matrix/sizes_8_4_earliest.h5": (
        "object header at",
        "symbol tables where offsets and lengths differ in size are not read yet",
    ),
    "matrix/sizes_16_8_v200.h5": (
        "16 bytes as size of offsets is not supported",
        "long offsets are not read yet",
    ),
    "corpus/hdf5/format/h5clear_mdc_image.h5": (
        "metadata kept in a cache image is not supported",
        "its metadata lies in a cache image, which is not read yet",
    ),
    "corpus/hdf5/multifile/subfiling/test_subfiling_stripe_sizes.h5.subfile_1_of_1": (
        "unknown driver is not supported",
        "a part of a subfiling set, whose addresses are those of the set",
    ),
}

# Files that kill the process of netCDF-C: name -> reason.
NETCDF_ABORTS: dict[str, str] = {
    "corpus/hdf5/granules/NEONDSTowerTemperatureData.hdf5": "abort in netCDF-C",
    "corpus/hdf5/format/thlink.h5": "a group that is a member of itself: assertion in netCDF-C",
    "corpus/hdf5/format/tloop.h5": "a group that is a member of itself: assertion in netCDF-C",
    "corpus/hdf5/granules/OMPS-NPP_NMNO2-L2_2017m0101t000532_o26838_2017m0309t171152.h5": (
        "segmentation fault in netCDF-C"
    ),
}
