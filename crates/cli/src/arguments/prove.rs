//! The arguments of `chunkref verify` and `chunkref export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{EXIT_CODES, Part};
use crate::source::Source;

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Verify {
    /// Reference set (.json, .parquet) or file to verify: a path, or a URL of http, https, s3, gs or
    /// az
    #[arg(value_name = "SET")]
    pub(crate) set: String,
    /// Read and decode so many chunks, spread over arrays and objects, always the same ones
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) sample: u64,
    /// Read and decode all chunks
    #[arg(long, conflicts_with = "sample")]
    pub(crate) all: bool,
    /// Do not compare references with those of a new scan of each object
    #[arg(long)]
    pub(crate) no_scan: bool,
    /// Compare values of local files with what another reader reads
    #[arg(long, value_enum, value_name = "READER")]
    pub(crate) against: Option<Against>,
    /// Print all as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print at most so many findings; all are counted
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) findings: usize,
    /// About how many bytes to hold, beside the references
    #[arg(long, value_name = "BYTES", default_value_t = chunkref::verify::VerifyOptions::default().memory)]
    pub(crate) memory: u64,
    #[command(flatten)]
    pub(crate) source: Source,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Export {
    /// File or reference set (.json, .parquet) to export from: a path, or a URL of http, https, s3,
    /// gs or az
    #[arg(value_name = "FILE")]
    pub(crate) file: String,
    /// The folder to write, which must not be there; an export that was interrupted goes on
    #[arg(value_name = "OUT.zarr")]
    pub(crate) output: PathBuf,
    /// Only this group and what is below it
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Only this array, a name or a path from the group, and the coordinates of its dimensions; may be
    /// given several times
    #[arg(long = "variable", value_name = "PATH")]
    pub(crate) variables: Vec<String>,
    #[command(flatten)]
    pub(crate) part: Part,
    /// How chunks are compressed
    #[arg(long, value_enum, value_name = "CODEC", default_value_t = Compression::Zstd)]
    pub(crate) codec: Compression,
    /// Compression level [default: 3 for zstd, 5 for gzip]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=22))]
    pub(crate) level: Option<u8>,
    /// How long chunks are along dimensions, as time=1,lat=500; along others as in the source
    #[arg(long, value_name = "DIM=N,...", value_delimiter = ',', value_parser = chunk_length)]
    pub(crate) chunks: Vec<(String, u64)>,
    /// Exit with 3 if an array was refused
    #[arg(long)]
    pub(crate) strict: bool,
    /// About how many bytes to hold, beside the references
    #[arg(long, value_name = "BYTES", default_value_t = chunkref::export::ExportOptions::default().memory)]
    pub(crate) memory: u64,
    #[command(flatten)]
    pub(crate) source: Source,
}

/// How chunks of an export are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compression {
    /// Zstandard
    Zstd,
    /// Gzip
    Gzip,
    /// Not at all
    None,
}

/// `DIM=N`.
fn chunk_length(text: &str) -> Result<(String, u64), String> {
    let (name, length) = text.split_once('=').ok_or("expected DIM=N, as time=1")?;
    match length.parse() {
        Ok(length) if length > 0 && !name.is_empty() => Ok((name.to_owned(), length)),
        _ => Err("expected DIM=N with N above zero, as time=1".to_owned()),
    }
}

/// What values are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Against {
    /// libhdf5; chunkref must be built with the feature libhdf5
    Libhdf5,
}
