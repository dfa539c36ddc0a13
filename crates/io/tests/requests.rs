//! Requests to services: what is repeated, what is bounded, what is sent.

use std::time::{Duration, Instant};

use chunkref_io::{Client, ClientOptions, Error, Request};
use chunkref_testkit::{Fault, RangeServer, When};

fn client() -> Client {
    Client::new(ClientOptions::default().with_backoff(Duration::from_millis(2)))
}

fn status(code: u16, retry_after: Option<&str>) -> Fault {
    Fault::Status {
        code,
        retry_after: retry_after.map(str::to_owned),
    }
}

#[tokio::test]
async fn what_passes_is_asked_again_and_what_stays_is_an_answer() {
    let server = RangeServer::builder().object("/a", "found").start().await;
    let request = Request::get(&server.url_of("a?token=secret")).unwrap();
    let client = client();
    for (fault, when, expected, requests) in [
        (status(503, None), When::First(2), 200, 3),
        (status(429, Some("1")), When::First(1), 200, 2),
        (Fault::Reset, When::First(1), 200, 2),
        (Fault::Truncate(2), When::First(1), 200, 2),
        (status(400, None), When::Always, 400, 1),
        (status(404, None), When::Always, 404, 1),
        (status(301, None), When::Always, 301, 1),
        // In the end a status that says to come back later is the answer.
        (status(500, None), When::Always, 500, 6),
    ] {
        server.reset();
        server.set_fault(fault.clone(), when);
        let started = Instant::now();
        let response = client.request(&request).await.unwrap();
        assert_eq!(response.status(), expected, "{fault:?}");
        assert_eq!(server.requests(), requests, "{fault:?}");
        if expected == 200 {
            assert_eq!(response.body().as_ref(), b"found");
        }
        if fault == status(429, Some("1")) {
            assert!(started.elapsed() >= Duration::from_secs(1));
        }
    }
    let shown = format!("{client:?} {request:?}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[tokio::test]
async fn answers_are_bounded_also_when_they_expand() {
    let server = RangeServer::builder()
        .object("/zeros", vec![0; 200_000])
        .start()
        .await;
    let request = Request::get(&server.url_of("zeros")).unwrap();
    let client = client();
    let too_long = |error: Error| {
        let text = error.to_string();
        assert!(text.contains("longer than the 100000 bytes"), "{text}");
        assert!(matches!(
            error,
            Error::Service {
                connected: true,
                attempts: 1,
                ..
            }
        ));
    };
    let small = request.clone().with_max_answer(100_000);
    too_long(client.request(&small).await.unwrap_err());
    // A fraction as gzip.
    server.set_fault(Fault::Gzip, When::Always);
    let whole = client.request(&request).await.unwrap();
    assert_eq!(whole.body().len(), 200_000);
    let before = client.log().snapshot().bytes;
    too_long(client.request(&small).await.unwrap_err());
    assert!(client.log().snapshot().bytes - before < 10_000);
}

#[tokio::test]
async fn bodies_and_headers_arrive_with_each_attempt() {
    let server = RangeServer::builder().object("/a", "x").start().await;
    server.set_fault(status(502, None), When::First(1));
    let body = "page_size=1".to_owned();
    let request = Request::post(
        &server.url_of("a"),
        "application/x-www-form-urlencoded",
        body,
    )
    .unwrap()
    .with_bearer("abc")
    .unwrap();
    // The server has no use for a POST.
    assert_eq!(client().request(&request).await.unwrap().status(), 405);
    let log = server.log();
    assert_eq!(log.len(), 2);
    for entry in log {
        assert_eq!(entry.method, "POST");
        assert_eq!(entry.authorization.as_deref(), Some("Bearer abc"));
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_is_told_from_one_that_fails() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    for url in [
        format!("http://{address}/search"),
        "http://no-such-host.invalid/search".to_owned(),
    ] {
        let error = client().request(&Request::get(&url).unwrap()).await;
        let error = error.unwrap_err();
        assert!(
            matches!(
                error,
                Error::Service {
                    connected: false,
                    attempts: 3,
                    ..
                }
            ),
            "{error}"
        );
    }
}
