//! One connection of HTTP/2: requests side by side.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use tokio::time::Instant;

use crate::answer::{Ends, answer};
use crate::connection::Wire;
use crate::log::Entry;
use crate::request::Request;
use crate::server::Shared;

/// Serves requests until either side closes; `number` is that of the connection.
pub(crate) async fn serve(stream: impl Wire, shared: &Shared, number: u64) -> std::io::Result<()> {
    let mut connection = h2::server::handshake(stream)
        .await
        .map_err(std::io::Error::other)?;
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            // The connection moves the bytes of all streams while it waits for the next.
            accepted = connection.accept() => match accepted {
                Some(Ok((request, response))) => {
                    under_way.push(respond(request, response, shared, number));
                }
                Some(Err(error)) => return Err(std::io::Error::other(error)),
                None => return Ok(()),
            },
            // A stream that the client gave up is no fault of the server.
            Some(_) = under_way.next() => {}
        }
    }
}

async fn respond(
    request: http::Request<RecvStream>,
    mut response: SendResponse<Bytes>,
    shared: &Shared,
    number: u64,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let _under_way = shared.under_way();
    let request = Request::of_http2(&request);
    let answer = answer(shared, &request).await?;
    shared.record(Entry::new(&request, &answer, number, true));
    if answer.ends == Ends::BeforeHead {
        response.send_reset(Reason::INTERNAL_ERROR);
        return Ok(());
    }
    let mut head = http::Response::builder()
        .status(answer.status)
        .header("content-length", answer.length);
    for (name, value) in &answer.headers {
        head = head.header(name, value);
    }
    let mut stream = response.send_response(head.body(())?, false)?;
    let started = Instant::now();
    let mut sent = 0;
    for piece in answer.pieces() {
        sent += piece.len();
        stream.send_data(piece, false)?;
        if let Some(due) = answer.due(started, sent) {
            tokio::time::sleep_until(due).await;
        }
    }
    match answer.ends {
        Ends::Short => {
            // What was sent before goes out first.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            stream.send_reset(Reason::INTERNAL_ERROR);
        }
        Ends::Never => std::future::pending().await,
        Ends::Well | Ends::BeforeHead => stream.send_data(Bytes::new(), true)?,
    }
    Ok(())
}
