//! Data files of a granule: which there are, and which are read.

use std::collections::HashMap;

use chunkref_io::printable;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::format::Format;
use crate::granule::Granule;
use crate::grouping::grouped;
use crate::link::{Link, LinkKind};
use crate::umm;

/// A checksum, as the record has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checksum {
    /// Its name: `MD5`, `SHA-256`, ...
    pub algorithm: String,
    /// Its value.
    pub value: String,
}

/// What a record says of one of its files.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Archived {
    pub(crate) name: Option<String>,
    pub(crate) size: Option<u64>,
    pub(crate) checksum: Option<Checksum>,
    pub(crate) format: Option<String>,
}

impl Archived {
    /// All of `ArchiveAndDistributionInformation`: files, and files in packages.
    pub(crate) fn all(umm: &Value) -> Vec<Self> {
        let path = ["DataGranule", "ArchiveAndDistributionInformation"];
        let entries = umm::list(umm, &path).iter();
        entries
            .flat_map(|entry| match umm::list(entry, &["Files"]) {
                [] => std::slice::from_ref(entry),
                files => files,
            })
            .map(Self::of)
            .collect()
    }

    fn of(entry: &Value) -> Self {
        let checksum = || {
            Some(Checksum {
                algorithm: umm::owned(entry, &["Checksum", "Algorithm"])?,
                value: umm::owned(entry, &["Checksum", "Value"])?,
            })
        };
        Self {
            name: umm::owned(entry, &["Name"]).filter(|name| name != "Not provided"),
            size: umm::whole(entry, &["SizeInBytes"]).or_else(|| size_in_units(entry)),
            checksum: checksum(),
            format: umm::owned(entry, &["Format"]),
        }
    }
}

/// `Size` times `SizeUnit`, which are powers of 1024; rounded, so it is no size to pin.
fn size_in_units(entry: &Value) -> Option<u64> {
    let unit = match umm::text(entry, &["SizeUnit"])? {
        "KB" => 1024.0,
        "MB" => 1024.0 * 1024.0,
        "GB" => 1024.0 * 1024.0 * 1024.0,
        "TB" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = umm::number(entry, &["Size"])? * unit;
    // Below 2^53 all whole numbers are exact.
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range was checked"
    )]
    (0.0..9.0e15)
        .contains(&bytes)
        .then_some(bytes.round() as u64)
}

/// One data file, and where it can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DataFile {
    /// Its name.
    pub name: String,
    /// All links to it, as the record has them in order.
    pub urls: Vec<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its checksum.
    pub checksum: Option<Checksum>,
    /// Its format, if name or record tell it.
    pub format: Option<Format>,
}

impl DataFile {
    /// The first link over https (or http).
    pub fn https(&self) -> Option<&str> {
        self.first("http")
    }

    /// The first link into a bucket of S3.
    pub fn s3(&self) -> Option<&str> {
        self.first("s3:")
    }

    fn first(&self, start: &str) -> Option<&str> {
        let fits = |url: &&String| {
            url.get(..start.len())
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case(start))
        };
        self.urls.iter().find(fits).map(String::as_str)
    }
}

/// Which of a granule's data files are read.
#[derive(Clone, Debug, Default)]
pub struct FileChoice {
    pattern: Option<glob::Pattern>,
    all: bool,
}

impl FileChoice {
    /// Files whose name fits a glob, such as `*.nc`, whatever their format is said to be. With a slash in
    /// it also those of which a link does, as in `*/x/0.nc`.
    ///
    /// # Errors
    ///
    /// If it is no glob.
    pub fn matching(glob: &str) -> Result<Self> {
        let pattern = glob::Pattern::new(glob)
            .map_err(|error| Error::query(format!("files {glob:?}: not a glob: {error}")))?;
        Ok(Self {
            pattern: Some(pattern),
            all: false,
        })
    }

    /// The glob, if there is one.
    pub fn glob(&self) -> Option<&str> {
        self.pattern.as_ref().map(glob::Pattern::as_str)
    }

    /// Whether all files are taken where there are several.
    pub fn takes_all(&self) -> bool {
        self.all
    }

    /// All files of a granule where there are several (that fit the glob, if there is one).
    #[must_use]
    pub fn with_all_files(mut self, all: bool) -> Self {
        self.all = all;
        self
    }
}

/// Why no file of a granule can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// It has no link to data.
    #[error(
        "{granule}: its record has no link to a data file: it may not be online; look at its other \
         links with --json"
    )]
    NoDataLink {
        /// The granule's native id.
        granule: String,
    },
    /// It has several files that could be meant.
    #[error("{granule}: has {} data files ({}): choose with --files GLOB, or take all with --all-files", .names.len(), few(.names))]
    Several {
        /// The granule's native id.
        granule: String,
        /// Their names.
        names: Vec<String>,
    },
    /// None of its files fits the glob.
    #[error("{granule}: none of its data files ({}) fits the glob of --files", few(.names))]
    NoneFits {
        /// The granule's native id.
        granule: String,
        /// Their names.
        names: Vec<String>,
    },
    /// Its files are in a format that is not HDF5.
    #[error("{granule}: its data are {format} ({}), which is not HDF5 and can't be scanned", few(.names))]
    Format {
        /// The granule's native id.
        granule: String,
        /// The format.
        format: Format,
        /// The files' names.
        names: Vec<String>,
    },
}

/// A file, of the links to it and what the record says of it.
fn data_file(name: &str, links: &[&Link], archived: Option<&Archived>) -> DataFile {
    let mut urls: Vec<String> = Vec::new();
    let mut said: Vec<&str> = Vec::new();
    for link in links {
        if !urls.contains(&link.url) {
            urls.push(link.url.clone());
        }
        said.extend(link.format.as_deref());
        said.extend(link.media_type.as_deref());
    }
    said.extend(archived.and_then(|archived| archived.format.as_deref()));
    DataFile {
        name: name.to_owned(),
        urls,
        size: archived.and_then(|archived| archived.size),
        checksum: archived.and_then(|archived| archived.checksum.clone()),
        format: Format::of(name, said),
    }
}

/// Their names; of those that share one, addresses.
fn names(files: &[DataFile]) -> Vec<String> {
    let name = |file: &DataFile| {
        let shared = files.iter().filter(|one| one.name == file.name).count() > 1;
        let url = file.urls.first().filter(|_| shared);
        url.map_or_else(|| file.name.clone(), |url| printable(url))
    };
    files.iter().map(name).collect()
}

/// The first few of many names.
fn few(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<_> = names.iter().take(SHOWN).map(String::as_str).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

impl Granule {
    /// The data files: links to data, those of one name over https and into a bucket together. Several
    /// links of one name over https are several files. They are in the order of the record.
    pub fn data_files(&self) -> Vec<DataFile> {
        let mut names: Vec<String> = Vec::new();
        let mut links: HashMap<String, Vec<&Link>> = HashMap::new();
        for link in &self.links {
            if !matches!(link.kind, LinkKind::Data | LinkKind::DirectData) {
                continue;
            }
            let name = link.file_name();
            let of_name = links.entry(name.clone()).or_default();
            if of_name.is_empty() {
                names.push(name);
            }
            of_name.push(link);
        }
        let alone = names.len() == 1 && self.archived.len() == 1;
        let mut files = Vec::new();
        for name in names {
            let groups = grouped(links.get(&name).map_or(&[][..], Vec::as_slice));
            let archived = self.archived.iter().find(|one| match &one.name {
                Some(archived) => *archived == name,
                // A record of one file need not name it.
                None => alone,
            });
            // What is said of a name is said of none of several files that have it.
            let archived = archived.filter(|_| groups.len() == 1);
            files.extend(groups.iter().map(|group| data_file(&name, group, archived)));
        }
        files
    }

    /// The files that are read of this granule: the only one that may be HDF5, or those that are
    /// chosen.
    ///
    /// # Errors
    ///
    /// If there is none, or there are several and the choice names none of them.
    pub fn choose(&self, choice: &FileChoice) -> Result<Vec<DataFile>, Unfit> {
        let granule = || self.native_id.clone();
        let files = self.data_files();
        if files.is_empty() {
            return Err(Unfit::NoDataLink { granule: granule() });
        }
        let chosen: Vec<_> = if let Some(pattern) = &choice.pattern {
            let is_of_links = pattern.as_str().contains('/');
            let fits = |file: &&DataFile| {
                pattern.matches(&file.name)
                    || is_of_links && file.urls.iter().any(|url| pattern.matches(url))
            };
            files.iter().filter(fits).cloned().collect()
        } else {
            // What is told to be something else is left aside, what is not told may be HDF5.
            let may_be = |file: &&DataFile| file.format.is_none_or(Format::is_hdf5);
            files.iter().filter(may_be).cloned().collect()
        };
        match (chosen.len(), &choice.pattern) {
            (0, Some(_)) => Err(Unfit::NoneFits {
                granule: granule(),
                names: names(&files),
            }),
            (0, None) => {
                let formats = || files.iter().filter_map(|file| file.format);
                let telling = formats().find(|format| *format != Format::Other);
                Err(Unfit::Format {
                    granule: granule(),
                    format: telling
                        .or_else(|| formats().next())
                        .unwrap_or(Format::Other),
                    names: names(&files),
                })
            }
            (1, _) => Ok(chosen),
            _ if choice.all => Ok(chosen),
            _ => Err(Unfit::Several {
                granule: granule(),
                names: names(&chosen),
            }),
        }
    }
}
