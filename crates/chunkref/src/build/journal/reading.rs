//! A log read from its start to its end, and what is there behind the last entry that is whole.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::entry::{Body, Head};
use super::frame;

/// What was being written when a process was killed is never longer.
const LONGEST: u64 = 256 << 20;

/// What a log holds.
#[derive(Debug)]
pub(super) struct Log {
    /// Its entries, with where their bodies are and how many bytes each takes.
    pub(super) heads: Vec<(Head, Body, u64)>,
    /// Where the last whole entry ends.
    pub(super) end: u64,
    /// What is there behind it.
    pub(super) rest: Rest,
}

/// What is there behind the last whole entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    Nothing,
    /// The start of an entry, of so many bytes, that was being written when the process or the machine
    /// was lost.
    Torn(u64),
    /// Something else: the log was damaged.
    Damaged,
    /// An entry that is whole and not known.
    Unknown,
}

pub(super) fn read(log: &File) -> io::Result<Log> {
    let length = log.metadata()?.len();
    let mut input = BufReader::with_capacity(1 << 20, log);
    input.seek(SeekFrom::Start(0))?;
    let mut heads = Vec::new();
    let mut end = 0;
    let mut rest = Rest::Nothing;
    while let Some(frame) = frame::read(&mut input, end, length)? {
        let Ok(head) = serde_json::from_slice::<Head>(&frame.head) else {
            rest = Rest::Unknown;
            break;
        };
        let body = Body {
            at: frame.body_at,
            length: frame.body_length,
        };
        heads.push((head, body, frame.end.saturating_sub(end)));
        end = frame.end;
    }
    let left = length.saturating_sub(end);
    if rest == Rest::Nothing && left > 0 {
        rest = Rest::Damaged;
        if left <= LONGEST {
            let mut log = log;
            log.seek(SeekFrom::Start(end))?;
            let mut bytes = Vec::new();
            log.take(left).read_to_end(&mut bytes)?;
            if frame::is_torn(&bytes) {
                rest = Rest::Torn(left);
            }
        }
    }
    Ok(Log { heads, end, rest })
}

/// Keeps a log that can't be read to its end as `log.damaged`, before another takes its place.
pub(super) fn set_aside(folder: &Path) -> io::Result<()> {
    let path = folder.join("log");
    let log = match File::open(&path) {
        Ok(log) => log,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let found = read(&log)?;
    let is_ours = matches!(found.heads.first(), Some((Head::Journal { .. }, ..)));
    let is_read = matches!(found.rest, Rest::Nothing | Rest::Torn(_));
    if !is_ours && log.metadata()?.len() > 0 || !is_read {
        fs::rename(&path, folder.join("log.damaged"))?;
    }
    Ok(())
}
