//! Reference sets in place of files: what was scanned is inspected and read through the set.

use crate::run::{chunkref, granule, text};

#[test]
fn sets_are_inspected_and_read_as_files_are() {
    let folder = tempfile::tempdir().unwrap();
    let granule = granule("mur_like_20200601.nc");
    let direct = chunkref(
        &["read", &granule, "analysed_sst", "-o", "-"],
        folder.path(),
    );
    assert_eq!(direct.status.code(), Some(0), "{}", text(&direct.stderr));
    for set in ["set.json", "set.json.gz", "set.json.zst", "set.parquet"] {
        let run = chunkref(&["scan", &granule, "-o", set], folder.path());
        assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
        let run = chunkref(&["inspect", set], folder.path());
        let tree = text(&run.stdout);
        assert!(tree.contains("\n  analysed_sst (time: 1, lat: "), "{tree}");
        assert!(tree.contains(" references, 1 source\n"), "{tree}");
        let run = chunkref(&["read", set, "/analysed_sst", "-o", "-"], folder.path());
        assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
        assert!(run.stdout == direct.stdout, "{set}");
    }
}

#[test]
fn what_a_set_lacks_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let zarray = r#"{"zarr_format":2,"shape":[1],"chunks":[1],"dtype":"<U1","order":"C","compressor":null,"filters":null,"fill_value":null}"#;
    let set = format!("{{\"a/.zarray\": {zarray}}}");
    std::fs::write(folder.path().join("set.json"), set).unwrap();
    std::fs::write(folder.path().join("bad.json"), "{\"a/.zarray\": 1}").unwrap();
    for (arguments, code, line) in [
        (
            &["read", "set.json", "a", "-o", "-"][..],
            1,
            "error: set.json: /a: refused: dtype \"<U1\" is not supported\n",
        ),
        (
            &["read", "set.json", "b", "-o", "-"],
            1,
            "error: set.json: /b: not an array\n",
        ),
        (
            &["inspect", "set.json", "--group", "g"],
            1,
            "error: set.json: no group g\n",
        ),
        (
            &["inspect", "set.json", "--variable", "a"],
            2,
            "error: --variable: not for reference sets\n",
        ),
        (
            &["read", "set.json", "a", "-o", "-", "--trust", "/x"],
            2,
            "error: --trust: not for reference sets\n",
        ),
        (
            &["inspect", "bad.json"],
            1,
            "error: bad.json: key \"a/.zarray\": 1, expected a text or an object\n",
        ),
    ] {
        let run = chunkref(arguments, folder.path());
        assert_eq!(text(&run.stderr), line);
        assert_eq!(run.status.code(), Some(code));
    }
    let run = chunkref(&["inspect", "set.json"], folder.path());
    assert_eq!(
        text(&run.stdout),
        "/\n0 references, 0 sources\nrefused:\n  /a: dtype \"<U1\" is not supported\n"
    );
}

#[test]
fn options_of_parquet_are_for_parquet() {
    let folder = tempfile::tempdir().unwrap();
    let granule = granule("mur_like_20200601.nc");
    for (option, line) in [
        (
            &["--densify"][..],
            "error: --densify: only for a Parquet set as output, NAME.parquet\n",
        ),
        (
            &["--record-size", "5"],
            "error: --record-size: only for a Parquet set as output, NAME.parquet\n",
        ),
    ] {
        let run = chunkref(
            &[&["scan", &granule, "-o", "a.json"], option].concat(),
            folder.path(),
        );
        assert_eq!(
            (run.status.code(), text(&run.stderr)),
            (Some(2), line.to_owned())
        );
    }
    let zero = ["scan", &granule, "-o", "a.parq", "--record-size", "0"];
    let run = chunkref(&zero, folder.path());
    assert_eq!(run.status.code(), Some(2));
    assert!(text(&run.stderr).contains("invalid value '0' for '--record-size <ROWS>'"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    let run = chunkref(
        &[
            "scan",
            &granule,
            "-o",
            "a.parq",
            "--record-size",
            "5",
            "--densify",
        ],
        folder.path(),
    );
    assert_eq!(
        (run.status.code(), text(&run.stderr)),
        (Some(0), String::new())
    );
    let metadata = std::fs::read_to_string(folder.path().join("a.parq/.zmetadata")).unwrap();
    assert!(metadata.contains("\"record_size\":5"), "{metadata}");
}

#[test]
fn a_bomb_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    // Frames of zstd whose one block is a byte repeated 128 KiB: 10 bytes make 131,072.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x03, 0x00, 0x10, b' '];
    std::fs::write(folder.path().join("bomb.json.zst"), frame.repeat(2_000)).unwrap();
    let run = chunkref(&["inspect", "bomb.json.zst"], folder.path());
    assert_eq!(run.status.code(), Some(1));
    let line = text(&run.stderr);
    assert!(
        line.contains("compressed bytes make more than 67108864 and 200 for each"),
        "{line}"
    );
    assert!(line.contains("decompress the set first"), "{line}");
}
