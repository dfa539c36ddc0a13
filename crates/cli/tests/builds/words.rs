//! What a build says, and where.

use std::io::Write as _;
use std::process::Stdio;

use crate::setting::{Archive, BUILD, NAME, granule, text};

#[test]
fn a_dry_run_says_what_there_is_to_do() {
    let archive = Archive::new(7, 0);
    let (out, _) = archive.well(&[&BUILD[..], &["--dry-run"]].concat());
    assert_eq!(
        out,
        "files           7, 10.5 MiB where the size is known\n\
         in the journal  0\n\
         to scan         7\n\
         requests        about 21\n"
    );
    assert_eq!(archive.files.requests(), 0);
    assert_eq!(std::fs::read_dir(archive.folder.path()).unwrap().count(), 0);
    let (out, err) = archive.well(&BUILD);
    assert_eq!(out, "");
    let last = err.lines().last().unwrap();
    assert!(
        last.starts_with("set.json: 7 granules, 7 scanned, 0 from the journal; "),
        "{err}"
    );
    assert!(
        err.contains("7 files, 0 in the journal, 7 to scan\n"),
        "{err}"
    );
    assert!(err.contains("scanned 7 of 7 files\n"), "{err}");
    let (out, _) = archive.well(&[&BUILD[..], &["--dry-run"]].concat());
    assert!(
        out.contains("in the journal  7\nto scan         0\nrequests        about 0"),
        "{out}"
    );
}

#[test]
fn lists_of_links_come_from_files_and_from_standard_input() {
    let archive = Archive::new(3, 0);
    let urls: Vec<_> = (1..=3)
        .map(|day| archive.files.url_of(&format!("2020060{day}-{NAME}.nc")))
        .collect();
    let list = format!("# of June\n\n{}\n", urls.join("\n"));
    std::fs::write(archive.folder.path().join("links.txt"), &list).unwrap();
    let build = |from: &[&str], output: &str| {
        let arguments = [from, &["--concat-dim", "time", "-o", output]].concat();
        archive.well(&arguments);
        std::fs::read(archive.folder.path().join(output)).unwrap()
    };
    let first = build(&["@links.txt"], "a.json");
    assert!(first == build(&["--links-file", "links.txt"], "b.json"));
    assert!(first == build(&[&urls[2], &urls[0], &urls[1]], "c.json"));
    let arguments = ["--links-file", "-", "--concat-dim", "time", "-o", "d.json"];
    let mut child = archive
        .command(&arguments)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(list.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert!(first == std::fs::read(archive.folder.path().join("d.json")).unwrap());
}

#[test]
fn what_is_left_out_is_said_and_counted() {
    let archive = Archive::new(5, 0);
    archive
        .files
        .put(&format!("20200602-{NAME}.nc"), "<html>Sign in</html>");
    let dims = include_bytes!("../../../../fixtures/granules/dims.nc");
    archive
        .files
        .put(&format!("20200604-{NAME}.nc"), dims.to_vec());
    let run = archive.run(&BUILD);
    assert_eq!(run.status.code(), Some(1));
    let err = text(&run.stderr);
    assert!(err.contains(&format!("/20200602-{NAME}.nc")), "{err}");
    assert!(err.contains("scanned 4 of 5 files, 1 failed\n"), "{err}");
    let last = err.lines().last().unwrap();
    assert!(
        last.starts_with("error: 1 of 5 files could not be scanned: run again"),
        "{err}"
    );
    let run = archive.run(&[&BUILD[..], &["--on-error", "skip"]].concat());
    assert_eq!(run.status.code(), Some(1));
    let err = text(&run.stderr);
    assert!(
        err.lines()
            .last()
            .unwrap()
            .contains("granules are not alike"),
        "{err}"
    );
    let both = [
        "--on-error",
        "skip",
        "--on-unlike",
        "skip",
        "--report",
        "r.json",
    ];
    let run = archive.run(&[&BUILD[..], &both].concat());
    assert_eq!(run.status.code(), Some(4));
    let err = text(&run.stderr);
    assert!(
        err.contains(&format!("warning: left out: 20200604-{NAME}: /")),
        "{err}"
    );
    assert!(
        err.lines().last().unwrap().contains(
            "3 granules, 0 scanned, 4 from the journal, 1 could not be scanned, 1 unlike the others"
        ),
        "{err}"
    );
    let report = std::fs::read_to_string(archive.folder.path().join("r.json")).unwrap();
    for part in ["\"failed\": [", "\"unlike\": [", "\"granules\": 3"] {
        assert!(report.contains(part), "{report}");
    }
}

#[test]
fn what_turns_out_to_have_changed_and_what_did_not_come_is_counted() {
    let archive = Archive::new(2, 0);
    archive.well(&BUILD);
    archive
        .files
        .put(&format!("20200602-{NAME}.nc"), granule(9));
    let (_, err) = archive.well(&[&BUILD[..], &["--recheck"]].concat());
    assert!(err.contains("scanned 1 of 1 files\n"), "{err}");
    archive.cmr.withhold(1);
    let run = archive.run(&BUILD);
    let err = text(&run.stderr);
    assert_eq!(run.status.code(), Some(4), "{err}");
    assert!(
        err.contains("warning: CMR counts 1 granule more than came"),
        "{err}"
    );
}

#[test]
fn help_reads_well() {
    let archive = Archive::new(0, 0);
    let (out, _) = archive.well(&["--help"]);
    for part in [
        "Examples:",
        "Exit codes:",
        "--concat-dim <DIMENSION>",
        "--links-file <LIST>",
        "--supersede <WHICH>",
        "--on-unlike <ACTION>",
        "Of which collection:",
        "Connections:",
    ] {
        assert!(out.contains(part), "{part} is not in\n{out}");
    }
}
