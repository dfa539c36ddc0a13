//! `chunkref completions` and `chunkref man`.

use crate::run::{chunkref, printed, said};

#[test]
fn every_shell_has_its_completions() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = printed(&chunkref(&["completions", shell], &[], folder.path()));
        for word in ["concat-dim", "bounding-box", "inspect"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let run = chunkref(&["completions", "cmd.exe"], &[], folder.path());
    assert_eq!(run.status.code(), Some(2), "{}", said(&run));
}

#[test]
fn manual_pages_are_printed_or_written() {
    let folder = tempfile::tempdir().unwrap();
    let page = printed(&chunkref(&["man"], &[], folder.path()));
    assert!(page.contains(".TH chunkref 1"), "{page}");
    let run = chunkref(&["man", "--dir", "man/man1"], &[], folder.path());
    assert_eq!(printed(&run), "");
    let mut names: Vec<_> = std::fs::read_dir(folder.path().join("man/man1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in ["chunkref.1", "chunkref-scan.1", "chunkref-cite.1"] {
        assert!(names.iter().any(|one| one == name), "{names:?}");
    }
    let scan = folder.path().join("man/man1/chunkref-scan.1");
    let scan = std::fs::read_to_string(scan).unwrap();
    assert!(scan.contains("CHUNKREF_CONCURRENCY"), "{scan}");
    // Written again they are the same.
    let again = chunkref(&["man", "--dir", "man/man1"], &[], folder.path());
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
}
