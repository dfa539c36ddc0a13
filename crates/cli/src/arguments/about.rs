//! Options of all commands, and the arguments of commands about a set and about chunkref itself.

use std::path::PathBuf;

use chunkref::earthdata::Timestamp;
use clap::{ArgAction, Args};
use clap_complete::Shell;

use super::EXIT_CODES;
use crate::connection::Connection;

/// Options of all commands.
#[derive(Debug, Args)]
#[command(next_help_heading = "General")]
pub(crate) struct General {
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "Read options from this file and no other, instead of chunkref.toml in the working \
                directory and in the user's configuration folder [env: CHUNKREF_CONFIG]"
    )]
    pub(crate) config: Option<PathBuf>,
    /// Say more on standard error: -v what happens, -vv each retry as well, -vvv all
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Show no progress; warnings and errors stay
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Cite {
    /// Reference set (.json, .parquet): a path, or a URL of http, https, s3, gs or az
    #[arg(value_name = "SET")]
    pub(crate) set: String,
    /// Print only the text
    #[arg(long, conflicts_with = "bibtex")]
    pub(crate) text: bool,
    /// Print only the entry for BibTeX
    #[arg(long)]
    pub(crate) bibtex: bool,
    /// Say that the data were accessed on this day
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) accessed: Option<String>,
    /// Print requests, bytes, waves and seconds to standard error
    #[arg(long)]
    pub(crate) stats: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

fn day(text: &str) -> Result<String, String> {
    let expected = || "expected a day, as 2026-01-31".to_owned();
    let day = Timestamp::begin(text).map_err(|_| expected())?.to_string();
    // As it was given, and nothing that names a moment or a whole month.
    match day.strip_suffix("T00:00:00Z") {
        Some(day) if day == text => Ok(day.to_owned()),
        _ => Err(expected()),
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chunkref completions bash > ~/.local/share/bash-completion/completions/chunkref
  chunkref completions zsh > \"${fpath[1]}/_chunkref\"
  chunkref completions fish > ~/.config/fish/completions/chunkref.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write a page for each command into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn days_are_whole() {
        assert_eq!(day("2026-01-31").as_deref(), Ok("2026-01-31"));
        for wrong in ["2026-01", "2026-02-31", "2026-01-31T10:00:00Z", "today", ""] {
            assert!(day(wrong).is_err(), "{wrong}");
        }
    }
}
