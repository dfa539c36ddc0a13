//! What is said to who gets no data.

use std::sync::Arc;

use chunkref_earthdata::{EarthdataAuthority, Login, LoginService, LoginSources, Secret};
use chunkref_io::{Client, Error};
use chunkref_testkit::{LoginPlace, LoginRefusal, LoginServerBuilder};

use crate::{
    USER, assert_nothing_is_shown, assert_secrets_are_where_they_belong, by_password, client,
    options, read, server, trust,
};

/// What is said, one line each, with what to do next.
#[tokio::test]
async fn refusals_say_what_to_do() {
    let wrong = || LoginSources::none().with_user(USER, Secret::new("s3cr3t other"));
    let stale = "e30.eyJ1aWQiOiJ4IiwiZXhwIjoxNjAwMDAwMDAwfQ.s3cr3t";
    let stale = || LoginSources::none().with_token(Secret::new(stale));
    let bad = || LoginSources::none().with_token(Secret::new("not a token s3cr3t"));
    let odd = || LoginSources::none().with_token(Secret::new("odd-s3cr3t"));
    let approve = "/approve_app?client_id=Zx0yArchive1";
    let unapproved = "the archive's application, or a licence (EULA) of it, is to be approved first: log in \
                      at http://127.0.0.1:";
    let cases: Vec<(LoginServerBuilder, LoginSources, Vec<&str>)> = vec![
        (
            server(),
            LoginSources::none(),
            vec!["no login for 127.0.0.1 was found: run `chunkref login`, or set EARTHDATA_TOKEN"],
        ),
        (
            server(),
            wrong(),
            vec![
                "did not accept the user and password from the command line",
                "`chunkref login`",
            ],
        ),
        (
            server(),
            stale(),
            vec![
                "the token from",
                "ended on 2020-09-13: get a new one at http://127.0.0.1:",
                "/profile",
            ],
        ),
        (server(), bad(), vec!["is no token: get a new one"]),
        // Archives send what is no web token to log in.
        (
            server(),
            odd(),
            vec!["401", "the token from", "was not accepted: get a new one"],
        ),
        (
            server().refusal(LoginRefusal::Licence),
            by_password(),
            vec![unapproved, approve],
        ),
        // As the login service says of a token, and of who logs in with a password.
        (
            server().refusal(LoginRefusal::Unapproved),
            by_password(),
            vec!["403", unapproved, approve],
        ),
        (
            server()
                .refusal(LoginRefusal::Unapproved)
                .takes_tokens(false),
            by_password(),
            vec!["401", unapproved, approve],
        ),
        (
            server()
                .refusal(LoginRefusal::Unauthorized)
                .takes_tokens(false),
            by_password(),
            vec!["401", unapproved, approve],
        ),
        (
            server().refusal(LoginRefusal::Profile).takes_tokens(false),
            by_password(),
            vec!["complete the profile (such as the study area)", "/profile"],
        ),
        (
            server().refusal(LoginRefusal::Terms),
            by_password(),
            vec![
                "an HTML page in place of data",
                "it may want terms to be accepted",
                "/profile",
            ],
        ),
        (
            server().refusal(LoginRefusal::OutOfOrder),
            by_password(),
            vec!["gave no token (status 503)", "try again later"],
        ),
    ];
    for (builder, sources, words) in cases {
        let server = builder.start().await;
        let client = client(&server, sources);
        let error = read(&client, &server.data_url("a.h5")).await.unwrap_err();
        let text = error.to_string();
        for word in &words {
            assert!(text.contains(word), "{text}: no {word:?}");
        }
        assert!(!text.contains("s3cr3t") && !text.contains('\n'), "{text}");
        assert_nothing_is_shown(&client);
        assert_secrets_are_where_they_belong(&server);
        assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    }
}

/// The login service answers with 401 also where only an archive's application is not approved: that says
/// nothing of the password, which it has taken before.
#[tokio::test]
async fn one_archive_that_is_not_approved_does_not_spoil_the_login() {
    let server = server()
        .takes_tokens(false)
        .refusal(LoginRefusal::Unauthorized)
        .start()
        .await;
    let client = client(&server, by_password());
    for name in ["a.h5", "b.h5"] {
        let error = read(&client, &server.data_url(name)).await.unwrap_err();
        assert!(!error.to_string().contains("user and password"), "{error}");
    }
    server.set_refusal(None);
    read(&client, &server.data_url("a.h5")).await.unwrap();
    // One that was wrong from the start is told.
    let wrong = LoginSources::none().with_user(USER, Secret::new("wrong"));
    let client = crate::client(&server, wrong);
    let error = read(&client, &server.data_url("b.h5")).await.unwrap_err();
    let words = "did not accept the user and password";
    assert!(error.to_string().contains(words), "{error}");
}

/// A service locks out those who try too often.
#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let server = server().start().await;
    let sources = LoginSources::none().with_user(USER, Secret::new("wrong"));
    let client = client(&server, sources);
    for name in ["a.h5", "b.h5", "a.h5"] {
        read(&client, &server.data_url(name)).await.unwrap_err();
    }
    assert_eq!(server.log_of(LoginPlace::Login).len(), 1);
}

#[tokio::test]
async fn a_login_service_that_is_not_there_is_named() {
    let server = server().start().await;
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let gone: LoginService = gone.parse().unwrap();
    let login = Login::new(gone, by_password(), options());
    let authority = EarthdataAuthority::new(login).with_trust(trust(&server));
    let client = Client::new(options().with_authority(Arc::new(authority)));
    let error = read(&client, &server.data_url("a.h5")).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("Earthdata Login can't be reached"), "{text}");
    assert!(text.contains("check the network"), "{text}");
}
