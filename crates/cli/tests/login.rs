//! The command with an Earthdata Login, against a login service with an archive behind it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use chunkref_testkit::{CmrCollection, CmrServer, LoginPlace, LoginRefusal, LoginServer};

const USER: &str = "some.one";
const PASSWORD: &str = "s3cr3t-pass word";
const DAY: &str = "mur_like_20200601.nc";

fn granules() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../fixtures/granules"]
        .iter()
        .collect()
}

fn server() -> LoginServer {
    LoginServer::builder()
        .user(USER, PASSWORD)
        .root(granules())
        .start_blocking()
}

/// A folder to work in, and a home with a `.netrc`.
struct Place {
    folder: tempfile::TempDir,
    home: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn netrc(&self) -> PathBuf {
        self.home.path().join(".netrc")
    }

    fn run(&self, arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chunkref"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, _) in std::env::vars() {
            if name.starts_with("EARTHDATA_") || name.starts_with("CHUNKREF_") {
                command.env_remove(name);
            }
        }
        let mut child = command
            .env("NETRC", self.netrc())
            .env("RUST_LOG", "trace")
            .envs(environment.iter().copied())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    /// Runs the command, which must end so, and looks for secrets in all that it wrote but `.netrc`.
    fn checked(
        &self,
        arguments: &[&str],
        environment: &[(&str, &str)],
        code: i32,
    ) -> (String, String) {
        let run = self.run(arguments, environment, "");
        self.look_for_secrets(&run);
        assert_eq!(
            run.status.code(),
            Some(code),
            "{arguments:?}: {}",
            err(&run)
        );
        (out(&run), err(&run))
    }

    fn look_for_secrets(&self, run: &Output) {
        let home = self.home.path().to_str().unwrap();
        let mut written = vec![run.stdout.clone(), run.stderr.clone()];
        files(self.folder.path(), &mut written);
        for bytes in written {
            let text = String::from_utf8_lossy(&bytes);
            // Whatever is handed out as a secret has this in it; the password as it travels.
            for secret in ["s3cr3t", "c29tZS5vbmU6czNjcjN0", "X-Amz-Signature", home] {
                assert!(!text.contains(secret), "{secret}: {text}");
            }
        }
    }
}

/// All that lies in a folder and below it.
fn files(folder: &Path, found: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(std::fs::read(path).unwrap());
        }
    }
}

fn out(run: &Output) -> String {
    String::from_utf8_lossy(&run.stdout).into_owned()
}

fn err(run: &Output) -> String {
    String::from_utf8_lossy(&run.stderr).into_owned()
}

/// Options for a server, as all commands take them.
fn options(server: &LoginServer) -> Vec<String> {
    [
        "--login-url",
        &server.url(LoginPlace::Login),
        "--trust-host",
        &server.host(LoginPlace::Archive),
        "--retries",
        "1",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn with<'a>(arguments: &[&'a str], options: &'a [String]) -> Vec<&'a str> {
    let options = options.iter().map(String::as_str);
    arguments.iter().copied().chain(options).collect()
}

#[test]
fn user_and_password_are_tried_and_kept() {
    let (server, place) = (server(), Place::new());
    std::fs::write(place.netrc(), "# mine\nmachine other login x password y\n").unwrap();
    let options = options(&server);
    let log_in = with(&["login", "--user", USER, "--password-stdin"], &options);
    // What is wrong is not kept.
    let run = place.run(&log_in, &[], "s3cr3t-wrong\n");
    assert_eq!(run.status.code(), Some(1));
    assert!(
        err(&run).contains("did not accept the user and password"),
        "{}",
        err(&run)
    );
    place.look_for_secrets(&run);
    let kept = std::fs::read_to_string(place.netrc()).unwrap();
    assert!(!kept.contains(USER));
    let run = place.run(&log_in, &[], &format!("{PASSWORD}\n"));
    assert_eq!(run.status.code(), Some(0), "{}", err(&run));
    place.look_for_secrets(&run);
    assert!(out(&run).starts_with("some.one: accepted by 127.0.0.1, with a token until "));
    let kept = std::fs::read_to_string(place.netrc()).unwrap();
    assert_eq!(
        kept,
        "# mine\nmachine other login x password y\n\
         machine 127.0.0.1 login some.one password \"s3cr3t-pass word\"\n"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(place.netrc())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let check = with(&["login", "--check"], &options);
    let (text, _) = place.checked(&check, &[], 0);
    assert!(
        text.starts_with("some.one, from .netrc: accepted by 127.0.0.1"),
        "{text}"
    );
    // What goes before it is said.
    let variables = [("EARTHDATA_TOKEN", "s3cr3t")];
    let run = place.run(&log_in, &variables, &format!("{PASSWORD}\n"));
    assert!(err(&run).contains("EARTHDATA_TOKEN is set, and goes before .netrc"));
    place.look_for_secrets(&run);
}

#[test]
fn a_token_is_printed_only_where_that_is_asked_for() {
    let (server, place) = (server(), Place::new());
    let options = options(&server);
    let log_in = with(
        &["login", "--user", USER, "--password-stdin", "--print"],
        &options,
    );
    let run = place.run(&log_in, &[], PASSWORD);
    assert_eq!(run.status.code(), Some(0), "{}", err(&run));
    let token = server.tokens().pop().unwrap();
    assert_eq!(out(&run), format!("export EARTHDATA_TOKEN='{token}'\n"));
    assert!(!place.netrc().exists());
    // A token is tried with CMR.
    let cmr = CmrServer::builder().start();
    let host = cmr.url().replace("http://", "").replace("/search", "");
    let url = cmr.url();
    let ask = ["login", "--token", "--password-stdin", "--cmr-url", &url];
    let run = place.run(&with(&ask, &options), &[], &token);
    assert_eq!(run.status.code(), Some(2));
    assert!(cmr.log().is_empty());
    let ask = [&ask[..], &["--trust-host", &host]].concat();
    let run = place.run(&with(&ask, &options), &[], &token);
    assert_eq!(run.status.code(), Some(0), "{}", err(&run));
    place.look_for_secrets(&run);
    let sent = cmr.log()[0].authorization.clone().unwrap();
    assert_eq!(sent, format!("Bearer {token}"));
}

#[test]
fn granules_behind_the_login_are_scanned_read_and_checked() {
    for (variables, takes_tokens) in [
        ("user", true),
        ("user", false),
        ("token", true),
        ("token", false),
    ] {
        let server = LoginServer::builder()
            .user(USER, PASSWORD)
            .root(granules())
            .takes_tokens(takes_tokens)
            .start_blocking();
        let place = Place::new();
        let token = server.token(USER);
        let environment = match variables {
            "token" => vec![("EARTHDATA_TOKEN", token.as_str())],
            _ => vec![
                ("EARTHDATA_USERNAME", USER),
                ("EARTHDATA_PASSWORD", PASSWORD),
            ],
        };
        let options = options(&server);
        let url = server.data_url(DAY);
        let all: [&[&str]; 5] = [
            &[
                "scan",
                &url,
                "-o",
                "set.json",
                "--stats",
                "--explain",
                "--report",
                "report.json",
            ],
            &["scan", &url, "-o", "set.parquet", "--stats"],
            &[
                "inspect",
                &url,
                "--attributes",
                "--sources",
                "--json",
                "--stats",
            ],
            &["inspect", "set.json", "--sources"],
            &[
                "read",
                "set.json",
                "analysed_sst",
                "-o",
                "sst.npy",
                "--stats",
            ],
        ];
        for arguments in all {
            place.checked(&with(arguments, &options), &environment, 0);
        }
        let json = std::fs::read_to_string(place.folder.path().join("set.json")).unwrap();
        assert!(json.contains(&url) && !json.contains(USER));
        for request in server.log() {
            let sent = request.authorization.unwrap_or_default();
            match request.place {
                LoginPlace::Cloud => assert_eq!((sent.as_str(), request.cookie), ("", None)),
                LoginPlace::Archive => assert!(!sent.starts_with("Basic")),
                _ => {}
            }
        }
    }
}

#[test]
fn nobody_is_told_without_need() {
    let (server, place) = (server(), Place::new());
    let environment = [
        ("EARTHDATA_USERNAME", USER),
        ("EARTHDATA_PASSWORD", PASSWORD),
    ];
    let url = server.data_url(DAY);
    let login_url = server.url(LoginPlace::Login);
    // The archive is not trusted.
    let (_, text) = place.checked(
        &["inspect", &url, "--login-url", &login_url],
        &environment,
        1,
    );
    let advice = format!("--trust-host {}", server.host(LoginPlace::Archive));
    assert!(text.contains(&advice), "{text}");
    // It is, but nobody is to log in.
    let options = options(&server);
    let no_login = with(&["inspect", &url, "--no-login"], &options);
    place.checked(&no_login, &environment, 1);
    for request in server.log() {
        assert_eq!((request.authorization, request.cookie), (None, None));
    }
    // A file on this machine.
    server.reset();
    let path = granules().join(DAY);
    let local = with(&["inspect", path.to_str().unwrap()], &options);
    place.checked(&local, &environment, 0);
    assert!(server.log().is_empty());
    // Wrong hosts are refused before anything is asked.
    let (_, text) = place.checked(&["inspect", &url, "--trust-host", "*.org"], &[], 2);
    assert!(text.contains("stands for too many hosts"), "{text}");
    let (_, text) = place.checked(
        &["inspect", &url, "--login-url", "http://a.example"],
        &[],
        2,
    );
    assert!(text.contains("with https"), "{text}");
}

#[test]
fn errors_are_one_line_that_says_what_to_do() {
    let environment = [
        ("EARTHDATA_USERNAME", USER),
        ("EARTHDATA_PASSWORD", PASSWORD),
    ];
    for (refusal, words) in [
        (
            LoginRefusal::Licence,
            "licence (EULA) of it, is to be approved first: log in at ",
        ),
        (
            LoginRefusal::Unapproved,
            "the archive's application, or a licence (EULA) of it, is to be approved first",
        ),
        (LoginRefusal::Terms, "it may want terms to be accepted"),
        (LoginRefusal::OutOfOrder, "try again later"),
    ] {
        let server = LoginServer::builder()
            .user(USER, PASSWORD)
            .root(granules())
            .takes_tokens(refusal != LoginRefusal::Unapproved)
            .refusal(refusal)
            .start_blocking();
        let (place, options, url) = (Place::new(), options(&server), server.data_url(DAY));
        let scan = with(&["scan", &url, "-o", "set.json"], &options);
        let (_, text) = place.checked(&scan, &environment, 1);
        assert!(text.contains(words), "{refusal:?}: {text}");
        // Beside what is logged.
        let said = text.lines().filter(|line| !line.starts_with("DEBUG "));
        let said: Vec<_> = said.filter(|line| !line.starts_with("TRACE ")).collect();
        assert!(said.len() == 1 && said[0].starts_with("error: "), "{text}");
        assert!(!place.folder.path().join("set.json").exists());
    }
    let (server, place) = (server(), Place::new());
    let (options, url) = (options(&server), server.data_url(DAY));
    let scan = with(&["scan", &url, "-o", "set.json"], &options);
    for (environment, words) in [
        (
            vec![("EARTHDATA_TOKEN", "s3cr3t")],
            "the token from EARTHDATA_TOKEN was not accepted",
        ),
        (
            vec![
                ("EARTHDATA_USERNAME", USER),
                ("EARTHDATA_PASSWORD", "s3cr3t-wrong"),
            ],
            "did not accept the user and password from EARTHDATA_USERNAME and EARTHDATA_PASSWORD",
        ),
        (
            vec![("EARTHDATA_PASSWORD", PASSWORD)],
            "(EARTHDATA_PASSWORD is set without EARTHDATA_USERNAME): run `chunkref login`",
        ),
        (
            vec![],
            "no login for 127.0.0.1 was found: run `chunkref login`",
        ),
    ] {
        let (_, text) = place.checked(&scan, &environment, 1);
        assert!(text.contains(words), "{text}");
    }
    std::fs::write(
        place.netrc(),
        "machine 127.0.0.1 login u password s3cr3t word",
    )
    .unwrap();
    let (_, text) = place.checked(&scan, &[], 1);
    assert!(text.contains(".netrc: line 1: expected machine"), "{text}");
}

#[test]
fn cmr_is_asked_anonymously_unless_told_otherwise() {
    let (server, place) = (server(), Place::new());
    let cmr = CmrServer::builder()
        .collection(CmrCollection::daily(10, "DAILY", "2000-01-01", 24, 3))
        .start();
    let token = server.token(USER);
    let environment = [("EARTHDATA_TOKEN", token.as_str())];
    let url = cmr.url();
    let host = url.replace("http://", "").replace("/search", "");
    let search = ["search", "--short-name", "DAILY", "--cmr-url", &url];
    let trusted = [&search[..], &["--trust-host", &host]].concat();
    place.checked(&trusted, &environment, 0);
    assert!(
        cmr.log()
            .iter()
            .all(|request| request.authorization.is_none())
    );
    let as_user = [&search[..], &["--as-user"]].concat();
    place.checked(&as_user, &environment, 2);
    assert!(
        cmr.log()
            .iter()
            .all(|request| request.authorization.is_none())
    );
    cmr.reset();
    let as_user = [&trusted[..], &["--as-user"]].concat();
    place.checked(&as_user, &environment, 0);
    let expected = format!("Bearer {token}");
    for request in cmr.log() {
        assert_eq!(request.authorization.as_deref(), Some(expected.as_str()));
    }
}
