//! Folders in which there is something of others.

use std::fs;

use chunkref::build::{Build, BuildError};

use crate::archive::{Archive, NAME, tree};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_of_others_is_neither_overwritten_nor_removed() {
    let archive = Archive::new(2);
    let folder = archive.folder.path().join("each");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("precious.json"), "{}").unwrap();
    let index = folder.join("index.json");
    for foreign in [
        r#"{"granules": [{"manifest": "precious.json"}]}"#,
        r#"{"version": 2, "chunkref": "9", "granules": []}"#,
        "no JSON",
    ] {
        fs::write(&index, foreign).unwrap();
        let before = tree(&folder);
        let error = archive.build("each/").await.unwrap_err();
        assert!(matches!(error, BuildError::Foreign { .. }), "{error}");
        assert!(error.to_string().contains("index.json"), "{error}");
        assert!(tree(&folder) == before);
        // That is known before anything is read.
        assert_eq!(archive.asked(), [""; 0]);
    }
    fs::remove_file(&index).unwrap();
    let manifest = folder.join(format!("20200602-{NAME}.nc.json"));
    fs::write(&manifest, "{\"mine\": 1}").unwrap();
    let before = tree(&folder);
    let error = archive.build("each/").await.unwrap_err();
    assert!(matches!(error, BuildError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("20200602"), "{error}");
    assert!(tree(&folder) == before);
    // What a build wrote is, with and without an index, as after one that was killed.
    fs::remove_file(&manifest).unwrap();
    archive.build("each/").await.unwrap();
    let whole = tree(&folder);
    fs::remove_file(&index).unwrap();
    archive.build("each/").await.unwrap();
    assert!(tree(&folder) == whole);
    // An index of ours that names a file of somebody else.
    let text = fs::read_to_string(&index).unwrap();
    let forged = text.replace(&format!("20200601-{NAME}.nc.json"), "precious.json");
    assert_ne!(text, forged);
    fs::write(&index, forged).unwrap();
    archive.build("each/").await.unwrap();
    assert!(tree(&folder) == whole);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_of_others_in_a_bucket_is_kept() {
    let archive = Archive::new(1);
    let root = tempfile::tempdir().unwrap();
    let foreign = r#"{"granules": []}"#;
    let server = chunkref_testkit::S3Server::builder(root.path())
        .keys("id", "secret")
        .object("sets", "other/index.json", foreign)
        .object("sets", "empty/notes.txt", "x")
        .start()
        .await;
    let client = crate::sources::s3_client(&server);
    let sources = archive.sources(chunkref::earthdata::Granules::search().short_name(NAME));
    let run = async |folder: &str| {
        let build = Build::new(format!("s3://sets/{folder}/"))
            .with_journal(archive.folder.path().join("journal"));
        build.run(&client, &sources, &mut |_| ()).await
    };
    let error = run("other").await.unwrap_err();
    assert!(matches!(error, BuildError::Foreign { .. }), "{error}");
    for _ in 0..2 {
        assert_eq!(run("empty").await.unwrap().granules, 1);
    }
}
