//! Each mistake is one line that says what to do next.

use chunkref_testkit::{CmrCollection, CmrFault};

use crate::setting::{Archive, BUILD, NAME, text};

/// The one line of an error, and nothing written.
fn refused(archive: &Archive, arguments: &[&str], code: i32) -> String {
    let run = archive.run(arguments);
    let err = text(&run.stderr);
    assert_eq!(run.status.code(), Some(code), "{arguments:?}: {err}");
    assert!(run.stdout.is_empty());
    let errors: Vec<_> = err
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(errors.len(), 1, "{arguments:?}: {err}");
    errors[0].to_owned()
}

#[test]
fn searches_that_find_nothing_or_too_much() {
    let archive = Archive::new(2, 0);
    archive.cmr.change(|all| {
        let mut other = all[0].clone();
        other.concept_id = "C200-TESTCLOUD".to_owned();
        other.short_name = "TWICE".to_owned();
        other.version = "1".to_owned();
        let mut third = other.clone();
        third.concept_id = "C300-TESTCLOUD".to_owned();
        third.version = "2".to_owned();
        all.extend([other, third]);
    });
    let out = ["--concat-dim", "time", "-o", "set.json"];
    for (arguments, code, words) in [
        (
            &["--short-name", "MUR"][..],
            1,
            "did you mean MUR-LIKE version 1",
        ),
        (
            &["--short-name", "TWICE"],
            1,
            "fits 2 collections: add the version",
        ),
        (
            &["--short-name", NAME, "--temporal", "1999"],
            1,
            "no granule fits",
        ),
        (&[], 2, "nothing to build of: expected files, or a search"),
        (
            &["a.nc", "--short-name", NAME],
            2,
            "files are named, so nothing is searched for",
        ),
        (&["none/*.nc"], 1, "no file fits"),
        (&["https://h/*.nc"], 1, "servers of http list no files"),
        (&["@nowhere.txt"], 1, "nowhere.txt: the list of files"),
    ] {
        let error = refused(&archive, &[arguments, &out[..]].concat(), code);
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
    assert_eq!(std::fs::read_dir(archive.folder.path()).unwrap().count(), 0);
}

#[test]
fn outputs_that_can_not_be() {
    let archive = Archive::new(2, 0);
    let search = ["--short-name", NAME];
    for (arguments, words) in [
        (&["-o", "set.json"][..], "needs --concat-dim DIMENSION"),
        (
            &["--concat-dim", "time", "-o", "set.nc"],
            "expected a name that ends in .json",
        ),
        (&["-o", "each/", "--densify"], "only for a Parquet set"),
    ] {
        let error = refused(&archive, &[&search[..], arguments].concat(), 2);
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
    for alone in [["--supersede", "latest"], ["--on-unlike", "skip"]] {
        let run = archive.run(&[&search[..], &["-o", "each/"], &alone].concat());
        assert_eq!(run.status.code(), Some(2));
        let err = text(&run.stderr);
        assert!(err.contains("not provided:\n  --concat-dim"), "{err}");
    }
    let bucket = ["--concat-dim", "time", "-o", "s3://b/set.json"];
    let error = refused(&archive, &[&search[..], &bucket].concat(), 1);
    assert!(error.contains("--journal DIR"), "{error}");
    let none = ["--concat-dim", "depth", "-o", "set.json"];
    let error = refused(&archive, &[&search[..], &none].concat(), 1);
    assert!(error.contains("\"depth\": no array has it"), "{error}");
}

#[test]
fn what_is_in_the_way_is_told_before_anything_is_scanned() {
    let archive = Archive::new(2, 0);
    let path = |name: &str| archive.folder.path().join(name);
    std::fs::create_dir(path("folder.json")).unwrap();
    std::fs::write(path("file.parquet"), "").unwrap();
    std::fs::create_dir(path("other.parquet")).unwrap();
    std::fs::write(path("other.parquet/mine.txt"), "").unwrap();
    std::fs::write(path("file"), "").unwrap();
    let search = ["--short-name", NAME, "--concat-dim", "time", "-o"];
    for (arguments, words) in [
        (&["folder.json"][..], "a folder, which is not replaced"),
        (&["file.parquet"], "a file, which is not replaced"),
        (&["other.parquet"], "a folder that holds other files"),
        (
            &["set.json", "--journal", "file"],
            "journal file: is a file, expected a folder",
        ),
    ] {
        for more in [&[][..], &["--dry-run"]] {
            let arguments = [&search[..], arguments, more].concat();
            let error = refused(&archive, &arguments, 1);
            assert!(error.contains(words), "{arguments:?}: {error}");
        }
    }
    assert_eq!(archive.files.requests(), 0);
    // A folder that is not there is made.
    archive.well(&[&search[..], &["new/set.json", "--journal", "elsewhere"]].concat());
}

#[test]
fn granules_without_data_and_of_other_formats() {
    let archive = Archive::new(4, 0);
    archive.cmr.change(|all| {
        all[0].granules[0].files = vec!["a.hdf".to_owned()];
        all[0].granules[1].files = vec!["b.hdf".to_owned()];
        all[0].granules[2].files = vec!["c.cdf".to_owned()];
        all[0].granules[3].files = Vec::new();
    });
    let run = archive.run(&BUILD);
    let err = text(&run.stderr);
    assert_eq!(run.status.code(), Some(1));
    for words in [
        "its data are HDF4 (a.hdf)",
        "(and 1 more granules like it)",
        "its data are netCDF-3 (c.cdf)",
        "no link to a data file",
        "error: 4 of 4 files could not be scanned",
    ] {
        assert!(err.contains(words), "{words}: {err}");
    }
    archive.cmr.change(|all| {
        all[0].granules[0].files = vec!["a.nc".to_owned(), "b.nc".to_owned()];
    });
    let error = refused(&archive, &BUILD, 1);
    assert!(
        error.contains("2 data files (a.nc, b.nc): choose with --files"),
        "{error}"
    );
}

#[test]
fn no_network_and_a_busy_cmr() {
    let archive = Archive::new(2, 0);
    let nowhere = ["--cmr-url", "http://cmr.invalid/search"];
    let error = refused(&archive, &[&BUILD[..], &nowhere].concat(), 1);
    assert!(error.contains("check the network"), "{error}");
    archive.cmr.set_faults(vec![CmrFault::always(503, "")]);
    let error = refused(&archive, &BUILD, 1);
    assert!(error.contains("not available (status 503)"), "{error}");
    archive.cmr.set_faults(Vec::new());
    // The archive itself: every file is named, with the reason, then what to do.
    archive.cmr.change(|all| {
        let all: &mut CmrCollection = &mut all[0];
        "http://archive.invalid".clone_into(&mut all.https);
    });
    let run = archive.run(&BUILD);
    let err = text(&run.stderr);
    assert_eq!(run.status.code(), Some(1));
    assert!(
        err.contains("http://archive.invalid/20200601-MUR-LIKE.nc: "),
        "{err}"
    );
    assert!(
        err.lines()
            .last()
            .unwrap()
            .contains("2 of 2 files could not be scanned"),
        "{err}"
    );
}
