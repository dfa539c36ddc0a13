//! `chunkref verify`.

use crate::run::{DAY, chunkref, granule, set_up, text};

#[test]
fn a_sound_set_is_said_to_be_so() {
    let folder = set_up();
    for (arguments, decoded) in [
        (
            &["verify", "set.json"][..],
            "51 of 51 chunks decoded, 51 compared with a new scan",
        ),
        (
            &["verify", "set.json", "--all"],
            "51 of 51 chunks decoded, 51 compared with a new scan",
        ),
        (
            &["verify", "set.json", "--sample", "5"],
            "5 of 51 chunks decoded, 51 compared with a new scan",
        ),
        (
            &["verify", "set.json", "--sample", "5", "--no-scan"],
            "5 of 51 chunks decoded",
        ),
        (
            &["verify", DAY, "--all", "--no-scan"],
            "51 of 51 chunks decoded",
        ),
    ] {
        let run = chunkref(arguments, folder.path());
        let counted = "6 arrays, 1 object, 50 references, 1 chunk inline, 0 chunks absent";
        let expected = format!("{counted}\n{decoded}\nnothing is wrong\n");
        assert_eq!(text(&run.stdout), expected, "{arguments:?}");
        assert_eq!(
            (text(&run.stderr), run.status.code()),
            (String::new(), Some(0))
        );
    }
}

#[test]
fn what_is_wrong_is_listed_and_all_of_it_counted() {
    let folder = set_up();
    let path = folder.path().join("set.json");
    let set = std::fs::read_to_string(&path).unwrap();
    // Shuffle is said to be of other elements, in documents and extras.
    let wrong = set.replace("\\\"elementsize\\\":2", "\\\"elementsize\\\":4");
    let wrong = wrong.replace("\"element_size\":2", "\"element_size\":4");
    assert_ne!(wrong, set);
    std::fs::write(&path, wrong).unwrap();
    let run = chunkref(&["verify", "set.json", "--all"], folder.path());
    let said = text(&run.stdout);
    assert_eq!(run.status.code(), Some(1), "{said}");
    assert!(said.contains("scan: /analysed_sst: "), "{said}");
    assert!(said.contains("codecs [shuffle(4), deflate("), "{said}");
    assert!(said.ends_with(" findings\n"), "{said}");

    let run = chunkref(
        &["verify", "set.json", "--all", "--json", "--findings", "1"],
        folder.path(),
    );
    let found: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(run.status.code(), Some(1));
    assert_eq!(found["findings"].as_array().unwrap().len(), 1);
    assert_eq!(found["findings"][0]["path"], "/analysed_sst");
    assert!(found["more_findings"].as_u64().unwrap() >= 1);
    assert_eq!(
        (&found["chunks"], &found["decoded"]),
        (&51.into(), &51.into())
    );
}

#[test]
fn a_source_that_changed_or_went_is_found() {
    let folder = set_up();
    std::fs::copy(granule("mur_like_20200602.nc"), folder.path().join(DAY)).unwrap();
    let run = chunkref(&["verify", "set.json"], folder.path());
    let said = text(&run.stdout);
    assert_eq!(run.status.code(), Some(1));
    assert!(
        said.starts_with("pin: ") && said.contains("changed since it was scanned"),
        "{said}"
    );
    assert!(
        said.contains("50 not read, as their objects have findings"),
        "{said}"
    );
    std::fs::remove_file(folder.path().join(DAY)).unwrap();
    let run = chunkref(&["verify", "set.json"], folder.path());
    let said = text(&run.stdout);
    assert_eq!(run.status.code(), Some(1));
    assert!(said.starts_with("object: "), "{said}");
    assert!(said.ends_with("\n1 finding\n"), "{said}");
}

#[test]
fn what_can_not_be_verified_is_said() {
    let folder = set_up();
    let run = chunkref(&["verify", "nothing.json"], folder.path());
    assert_eq!(
        (run.status.code(), text(&run.stdout).as_str()),
        (Some(1), "")
    );
    let run = chunkref(&["verify", "set.json", "--trust", "/x"], folder.path());
    assert_eq!(run.status.code(), Some(2));
    let run = chunkref(
        &["verify", "set.json", "--sample", "3", "--all"],
        folder.path(),
    );
    assert_eq!(run.status.code(), Some(2));
    #[cfg(not(feature = "libhdf5"))]
    {
        let run = chunkref(
            &["verify", "set.json", "--against", "libhdf5"],
            folder.path(),
        );
        assert_eq!(run.status.code(), Some(2));
        assert!(
            text(&run.stderr).contains("--features libhdf5"),
            "{}",
            text(&run.stderr)
        );
    }
}

#[cfg(feature = "libhdf5")]
#[test]
fn values_are_compared_with_libhdf5() {
    let folder = set_up();
    let against = ["verify", "set.json", "--against", "libhdf5", "--no-scan"];
    let run = chunkref(&against, folder.path());
    let counted = "6 arrays, 1 object, 50 references, 1 chunk inline, 0 chunks absent";
    let decoded = "51 of 51 chunks decoded, 51 compared with libhdf5";
    let expected = format!("{counted}\n{decoded}\nnothing is wrong\n");
    assert_eq!(text(&run.stdout), expected);

    // As many bytes as before, in another order.
    let path = folder.path().join("set.json");
    let set = std::fs::read_to_string(&path).unwrap();
    let wrong = set.replace("\\\"elementsize\\\":2", "\\\"elementsize\\\":1");
    let wrong = wrong.replace("\"element_size\":2", "\"element_size\":1");
    assert_ne!(wrong, set);
    std::fs::write(&path, wrong).unwrap();
    let run = chunkref(&against, folder.path());
    let said = text(&run.stdout);
    assert_eq!(run.status.code(), Some(1), "{said}");
    assert!(said.contains("differ from what libhdf5 reads"), "{said}");
}
