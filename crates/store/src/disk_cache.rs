//! Bytes of remote objects kept in a folder, for later reads and other processes.
//!
//! Each range that was read is a file, named by a hash of its URL, what pins the object, and the range;
//! what nothing pins is not kept. A file is written beside and renamed, so that it is whole or not
//! there, whoever else writes or is killed; what a file holds is believed only if its name, length and
//! checksum are right.
//!
//! | field    | bytes | content                                        |
//! |----------|-------|------------------------------------------------|
//! | magic    | 16    | `chunkref cache 1`                             |
//! | name     | 4 + n | length (u32, little-endian), UTF-8             |
//! | checksum | 8     | XXH64 of the data (u64, little-endian)         |
//! | data     |       | up to the end of the file                      |

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chunkref_manifest::Location;
use twox_hash::XxHash64;

const MAGIC: &[u8; 16] = b"chunkref cache 1";

/// Names of files that are being written begin so.
const UNFINISHED: &str = "unfinished-";

/// What is being written for so long is what someone left behind who was killed.
const ABANDONED: Duration = Duration::from_hours(1);

/// A file that was used counts as used again only so much later.
const USED: Duration = Duration::from_mins(1);

/// Bytes of objects in a folder.
#[derive(Clone, Debug)]
pub(crate) struct DiskCache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    limit: u64,
    /// What the folder is believed to hold; `None` before it was looked at.
    held: Mutex<Option<Held>>,
    hits: AtomicU64,
    misses: AtomicU64,
    failures: AtomicU64,
    written: AtomicU64,
}

/// Bytes in the folder.
#[derive(Debug)]
struct Held {
    bytes: u64,
    /// Of those, written here since all were counted.
    since: u64,
}

/// What one file is to hold: some bytes of one object as it was at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    text: String,
    /// How many bytes.
    length: u64,
}

/// The name of a range of an object; `None` if nothing pins the object, so that it can't be told
/// whether it is still the same, or it is a local file.
pub(crate) fn name(location: &Location, range: &Range<u64>) -> Option<Name> {
    let pin = &location.pin;
    let is_pinned = pin.etag.is_some() || pin.last_modified.is_some();
    let scheme = location.url.split_once("://").map(|(scheme, _)| scheme);
    let is_remote = scheme.is_some_and(|scheme| !scheme.eq_ignore_ascii_case("file"));
    if !is_pinned || !is_remote || range.is_empty() {
        return None;
    }
    let Range { start, end } = range;
    let (url, size, etag, modified) = (&location.url, pin.size, &pin.etag, &pin.last_modified);
    // Debug quotes texts, so that no two can become one.
    Some(Name {
        text: format!("{start}..{end} {size:?} {etag:?} {modified:?} {url:?}"),
        length: end.saturating_sub(*start),
    })
}

impl DiskCache {
    /// Keeps about so many bytes in a folder, which need not be there yet.
    pub(crate) fn new(folder: PathBuf, limit: u64) -> Self {
        Self(Arc::new(Inner {
            folder,
            limit,
            held: Mutex::new(None),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            written: AtomicU64::new(0),
        }))
    }

    /// What is kept under these names, in their order.
    pub(crate) async fn get(&self, names: &[Option<Name>]) -> Vec<Option<Bytes>> {
        let (inner, owned) = (Arc::clone(&self.0), names.to_vec());
        let read = tokio::task::spawn_blocking(move || {
            let names = owned.iter().map(Option::as_ref);
            names.map(|name| inner.get(name?)).collect()
        });
        read.await.unwrap_or_else(|_| vec![None; names.len()])
    }

    /// Keeps bytes under these names. That they can't be is counted, and no error.
    pub(crate) async fn keep(&self, new: Vec<(Name, Bytes)>) {
        if new.is_empty() {
            return;
        }
        let inner = Arc::clone(&self.0);
        let kept = tokio::task::spawn_blocking(move || {
            for (name, bytes) in new {
                inner.keep(&name, &bytes);
            }
        });
        // What panicked kept less.
        let _ = kept.await;
    }

    /// Hits, misses, failures to keep something, and bytes written.
    pub(crate) fn counts(&self) -> [u64; 4] {
        let Inner {
            hits,
            misses,
            failures,
            written,
            ..
        } = &*self.0;
        [hits, misses, failures, written].map(|count| count.load(Ordering::Relaxed))
    }
}

impl Inner {
    fn path(&self, name: &Name) -> PathBuf {
        let hash = |seed| XxHash64::oneshot(seed, name.text.as_bytes());
        let file = format!("{:016x}{:016x}", hash(0), hash(1));
        let (folder, file) = file.split_at(2);
        self.folder.join(folder).join(file)
    }

    fn get(&self, name: &Name) -> Option<Bytes> {
        let path = self.path(name);
        let found = read(&path, name);
        let count = if found.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        count.fetch_add(1, Ordering::Relaxed);
        found
    }

    fn keep(&self, name: &Name, data: &[u8]) {
        let header = header(name, data);
        let size = length(&header).saturating_add(length(data));
        if size > self.limit {
            return;
        }
        let done = self
            .write(name, &header, data)
            .and_then(|()| self.make_room(size));
        match done {
            Ok(()) => self.written.fetch_add(size, Ordering::Relaxed),
            Err(_) => self.failures.fetch_add(1, Ordering::Relaxed),
        };
    }

    fn write(&self, name: &Name, header: &[u8], data: &[u8]) -> io::Result<()> {
        /// Tells apart what one process writes.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let path = self.path(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let unfinished = format!("{UNFINISHED}{}-{number}", std::process::id());
        let unfinished = self.folder.join(unfinished);
        let written = File::create(&unfinished).and_then(|mut file| {
            file.write_all(header)?;
            file.write_all(data)
        });
        let renamed = written.and_then(|()| fs::rename(&unfinished, &path));
        if renamed.is_err() {
            // Nothing more can be done about it.
            let _ = fs::remove_file(&unfinished);
        }
        renamed
    }

    /// Counts what was written, and drops files where there are too many bytes.
    fn make_room(&self, written: u64) -> io::Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = &mut *held {
            held.bytes = held.bytes.saturating_add(written);
            held.since = held.since.saturating_add(written);
            // Others write, too.
            let is_recent = held.since <= self.limit / 8;
            if held.bytes <= self.limit && is_recent {
                return Ok(());
            }
        }
        let bytes = drop_oldest(&self.folder, self.limit)?;
        *held = Some(Held { bytes, since: 0 });
        Ok(())
    }
}

/// A file.
struct Kept {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// Drops files used longest ago until no more bytes are left than the limit, with some room where there
/// were more; gives how many there are.
fn drop_oldest(folder: &Path, limit: u64) -> io::Result<u64> {
    let mut files = Vec::new();
    let mut bytes = 0_u64;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            drop_abandoned(&entry);
            continue;
        }
        // What others have removed by now is not there.
        let Ok(within) = fs::read_dir(entry.path()) else {
            continue;
        };
        for entry in within.flatten() {
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            bytes = bytes.saturating_add(metadata.len());
            files.push(Kept {
                path: entry.path(),
                bytes: metadata.len(),
                used: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            });
        }
    }
    if bytes <= limit {
        return Ok(bytes);
    }
    files.sort_unstable_by(|one, other| (one.used, &one.path).cmp(&(other.used, &other.path)));
    let target = limit.saturating_sub(limit / 8);
    for file in files {
        if bytes <= target {
            break;
        }
        match fs::remove_file(&file.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => bytes = bytes.saturating_sub(file.bytes),
        }
    }
    Ok(bytes)
}

fn drop_abandoned(entry: &fs::DirEntry) {
    let modified = entry.metadata().and_then(|metadata| metadata.modified());
    let age = modified.ok().and_then(|time| time.elapsed().ok());
    if age.is_some_and(|age| age > ABANDONED) {
        // If another was quicker, it is gone as well.
        let _ = fs::remove_file(entry.path());
    }
}

/// What a file holds, if all of it is right; what is wrong is removed.
fn read(path: &Path, name: &Name) -> Option<Bytes> {
    let metadata = fs::metadata(path).ok()?;
    let start = header(name, &[]).len();
    let expected = name
        .length
        .saturating_add(u64::try_from(start).unwrap_or(u64::MAX));
    let held = if metadata.len() == expected {
        fs::read(path).ok()?
    } else {
        Vec::new()
    };
    let data = held.get(start..);
    let right = data.filter(|data| held.starts_with(&header(name, data)));
    let Some(data) = right else {
        // Damaged, or another name of the same hash.
        let _ = fs::remove_file(path);
        return None;
    };
    let age = metadata
        .modified()
        .ok()
        .and_then(|time| time.elapsed().ok());
    if age.is_none_or(|age| age > USED) {
        let file = File::options().write(true).open(path);
        // If it can't be told, the file goes earlier.
        let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
    }
    let data = data.len();
    let held = Bytes::from(held);
    Some(held.slice(held.len().saturating_sub(data)..))
}

fn header(name: &Name, data: &[u8]) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    let length = u32::try_from(name.text.len()).unwrap_or(u32::MAX);
    header.extend(length.to_le_bytes());
    header.extend(name.text.as_bytes());
    header.extend(XxHash64::oneshot(0, data).to_le_bytes());
    header
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
