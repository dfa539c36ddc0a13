//! Files of options, the environment, proxies, and what is said of what happens.

use std::net::TcpListener;
use std::path::Path;

use chunkref_testkit::{Fault, RangeServer, When};

use crate::run::{DAY, chunkref, granule, printed, said};

/// A port on which nobody answers.
fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn server() -> RangeServer {
    RangeServer::builder()
        .object(DAY, granule(DAY))
        .start_blocking()
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn requests_go_through_the_proxy_that_the_environment_names() {
    // It answers for any host, as a proxy does.
    let (proxy, folder) = (server(), tempfile::tempdir().unwrap());
    let address = proxy.url();
    let url = format!("http://archive.example.org/{DAY}");
    let inspect = ["inspect", &url];
    let run = chunkref(&inspect, &[("http_proxy", &address)], folder.path());
    assert!(printed(&run).contains("analysed_sst"));
    assert!(!proxy.log().is_empty());
    // One that does not answer is told of; hosts that need none are asked themselves.
    let (closed, own) = (closed(), proxy.url_of(DAY));
    let inspect = ["inspect", &own, "--retries", "0"];
    let run = chunkref(&inspect, &[("http_proxy", &closed)], folder.path());
    assert_eq!(run.status.code(), Some(1), "{}", said(&run));
    let environment = [
        ("http_proxy", closed.as_str()),
        ("no_proxy", "127.0.0.1,localhost"),
    ];
    printed(&chunkref(&inspect, &environment, folder.path()));
}

#[test]
fn options_come_from_files_and_the_environment() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let url = server.url_of(DAY);
    let inspect = |more: &[&str], environment: &[(&str, &str)]| {
        let run = chunkref(
            &[&["inspect", &url], more].concat(),
            environment,
            folder.path(),
        );
        (run.status.code(), said(&run))
    };
    // The user's file, wherever the folder of configuration is.
    write(
        folder.path(),
        "home/.config/chunkref/chunkref.toml",
        "ca-bundle = 'not there.pem'",
    );
    let (code, told) = inspect(&[], &[]);
    assert!(code == Some(1) && told.contains("not there.pem"), "{told}");
    let elsewhere = folder.path().join("elsewhere");
    let elsewhere = [("XDG_CONFIG_HOME", elsewhere.to_str().unwrap())];
    assert_eq!(inspect(&[], &elsewhere).0, Some(0));
    // One that is named, by an option or the environment, is the only one.
    write(folder.path(), "named.toml", "concurrency = 2");
    assert_eq!(inspect(&["--config", "named.toml"], &[]).0, Some(0));
    assert_eq!(
        inspect(&[], &[("CHUNKREF_CONFIG", "named.toml")]).0,
        Some(0)
    );
    // What is wrong in one is a mistake of usage, and its value is not told.
    write(folder.path(), "named.toml", "token = 's3cr3t'");
    let (code, told) = inspect(&["--config", "named.toml"], &[]);
    assert!(
        code == Some(2) && told.starts_with("error: named.toml: token: "),
        "{told}"
    );
    assert!(!told.contains("s3cr3t"), "{told}");
    write(
        folder.path(),
        "chunkref.toml",
        "endpoint = 'https://evil.example.org'",
    );
    let (code, told) = inspect(&[], &elsewhere);
    assert!(
        code == Some(2) && told.contains("chunkref.toml: endpoint: not from"),
        "{told}"
    );
    // Commands that need no connection, and help, are not held up.
    printed(&chunkref(&["completions", "bash"], &[], folder.path()));
    assert!(
        printed(&chunkref(&["scan", "--help"], &[], folder.path())).contains("CHUNKREF_RETRIES")
    );
}

#[test]
fn what_happens_is_said_as_much_as_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = server();
    let url = format!("{}?X-Amz-Signature=s3cr3t", server.url_of(DAY));
    write(folder.path(), "chunkref.toml", "concurrency = 2");
    let busy = Fault::Status {
        code: 503,
        retry_after: None,
    };
    let inspect = |more: &[&str], environment: &[(&str, &str)]| {
        server.reset();
        server.set_fault(busy.clone(), When::First(1));
        let run = chunkref(
            &[&["inspect", &url], more].concat(),
            environment,
            folder.path(),
        );
        printed(&run);
        let told = said(&run);
        assert!(!told.contains("s3cr3t"), "{told}");
        told
    };
    let (file, retry) = ("options are read from", "will be asked again");
    assert_eq!(inspect(&[], &[]), "");
    let told = inspect(&["-v"], &[]);
    assert!(told.contains(file) && !told.contains(retry), "{told}");
    let told = inspect(&["-vv"], &[]);
    assert!(told.contains(file) && told.contains(retry), "{told}");
    // Whatever is asked for, only what chunkref says itself.
    let told = inspect(&[], &[("RUST_LOG", "trace")]);
    assert!(told.contains(retry), "{told}");
    for line in told.lines() {
        assert!(line.contains(" chunkref"), "{line}");
    }
    let told = inspect(&[], &[("RUST_LOG", "chunkref_io=debug")]);
    assert!(told.contains(retry) && !told.contains(file), "{told}");
    assert_eq!(inspect(&["-q"], &[("RUST_LOG", "trace")]), "");
}

#[test]
fn a_region_is_checked_wherever_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "mine.toml", "region = 'evil.example/'");
    let file = ["--config", "mine.toml"];
    let region = ["--region", "evil.example/"];
    let expected = "expected the name of a region: letters, digits, - and _, such as us-west-2";
    for (more, environment, code) in [
        (&region[..], &[][..], 2),
        (&file[..], &[], 2),
        (&[], &[("CHUNKREF_REGION", "evil.example/")], 2),
        (&[], &[("AWS_REGION", "evil.example/")], 1),
        (&[], &[("AWS_DEFAULT_REGION", "evil.example/")], 1),
    ] {
        let inspect = [
            "inspect",
            "s3://bucket/a.nc",
            "--anonymous",
            "--retries",
            "0",
        ];
        let run = chunkref(&[&inspect[..], more].concat(), environment, folder.path());
        let told = said(&run);
        assert_eq!(run.status.code(), Some(code), "{told}");
        assert!(told.contains(expected), "{told}");
        assert!(!told.contains("attempts"), "{told}");
    }
}
