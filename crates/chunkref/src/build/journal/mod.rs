//! The journal of a build: which files are done, with their manifests, and what failed and why.
//!
//! A folder of two files. `log` is only ever appended to, entry by entry ([`frame`]); what is not whole at
//! its end was being written when a process was killed, and is cut off. A log that is damaged elsewhere is
//! refused; one begun anew keeps it as `log.damaged`. `lock` is held while a build
//! runs; the system lets go of it when the process ends, however it ends. It holds no secrets: addresses
//! are without users and queries.

mod anew;
mod entry;
mod frame;
mod opening;
mod reading;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chunkref_manifest::Manifest;
use chunkref_manifest::kerchunk::{
    Compression, DecodedLimit, JsonOptions, read_json, write_json_compressed,
};
use serde_json::Value;

use entry::Head;
pub(crate) use entry::{Body, Done, Effort, Entry, LeftOut, Listing, State};
use reading::Rest;

use super::error::BuildError;
use super::source::Source;
use crate::text::told;

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;
/// What is written is on the disk at the latest after this time, where the machine itself fails.
const SYNCED: Duration = Duration::from_secs(2);
/// A log is written anew when more than half of it, and more than this, is of no use any more.
const WASTE: u64 = 1 << 20;

/// An open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    /// `None` where it is only looked at and not there.
    log: Option<File>,
    /// Held as long as the journal is open.
    lock: Option<File>,
    options: Value,
    entries: BTreeMap<String, Entry>,
    /// What searches found, by what names them.
    listings: BTreeMap<String, Listing>,
    effort: Effort,
    /// What was cut off when it was opened.
    cut: u64,
    /// Bytes of the log.
    length: u64,
    /// Bytes of it that nothing refers to any more.
    waste: u64,
    synced: Instant,
}

impl Journal {
    fn new(folder: &Path, log: Option<File>, options: &Value) -> Self {
        Self {
            folder: folder.to_owned(),
            log,
            lock: None,
            options: options.clone(),
            entries: BTreeMap::new(),
            listings: BTreeMap::new(),
            effort: Effort::default(),
            cut: 0,
            length: 0,
            waste: 0,
            synced: Instant::now(),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// How many files are done.
    pub(crate) fn count_done(&self) -> usize {
        let entries = self.entries.values();
        entries.filter(|entry| entry.done().is_some()).count()
    }

    /// What a search found before.
    pub(crate) fn listing(&self, query: &str) -> Option<&Listing> {
        self.listings.get(query)
    }

    /// What whoever runs the build should know of it.
    pub(crate) fn caution(&self) -> Option<String> {
        (self.cut > 0).then(|| {
            format!(
                "journal {}: its last entry was not whole, as a build was killed or the machine lost; \
                 its {} bytes were cut off, and what it said is found out again, but for granules that \
                 are gone from the archive",
                self.folder.display(),
                self.cut
            )
        })
    }

    /// What the scans so far took.
    pub(crate) fn effort(&self) -> Effort {
        self.effort
    }

    fn failed(&self, error: &io::Error) -> BuildError {
        refused(&self.folder, error.to_string())
    }

    /// Reads all entries; whether they are of these options. Those of others are passed over where no file
    /// is done. Past the last whole one the log is cut, if it may be changed.
    fn read(&mut self, may_cut: bool) -> Result<bool, BuildError> {
        let Some(log) = &self.log else {
            return Ok(true);
        };
        let found = reading::read(log).map_err(|error| self.failed(&error))?;
        let is_done = |(head, ..): &(Head, Body, u64)| matches!(head, Head::Done { .. });
        let any_done = found.heads.iter().any(is_done);
        let mut heads = found.heads.into_iter();
        if let Some(differing) = self.check(heads.next().map(|(head, ..)| head))? {
            if !any_done && found.rest == Rest::Nothing {
                return Ok(false);
            }
            return Err(refused(
                &self.folder,
                format!(
                    "made with other options ({differing}): --rescan scans all anew with these; or give \
                     the former, or another --output or --journal"
                ),
            ));
        }
        let end = found.end;
        if let Rest::Damaged | Rest::Unknown = found.rest {
            let what = match found.rest {
                Rest::Unknown => "an entry that this chunkref does not know",
                _ => "damaged: what is there is no entry, and none that was being written",
            };
            return Err(refused(
                &self.folder,
                format!(
                    "its file `log` is, from byte {end}, {what}: --rescan scans all anew and keeps it as \
                     log.damaged (granules that are gone from the archive and still in the set are lost); \
                     or put a copy of the journal back"
                ),
            ));
        }
        for (head, body, size) in heads {
            if !self.take(head, body, size)? {
                self.waste = self.waste.saturating_add(size);
            }
        }
        if let (true, Rest::Torn(left)) = (may_cut, found.rest) {
            let cut = log_of(self.log.as_ref()).and_then(|log| log.set_len(end));
            cut.map_err(|error| self.failed(&error))?;
            self.cut = left;
        }
        self.length = end;
        Ok(true)
    }

    /// Whether the first entry is that of a journal that can be used; the options that are others.
    fn check(&self, first: Option<Head>) -> Result<Option<String>, BuildError> {
        let refuse = |reason: String| Err(refused(&self.folder, reason));
        let Some(Head::Journal { version, options }) = first else {
            return refuse(
                "its file `log` is none of a journal, or damaged at its start: give another folder with \
                 --journal, or begin anew with --rescan, which keeps it as log.damaged"
                    .to_owned(),
            );
        };
        if version != VERSION {
            return refuse(format!(
                "of version {version}, expected {VERSION}: another chunkref made it; --rescan begins \
                 it anew"
            ));
        }
        Ok(entry::differing(&options, &self.options))
    }

    /// Takes in an entry; whether it is of use. What it replaces counts as waste.
    fn take(&mut self, head: Head, body: Body, size: u64) -> Result<bool, BuildError> {
        match head {
            Head::Journal { .. } => return Ok(false),
            Head::Effort { effort } => {
                self.effort = effort;
                return Ok(false);
            }
            Head::Listing { query } => {
                let keys = self.body(body).map_err(|error| self.failed(&error))?;
                let keys =
                    serde_json::from_slice(&keys).map_err(|error| self.failed(&error.into()))?;
                let listing = Listing { query, keys };
                let before = self.listings.insert(listing.query.clone(), listing);
                self.waste = self
                    .waste
                    .saturating_add(before.map_or(0, |before| before.size()));
            }
            Head::Record { source } => {
                // It is small beside what it says something of.
                if let Some(entry) = self.entries.get_mut(&source.key) {
                    entry.source = source;
                }
            }
            Head::Done { source, done } => self.put(source, State::Done(*done, body), size),
            Head::Failed { source, reason } => self.put(source, State::Failed(reason), size),
        }
        Ok(true)
    }

    fn put(&mut self, source: Source, state: State, size: u64) {
        let entry = Entry {
            source,
            state,
            size,
        };
        if let Some(before) = self.entries.insert(entry.source.key.clone(), entry) {
            self.waste = self.waste.saturating_add(before.size);
        }
    }

    fn body(&self, body: Body) -> io::Result<Vec<u8>> {
        let mut log = log_of(self.log.as_ref())?;
        log.seek(SeekFrom::Start(body.at))?;
        let mut bytes = vec![0; usize::try_from(body.length).map_err(io::Error::other)?];
        log.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The manifest of a file that is done.
    pub(crate) fn manifest(&self, key: &str) -> Result<Manifest, BuildError> {
        let wrong = |reason: String| {
            refused(
                &self.folder,
                format!("the manifest of {key}: {reason}; --rescan scans all anew"),
            )
        };
        let entry = self.entries.get(key);
        let Some(State::Done(_, body)) = entry.map(|entry| &entry.state) else {
            return Err(wrong("is not there".to_owned()));
        };
        let bytes = self.body(*body).map_err(|error| self.failed(&error))?;
        // It is ours, and was bounded when it was made.
        let limit = DecodedLimit {
            bytes: u64::MAX,
            ratio: u64::MAX,
        };
        let options = JsonOptions::new().with_decoded_limit(limit);
        let set = read_json(&bytes, &options).map_err(|error| wrong(told(&error)))?;
        match set.report.refused.first() {
            None => Ok(set.manifest),
            Some(refused) => Err(wrong(format!("{}: {}", refused.path, refused.reason))),
        }
    }

    /// Takes note that a file was scanned.
    pub(crate) fn done(
        &mut self,
        source: &Source,
        done: Done,
        manifest: &Manifest,
    ) -> Result<(), BuildError> {
        let mut body = Vec::new();
        write_json_compressed(manifest, &mut body, Compression::Zstd)
            .map_err(|error| refused(&self.folder, told(&error)))?;
        let head = Head::Done {
            source: source.clone(),
            done: Box::new(done),
        };
        self.append(head, &body)
    }

    /// Takes note that a file could not be scanned.
    pub(crate) fn fail(&mut self, source: &Source, reason: &str) -> Result<(), BuildError> {
        let head = Head::Failed {
            source: source.clone(),
            reason: reason.to_owned(),
        };
        self.append(head, &[])
    }

    /// Takes note that a record is another, of a file that is the same.
    pub(crate) fn renew(&mut self, source: &Source) -> Result<(), BuildError> {
        let head = Head::Record {
            source: source.clone(),
        };
        self.append(head, &[])
    }

    /// Takes note of all that a search found, if it is not what it found before.
    pub(crate) fn list(&mut self, listing: Listing) -> Result<(), BuildError> {
        if self.listing(&listing.query) == Some(&listing) {
            return Ok(());
        }
        let keys = serde_json::to_vec(&listing.keys);
        let keys = keys.map_err(|error| self.failed(&error.into()))?;
        let query = listing.query;
        self.append(Head::Listing { query }, &keys)
    }

    /// Takes note of what scans took.
    pub(crate) fn add_effort(&mut self, more: Effort) -> Result<(), BuildError> {
        let effort = self.effort.and(more);
        self.append(Head::Effort { effort }, &[])
    }

    fn append(&mut self, head: Head, body: &[u8]) -> Result<(), BuildError> {
        let written = self.write(&head, body);
        let (body, size) = written.map_err(|error| self.failed(&error))?;
        if !self.take(head, body, size)? {
            self.waste = self.waste.saturating_add(size);
        }
        Ok(())
    }

    /// Appends an entry with one call of the system: there is no half of it but where the machine or the
    /// disk fails.
    fn write(&mut self, head: &Head, body: &[u8]) -> io::Result<(Body, u64)> {
        let head = serde_json::to_vec(head)?;
        let frame = frame::encode(&head, body).ok_or_else(|| {
            io::Error::other("an entry of more than 4 GiB, which the journal can't hold")
        })?;
        let mut log = log_of(self.log.as_ref())?;
        log.write_all(&frame)?;
        if self.synced.elapsed() >= SYNCED {
            log.sync_data()?;
            self.synced = Instant::now();
        }
        let size = u64::try_from(frame.len()).map_err(io::Error::other)?;
        self.length = self.length.saturating_add(size);
        let length = u32::try_from(body.len()).map_err(io::Error::other)?;
        let at = self.length.saturating_sub(u64::from(length));
        Ok((Body { at, length }, size))
    }

    /// Waits until all of it is on the disk.
    pub(crate) fn sync(&mut self) -> Result<(), BuildError> {
        let synced = log_of(self.log.as_ref()).and_then(File::sync_data);
        self.synced = Instant::now();
        synced.map_err(|error| self.failed(&error))
    }
}

fn log_of(log: Option<&File>) -> io::Result<&File> {
    log.ok_or_else(|| io::Error::other("it is only looked at"))
}

fn refused(folder: &Path, reason: String) -> BuildError {
    BuildError::Journal {
        path: folder.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests;
