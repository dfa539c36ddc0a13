//! One connection: requests in, answers out.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::date::http_date;
use crate::fault::Fault;
use crate::log::Entry;
use crate::request::Request;
use crate::server::Shared;

/// A longer head is refused.
const MAX_HEAD: usize = 64 << 10;
/// Bytes written between two waits when the bandwidth is capped.
const PIECE: usize = 16 << 10;

/// An answer before it is sent.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    /// What `Content-Length` says.
    length: u64,
    body: Bytes,
    /// The range asked for.
    range: Option<Range<u64>>,
    /// Whether the connection ends after the body.
    close: bool,
}

impl Answer {
    fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            length: 0,
            body: Bytes::new(),
            range: None,
            close: false,
        }
    }

    /// Sets a header in place of one of the same name.
    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.headers
            .retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }
}

/// Serves requests until either side closes.
pub(crate) async fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(head) = read_head(&mut stream, &mut buffer).await? {
        let Some(request) = Request::parse(&head) else {
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                .await?;
            return Ok(());
        };
        skip_body(&mut stream, &mut buffer, &request).await?;
        let in_flight = shared.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        shared.max_in_flight.fetch_max(in_flight, Ordering::SeqCst);
        let answered = answer(&mut stream, shared, &request).await;
        shared.in_flight.fetch_sub(1, Ordering::SeqCst);
        if !answered? {
            break;
        }
    }
    Ok(())
}

/// Reads up to the empty line; `None` at the end of the stream.
async fn read_head(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> std::io::Result<Option<String>> {
    loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..at]).into_owned();
            buffer.drain(..at + 4);
            return Ok(Some(head));
        }
        if buffer.len() > MAX_HEAD || stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// Reads and drops the body of a request.
async fn skip_body(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    request: &Request,
) -> std::io::Result<()> {
    let mut left: usize = request
        .header("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    while left > 0 {
        if buffer.is_empty() && stream.read_buf(buffer).await? == 0 {
            return Ok(());
        }
        let taken = left.min(buffer.len());
        buffer.drain(..taken);
        left -= taken;
    }
    Ok(())
}

/// Answers one request; `false` if the connection is over.
async fn answer(
    stream: &mut TcpStream,
    shared: &Shared,
    request: &Request,
) -> std::io::Result<bool> {
    let faults = shared.strike(&request.path);
    let mut wait = shared.latency;
    for fault in &faults {
        if let Fault::Delay(more) = fault {
            wait += *more;
        }
    }
    tokio::time::sleep(wait).await;
    let mut answer = compose(shared, request, &faults)?;
    for fault in &faults {
        match fault {
            Fault::Reset => {
                shared.record(entry(request, 0, 0, answer.range));
                stream.set_zero_linger()?;
                return Ok(false);
            }
            Fault::Truncate(sent) => {
                let sent = usize::try_from(*sent).unwrap_or(usize::MAX);
                answer.body.truncate(sent);
                answer.close = true;
            }
            Fault::Header(name, value) => answer.set(name, value),
            _ => {}
        }
    }
    send(stream, shared, request, answer).await
}

/// Makes the answer that the content, the range and the faults give.
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
    let Some(mut found) = shared.find(&request.path) else {
        return Ok(Answer::empty(404));
    };
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
            let end = range.end.min(size);
            answer.status = 206;
            let true_range = format!("bytes {}-{}/{size}", range.start, end - 1);
            answer.set("Content-Range", true_range);
            range.start..end
        }
        None => 0..size,
    };
    for fault in faults {
        if let (Fault::ContentRange(value), 206) = (fault, answer.status) {
            answer.set("Content-Range", value);
        }
    }
    answer.length = sent.end - sent.start;
    if request.method == "GET" {
        answer.body = found.read(sent)?;
    }
    Ok(answer)
}

/// Writes the answer; `false` if the connection is over.
async fn send(
    stream: &mut TcpStream,
    shared: &Shared,
    request: &Request,
    answer: Answer,
) -> std::io::Result<bool> {
    let close = answer.close || request.close;
    let mut head = format!(
        "HTTP/1.1 {} -\r\nContent-Length: {}\r\n",
        answer.status, answer.length
    );
    for (name, value) in &answer.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    if close {
        head.push_str("Connection: close\r\n");
    }
    head.push_str("\r\n");
    // Recorded first: a client that has its answer finds it in the log.
    let bytes = u64::try_from(answer.body.len()).unwrap_or(u64::MAX);
    shared.record(entry(request, answer.status, bytes, answer.range));
    stream.write_all(head.as_bytes()).await?;
    match shared.bandwidth {
        Some(bandwidth) => {
            for piece in answer.body.chunks(PIECE) {
                stream.write_all(piece).await?;
                let nanos = u64::try_from(piece.len()).unwrap_or(0) * 1_000_000_000 / bandwidth;
                tokio::time::sleep(Duration::from_nanos(nanos)).await;
            }
        }
        None => stream.write_all(&answer.body).await?,
    }
    stream.flush().await?;
    Ok(!close)
}

fn entry(request: &Request, status: u16, bytes: u64, range: Option<Range<u64>>) -> Entry {
    Entry {
        method: request.method.clone(),
        path: request.path.clone(),
        query: request.query.clone(),
        range,
        status,
        bytes,
        authorization: request.header("authorization").map(str::to_owned),
    }
}
