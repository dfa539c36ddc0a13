//! What `chunkref read` writes.

use std::path::Path;

use clap::ValueEnum;

use crate::failure::Failure;

/// The format of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// NumPy's: the array as it is stored
    Npy,
    /// A row for each element, with its coordinates; values are unpacked
    Csv,
    /// netCDF classic, with coordinates and attributes
    #[value(name = "nc")]
    NetCdf,
}

impl Format {
    /// The format that is asked for, else the one that the name of the output ends in.
    pub(crate) fn of(output: &Path, asked: Option<Self>) -> Result<Self, Failure> {
        let suffix = output.extension().and_then(|suffix| suffix.to_str());
        let suffix = suffix.unwrap_or_default().to_ascii_lowercase();
        let named = match suffix.as_str() {
            "npy" => Some(Self::Npy),
            "csv" => Some(Self::Csv),
            "nc" => Some(Self::NetCdf),
            _ if output == Path::new("-") => Some(Self::Npy),
            _ => None,
        };
        asked.or(named).ok_or_else(|| {
            Failure::usage(format!(
                "output {}: expected a name that ends in .npy, .csv or .nc, or - for standard output",
                output.display()
            ))
        })
    }

    /// Whether coordinates are written, too.
    pub(crate) fn has_coordinates(self) -> bool {
        self != Self::Npy
    }
}
