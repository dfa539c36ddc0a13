//! What an address leads to that is no granule, told by its first bytes.

use std::path::Path;

use chunkref_io::Object;

use crate::format::{is_file_url, is_remote};
use crate::read_set::OpenError;

/// The signature of HDF5.
const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";

const NAMES: &str = "a reference set's name ends in .json, .json.gz, .json.zst, .parquet or .parq";

/// First bytes, what has them, and what to do about it.
const OTHERS: [(&[u8], &str, &str); 10] = [
    (b"CDF\x01", NETCDF_3, TO_NETCDF_4),
    (b"CDF\x02", NETCDF_3, TO_NETCDF_4),
    (b"CDF\x05", NETCDF_3, TO_NETCDF_4),
    (
        b"\x0e\x03\x13\x01",
        "an HDF4 file",
        "only HDF5 and NetCDF-4 files can be read",
    ),
    (
        b"PAR1",
        "a Parquet file",
        "a Parquet reference set is a folder that holds .zmetadata: name that",
    ),
    (b"{", "JSON", NAMES),
    (b"\x1f\x8b", "compressed by gzip", NAMES),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", NAMES),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (
        b"<",
        "HTML or XML",
        "perhaps a page that asks for a login, or one about the file",
    ),
];
const NETCDF_3: &str = "a NetCDF-3 file";
const TO_NETCDF_4: &str =
    "only HDF5 and NetCDF-4 files can be read: `nccopy -k nc4` makes one of it";

/// Whether an object begins as HDF5 does; where it may have a user block in front it does not.
pub(super) async fn check(address: &str, object: &Object) -> Result<bool, OpenError> {
    let size = object.size().await.map_err(OpenError::Io)?;
    let range = 0..size.min(8);
    let read = object.read(std::slice::from_ref(&range)).await;
    let read = read.map_err(OpenError::Io)?;
    let first = read.first().map(|bytes| &bytes[..]).unwrap_or_default();
    if first.is_empty() {
        return Err(not_a_dataset(
            address,
            "an empty file",
            "perhaps a copy that broke off",
        ));
    }
    match OTHERS.iter().find(|(bytes, ..)| first.starts_with(bytes)) {
        Some((_, found, advice)) => Err(not_a_dataset(address, found, advice)),
        None => Ok(first == HDF5),
    }
}

/// Finds local folders, which can't be opened.
pub(super) fn check_path(address: &str) -> Result<(), OpenError> {
    if is_remote(address) || is_file_url(address) || !Path::new(address).is_dir() {
        return Ok(());
    }
    let is_zarr = |name: &str| Path::new(address).join(name).is_file();
    Err(
        if ["zarr.json", ".zgroup", ".zarray"].into_iter().any(is_zarr) {
            not_a_dataset(
                address,
                "a Zarr store",
                "open it as Zarr, it needs no references",
            )
        } else {
            let advice = "a Parquet reference set is a folder that holds .zmetadata";
            not_a_dataset(address, "a folder without .zmetadata", advice)
        },
    )
}

fn not_a_dataset(address: &str, found: &'static str, advice: &'static str) -> OpenError {
    OpenError::NotADataset {
        address: address.to_owned(),
        found,
        advice,
    }
}
