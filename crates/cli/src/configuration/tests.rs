use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::arguments::Command as Chosen;

/// How the client of `scan` is set by the command line, the environment and two files.
fn options(
    line: &[&str],
    environment: &[(&str, &str)],
    working: &str,
    user: &str,
) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let (here, home) = (folder.path().join("here"), folder.path().join("home"));
    for (path, text) in [(&here, working), (&home, user)] {
        std::fs::create_dir(path).unwrap();
        if !text.is_empty() {
            std::fs::write(path.join("chunkref.toml"), text).unwrap();
        }
    }
    let places = file::Places {
        working: here,
        user: Some(home),
        ..file::Places::default()
    };
    found(line, environment, &places)
        .map_err(|error| error.replace(&*folder.path().to_string_lossy(), ""))
}

fn found(
    line: &[&str],
    environment: &[(&str, &str)],
    places: &file::Places,
) -> Result<String, String> {
    let scan = ["chunkref", "scan", "a.nc", "-o", "a.json"];
    let given: Vec<OsString> = scan.iter().chain(line).map(OsString::from).collect();
    let matches = command().try_get_matches_from(&given).unwrap();
    let environment: BTreeMap<_, _> = environment.iter().copied().collect();
    let variable = |name: &str| environment.get(name).map(|value| (*value).to_owned());
    let configured = configured(&given, &matches, &variable, places);
    let configured = configured.map_err(|failure| failure.message().to_owned())?;
    let Chosen::Scan(scan) = configured.arguments.command else {
        panic!("not scan");
    };
    let options = scan.connection.options();
    Ok(format!(
        "{} {} {:?}",
        options.concurrency, options.retries, options.credentials
    ))
}

#[test]
fn the_command_is_sound() {
    command().debug_assert();
}

#[test]
fn what_comes_first_counts() {
    let (working, user) = ("concurrency = 3", "concurrency = 4\nretries = 9");
    let line = ["--concurrency", "1"];
    let environment = [("CHUNKREF_CONCURRENCY", "2")];
    for (line, environment, working, expected) in [
        (&line[..], &environment[..], working, "1 9 Environment"),
        (&[], &environment, working, "2 9 Environment"),
        (&[], &[], working, "3 9 Environment"),
        (&[], &[], "", "4 9 Environment"),
        (&[], &[("CHUNKREF_CONCURRENCY", "")], "", "4 9 Environment"),
    ] {
        assert_eq!(options(line, environment, working, user).unwrap(), expected);
    }
}

#[test]
fn switches_can_be_switched_off_and_give_way_to_what_excludes_them() {
    let anonymous = "anonymous = true";
    let off = [("CHUNKREF_ANONYMOUS", "off")];
    let instance = [("CHUNKREF_INSTANCE_CREDENTIALS", "1")];
    for (line, environment, expected) in [
        (&[][..], &[][..], "Anonymous"),
        (&[], &off, "Environment"),
        (&[], &instance, "Instance"),
        (&["--instance-credentials"], &[], "Instance"),
        (&["--anonymous"], &instance, "Anonymous"),
    ] {
        let found = options(line, environment, anonymous, "").unwrap();
        assert!(
            found.ends_with(expected),
            "{line:?} {environment:?}: {found}"
        );
    }
    let both = "anonymous = true\ninstance-credentials = true";
    let error = options(&[], &[], "", both).unwrap_err();
    assert!(error.contains("one excludes the other"), "{error}");
}

#[test]
fn what_is_wrong_names_its_place() {
    for (environment, user, expected) in [
        (
            &[][..],
            "concurrency = 'many'",
            "/home/chunkref.toml: concurrency: invalid value 'many'",
        ),
        (
            &[],
            "concurrency = true",
            "/home/chunkref.toml: concurrency: expected one value",
        ),
        (
            &[],
            "concurrency = [1, 2]",
            "/home/chunkref.toml: concurrency: expected one value",
        ),
        (
            &[],
            "anonymous = 1",
            "/home/chunkref.toml: anonymous: expected true or false",
        ),
        (
            &[("CHUNKREF_RETRIES", "-")],
            "",
            "CHUNKREF_RETRIES: invalid value '-'",
        ),
        (
            &[("CHUNKREF_ANONYMOUS", "maybe")],
            "",
            "CHUNKREF_ANONYMOUS: expected true or false",
        ),
    ] {
        let error = options(&[], environment, "", user).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
    // What only other commands have is of no concern here.
    assert!(options(&[], &[], "", "cmr-url = 'https://cmr.example.org'").is_ok());
    let error = options(&[], &[], "endpoint = 'https://e'", "").unwrap_err();
    assert!(
        error.starts_with("/here/chunkref.toml: endpoint: not from"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_named_is_the_only_one() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    write("chunkref.toml", "concurrency = 3\nretries = 9");
    let mut places = file::Places {
        named: Some(write("named.toml", "concurrency = 5")),
        variable: Some(write("other.toml", "concurrency = 6")),
        working: folder.path().to_owned(),
        user: None,
    };
    let retries = chunkref::ClientOptions::default().retries;
    let expected = |concurrency| Ok(format!("{concurrency} {retries} Environment"));
    assert_eq!(found(&[], &[], &places), expected(5));
    places.named = None;
    assert_eq!(found(&[], &[], &places), expected(6));
    places.variable = Some(Path::new("not there.toml").to_owned());
    let error = found(&[], &[], &places).unwrap_err();
    assert!(error.starts_with("not there.toml: not read"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_working_directory_holds_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("chunkref.toml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let places = file::Places {
        working: folder.path().to_owned(),
        ..file::Places::default()
    };
    let error = found(&[], &[], &places).unwrap_err();
    assert!(error.ends_with("chunkref.toml: no plain file"), "{error}");
}
