//! The arguments of `chunkref read`.

use std::path::PathBuf;

use clap::Args;

use super::{EXIT_CODES, Limits, Others};
use crate::connection::Connection;
use crate::read::Format;

/// The largest array that `read` takes into memory unless told otherwise: 4 GiB.
const READ_LIMIT: u64 = 4 << 30;

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Read {
    /// Files or reference sets (.json, .parquet) to read from: paths, or URLs of http, https, s3, gs or
    /// az; several are joined (--concat-dim)
    #[arg(value_name = "FILE", required = true, num_args = 1..)]
    pub(crate) files: Vec<String>,
    /// Array to read: a name or a path from the group
    #[arg(value_name = "ARRAY")]
    pub(crate) array: String,
    /// Where to write: NAME.npy (the array as it is stored), NAME.csv (a row for each element with its
    /// coordinates, unpacked), NAME.nc (netCDF classic); - for standard output, .npy unless --format
    /// says otherwise
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// What to write, whatever the name
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Join several files along this dimension
    #[arg(long, value_name = "DIMENSION")]
    pub(crate) concat_dim: Option<String>,
    #[command(flatten)]
    pub(crate) part: Part,
    /// The group that ARRAY is a path from
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    #[command(flatten)]
    pub(crate) others: Others,
    #[command(flatten)]
    pub(crate) limits: Limits,
    /// The most bytes that the part that is read, or one of its chunks, may take in memory
    #[arg(long, value_name = "BYTES", default_value_t = READ_LIMIT)]
    pub(crate) limit: u64,
    #[command(flatten)]
    pub(crate) cache: Cache,
    /// About how many bytes of chunks are held beside it at one time
    #[arg(long, value_name = "BYTES", default_value_t = chunkref::store::ReadOptions::default().memory)]
    pub(crate) memory: u64,
    /// Print what was read of which file, requests, bytes, waves and seconds to standard error
    #[arg(long)]
    pub(crate) stats: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// About how many bytes are kept on disk unless told otherwise.
const CACHE_SIZE: u64 = 4 << 30;

/// What is kept on disk of what is read.
#[derive(Debug, Args)]
pub(crate) struct Cache {
    /// Keep what is read of remote files in this folder, for the next time; commands at one time may
    /// share it. Only files that the references pin by more than their size are kept
    #[arg(long = "cache", value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Keep about so many bytes there; what was used longest ago is dropped
    #[arg(long = "cache-size", value_name = "BYTES", default_value_t = CACHE_SIZE, requires = "folder")]
    size: u64,
}

impl Cache {
    /// How a dataset is served with this cache.
    pub(crate) fn options(&self) -> chunkref::store::StoreOptions {
        let options = chunkref::store::StoreOptions::new();
        match &self.folder {
            Some(folder) => options.with_disk_cache(folder, self.size),
            None => options,
        }
    }
}

/// Which part of an array is wanted.
#[derive(Debug, Args)]
pub(crate) struct Part {
    /// Indices along dimensions, as Python has them: `time=0,lat=10:20,lon=::5`
    #[arg(long, value_name = "DIM=INDEX,...")]
    pub(crate) isel: Vec<String>,
    /// Labels along dimensions, ranges with both ends: `lat=40:49,lon=-95:-73,time=2020-06-01`
    #[arg(long, value_name = "DIM=LABEL,...")]
    pub(crate) sel: Vec<String>,
    /// Take for a single label the nearest one
    #[arg(long, requires = "sel")]
    pub(crate) nearest: bool,
    /// A box of longitudes and latitudes in degrees, west, south, east, north; over the antimeridian
    /// where E < W. On axes, along tracks and in swaths
    #[arg(
        long,
        visible_alias = "bbox",
        value_name = "W,S,E,N",
        allow_hyphen_values = true
    )]
    pub(crate) bounding_box: Option<String>,
    /// The array that holds latitude, where it is not found
    #[arg(long = "lat", value_name = "NAME", requires = "bounding_box")]
    pub(crate) latitude: Option<String>,
    /// The array that holds longitude, where it is not found
    #[arg(long = "lon", value_name = "NAME", requires = "bounding_box")]
    pub(crate) longitude: Option<String>,
}
