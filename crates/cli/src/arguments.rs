//! What the command line says.

mod about;
mod prove;
mod read;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::build::Build;
use crate::connection::Connection;
use crate::login::LogIn;
use crate::search::Search;

pub(crate) use about::{Cite, Completions, General, Man};
pub(crate) use prove::{Against, Compression, Export, Verify};
pub(crate) use read::{Part, Read};

pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  all is well; datasets that were refused or left out are named on standard error
  1  an input could not be read, or an output not written; no output was touched for it; or verify
     found something wrong
  2  the command line is wrong
  3  with --strict: the output was written, but lacks a dataset
  4  the output was written, but lacks a file that could not be read or is unlike the others (with
     --on-error skip or --on-unlike skip), or that CMR counts and did not send
  130  interrupted while writing into a bucket; uploads under way were aborted";

/// Reads only the metadata of HDF5 and NetCDF-4 files, and writes where their chunks lie.
#[derive(Debug, Parser)]
#[command(name = "chunkref", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) general: General,
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
    /// Log in to NASA Earthdata: try user and password, and keep them in .netrc
    Login(Box<LogIn>),
    /// Build one set of many granules: search or name them, scan, join, write; goes on where it was when
    /// it was killed, and takes in what is new when run again
    Build(Box<Build>),
    /// Print how the data of a reference set want to be cited
    Cite(Cite),
    /// Print what completes the command line in a shell
    Completions(Completions),
    /// Print the manual page, or write those of all commands
    Man(Man),
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
    #[command(flatten)]
    pub(crate) many: Many,
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

/// How many files are scanned at one time.
#[derive(Debug, Args)]
pub(crate) struct Many {
    /// Files to scan at one time, at most
    #[arg(long, value_name = "N", default_value_t = chunkref::ManyOptions::default().jobs)]
    jobs: usize,
    /// Scan fewer at one time where they would take more memory than this together, judged by those
    /// before
    #[arg(long, value_name = "BYTES", default_value_t = chunkref::ManyOptions::default().memory)]
    memory: u64,
}

impl Many {
    pub(crate) fn options(&self) -> chunkref::ManyOptions {
        chunkref::ManyOptions::default()
            .with_jobs(self.jobs)
            .with_memory(self.memory)
    }
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
    /// Print instead which granules are in the set: revision, time, size, URL
    #[arg(long, conflicts_with_all = ["group", "variables", "attributes", "sources", "plot"])]
    pub(crate) granules: bool,
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
