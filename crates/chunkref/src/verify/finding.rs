//! What is found to be wrong.

use std::fmt;

use chunkref_manifest::{LocationId, Manifest};

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// An object can't be read.
    Object,
    /// An object is not the one that is pinned.
    Pin,
    /// An array contradicts itself.
    Array,
    /// A reference reaches past the end of its object.
    Bounds,
    /// References of one array overlap.
    Overlap,
    /// A chunk can't be read or decoded.
    Chunk,
    /// A new scan of the object says something else.
    Scan,
    /// libhdf5 reads other values.
    Values,
}

impl FindingKind {
    /// Its name: `object`, `pin`, ...
    pub fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Pin => "pin",
            Self::Array => "array",
            Self::Bounds => "bounds",
            Self::Overlap => "overlap",
            Self::Chunk => "chunk",
            Self::Scan => "scan",
            Self::Values => "values",
        }
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// The path of the array from the root; `None` where an object as a whole is concerned.
    pub path: Option<String>,
    /// The chunk within its array, such as `c/0/1`.
    pub chunk: Option<String>,
    /// The URL or path of the object.
    pub object: Option<String>,
    /// First byte within the object.
    pub offset: Option<u64>,
    /// Stored size in bytes.
    pub length: Option<u64>,
    /// What was found, and what was expected.
    pub reason: String,
}

impl Finding {
    pub(super) fn of_object(kind: FindingKind, url: &str, reason: String) -> Self {
        Self {
            object: Some(url.to_owned()),
            ..Self::new(kind, reason)
        }
    }

    pub(super) fn of_array(kind: FindingKind, path: &str, reason: String) -> Self {
        Self {
            path: Some(path.to_owned()),
            ..Self::new(kind, reason)
        }
    }

    fn new(kind: FindingKind, reason: String) -> Self {
        Self {
            kind,
            path: None,
            chunk: None,
            object: None,
            offset: None,
            length: None,
            reason,
        }
    }

    #[must_use]
    pub(super) fn with_chunk(mut self, key: String) -> Self {
        self.chunk = Some(key);
        self
    }

    /// The same, at a place in an object of the manifest.
    #[must_use]
    pub(super) fn at(mut self, manifest: &Manifest, place: Option<Place>) -> Self {
        if let Some(place) = place {
            let location = manifest.locations.get(place.location);
            self.object = location.map(|location| location.url.clone());
            self.offset = Some(place.offset);
            self.length = Some(place.length);
        }
        self
    }
}

/// `PATH/CHUNK: OBJECT: LENGTH bytes at OFFSET: REASON`, as far as it is known.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.path, &self.chunk) {
            (Some(path), Some(chunk)) => write!(f, "{path}/{chunk}: ")?,
            (Some(path), None) => write!(f, "{path}: ")?,
            _ => {}
        }
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        if let (Some(offset), Some(length)) = (self.offset, self.length) {
            write!(f, "{length} bytes at {offset}: ")?;
        }
        f.write_str(&self.reason)
    }
}

/// Bytes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) location: LocationId,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// Findings as they come: all are counted, the first are kept.
#[derive(Debug)]
pub(super) struct Findings {
    kept: Vec<Finding>,
    most: usize,
    more: u64,
}

impl Findings {
    pub(super) fn new(most: usize) -> Self {
        Self {
            kept: Vec::new(),
            most,
            more: 0,
        }
    }

    pub(super) fn add(&mut self, finding: Finding) {
        if self.kept.len() < self.most {
            self.kept.push(finding);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// Those that were kept, and how many more there were.
    pub(super) fn finish(self) -> (Vec<Finding>, u64) {
        (self.kept, self.more)
    }
}
