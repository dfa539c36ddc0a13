use std::collections::BTreeSet;
use std::fs;

use chunkref_io::Pin;
use chunkref_manifest::{Location, Manifest};
use serde_json::json;

use super::*;

fn manifest(url: &str) -> Manifest {
    let mut manifest = Manifest::default();
    manifest.locations.intern(Location::new(url));
    manifest
}

fn source(name: &str) -> Source {
    Source::of_address(&format!("https://me:secret@h/{name}?sig=signed"))
}

fn done(size: u64) -> Done {
    Done {
        size: Some(size),
        ..Done::default()
    }
}

#[test]
fn what_was_written_is_there_again_and_torn_entries_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let options = json!({"group": null});
    let path = folder.path().join("log");
    {
        let mut journal = Journal::open(folder.path(), &options, false).unwrap();
        journal
            .done(&source("a.nc"), done(1), &manifest("https://h/a.nc"))
            .unwrap();
        journal.fail(&source("b.nc"), "no").unwrap();
    }
    let whole = fs::read(&path).unwrap();
    assert!(!String::from_utf8_lossy(&whole).contains("sig"));
    assert!(!String::from_utf8_lossy(&whole).contains("secret"));
    {
        let mut journal = Journal::open(folder.path(), &options, false).unwrap();
        assert_eq!(journal.count_done(), 1);
        assert_eq!(
            journal.manifest("https://h/a.nc").unwrap(),
            manifest("https://h/a.nc")
        );
        assert!(matches!(
            &journal.get("https://h/b.nc").unwrap().state,
            State::Failed(reason) if reason == "no"
        ));
        journal
            .done(&source("b.nc"), done(2), &manifest("https://h/b.nc"))
            .unwrap();
    }
    let longer = fs::read(&path).unwrap();
    // Killed while the last entry was being written, at any byte of it.
    for cut in whole.len()..longer.len() {
        fs::write(&path, &longer[..cut]).unwrap();
        let journal = Journal::open(folder.path(), &options, false).unwrap();
        assert_eq!(journal.count_done(), 1, "{cut}");
        let is_cut = cut > whole.len();
        assert_eq!(journal.caution().is_some(), is_cut, "{cut}");
        drop(journal);
        assert_eq!(fs::read(&path).unwrap(), whole, "{cut}");
    }
}

#[test]
fn a_damaged_log_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let options = json!({});
    let path = folder.path().join("log");
    let mut ends = Vec::new();
    {
        let mut journal = Journal::open(folder.path(), &options, false).unwrap();
        for name in ["a.nc", "b.nc", "c.nc"] {
            ends.push(fs::metadata(&path).unwrap().len());
            journal
                .done(&source(name), done(1), &manifest(name))
                .unwrap();
        }
    }
    let whole = fs::read(&path).unwrap();
    let begins: Vec<usize> = ends.iter().map(|end| (*end).try_into().unwrap()).collect();
    // Any byte of the second, and one of the last that its length does not hold.
    let places = (begins[1]..begins[2]).chain([begins[2] + 40, whole.len() - 1]);
    for place in places {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        fs::write(&path, &damaged).unwrap();
        for error in [
            Journal::open(folder.path(), &options, false).unwrap_err(),
            Journal::look(folder.path(), &options, false).unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(text.contains("--rescan"), "{place}: {text}");
        }
        assert!(fs::read(&path).unwrap() == damaged, "{place}");
    }
    let damaged = fs::read(&path).unwrap();
    let journal = Journal::open(folder.path(), &options, true).unwrap();
    assert_eq!(journal.count_done(), 0);
    assert!(fs::read(folder.path().join("log.damaged")).unwrap() == damaged);
    drop(journal);
    // One that is whole is not kept.
    fs::remove_file(folder.path().join("log.damaged")).unwrap();
    drop(Journal::open(folder.path(), &options, true).unwrap());
    assert!(!folder.path().join("log.damaged").exists());
}

#[test]
fn one_build_at_one_time() {
    let folder = tempfile::tempdir().unwrap();
    let options = json!({});
    let first = Journal::open(folder.path(), &options, false).unwrap();
    let error = Journal::open(folder.path(), &options, false).unwrap_err();
    assert!(
        error.to_string().contains("another build is using it"),
        "{error}"
    );
    Journal::look(folder.path(), &options, false).unwrap();
    drop(first);
    Journal::open(folder.path(), &options, false).unwrap();
}

#[test]
fn other_options_and_other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = json!({"group": null, "inline_threshold": 500});
    let mut journal = Journal::open(folder.path(), &options, false).unwrap();
    journal
        .done(&source("a.nc"), done(1), &manifest("a"))
        .unwrap();
    drop(journal);
    let others = json!({"group": "a", "inline_threshold": 500});
    let error = Journal::open(folder.path(), &others, false).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("(--group: none, now a): --rescan"), "{text}");
    let journal = Journal::open(folder.path(), &others, true).unwrap();
    assert_eq!(journal.count_done(), 0);
    drop(journal);
    fs::write(folder.path().join("log"), "").unwrap();
    drop(Journal::open(folder.path(), &options, false).unwrap());
    fs::write(folder.path().join("log"), "a log of something else").unwrap();
    let error = Journal::open(folder.path(), &options, false).unwrap_err();
    assert!(error.to_string().contains("none of a journal"), "{error}");
    assert_eq!(
        fs::read(folder.path().join("log")).unwrap(),
        b"a log of something else"
    );
}

#[test]
fn a_journal_in_which_nothing_is_done_takes_other_options() {
    let folder = tempfile::tempdir().unwrap();
    let (options, others) = (json!({"group": "a"}), json!({"group": null}));
    let mut journal = Journal::open(folder.path(), &options, false).unwrap();
    journal.fail(&source("a.nc"), "no such group").unwrap();
    drop(journal);
    let before = fs::read(folder.path().join("log")).unwrap();
    let journal = Journal::look(folder.path(), &others, false).unwrap();
    assert!(journal.get("https://h/a.nc").is_none());
    assert!(fs::read(folder.path().join("log")).unwrap() == before);
    let mut journal = Journal::open(folder.path(), &others, false).unwrap();
    journal
        .done(&source("a.nc"), done(1), &manifest("a"))
        .unwrap();
    drop(journal);
    let journal = Journal::open(folder.path(), &others, false).unwrap();
    assert_eq!(journal.count_done(), 1);
}

#[test]
fn what_is_of_no_use_any_more_is_left_out_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let options = json!({});
    let mut journal = Journal::open(folder.path(), &options, false).unwrap();
    let keys = BTreeSet::from([String::from("x")]);
    for query in ["q", "r"] {
        let (query, keys) = (query.to_owned(), BTreeSet::clone(&keys));
        journal.list(Listing { query, keys }).unwrap();
    }
    let big = Done {
        file: "x".repeat(300_000),
        ..done(1)
    };
    for _ in 0..8 {
        journal
            .done(&source("a.nc"), big.clone(), &manifest("a"))
            .unwrap();
    }
    journal.fail(&source("b.nc"), "no").unwrap();
    let mut renewed = source("a.nc");
    renewed.alternates = vec!["s3://b/a.nc".to_owned()];
    journal.renew(&renewed).unwrap();
    drop(journal);
    let before = fs::metadata(folder.path().join("log")).unwrap().len();
    let journal = Journal::open(folder.path(), &options, false).unwrap();
    let after = fs::metadata(folder.path().join("log")).unwrap().len();
    assert!(before > 2_400_000 && after < 400_000, "{before} {after}");
    let entry = journal.get("https://h/a.nc").unwrap();
    assert_eq!(entry.source.alternates, renewed.alternates);
    assert_eq!(entry.done(), Some(&big));
    assert_eq!(journal.manifest("https://h/a.nc").unwrap(), manifest("a"));
    // There is one of each search.
    for query in ["q", "r"] {
        let listing = journal.listing(query).unwrap();
        assert_eq!((listing.query.as_str(), &listing.keys), (query, &keys));
    }
    assert_eq!(journal.listing("s"), None);
}

#[test]
fn objects_are_compared_by_what_is_known_of_both() {
    let done = Done {
        etag: Some("\"a\"".to_owned()),
        last_modified: Some("x".to_owned()),
        ..done(7)
    };
    let pin = |size: u64, etag: Option<&str>, time: Option<&str>| {
        let mut pin = Pin::default();
        pin.size = Some(size);
        pin.etag = etag.map(str::to_owned);
        pin.last_modified = time.map(str::to_owned);
        pin
    };
    for (now, contradicted, confirmed) in [
        (pin(7, Some("\"a\""), None), false, true),
        (pin(7, Some("a"), Some("y")), false, true),
        (pin(7, Some("b"), Some("x")), true, false),
        (pin(8, Some("\"a\""), None), true, false),
        (pin(7, None, Some("x")), false, true),
        (pin(7, None, Some("y")), true, false),
        (pin(7, None, None), false, false),
    ] {
        let found = (done.is_contradicted(&now), done.is_confirmed(&now));
        assert_eq!(found, (contradicted, confirmed), "{now:?}");
    }
}
