//! Why manifests can't be joined.

use std::fmt;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// How many differences the text of an error lists.
const LISTED: usize = 20;

/// Why manifests can't be joined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to join.
    #[error("no granules to join")]
    NoGranules,
    /// No array has the dimension.
    #[error("dimension {dimension:?}: no array has it{}", those_known(.known))]
    NoDimension {
        /// Its name.
        dimension: String,
        /// The names of those that arrays have.
        known: Vec<String>,
    },
    /// There is not one name for each granule.
    #[error("{found} names for {granules} granules")]
    Names {
        /// How many names there are.
        found: usize,
        /// How many granules there are.
        granules: usize,
    },
    /// Granules are not alike: everything found, by variable.
    #[error("granules are not alike: {}", Listed(.differences))]
    Unlike {
        /// What is not alike.
        differences: Vec<Difference>,
        /// The granule with which the others were compared; empty where none was.
        first: String,
    },
    /// More objects than a location number counts.
    #[error("more than 2^32 - 1 locations")]
    TooManyLocations,
}

/// One way in which a granule is not like the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The granule's name.
    pub granule: String,
    /// The path of the variable or group, from the root; empty for the root.
    pub variable: String,
    /// What is unlike, and what was expected.
    pub reason: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: /{}: {}", self.granule, self.variable, self.reason)
    }
}

/// The dimensions that could be meant.
fn those_known(known: &[String]) -> String {
    if known.is_empty() {
        return String::new();
    }
    let first = known.get(..known.len().min(LISTED)).unwrap_or(known);
    let more = if first.len() < known.len() {
        ", ..."
    } else {
        ""
    };
    format!(", expected one of {}{more}", first.join(", "))
}

struct Listed<'a>(&'a [Difference]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, difference) in self.0.iter().take(LISTED).enumerate() {
            if number > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{difference}")?;
        }
        match self.0.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}
