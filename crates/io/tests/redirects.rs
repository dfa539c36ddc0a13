//! Redirects, and what travels along.

#![expect(
    clippy::single_range_in_vec_init,
    reason = "a wave of one range is meant"
)]

use std::time::Duration;

use chunkref_io::{Client, ClientOptions, Error};
use chunkref_testkit::{Fault, RangeServer, When};

fn options() -> ClientOptions {
    ClientOptions::default()
        .with_backoff(Duration::from_millis(2))
        .with_head_read(100)
        .with_merge_gap(0)
}

fn with_login(server: &RangeServer, name: &str) -> String {
    server
        .url_of(name)
        .replace("http://", "http://user:secret@")
}

#[tokio::test]
async fn a_redirect_is_followed_once_and_the_login_stays_behind() {
    let data = RangeServer::builder()
        .object("/data", vec![5; 10_000])
        .start()
        .await;
    let front = RangeServer::builder()
        .fault(
            Fault::Redirect(data.url_of("data?signature=secret")),
            When::Always,
        )
        .start()
        .await;
    let client = Client::new(options().with_keep_records(true));
    let object = client.open(&with_login(&front, "a")).await.unwrap();
    assert_eq!(object.size().await.unwrap(), 10_000);
    let wants: Vec<_> = (10..60).map(|n| n * 150..n * 150 + 10).collect();
    object.read(&wants).await.unwrap();
    assert_eq!(front.requests(), 1);
    assert_eq!(
        front.log()[0].authorization.as_deref(),
        Some("Basic dXNlcjpzZWNyZXQ=")
    );
    assert_eq!(data.requests(), 51);
    assert!(data.log().iter().all(|entry| entry.authorization.is_none()));
    assert!(
        data.log()
            .iter()
            .all(|entry| entry.query.as_deref() == Some("signature=secret"))
    );
    let stats = client.log().snapshot();
    assert_eq!((stats.requests, stats.redirects, stats.retries), (52, 1, 0));
    let shown = format!("{object:?} {client:?} {:?}", client.log().entries());
    assert!(!shown.contains("secret"), "{shown}");
    // A second object: the host is known to redirect, so one range finds out, the rest wait.
    let other = client.open(&with_login(&front, "b")).await.unwrap();
    front.reset();
    other.read(&wants).await.unwrap();
    assert_eq!(front.requests(), 1);
    // When the target fails, the redirect is asked for anew.
    front.reset();
    let forbidden = Fault::Status {
        code: 403,
        retry_after: None,
    };
    data.set_fault(forbidden, When::First(1));
    object.read(&[9000..9010]).await.unwrap();
    assert_eq!(front.requests(), 1);
    assert_eq!(client.log().snapshot().retries, 0);
}

#[tokio::test]
async fn a_redirect_on_the_same_host_keeps_the_login() {
    let server = RangeServer::builder()
        .object("/b", vec![5; 1000])
        .fault_on("/a", Fault::Redirect("/b".into()), When::Always)
        .start()
        .await;
    let client = Client::new(options());
    let object = client.open(&with_login(&server, "a")).await.unwrap();
    object.read(&[0..10]).await.unwrap();
    assert_eq!(server.requests(), 2);
    assert!(
        server
            .log()
            .iter()
            .all(|entry| entry.authorization.is_some())
    );
}

#[tokio::test]
async fn redirects_that_lead_nowhere_are_refused() {
    let server = RangeServer::builder().start().await;
    let client = Client::new(options());
    let name = server.url_of("a");
    for (location, text) in [
        ("/a", "more than 10 redirects in a row"),
        (
            "file:///etc/passwd",
            "redirects from http to file, which is not followed",
        ),
        (
            "ftp://host/a",
            "redirects from http to ftp, which is not followed",
        ),
        ("http://[", "redirects to what is no URL"),
        (
            "http://169.254.169.254/latest/meta-data/",
            "redirects to an address of this machine's own link, which is not followed",
        ),
    ] {
        server.reset();
        server.set_fault(Fault::Redirect(location.into()), When::Always);
        let error = client.open(&name).await.unwrap().size().await.unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert!(server.requests() <= 11);
    }
}

#[tokio::test]
async fn a_login_page_is_not_taken_for_the_object() {
    let login = RangeServer::builder()
        .object("/login", "<html>log in</html>")
        .fault(
            Fault::Header("Content-Type".into(), "text/html".into()),
            When::Always,
        )
        .fault(Fault::IgnoreRange, When::Always)
        .start()
        .await;
    let front = RangeServer::builder()
        .fault(
            Fault::Redirect(login.url_of("login?state=secret")),
            When::Always,
        )
        .start()
        .await;
    let client = Client::new(options());
    let object = client.open(&front.url_of("a.h5")).await.unwrap();
    let error = object.size().await.unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error}");
    assert!(error.to_string().ends_with("a login is needed"), "{error}");
    assert!(!error.to_string().contains("secret"));
}
