//! What the command line says of a build.

use std::path::PathBuf;

use chunkref::build::{OnUnlike, Supersede};
use clap::{Args, ValueEnum};

use crate::arguments::{EXIT_CODES, Many, Narrow, OnError, Parquet};
use crate::connection::Connection;
use crate::search::Asked;

const EXAMPLES: &str = "\
Examples:
  chunkref build --short-name MUR-JPL-L4-GLOB-v4.1 --temporal 2020-06 --concat-dim time -o june.parquet
  chunkref build --short-name MUR-JPL-L4-GLOB-v4.1 --season 12-24,12-25 --years 2013:2022 \\
      --concat-dim time -o mur.parquet --dry-run
  chunkref build 's3://bucket/2020/*.h5' --anonymous --concat-dim time -o set.json
  chunkref build --short-name ATL03 --version 006 --bbox=-51,68,-48,70 -o atl03/
  chunkref search --short-name ATL06 --limit 9 --links https | chunkref build --links-file - -o atl06/";

/// Options of `chunkref build`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"), disable_version_flag = true)]
pub(crate) struct Build {
    #[arg(
        value_name = "FILE",
        help = "Files, in place of a search: paths, URLs, globs of a bucket or of this machine (** \
                goes through folders), folders (DIR or s3://bucket/path/); @LIST is a file that names \
                some, one a line"
    )]
    pub(crate) sources: Vec<String>,
    /// A file that names files, one a line; - for standard input
    #[arg(long, value_name = "LIST")]
    pub(crate) links_file: Option<PathBuf>,
    /// Where to write: with --concat-dim NAME.json (or .json.gz, .json.zst) or NAME.parquet, else a
    /// folder (DIR/) for one manifest a granule and an index of them; a path, or a URL of s3, gs or az
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: String,
    /// Join all granules along this dimension, in the order of its coordinate
    #[arg(long, value_name = "DIMENSION")]
    pub(crate) concat_dim: Option<String>,
    /// Print what there is to do, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Where on this machine the journal is kept [default: beside the output, OUT.journal]
    #[arg(long, value_name = "DIR")]
    pub(crate) journal: Option<PathBuf>,
    /// Scan all anew, whatever the journal has
    #[arg(long)]
    pub(crate) rescan: bool,
    /// Ask for one byte of each file that is in the journal, and scan those that have changed
    #[arg(long, conflicts_with = "rescan")]
    pub(crate) recheck: bool,
    /// Drop granules that are not there any more from the set
    #[arg(long)]
    pub(crate) prune: bool,
    /// Which of several granules of one time is taken
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Which::Error, requires = "concat_dim")]
    supersede: Which,
    /// What becomes of the others when a file can't be scanned
    #[arg(long, value_enum, value_name = "ACTION", default_value_t = OnError::Collect)]
    on_error: OnError,
    /// What becomes of granules that are unlike the others
    #[arg(long, value_enum, value_name = "ACTION", default_value_t = Unlike::Fail, requires = "concat_dim")]
    on_unlike: Unlike,
    #[command(flatten)]
    pub(crate) narrow: Narrow,
    /// Inline arrays whose stored chunks take at most so many bytes [default: 500; without
    /// --concat-dim, in paged files, where each would cost a request, 0]
    #[arg(long, value_name = "BYTES")]
    pub(crate) inline_threshold: Option<u64>,
    #[command(flatten)]
    pub(crate) parquet: Parquet,
    #[command(flatten)]
    pub(crate) many: Many,
    /// Print requests, bytes, waves and seconds to standard error
    #[arg(long)]
    pub(crate) stats: bool,
    /// Write what was done, what failed and why, as JSON; - for standard output
    #[arg(long, value_name = "PATH")]
    pub(crate) report: Option<PathBuf>,
    /// Exit with 3 if a dataset was refused or left out
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) asked: Asked,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Which of several granules of one time is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// That which was made last, by its record
    Latest,
    /// None: nothing is written, and all of them are named
    Error,
}

/// What becomes of granules that are unlike the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Unlike {
    /// Write nothing, and name what is unlike
    Fail,
    /// Leave them out, and say so
    Skip,
}

impl Build {
    /// The build that is asked for.
    pub(crate) fn build(&self) -> chunkref::build::Build {
        let mut scan = self.narrow.options();
        scan.inline_threshold = self.inline_threshold;
        let mut build = chunkref::build::Build::new(&self.output)
            .with_scan(scan)
            .with_many(self.many.options())
            .with_write(self.parquet.options())
            .with_on_error(match self.on_error {
                OnError::Fail => chunkref::build::OnError::Fail,
                OnError::Collect => chunkref::build::OnError::Collect,
                OnError::Skip => chunkref::build::OnError::Skip,
            })
            .with_on_unlike(match self.on_unlike {
                Unlike::Fail => OnUnlike::Fail,
                Unlike::Skip => OnUnlike::Skip,
            })
            .with_supersede(match self.supersede {
                Which::Latest => Supersede::Latest,
                Which::Error => Supersede::Error,
            })
            .with_prune(self.prune)
            .with_rescan(self.rescan)
            .with_compare(self.recheck);
        if let Some(dimension) = &self.concat_dim {
            build = build.with_concat_dim(dimension);
        }
        match &self.journal {
            Some(folder) => build.with_journal(folder),
            None => build,
        }
    }
}
