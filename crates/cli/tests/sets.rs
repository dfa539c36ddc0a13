//! Reference sets in place of files: what was scanned is inspected and read through the set.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn chunkref(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chunkref"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn granule(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../fixtures/granules", name]
        .iter()
        .collect();
    path.canonicalize().unwrap().to_str().unwrap().to_owned()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn sets_are_inspected_and_read_as_files_are() {
    let folder = tempfile::tempdir().unwrap();
    let granule = granule("mur_like_20200601.nc");
    let direct = chunkref(
        &["read", &granule, "analysed_sst", "-o", "-"],
        folder.path(),
    );
    assert_eq!(direct.status.code(), Some(0), "{}", text(&direct.stderr));
    for set in ["set.json", "set.parquet"] {
        let run = chunkref(&["scan", &granule, "-o", set], folder.path());
        assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
        let run = chunkref(&["inspect", set], folder.path());
        let tree = text(&run.stdout);
        assert!(tree.contains("\n  analysed_sst (time: 1, lat: "), "{tree}");
        assert!(tree.contains(" references, 1 sources\n"), "{tree}");
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
