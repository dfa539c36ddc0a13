//! The server, seen from a plain socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use chunkref_testkit::{Fault, RangeServer, When};

/// Sends one request on a new connection and reads to the end of the stream.
fn ask(server: &RangeServer, method: &str, path: &str, range: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let range = match range {
        "" => String::new(),
        range => format!("Range: bytes={range}\r\n"),
    };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: a\r\n{range}Connection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let at = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let at = at.unwrap_or(answer.len().saturating_sub(4));
    let body = answer.split_off((at + 4).min(answer.len()));
    (String::from_utf8(answer).unwrap(), body)
}

#[test]
fn ranges_are_served_and_logged() {
    let server = RangeServer::builder()
        .object("/a", (0..100).collect::<Vec<u8>>())
        .start_blocking();
    for (range, status, content_range, body) in [
        ("", "200", "", (0..100).collect::<Vec<u8>>()),
        ("10-19", "206", "bytes 10-19/100", (10..20).collect()),
        ("95-", "206", "bytes 95-99/100", (95..100).collect()),
        ("-5", "206", "bytes 95-99/100", (95..100).collect()),
        ("90-500", "206", "bytes 90-99/100", (90..100).collect()),
        ("100-120", "416", "bytes */100", vec![]),
    ] {
        let (head, got) = ask(&server, "GET", "/a", range);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert!(head.contains(content_range), "{head}");
        assert!(head.contains("ETag: \"") && head.contains("Last-Modified: "));
        assert_eq!(got, body);
    }
    assert!(ask(&server, "GET", "/b", "").0.starts_with("HTTP/1.1 404"));
    let (head, body) = ask(&server, "HEAD", "/a", "");
    assert!(head.contains("Content-Length: 100") && body.is_empty());
    let log = server.log();
    assert_eq!(server.requests(), 8);
    assert_eq!(server.bytes(), 130);
    assert_eq!(log[1].range, Some(10..20));
    assert_eq!(log[4].range, Some(90..501));
    assert_eq!(log[6].status, 404);
    server.reset();
    assert_eq!(server.requests(), 0);
}

#[test]
fn connections_are_kept() {
    let server = RangeServer::builder().object("a", "xyz").start_blocking();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let request = "GET /a HTTP/1.1\r\nRange: bytes=1-1\r\n\r\n";
    stream.write_all(request.repeat(3).as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    let bodies = |answer: &[u8]| answer.windows(5).filter(|w| w == b"\r\n\r\ny").count();
    while bodies(&answer) < 3 {
        let read = stream.read(&mut buffer).unwrap();
        assert_ne!(read, 0, "closed after {} bytes", answer.len());
        answer.extend_from_slice(&buffer[..read]);
    }
    assert_eq!(server.requests(), 3);
}

#[test]
fn faults_strike_on_schedule() {
    let server = RangeServer::builder()
        .object("/a", vec![1; 1000])
        .fault_on("/a", Fault::Truncate(10), When::Every(2))
        .start_blocking();
    assert_eq!(ask(&server, "GET", "/a", "0-99").1.len(), 100);
    let (head, body) = ask(&server, "GET", "/a", "0-99");
    assert!(head.contains("Content-Length: 100"));
    assert_eq!(body.len(), 10);
    server.set_fault(
        Fault::Status {
            code: 503,
            retry_after: Some("2".into()),
        },
        When::First(1),
    );
    let (head, _) = ask(&server, "GET", "/a", "0-99");
    assert!(head.starts_with("HTTP/1.1 503") && head.contains("Retry-After: 2"));
    assert!(ask(&server, "GET", "/a", "0-99").0.contains(" 206 "));
    server.set_fault(Fault::Reset, When::Always);
    assert_eq!(ask(&server, "GET", "/a", "0-99").0, "");
    server.set_fault(Fault::IgnoreRange, When::Always);
    assert!(ask(&server, "GET", "/a", "0-99").0.contains(" 200 "));
    server.set_fault(Fault::Redirect("/b".into()), When::Always);
    assert!(ask(&server, "GET", "/a", "").0.contains("Location: /b"));
    server.set_fault(Fault::ContentRange("bytes 5-9/10".into()), When::Always);
    let (head, _) = ask(&server, "GET", "/a", "0-99");
    assert!(head.contains("Content-Range: bytes 5-9/10"));
}

#[test]
fn bodies_that_are_not_what_they_should_be() {
    let server = RangeServer::builder()
        .object("/a", (0..100).collect::<Vec<u8>>())
        .start_blocking();
    server.set_fault(Fault::ShiftRange, When::Always);
    let (head, body) = ask(&server, "GET", "/a", "10-19");
    assert!(head.contains("Content-Range: bytes 11-20/100"), "{head}");
    assert_eq!(body, (11..21).collect::<Vec<u8>>());
    let (head, _) = ask(&server, "GET", "/a", "90-99");
    assert!(head.contains("Content-Range: bytes 90-99/100"), "{head}");
    server.set_fault(Fault::Replace, When::Always);
    let (head, body) = ask(&server, "GET", "/a", "10-19");
    assert!(head.contains("ETag: \"replaced\"") && !head.contains("11-20"));
    assert_eq!(body, (10..20).map(|byte: u8| !byte).collect::<Vec<_>>());
    server.set_fault(Fault::Gzip, When::Always);
    let (head, body) = ask(&server, "GET", "/a", "10-19");
    assert!(head.contains("Content-Encoding: gzip"), "{head}");
    assert!(head.contains("Content-Range: bytes 10-19/100"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", body.len())));
    assert_eq!(body[..2], [0x1f, 0x8b]);
}

#[test]
fn answers_stall_and_drip() {
    let server = RangeServer::builder()
        .object("/a", vec![1; 1000])
        .start_blocking();
    server.set_fault(Fault::Stall(10), When::Always);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"GET /a HTTP/1.1\r\n\r\n").unwrap();
    let wait = Duration::from_millis(200);
    stream.set_read_timeout(Some(wait)).unwrap();
    let mut answer = Vec::new();
    let error = stream.read_to_end(&mut answer).unwrap_err();
    assert!(
        matches!(
            error.kind(),
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
        ),
        "{error}"
    );
    assert!(answer.ends_with(&[b'\n', 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]));
    let drip = Fault::Drip {
        piece: 10,
        pause: Duration::from_millis(20),
    };
    server.set_fault(drip, When::Always);
    let start = Instant::now();
    assert_eq!(ask(&server, "GET", "/a", "0-99").1.len(), 100);
    assert!(start.elapsed() >= Duration::from_millis(190));
}

#[test]
fn jitter_is_added_to_the_latency() {
    let server = RangeServer::builder()
        .object("/a", "x")
        .latency(Duration::from_millis(10))
        .jitter(Duration::from_millis(40))
        .start_blocking();
    let waits: Vec<_> = (0..8)
        .map(|_| {
            let start = Instant::now();
            ask(&server, "GET", "/a", "");
            start.elapsed()
        })
        .collect();
    assert!(waits.iter().all(|wait| *wait >= Duration::from_millis(10)));
    assert!(
        waits.iter().max().unwrap() >= &Duration::from_millis(25),
        "{waits:?}"
    );
    assert_eq!(server.connections(), 8);
}

#[test]
fn latency_and_bandwidth_take_their_time() {
    let server = RangeServer::builder()
        .object("/a", vec![1; 64 << 10])
        .latency(Duration::from_millis(50))
        .bandwidth(256 << 10)
        .start_blocking();
    let start = Instant::now();
    assert_eq!(ask(&server, "GET", "/a", "0-0").1.len(), 1);
    assert!(start.elapsed() >= Duration::from_millis(50));
    let start = Instant::now();
    assert_eq!(ask(&server, "GET", "/a", "").1.len(), 64 << 10);
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn files_of_a_folder_are_served() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::write(folder.path().join("sub/a.h5"), "0123456789").unwrap();
    let server = RangeServer::builder().root(folder.path()).start_blocking();
    assert_eq!(ask(&server, "GET", "/sub/a.h5", "2-4").1, b"234");
    assert!(ask(&server, "GET", "/sub", "").0.contains(" 404 "));
    assert!(ask(&server, "GET", "/../x", "").0.contains(" 404 "));
}
