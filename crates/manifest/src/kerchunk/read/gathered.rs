//! Chunks by the arrays that they belong to, and what a chunk's key names.

use std::collections::HashMap;

use super::document::malformed;
use super::rows::{Place, Rows};
use crate::chunk_table::ChunkTable;
use crate::error::Result;
use crate::location::{Location, LocationId, Locations};

/// The most axes of an array, and so parts of a chunk key.
const MAX_AXES: usize = 64;

/// An array whose chunks are being gathered.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) path: String,
    pub(super) separator: char,
    pub(super) grid: Vec<u64>,
    pub(super) rows: Rows,
}

/// The arrays of a set with the chunks found so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) arrays: Vec<Draft>,
    /// `None` for arrays that were refused.
    by_path: HashMap<String, Option<usize>>,
    pub(super) locations: Locations,
    /// The array of the last key, and the last URL: mostly those of the next as well.
    last_array: usize,
    last_url: Option<(String, LocationId)>,
}

/// What a chunk key names.
pub(super) enum Target {
    /// A chunk of the array with this number in [`Gathered::arrays`].
    Chunk { array: usize, index: u64 },
    /// Something of an array that was refused.
    Refused,
    /// Nothing that a Zarr reader asks for, and why.
    Nothing(&'static str),
}

impl Gathered {
    /// Adds an array, unless its path is known.
    pub(super) fn add(&mut self, path: &str, separator: char, grid: Vec<u64>) {
        if self.by_path.contains_key(path) {
            return;
        }
        self.by_path
            .insert(path.to_owned(), Some(self.arrays.len()));
        self.arrays.push(Draft {
            path: path.to_owned(),
            separator,
            rows: Rows::new(grid.clone()),
            grid,
        });
    }

    /// Keys under this path are passed over, unless it is that of an array.
    pub(super) fn refuse(&mut self, path: &str) {
        self.by_path.entry(path.to_owned()).or_insert(None);
    }

    pub(super) fn is_refused(&self, path: &str) -> bool {
        self.by_path.get(path) == Some(&None)
    }

    pub(super) fn knows(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// The paths of arrays that were refused.
    pub(super) fn refused(&self) -> impl Iterator<Item = &str> {
        let refused = self.by_path.iter().filter(|(_, array)| array.is_none());
        refused.map(|(path, _)| path.as_str())
    }

    /// How many paths are known, of refused ones as well.
    pub(super) fn known(&self) -> usize {
        self.by_path.len()
    }

    /// Whether the array at the path of this one has the same grid and separator; `None` where
    /// there is none.
    pub(super) fn has_like(&self, other: &Draft) -> Option<bool> {
        let number = self.by_path.get(&other.path).copied().flatten()?;
        let draft = self.arrays.get(number)?;
        Some(draft.grid == other.grid && draft.separator == other.separator)
    }

    /// The chunks of the array at a path.
    pub(super) fn take_rows(&mut self, path: &str) -> Option<Rows> {
        let number = self.by_path.get(path).copied().flatten()?;
        let draft = self.arrays.get_mut(number)?;
        Some(std::mem::replace(&mut draft.rows, Rows::new(Vec::new())))
    }

    /// What a key that is no document's names.
    pub(super) fn target(&mut self, key: &str) -> Target {
        if let Some(target) = self.again(key) {
            return target;
        }
        let Some((mut path, mut places)) = split(key, key.len()) else {
            return Target::Nothing("lies in no array");
        };
        // Where `/` stands between the places, more of the key is the chunk's.
        for parts in 1..=MAX_AXES {
            match self.by_path.get(path).copied() {
                Some(Some(array)) => {
                    let Some(draft) = self.arrays.get(array) else {
                        break;
                    };
                    self.last_array = array;
                    return found(array, draft, places, parts);
                }
                Some(None) => return Target::Refused,
                None => {}
            }
            match split(key, path.len()) {
                Some(next) => (path, places) = next,
                None => break,
            }
        }
        Target::Nothing("lies in no array")
    }

    /// What a key names if it names a chunk of the same array as the one before.
    fn again(&self, key: &str) -> Option<Target> {
        let draft = self.arrays.get(self.last_array)?;
        let places = key.strip_prefix(draft.path.as_str())?.strip_prefix('/')?;
        // With slashes in it another array may be nearer.
        let only = draft.separator != '/' && !places.contains('/');
        only.then(|| found(self.last_array, draft, places, 1))
    }

    /// Adds a chunk to an array.
    ///
    /// # Errors
    /// When it is outside the grid.
    pub(super) fn push(&mut self, array: usize, index: u64, place: Place) -> Result<()> {
        match self.arrays.get_mut(array) {
            Some(draft) => draft
                .rows
                .push(index, place)
                .map_err(|error| error.at(&draft.path)),
            None => Ok(()),
        }
    }

    /// The number of a URL.
    ///
    /// # Errors
    /// When it is empty, or there are too many.
    pub(super) fn location(&mut self, key: &str, url: &str) -> Result<LocationId> {
        if let Some((last, id)) = &self.last_url
            && last == url
        {
            return Ok(*id);
        }
        if url.is_empty() {
            return Err(malformed(key, "an empty URL"));
        }
        let id = self.locations.intern(Location::new(url));
        let id = id.ok_or_else(|| malformed(key, "more than 2^32 - 1 URLs"))?;
        self.last_url = Some((url.to_owned(), id));
        Ok(id)
    }
}

impl Draft {
    /// The table of its chunks.
    ///
    /// # Errors
    /// When one is given twice.
    pub(super) fn finish(self) -> Result<(String, ChunkTable)> {
        let Self {
            path,
            separator,
            grid,
            rows,
        } = self;
        let table = rows.finish().map_err(|super::rows::Twice(index)| {
            let places = crate::chunk_grid::chunk_coordinates(index, &grid).unwrap_or_default();
            let chunk = match crate::chunk_grid::join(&places, separator) {
                chunk if chunk.is_empty() => "0".to_owned(),
                chunk => chunk,
            };
            malformed(&format!("{path}/{chunk}"), "given twice")
        })?;
        Ok((path, table))
    }
}

/// The key before the last slash of its first `length` bytes, and all that comes after.
fn split(key: &str, length: usize) -> Option<(&str, &str)> {
    let slash = key.get(..length)?.rfind('/')?;
    Some((key.get(..slash)?, key.get(slash.saturating_add(1)..)?))
}

fn found(array: usize, draft: &Draft, places: &str, parts: usize) -> Target {
    match index(draft, places, parts) {
        Ok(index) => Target::Chunk { array, index },
        Err(reason) => Target::Nothing(reason),
    }
}

/// The number of the chunk whose places are written so, in so many parts of the key.
fn index(draft: &Draft, places: &str, parts: usize) -> Result<u64, &'static str> {
    const NONE: &str = "is no chunk of its array";
    if draft.grid.is_empty() {
        return if places == "0" { Ok(0) } else { Err(NONE) };
    }
    if draft.separator == '.' && parts != 1 {
        return Err(NONE);
    }
    let mut lengths = draft.grid.iter();
    // `None` outside of the grid.
    let mut index = Some(0_u64);
    let mut place: Option<u64> = None;
    for character in places.bytes().map(char::from).chain([draft.separator]) {
        if character == draft.separator {
            let (Some(at), Some(length)) = (place.take(), lengths.next()) else {
                return Err(NONE);
            };
            index = index
                .filter(|_| at < *length)
                .and_then(|index| index.checked_mul(*length)?.checked_add(at));
            continue;
        }
        let digit = character.to_digit(10).map(u64::from).ok_or(NONE)?;
        place = match place {
            None => Some(digit),
            // As writers have it: `01` is another key than `1`.
            Some(0) => return Err(NONE),
            Some(place) => place
                .checked_mul(10)
                .and_then(|place| place.checked_add(digit)),
        };
        if place.is_none() {
            return Err(NONE);
        }
    }
    if lengths.next().is_some() {
        return Err(NONE);
    }
    index.ok_or("lies outside of its array's chunks")
}
