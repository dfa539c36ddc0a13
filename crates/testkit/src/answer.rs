//! Answers before they are sent, however they are sent.

use std::io::Write;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::content::Found;
use crate::date::http_date;
use crate::fault::Fault;
use crate::request::Request;
use crate::server::Shared;

/// Bytes written between two waits when the bandwidth is capped.
const PIECE: u64 = 16 << 10;

/// An answer before it is sent.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// What `Content-Length` says.
    pub(crate) length: u64,
    pub(crate) body: Bytes,
    /// The range asked for.
    pub(crate) range: Option<Range<u64>>,
    pub(crate) ends: Ends,
    /// The size of the pieces in which the body is sent, and the wait after each.
    pub(crate) pace: Option<(u64, Duration)>,
}

/// What comes after the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// The next answer.
    Well,
    /// Nothing: the connection is reset before the answer.
    BeforeHead,
    /// The end of the connection.
    Short,
    /// Nothing, and the connection stays open.
    Never,
}

impl Answer {
    fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            length: 0,
            body: Bytes::new(),
            range: None,
            ends: Ends::Well,
            pace: None,
        }
    }

    /// Sets a header in place of one of the same name.
    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.headers
            .retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }

    fn cut(&mut self, bytes: u64, ends: Ends) {
        let kept = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.body.truncate(kept);
        self.ends = ends;
    }

    /// The pieces in which the body is sent.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Bytes> + Send + use<> {
        let size = self.pace.map_or(u64::MAX, |(size, _)| size);
        let size = usize::try_from(size).unwrap_or(usize::MAX).max(1);
        let body = self.body.clone();
        (0..body.len())
            .step_by(size)
            .map(move |at| body.slice(at..at.saturating_add(size).min(body.len())))
    }

    /// The time at which so many bytes may have been sent, if there is a pace to keep.
    pub(crate) fn due(&self, started: Instant, bytes: usize) -> Option<Instant> {
        let (size, wait) = self.pace?;
        let nanos = u128::try_from(bytes).ok()? * wait.as_nanos() / u128::from(size.max(1));
        Some(started + Duration::from_nanos(u64::try_from(nanos).ok()?))
    }
}

/// Waits as long as the server takes, and makes the answer that content, range and faults give.
pub(crate) async fn answer(shared: &Shared, request: &Request) -> std::io::Result<Answer> {
    let range = request.range(u64::MAX);
    let faults = shared.strike(&request.path, range.as_ref());
    let mut wait = shared.wait();
    for fault in &faults {
        if let Fault::Delay(more) = fault {
            wait += *more;
        }
    }
    tokio::time::sleep(wait).await;
    let mut answer = compose(shared, request, &faults)?;
    if let Some(bandwidth) = shared.bandwidth {
        let nanos = PIECE * 1_000_000_000 / bandwidth;
        answer.pace = Some((PIECE, Duration::from_nanos(nanos)));
    }
    for fault in &faults {
        match fault {
            Fault::Reset => answer.ends = Ends::BeforeHead,
            Fault::Truncate(bytes) => answer.cut(*bytes, Ends::Short),
            Fault::Stall(bytes) => answer.cut(*bytes, Ends::Never),
            Fault::Drip { piece, pause } => answer.pace = Some((*piece, *pause)),
            Fault::Header(name, value) => answer.set(name, value),
            _ => {}
        }
    }
    if answer.ends == Ends::BeforeHead {
        answer.status = 0;
        answer.body = Bytes::new();
    }
    Ok(answer)
}

fn compose(shared: &Shared, request: &Request, faults: &[Fault]) -> std::io::Result<Answer> {
    for fault in faults {
        match fault {
            Fault::Status { code, retry_after } => {
                let mut answer = Answer::empty(*code);
                if let Some(retry_after) = retry_after {
                    answer.set("Retry-After", retry_after);
                }
                return Ok(answer);
            }
            Fault::Redirect(location) => {
                let mut answer = Answer::empty(302);
                answer.set("Location", location);
                return Ok(answer);
            }
            _ => {}
        }
    }
    if request.method != "GET" && request.method != "HEAD" {
        return Ok(Answer::empty(405));
    }
    let Some(found) = shared.find(&request.path) else {
        return Ok(Answer::empty(404));
    };
    serve(found, request, faults)
}

/// What is there, or the part of it that was asked for.
fn serve(mut found: Found, request: &Request, faults: &[Fault]) -> std::io::Result<Answer> {
    let size = found.size;
    let range = match request.range(size) {
        Some(_) if faults.contains(&Fault::IgnoreRange) => None,
        range => range,
    };
    let mut answer = Answer::empty(200);
    answer.range.clone_from(&range);
    answer.set("Accept-Ranges", "bytes");
    answer.set("ETag", &found.etag);
    answer.set("Last-Modified", http_date(found.modified));
    answer.set("Content-Type", "application/octet-stream");
    let sent = match range {
        Some(range) if range.start >= size => {
            answer.status = 416;
            answer.set("Content-Range", format!("bytes */{size}"));
            return Ok(answer);
        }
        Some(range) => {
            let (mut start, mut end) = (range.start, range.end.min(size));
            if end < size && faults.contains(&Fault::ShiftRange) {
                (start, end) = (start + 1, end + 1);
            }
            answer.status = 206;
            answer.set("Content-Range", format!("bytes {start}-{}/{size}", end - 1));
            start..end
        }
        None => 0..size,
    };
    for fault in faults {
        if let (Fault::ContentRange(value), 206) = (fault, answer.status) {
            answer.set("Content-Range", value);
        }
    }
    answer.length = sent.end - sent.start;
    if request.method == "HEAD" {
        return Ok(answer);
    }
    answer.body = found.read(sent)?;
    if faults.contains(&Fault::Replace) {
        answer.set("ETag", "\"replaced\"");
        answer.body = answer.body.iter().map(|byte| !byte).collect();
    }
    if faults.contains(&Fault::Gzip) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&answer.body)?;
        answer.body = encoder.finish()?.into();
        answer.length = u64::try_from(answer.body.len()).unwrap_or(u64::MAX);
        answer.set("Content-Encoding", "gzip");
    }
    Ok(answer)
}
