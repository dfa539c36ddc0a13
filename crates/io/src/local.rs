//! Local files: one open handle, positioned reads.

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::log::RequestRecord;
use crate::object::check_within;
use crate::pieces::Pieces;
use crate::pin::Pin;
use crate::plan::merge;
use crate::transport::Net;

/// A local file.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) name: String,
    file: Arc<File>,
    size: u64,
    pin: Pin,
    net: Arc<Net>,
}

/// The error where a task on the blocking pool was lost.
fn lost(name: &str, error: tokio::task::JoinError) -> Error {
    Error::file(name, io::Error::other(error))
}

/// What pins a file.
fn pin(metadata: &Metadata) -> Pin {
    let modified = metadata.modified().ok().map(|time| {
        let time = chrono::DateTime::<chrono::Utc>::from(time);
        time.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true)
    });
    Pin {
        size: Some(metadata.len()),
        etag: None,
        last_modified: modified,
        ..Pin::default()
    }
}

impl Local {
    /// Opens a file; the name is for errors.
    pub(crate) async fn open(net: Arc<Net>, name: String, path: PathBuf) -> Result<Self> {
        let opened = tokio::task::spawn_blocking(move || {
            // A pipe would block when opened, a folder when read gives no clear error.
            let metadata = std::fs::metadata(&path)?;
            if !metadata.is_file() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "not a regular file",
                ));
            }
            let file = File::open(&path)?;
            let metadata = file.metadata()?;
            Ok((file, metadata))
        });
        let opened = opened.await.map_err(|error| lost(&name, error))?;
        let (file, metadata) = opened.map_err(|error| Error::file(&name, error))?;
        Ok(Self {
            file: Arc::new(file),
            size: metadata.len(),
            pin: pin(&metadata),
            name,
            net,
        })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn pin(&self) -> Pin {
        self.pin.clone()
    }

    /// Reads one wave, in one call on the blocking pool.
    pub(crate) async fn read(&self, wants: &[Range<u64>]) -> Result<Vec<Bytes>> {
        check_within(&self.name, wants, self.size)?;
        let options = &self.net.options;
        let spans = merge(wants.to_vec(), options.local_merge_gap, options.max_span);
        if spans.is_empty() {
            return Ok(vec![Bytes::new(); wants.len()]);
        }
        let wave = self.net.log.wave();
        let file = Arc::clone(&self.file);
        let read = tokio::task::spawn_blocking(move || {
            let mut pieces = Vec::with_capacity(spans.len());
            for span in spans {
                pieces.push((span.start, read_span(&file, &span)?));
            }
            Ok::<_, io::Error>((pieces, file.metadata()?))
        });
        let read = read.await.map_err(|error| lost(&self.name, error))?;
        let (pieces, metadata) = match read {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.shrunk(error)?,
            Err(error) => return Err(Error::file(&self.name, error)),
        };
        self.pin.clone().agree(&self.name, pin(&metadata))?;
        for (start, bytes) in &pieces {
            let end = crate::pieces::end(*start, bytes);
            self.net
                .log
                .request(end.saturating_sub(*start), || RequestRecord {
                    url: self.name.clone(),
                    range: *start..end,
                    bytes: end.saturating_sub(*start),
                    wave,
                    status: None,
                });
        }
        let pieces = Pieces::new(pieces);
        let bytes = wants.iter().map(|want| {
            pieces.get(want).ok_or_else(|| Error::PastEnd {
                url: self.name.clone(),
                range: want.clone(),
                size: self.size,
            })
        });
        bytes.collect()
    }

    /// The file ended early: it is no longer the one that was opened.
    fn shrunk<T>(&self, error: io::Error) -> Result<T> {
        let metadata = self.file.metadata();
        let metadata = metadata.map_err(|error| Error::file(&self.name, error))?;
        self.pin.clone().agree(&self.name, pin(&metadata))?;
        Err(Error::file(&self.name, error))
    }
}

/// Reads a span that lies within the file.
fn read_span(file: &File, span: &Range<u64>) -> io::Result<Bytes> {
    let length = usize::try_from(span.end.saturating_sub(span.start)).map_err(io::Error::other)?;
    let mut buffer = vec![0; length];
    read_exact_at(file, &mut buffer, span.start)?;
    Ok(buffer.into())
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, buffer, offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let rest = std::mem::take(&mut buffer);
        buffer = rest.get_mut(read..).unwrap_or_default();
        offset = offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    Ok(())
}
