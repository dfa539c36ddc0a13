//! One connection of HTTP/1.1: requests in, answers out.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::answer::{Answer, Ends, answer};
use crate::log::Entry;
use crate::request::Request;
use crate::server::Shared;

/// A longer head is refused.
const MAX_HEAD: usize = 64 << 10;

/// A stream that can be reset.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {
    /// Makes the close a reset.
    fn reset_on_close(&self) -> std::io::Result<()>;
}

impl Wire for TcpStream {
    fn reset_on_close(&self) -> std::io::Result<()> {
        self.set_zero_linger()
    }
}

/// Serves requests until either side closes; `number` is that of the connection.
pub(crate) async fn serve(
    mut stream: impl Wire,
    shared: &Shared,
    number: u64,
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(head) = read_head(&mut stream, &mut buffer).await? {
        let Some(request) = Request::parse(&head) else {
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                .await?;
            return Ok(());
        };
        skip_body(&mut stream, &mut buffer, &request).await?;
        let _under_way = shared.under_way();
        let answer = answer(shared, &request).await?;
        // Recorded first: a client that has its answer finds it in the log.
        shared.record(Entry::new(&request, &answer, number, false));
        if !send(&mut stream, &request, answer).await? {
            break;
        }
    }
    Ok(())
}

/// Reads up to the empty line; `None` at the end of the stream.
async fn read_head(
    stream: &mut impl Wire,
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
    stream: &mut impl Wire,
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

/// Writes the answer; `false` if the connection is over.
async fn send(stream: &mut impl Wire, request: &Request, answer: Answer) -> std::io::Result<bool> {
    if answer.ends == Ends::BeforeHead {
        stream.reset_on_close()?;
        return Ok(false);
    }
    let close = answer.ends != Ends::Well || request.close;
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
    stream.write_all(head.as_bytes()).await?;
    let started = Instant::now();
    let mut sent = 0;
    for piece in answer.pieces() {
        stream.write_all(&piece).await?;
        sent += piece.len();
        if let Some(due) = answer.due(started, sent) {
            stream.flush().await?;
            tokio::time::sleep_until(due).await;
        }
    }
    stream.flush().await?;
    if answer.ends == Ends::Never {
        // Until the client goes away.
        while stream.read_u8().await.is_ok() {}
    }
    Ok(!close)
}
