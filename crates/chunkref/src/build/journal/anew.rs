//! Logs that are written anew: beside the one that is there, then in its place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde_json::Value;

use super::entry::Head;
use super::{Journal, State, VERSION, WASTE, frame};
use crate::build::error::BuildError;

impl Journal {
    /// Writes the log anew where most of it is of no use any more: beside it, then in its place.
    pub(super) fn make_room(&mut self) -> Result<(), BuildError> {
        if self.waste < WASTE || self.waste < self.length / 2 {
            return Ok(());
        }
        let new = self.folder.join("log.new");
        self.copy(&new).map_err(|error| self.failed(&error))?;
        let path = self.folder.join("log");
        let reopened = fs::rename(&new, &path)
            .and_then(|()| sync_folder(&self.folder))
            .and_then(|()| OpenOptions::new().read(true).append(true).open(&path));
        self.log = Some(reopened.map_err(|error| self.failed(&error))?);
        self.entries.clear();
        self.listings.clear();
        self.waste = 0;
        self.read(true)?;
        Ok(())
    }

    /// Writes all that is of use into a log of its own.
    fn copy(&self, path: &Path) -> io::Result<()> {
        let file = File::create(path)?;
        let mut out = io::BufWriter::with_capacity(1 << 20, &file);
        let mut put = |head: &Head, body: &[u8]| {
            let head = serde_json::to_vec(head)?;
            let frame = frame::encode(&head, body);
            out.write_all(&frame.ok_or_else(|| io::Error::other("an entry of more than 4 GiB"))?)
        };
        let options = self.options.clone();
        put(
            &Head::Journal {
                version: VERSION,
                options,
            },
            &[],
        )?;
        put(
            &Head::Effort {
                effort: self.effort,
            },
            &[],
        )?;
        for listing in self.listings.values() {
            let query = listing.query.clone();
            put(
                &Head::Listing { query },
                &serde_json::to_vec(&listing.keys)?,
            )?;
        }
        for entry in self.entries.values() {
            let source = entry.source.clone();
            match &entry.state {
                State::Done(done, body) => {
                    let done = Box::new(done.clone());
                    put(&Head::Done { source, done }, &self.body(*body)?)?;
                }
                State::Failed(reason) => {
                    let reason = reason.clone();
                    put(&Head::Failed { source, reason }, &[])?;
                }
            }
        }
        out.flush()?;
        drop(out);
        file.sync_all()
    }
}

/// Puts a log with nothing in it in place.
pub(super) fn begin(folder: &Path, options: &Value) -> io::Result<()> {
    let head = Head::Journal {
        version: VERSION,
        options: options.clone(),
    };
    let frame = frame::encode(&serde_json::to_vec(&head)?, &[]).unwrap_or_default();
    let new = folder.join("log.new");
    let mut file = File::create(&new)?;
    file.write_all(&frame)?;
    file.sync_all()?;
    fs::rename(&new, folder.join("log"))?;
    sync_folder(folder)
}

/// Waits until what was renamed in a folder is so on the disk, where the system knows how.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
