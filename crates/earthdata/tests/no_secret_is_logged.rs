//! Nothing that a login is made of comes into a log, whatever the log takes down, or into what types
//! show of themselves. The logger is that of the whole process, so this test is alone in it.

#![expect(
    clippy::single_range_in_vec_init,
    reason = "a wave of one range is meant"
)]

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chunkref_earthdata::{
    Cmr, EarthdataAuthority, Granules, Login, LoginService, LoginSources, Secret, Trust,
};
use chunkref_io::{Authority as _, Client, ClientOptions, Request};
use chunkref_testkit::{CmrFault, CmrServer, LoginPlace, LoginRefusal, LoginServer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const USER: &str = "some.one";
const PASSWORD: &str = "s3cr3t-password";

static LOGGED: Mutex<String> = Mutex::new(String::new());

fn note(text: &str) {
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    logged.push_str(text);
    logged.push('\n');
}

/// Takes down all events and spans of all crates.
struct All;

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for All {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields(String::new());
        span.record(&mut fields);
        note(&fields.0);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut fields = Fields(String::new());
        values.record(&mut fields);
        note(&fields.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        note(&format!("{} {}", event.metadata().target(), fields.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl log::Log for All {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        note(&format!("{} {}", record.target(), record.args()));
    }

    fn flush(&self) {}
}

fn options() -> ClientOptions {
    ClientOptions::default()
        .with_backoff(Duration::from_millis(2))
        .with_retries(1)
        .with_head_read(100)
        .with_keep_records(true)
}

/// Reads all that there is to be read, and gives what was shown meanwhile.
async fn shown(server: &LoginServer, sources: LoginSources) -> String {
    let service: LoginService = server.url(LoginPlace::Login).parse().unwrap();
    let login = Login::new(service, sources.clone(), options());
    let trust = Trust::new()
        .with_host(&server.host(LoginPlace::Archive))
        .unwrap();
    let authority = Arc::new(EarthdataAuthority::new(login.clone()).with_trust(trust));
    let options = options().with_authority(authority.clone());
    let client = Client::new(options.clone());
    let object = client.open(&server.data_url("a.h5")).await.unwrap();
    let first = object.read(&[0..50]).await;
    server.end_signatures();
    server.end_sessions();
    server.revoke_tokens();
    let second = object.read(&[5000..5050]).await;
    let request = Request::get(&server.data_url("s3credentials")).unwrap();
    let request = request.with_login();
    let response = client.request(&request).await;
    let url = server.data_url("a.h5").parse().unwrap();
    let header = authority.authorization(&url).await;
    let checked = login.check("http://127.0.0.1:1/search").await;
    let bearer = login.bearer().await;
    format!(
        "{sources:?} {login:?} {authority:?} {options:?} {client:?} {object:?} {first:?} {second:?} \
         {request:?} {response:?} {header:?} {checked:?} {bearer:?} {:?} {:?}",
        client.log().entries(),
        client.log().waves(),
    )
}

#[tokio::test]
async fn no_secret_is_logged_or_shown() {
    tracing::subscriber::set_global_default(All).unwrap();
    log::set_logger(&All).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let mut all = String::new();
    for takes_tokens in [true, false] {
        for refusal in [
            None,
            Some(LoginRefusal::Licence),
            Some(LoginRefusal::Unapproved),
            Some(LoginRefusal::Unauthorized),
            Some(LoginRefusal::Profile),
            Some(LoginRefusal::Terms),
            Some(LoginRefusal::OutOfOrder),
        ] {
            let mut builder = LoginServer::builder()
                .user(USER, PASSWORD)
                .object("a.h5", vec![7; 10_000])
                .guarded("/s3credentials", |_| (200, "s3cr3t-keys".to_owned()))
                .takes_tokens(takes_tokens);
            if let Some(refusal) = refusal {
                builder = builder.refusal(refusal);
            }
            let server = builder.start().await;
            let token = Secret::new(server.token(USER));
            for sources in [
                LoginSources::none().with_token(token),
                LoginSources::none().with_user(USER, Secret::new(PASSWORD)),
                LoginSources::none().with_user(USER, Secret::new("s3cr3t-wrong")),
                LoginSources::none().with_token(Secret::new("no token s3cr3t")),
            ] {
                all.push_str(&shown(&server, sources).await);
            }
        }
    }
    let cmr = CmrServer::builder()
        .fault(CmrFault::always(
            401,
            r#"{"errors":["Token s3cr3t-token does not exist"]}"#,
        ))
        .start();
    let asked = Cmr::new(Client::new(options())).with_url(&cmr.url());
    let asked = asked.with_token("s3cr3t-token");
    let error = Granules::search().short_name("X").run(&asked).await;
    let _ = write!(all, "{asked:?} {error:?} {}", error.as_ref().unwrap_err());
    let logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    // That the test sees what is logged.
    assert!(logged.contains("chunkref_io") && logged.contains("Earthdata Login gave a token"));
    // What is handed out has this in it; user and password, as they travel, begin so.
    for secret in ["s3cr3t", "c29tZS5vbmU6", "eyJ"] {
        for text in [&all, &*logged] {
            if let Some(at) = text.find(secret) {
                let start = text.floor_char_boundary(at.saturating_sub(400));
                let end = text.floor_char_boundary(at + 100);
                panic!("{secret} in {}", &text[start..end]);
            }
        }
    }
}
