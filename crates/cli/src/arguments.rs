//! What the command line says.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::connection::Connection;
use crate::read::Format;
use crate::search::Search;

const EXIT_CODES: &str = "\
Exit codes:
  0  all is well; datasets that were refused or left out are named on standard error
  1  an input could not be read, or an output not written; no output was touched for it; or verify
     found something wrong
  2  the command line is wrong
  3  with --strict: the output was written, but lacks a dataset
  4  with --on-error skip: the output was written, but lacks a file that could not be read
  130  interrupted while writing into a bucket; uploads under way were aborted";

/// Reads only the metadata of HDF5 and NetCDF-4 files, and writes where their chunks lie.
#[derive(Debug, Parser)]
#[command(name = "chunkref", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Scan files and write Kerchunk references
    Scan(Scan),
    /// Write reference sets, whoever made them, in another format, or joined, or a group of them
    Convert(Convert),
    /// Change where the sources of a reference set lie, without a scan
    Relocate(Relocate),
    /// Pin the sources of a reference set as they are now, after an upload of the same bytes
    Repin(Repin),
    /// Print groups and arrays: dimensions, types, chunks, filters and sizes; and what a reader should
    /// know before reading
    Inspect(Inspect),
    /// Read an array of a file or a reference set, or a part of it by indices, labels or a box, whatever
    /// its filters, and write it as .npy, .csv or .nc
    Read(Read),
    /// Prove that a reference set is true, or that all of a file can be read: objects, references, chunks
    Verify(Verify),
    /// Copy arrays of a file or a reference set into a real Zarr v3 store on disk
    Export(Export),
    /// Search NASA Earthdata for granules: by collection, time, place
    Search(Box<Search>),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Scan {
    /// Files to scan: paths, or URLs of http, https, s3, gs or az
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<String>,
    /// Where to write: NAME.json (or .json.gz, .json.zst), NAME.parquet, or for several files a folder
    /// (DIR/); a path, or a URL of s3, gs or az
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: String,
    #[command(flatten)]
    pub(crate) narrow: Narrow,
    /// Inline arrays whose stored chunks take at most so many bytes [default: 500, and in paged
    /// files, where each would cost a request, 0]
    #[arg(long, value_name = "BYTES")]
    pub(crate) inline_threshold: Option<u64>,
    /// Join several files along this dimension into one output
    #[arg(long, value_name = "DIMENSION")]
    pub(crate) concat_dim: Option<String>,
    #[command(flatten)]
    pub(crate) parquet: Parquet,
    /// Files to scan at one time, at most
    #[arg(long, value_name = "N", default_value_t = chunkref::ManyOptions::default().jobs)]
    pub(crate) jobs: usize,
    /// Scan fewer at one time where they would take more memory than this together, judged by those
    /// before
    #[arg(long, value_name = "BYTES", default_value_t = chunkref::ManyOptions::default().memory)]
    pub(crate) memory: u64,
    /// What becomes of the others when a file can't be scanned
    #[arg(long, value_enum, value_name = "ACTION", default_value_t = OnError::Collect)]
    pub(crate) on_error: OnError,
    /// Print requests, bytes, waves and seconds to standard error
    #[arg(long)]
    pub(crate) stats: bool,
    /// Print to standard error, for each wave of requests, what was wanted, what was fetched and
    /// how long that took
    #[arg(long)]
    pub(crate) explain: bool,
    /// Write how each dataset ended, as JSON; - for standard output
    #[arg(long, value_name = "PATH")]
    pub(crate) report: Option<PathBuf>,
    /// Exit with 3 if a dataset was refused or left out
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// How Parquet sets are written.
#[derive(Debug, Default, Args)]
pub(crate) struct Parquet {
    /// Rows per file of a Parquet set; readers read whole files. Without it 1,000 to 100,000, as suits
    /// the arrays
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub(crate) record_size: Option<u32>,
    /// Write absent chunks into a Parquet set as inline chunks of fill values, for readers that fail on
    /// absent ones (fsspec with pandas 3 and pyarrow)
    #[arg(long)]
    pub(crate) densify: bool,
}

impl Parquet {
    /// The name of an option that is given, if one is.
    pub(crate) fn given(&self) -> Option<&'static str> {
        if self.densify {
            return Some("--densify");
        }
        self.record_size.map(|_| "--record-size")
    }

    pub(crate) fn options(&self) -> chunkref::WriteOptions {
        let rows = self.record_size.and_then(|rows| usize::try_from(rows).ok());
        chunkref::WriteOptions::new()
            .with_record_size(rows)
            .with_densify(self.densify)
    }
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Convert {
    /// Reference sets (.json, .parquet) to read: paths, or URLs of http, https, s3, gs or az
    #[arg(value_name = "SET", required = true)]
    pub(crate) sets: Vec<String>,
    /// Where to write: NAME.json (or .json.gz, .json.zst) or NAME.parquet; a path, or a URL of s3, gs
    /// or az
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: String,
    /// Only this group and what is below it
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Join several sets along this dimension
    #[arg(long, value_name = "DIMENSION")]
    pub(crate) concat_dim: Option<String>,
    #[command(flatten)]
    pub(crate) parquet: Parquet,
    /// Of the URLs that are known of each source, write one of this scheme
    #[arg(long, value_enum, value_name = "SCHEME")]
    pub(crate) scheme: Option<Scheme>,
    /// Print requests, bytes, waves and seconds to standard error
    #[arg(long)]
    pub(crate) stats: bool,
    /// Write what of the sets could not be carried, as JSON; - for standard output
    #[arg(long, value_name = "PATH")]
    pub(crate) report: Option<PathBuf>,
    /// Exit with 3 if an array was refused or left out
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// How a source is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scheme {
    /// From S3 itself
    S3,
    /// Over https
    Https,
}

impl Scheme {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Https => "https",
        }
    }
}

/// How prefixes fit, and what becomes of pins.
const RELOCATE_HELP: &str = "\
Prefixes end where names do: s3://a/b fits s3://a/b/x.h5, not s3://a/bc/x.h5. Names are
percent-encoded in URLs of http, https and file, and written as they are elsewhere.
What is pinned of an object that moved is its size; --check finds out its new ETag.";

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES, after_long_help = format!("{RELOCATE_HELP}\n\n{EXIT_CODES}"))]
pub(crate) struct Relocate {
    /// Reference set (.json, .parquet), whoever made it: a path, or a URL
    #[arg(value_name = "SET")]
    pub(crate) set: String,
    /// What the URLs or paths of sources begin with now
    #[arg(long, value_name = "PREFIX")]
    pub(crate) from: String,
    /// What they are to begin with
    #[arg(long, value_name = "PREFIX")]
    pub(crate) to: String,
    /// Open each source at its new place, with a request for one byte, and compare its size
    #[arg(long)]
    pub(crate) check: bool,
    /// Open only so many of them, spread evenly
    #[arg(long, value_name = "N", requires = "check")]
    pub(crate) sample: Option<usize>,
    /// Where to write: NAME.json or NAME.parquet; else the set is replaced
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<String>,
    /// Print requests, bytes, waves and seconds to standard error
    #[arg(long)]
    pub(crate) stats: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Repin {
    /// Reference set (.json, .parquet): a path, or a URL
    #[arg(value_name = "SET")]
    pub(crate) set: String,
    /// Where to write: NAME.json or NAME.parquet; else the set is replaced
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<String>,
    /// Print requests, bytes, waves and seconds to standard error
    #[arg(long)]
    pub(crate) stats: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// What becomes of the others when a file can't be scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnError {
    /// Stop at once
    Fail,
    /// Finish them, name all that failed, and join nothing unless all could be scanned
    Collect,
    /// Finish them, name all that failed, and join those that could be scanned
    Skip,
}

#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Inspect {
    /// File or reference set (.json, .parquet) to inspect: a path, or a URL of http, https, s3, gs
    /// or az
    #[arg(value_name = "FILE")]
    pub(crate) file: String,
    #[command(flatten)]
    pub(crate) narrow: Narrow,
    /// Print attributes as well
    #[arg(long)]
    pub(crate) attributes: bool,
    /// Print the files that hold the chunks, with their sizes and what pins them
    #[arg(long)]
    pub(crate) sources: bool,
    /// Print all as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw where the chunks of each variable lie in a source and how large they are, as SVG
    #[arg(long, value_name = "OUT.svg")]
    pub(crate) plot: Option<PathBuf>,
    /// The source to draw, by its number in --sources; else the first that holds chunks
    #[arg(long, value_name = "N", requires = "plot")]
    pub(crate) source: Option<u32>,
    /// Print requests, bytes, waves and seconds to standard error
    #[arg(long)]
    pub(crate) stats: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

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

#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
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
    pub(crate) others: Others,
    #[command(flatten)]
    pub(crate) limits: Limits,
    /// Print requests, bytes, waves and seconds to standard error
    #[arg(long)]
    pub(crate) stats: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
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
    pub(crate) others: Others,
    #[command(flatten)]
    pub(crate) limits: Limits,
    /// Print requests, bytes, waves and seconds to standard error
    #[arg(long)]
    pub(crate) stats: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
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

/// Which part of an array is read.
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
    #[arg(long = "bbox", value_name = "W,S,E,N", allow_hyphen_values = true)]
    pub(crate) bounding_box: Option<String>,
    /// The array that holds latitude, where it is not found
    #[arg(long = "lat", value_name = "NAME", requires = "bounding_box")]
    pub(crate) latitude: Option<String>,
    /// The array that holds longitude, where it is not found
    #[arg(long = "lon", value_name = "NAME", requires = "bounding_box")]
    pub(crate) longitude: Option<String>,
    /// Join several files along this dimension
    #[arg(long, value_name = "DIMENSION")]
    pub(crate) concat_dim: Option<String>,
}

/// What of a file is read.
#[derive(Debug, Args)]
pub(crate) struct Narrow {
    /// Only this group and what is below it
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Only this dataset, a name or a path from the group; may be given several times
    #[arg(long = "variable", value_name = "PATH")]
    pub(crate) variables: Vec<String>,
    #[command(flatten)]
    pub(crate) others: Others,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

/// The most bytes of strings of one array that are read and inlined unless told otherwise.
const STRING_LIMIT: u64 = 64 << 20;

/// How much of a file may come into the manifest.
#[derive(Debug, Args)]
pub(crate) struct Limits {
    /// Read and inline strings, sequences and references of at most so many bytes an array
    #[arg(long, value_name = "BYTES", default_value_t = STRING_LIMIT)]
    string_limit: u64,
}

impl Limits {
    pub(crate) fn apply(&self, mut options: chunkref::ScanOptions) -> chunkref::ScanOptions {
        options.string_limit = self.string_limit;
        options
    }
}

/// Other files that the file names: by external links, as external data, as sources of virtual
/// datasets.
#[derive(Debug, Args)]
pub(crate) struct Others {
    /// Follow external links into other files
    #[arg(long)]
    external_links: bool,
    /// Let FILE name other files under this path or URL; else only those in its folder or below
    #[arg(long = "trust", value_name = "PREFIX")]
    trusted: Vec<String>,
}

impl Others {
    pub(crate) fn unfit_for_sets(&self) -> Option<&'static str> {
        if self.external_links {
            return Some("--external-links");
        }
        (!self.trusted.is_empty()).then_some("--trust")
    }

    pub(crate) fn apply(&self, options: chunkref::ScanOptions) -> chunkref::ScanOptions {
        options
            .with_external_links(self.external_links)
            .with_trusted(self.trusted.iter().map(|prefix| absolute(prefix)))
    }
}

impl Narrow {
    /// What no reference set has: the names of the options.
    pub(crate) fn unfit_for_sets(&self) -> Option<&'static str> {
        if !self.variables.is_empty() {
            return Some("--variable");
        }
        self.others.unfit_for_sets()
    }

    pub(crate) fn options(&self) -> chunkref::ScanOptions {
        let options = chunkref::ScanOptions::default().with_variables(self.variables.clone());
        let options = self.limits.apply(self.others.apply(options));
        match &self.group {
            Some(group) => options.with_group(group.clone()),
            None => options,
        }
    }
}

/// The address that is written into references: local paths are made absolute.
pub(crate) fn absolute(file: &str) -> String {
    if file.contains("://") {
        return file.to_owned();
    }
    std::path::absolute(file)
        .ok()
        .and_then(|path| path.to_str().map(str::to_owned))
        .unwrap_or_else(|| file.to_owned())
}
