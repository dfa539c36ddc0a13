//! Reading through a login: what comes to which host, and what is said when it does not work.

#![expect(
    clippy::single_range_in_vec_init,
    reason = "a wave of one range is meant"
)]

mod refusals;

use std::sync::Arc;
use std::time::Duration;

use chunkref_earthdata::{EarthdataAuthority, Login, LoginService, LoginSources, Secret, Trust};
use chunkref_io::{Client, ClientOptions, Request};
use chunkref_testkit::{Fault, LoginPlace, LoginServer, LoginServerBuilder, RangeServer, When};

const USER: &str = "some.one";
const PASSWORD: &str = "s3cr3t password";
/// User and password, as they travel.
const BASIC: &str = "Basic c29tZS5vbmU6czNjcjN0IHBhc3N3b3Jk";

fn data() -> Vec<u8> {
    (0..100_000_u32)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect()
}

fn server() -> LoginServerBuilder {
    LoginServer::builder()
        .user(USER, PASSWORD)
        .object("a.h5", data())
        .object("b.h5", data())
}

fn by_password() -> LoginSources {
    LoginSources::none().with_user(USER, Secret::new(PASSWORD))
}

fn options() -> ClientOptions {
    ClientOptions::default()
        .with_backoff(Duration::from_millis(2))
        .with_retries(1)
        .with_head_read(100)
        .with_merge_gap(0)
        .with_keep_records(true)
}

fn login(server: &LoginServer, sources: LoginSources) -> Login {
    let service: LoginService = server.url(LoginPlace::Login).parse().unwrap();
    Login::new(service, sources, options())
}

fn trust(server: &LoginServer) -> Trust {
    Trust::new()
        .with_host(&server.host(LoginPlace::Archive))
        .unwrap()
}

fn client(server: &LoginServer, sources: LoginSources) -> Client {
    let authority = EarthdataAuthority::new(login(server, sources)).with_trust(trust(server));
    Client::new(options().with_authority(Arc::new(authority)))
}

async fn read(client: &Client, url: &str) -> chunkref_io::Result<()> {
    let object = client.open(url).await?;
    // One request finds the way for those that follow.
    object.size().await?;
    let parts = object.read(&[0..50, 70_000..70_050]).await?;
    assert_eq!(parts[1], data()[70_000..70_050]);
    Ok(())
}

/// That user and password came to the login service alone, tokens not to the cloud, cookies to the
/// archive alone.
fn assert_secrets_are_where_they_belong(server: &LoginServer) {
    for request in server.log() {
        let sent = request.authorization.as_deref().unwrap_or_default();
        match request.place {
            LoginPlace::Login => assert_eq!(request.cookie, None, "{request:?}"),
            LoginPlace::Archive => assert!(!sent.starts_with("Basic"), "{request:?}"),
            _ => assert_eq!((sent, &request.cookie), ("", &None), "{request:?}"),
        }
    }
}

/// What a client shows of itself.
fn assert_nothing_is_shown(client: &Client) {
    let shown = format!(
        "{client:?} {:?} {:?}",
        client.log().entries(),
        client.options()
    );
    assert!(!shown.contains("s3cr3t"), "{shown}");
}

fn paths(server: &LoginServer, place: LoginPlace) -> Vec<String> {
    let log = server.log_of(place);
    log.into_iter().map(|request| request.path).collect()
}

#[tokio::test]
async fn a_token_is_found_once_and_sent_to_the_archive() {
    for status in [302, 303, 307] {
        let server = server().redirect(status).start().await;
        let client = client(&server, by_password());
        read(&client, &server.data_url("a.h5")).await.unwrap();
        read(&client, &server.data_url("b.h5")).await.unwrap();
        let asked = server.log_of(LoginPlace::Login);
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert_eq!(asked[0].path, "/api/users/find_or_create_token");
        assert_eq!(asked[0].authorization.as_deref(), Some(BASIC));
        // The signed address is found out once for each object.
        assert_eq!(server.log_of(LoginPlace::Archive).len(), 2);
        assert_eq!(server.log_of(LoginPlace::Cloud).len(), 4);
        assert_secrets_are_where_they_belong(&server);
        assert_nothing_is_shown(&client);
    }
}

#[tokio::test]
async fn a_token_that_is_there_is_used_without_asking() {
    let server = server().start().await;
    let token = Secret::new(server.token(USER));
    let client = client(&server, LoginSources::none().with_token(token));
    read(&client, &server.data_url("a.h5")).await.unwrap();
    assert!(server.log_of(LoginPlace::Login).is_empty());
    assert_secrets_are_where_they_belong(&server);
    assert_nothing_is_shown(&client);
}

#[tokio::test]
async fn archives_that_take_no_tokens_are_read_with_a_cookie() {
    for sources in ["password", "token"] {
        let server = server().takes_tokens(false).start().await;
        let sources = match sources {
            "token" => LoginSources::none().with_token(Secret::new(server.token(USER))),
            _ => by_password(),
        };
        let client = client(&server, sources);
        for name in ["a.h5", "b.h5"] {
            read(&client, &server.data_url(name)).await.unwrap();
        }
        let logins = paths(&server, LoginPlace::Login);
        let authorized = logins.iter().filter(|path| *path == "/oauth/authorize");
        assert_eq!(authorized.count(), 1, "{logins:?}");
        let asked = paths(&server, LoginPlace::Archive);
        assert_eq!(asked, ["/a.h5", "/login", "/a.h5", "/b.h5"]);
        let last = server.log_of(LoginPlace::Archive).pop().unwrap();
        assert!(last.cookie.unwrap().contains("s3cr3t-cookie"));
        assert_secrets_are_where_they_belong(&server);
        assert_nothing_is_shown(&client);
        // A cookie that has ended leads through the login once more.
        server.end_sessions();
        server.end_signatures();
        server.reset();
        read(&client, &server.data_url("a.h5")).await.unwrap();
        let asked = paths(&server, LoginPlace::Archive);
        assert_eq!(asked, ["/a.h5", "/login", "/a.h5"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tasks_log_in_once() {
    for takes_tokens in [true, false] {
        let latency = Duration::from_millis(20);
        let server = server()
            .takes_tokens(takes_tokens)
            .latency(latency)
            .start()
            .await;
        let client = client(&server, by_password());
        let tasks = (0..64).map(|number| {
            let name = if number % 2 == 0 { "a.h5" } else { "b.h5" };
            let (client, url) = (client.clone(), server.data_url(name));
            tokio::spawn(async move { read(&client, &url).await })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap().unwrap();
        }
        let mut asked = paths(&server, LoginPlace::Login);
        asked.sort();
        let token = "/api/users/find_or_create_token";
        if takes_tokens {
            assert_eq!(asked, [token]);
        } else {
            assert_eq!(asked, [token, "/oauth/authorize"]);
        }
    }
}

#[tokio::test]
async fn a_token_that_is_revoked_or_ends_is_replaced() {
    let server = server().start().await;
    let client = client(&server, by_password());
    read(&client, &server.data_url("a.h5")).await.unwrap();
    let first = server.tokens();
    server.revoke_tokens();
    read(&client, &server.data_url("b.h5")).await.unwrap();
    assert_eq!(server.tokens().len(), first.len() + 1);
    let refused = server.log_of(LoginPlace::Archive);
    assert_eq!(refused.iter().filter(|one| one.status == 401).count(), 1);
    // No token is ever revoked by a client.
    let calls = paths(&server, LoginPlace::Login);
    assert!(
        calls
            .iter()
            .all(|path| path.ends_with("find_or_create_token"))
    );
}

/// Tokens are renewed before they end, whatever this machine's clock shows.
#[tokio::test]
async fn a_wrong_clock_neither_loops_nor_uses_dead_tokens() {
    for clock in [-100_000_000, 0, 100_000_000] {
        let server = server()
            .clock(clock)
            .token_lifetime(Duration::from_secs(2))
            .start()
            .await;
        let client = client(&server, by_password());
        for _ in 0..3 {
            read(&client, &server.data_url("a.h5")).await.unwrap();
        }
        let asked = server.log_of(LoginPlace::Login).len();
        assert!(asked <= 2, "{asked}");
        tokio::time::sleep(Duration::from_millis(2200)).await;
        read(&client, &server.data_url("b.h5")).await.unwrap();
        let log = server.log_of(LoginPlace::Archive);
        assert!(log.iter().all(|request| request.status != 401), "{log:?}");
        assert!(server.log_of(LoginPlace::Login).len() > asked);
    }
}

#[tokio::test]
async fn signed_addresses_that_end_are_asked_for_anew() {
    let server = server().start().await;
    let client = client(&server, by_password());
    let object = client.open(&server.data_url("a.h5")).await.unwrap();
    object.read(&[0..50]).await.unwrap();
    server.end_signatures();
    let wants: Vec<_> = (1..30).map(|n| n * 3000..n * 3000 + 10).collect();
    object.read(&wants).await.unwrap();
    assert_eq!(server.log_of(LoginPlace::Archive).len(), 2);
    assert_secrets_are_where_they_belong(&server);
}

#[tokio::test]
async fn hosts_that_are_not_trusted_are_told_nothing() {
    let elsewhere = RangeServer::builder().object("/a.h5", data()).start().await;
    let server = server().start().await;
    let client = client(&server, by_password());
    read(&client, &elsewhere.url_of("a.h5")).await.unwrap();
    // It sends to the login service, as if it were an archive: nobody logs in for it.
    let back = elsewhere.url_of("login");
    let to_login = format!(
        "{}/oauth/authorize?client_id=Zx0yArchive1&response_type=code&redirect_uri={back}",
        server.url(LoginPlace::Login)
    );
    elsewhere.set_fault(Fault::Redirect(to_login), When::Always);
    let error = read(&client, &elsewhere.url_of("a.h5")).await.unwrap_err();
    assert!(!error.to_string().contains("s3cr3t"), "{error}");
    for request in server.log() {
        assert_eq!((request.authorization, request.cookie), (None, None));
    }
    // One that wants a login says so.
    let refusal = Fault::Status {
        code: 401,
        retry_after: None,
    };
    elsewhere.set_fault(refusal, When::Always);
    let error = read(&client, &elsewhere.url_of("b.h5")).await.unwrap_err();
    let place = elsewhere.address();
    let advice = format!(
        "the Earthdata Login is not sent to 127.0.0.1 (if it may be: --trust-host {place})"
    );
    assert!(error.to_string().ends_with(&advice), "{error}");
    for request in elsewhere.log() {
        assert_eq!((request.authorization, request.cookie), (None, None));
    }
}

#[tokio::test]
async fn nothing_is_asked_before_it_is_needed() {
    let server = server().start().await;
    let elsewhere = RangeServer::builder().object("/a.h5", data()).start().await;
    let client = client(&server, by_password());
    read(&client, &elsewhere.url_of("a.h5")).await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    client.open(path).await.unwrap().size().await.unwrap();
    assert!(server.log().is_empty());
}

#[tokio::test]
async fn services_behind_the_login_are_asked() {
    for takes_tokens in [true, false] {
        let server = server()
            .takes_tokens(takes_tokens)
            .guarded("/s3credentials", |user| (200, format!("for {user}")))
            .start()
            .await;
        let client = client(&server, by_password());
        let request = Request::get(&server.data_url("s3credentials")).unwrap();
        let response = client.request(&request.with_login()).await.unwrap();
        assert_eq!(response.body().as_ref(), b"for some.one");
        assert!(response.header("date").is_some());
        assert_secrets_are_where_they_belong(&server);
    }
}

#[tokio::test]
async fn a_login_is_checked() {
    let server = server().start().await;
    let cmr = chunkref_testkit::CmrServer::builder().start();
    let checked = login(&server, by_password())
        .check(&cmr.url())
        .await
        .unwrap();
    assert_eq!(checked.user.as_deref(), Some(USER));
    assert!(checked.token_ends.is_some() && checked.warning.is_none());
    assert!(cmr.log().is_empty());
    let token = LoginSources::none().with_token(Secret::new(server.token(USER)));
    let checked = login(&server, token.clone())
        .check(&cmr.url())
        .await
        .unwrap();
    assert_eq!(checked.user.as_deref(), Some(USER));
    assert!(
        cmr.log()[0]
            .authorization
            .as_ref()
            .unwrap()
            .contains("s3cr3t")
    );
    // CMR repeats the token that it does not know.
    let words = format!(
        r#"{{"errors":["Token [{}] does not exist"]}}"#,
        server.tokens()[1]
    );
    for status in [401, 500] {
        cmr.set_faults(vec![chunkref_testkit::CmrFault::always(status, &words)]);
        let error = login(&server, token.clone()).check(&cmr.url()).await;
        let error = error.unwrap_err().to_string();
        assert!(!error.contains("s3cr3t"), "{error}");
    }
    let none = login(&server, LoginSources::none()).check(&cmr.url()).await;
    assert!(none.unwrap_err().to_string().starts_with("no login for"));
}

#[tokio::test]
async fn netrc_has_the_entry_of_the_services_host() {
    let server = server().start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".netrc");
    std::fs::write(&path, "machine other login x password y\n").unwrap();
    let sources = || LoginSources::none().with_netrc(&path);
    let without = client(&server, sources());
    let error = read(&without, &server.data_url("a.h5")).await.unwrap_err();
    assert!(
        error.to_string().contains("run `chunkref login`"),
        "{error}"
    );
    let login = login(&server, sources());
    login.store(USER, &Secret::new(PASSWORD)).unwrap();
    read(&client(&server, sources()), &server.data_url("a.h5"))
        .await
        .unwrap();
    // What is wrong with the file is said where the login is missed, without what is in it.
    std::fs::write(&path, "machine x login s3cr3t password s3cr3t word").unwrap();
    let broken = client(&server, sources());
    let error = read(&broken, &server.data_url("a.h5")).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("was found (.netrc: line 1: expected machine"),
        "{text}"
    );
    assert!(!text.contains("s3cr3t"), "{text}");
    let folder = folder.path().to_str().unwrap();
    assert!(!text.contains(folder), "{text}");
}

#[test]
fn login_services_are_asked_over_tls() {
    for bad in [
        "http://urs.example/",
        "urs.example",
        "https://u:s3cr3t@urs.example/",
        "https://urs.example/path",
        "ftp://urs.example/",
    ] {
        let error = bad.parse::<LoginService>().unwrap_err();
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
    }
}
