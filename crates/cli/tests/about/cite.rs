//! `chunkref cite` and `chunkref inspect --granules`.

use chunkref::Manifest;
use chunkref::manifest::{
    Attribute, CitationRecord, Collection, GranuleRecord, Location, LocationId, Pin,
};

use crate::run::{DAY, chunkref, path, printed, said};

/// A set as a build writes it, of two granules and one more file.
fn built() -> Manifest {
    let mut manifest = Manifest::default();
    for (name, size) in [
        ("20200601.nc", Some(5)),
        ("20200602.nc", Some(7)),
        ("mask.bin", None),
    ] {
        let pin = Pin {
            size,
            ..Pin::default()
        };
        let location = Location::new(format!("s3://bucket/{name}")).with_pin(pin);
        manifest.locations.intern(location);
    }
    let mut citation = CitationRecord::default();
    citation.title = Some("Sea Surface Temperature".to_owned());
    citation.release_date = Some("2015-03-11".to_owned());
    citation.publisher = Some("NASA & Friends".to_owned());
    let mut collection = Collection::default();
    collection.short_name = Some("MUR-JPL-L4-GLOB-v4.1".to_owned());
    collection.version = Some("4.1".to_owned());
    collection.doi = Some("10.5067/GHGMR-4FJ04".to_owned());
    collection.citation = Some(citation);
    manifest.provenance.collection = Some(collection);
    for (number, day) in (0..2).zip(["20200601", "20200602"]) {
        let mut granule = GranuleRecord::new(day);
        granule.revision = Some(3);
        granule.start = Some("2020-05-31T21:00:00Z".to_owned());
        granule.locations = vec![LocationId(number)];
        manifest.provenance.granules.push(granule);
    }
    manifest
}

#[test]
fn a_set_that_was_built_is_cited() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["set.json", "set.json.zst", "set.parquet"] {
        chunkref::write(&built(), folder.path().join(name)).unwrap();
        let cite = |more: &[&str]| chunkref(&[&["cite", name], more].concat(), &[], folder.path());
        let run = cite(&[]);
        let text = "Sea Surface Temperature (2015). Version 4.1. NASA & Friends. \
                    https://doi.org/10.5067/GHGMR-4FJ04";
        let both = printed(&run);
        assert!(
            both.starts_with(&format!("{text}\n\n@misc{{MUR-JPL-L4-GLOB-v4.1,\n")),
            "{both}"
        );
        assert!(both.contains("publisher = {{NASA \\& Friends}}"), "{both}");
        assert!(both.ends_with("\n}\n"), "{both}");
        // Nobody is named in its creator's place.
        let told = said(&run);
        assert!(
            told.contains("tells no creator; look it up at https://doi.org/10."),
            "{told}"
        );
        let alone = printed(&cite(&["--text"]));
        assert_eq!(alone, format!("{text}\n"));
        let entry = printed(&cite(&["--bibtex", "--accessed", "2026-01-31"]));
        assert!(
            entry.starts_with("@misc{") && entry.contains("{Accessed 2026-01-31}"),
            "{entry}"
        );
    }
    let run = chunkref(
        &["cite", "set.json", "--accessed", "today"],
        &[],
        folder.path(),
    );
    assert_eq!(run.status.code(), Some(2), "{}", said(&run));
}

#[test]
fn a_set_of_no_known_collection_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let day = path(DAY);
    let scan = ["scan", day.to_str().unwrap(), "-o", "set.json"];
    printed(&chunkref(&scan, &[], folder.path()));
    let run = chunkref(&["cite", "set.json"], &[], folder.path());
    assert_eq!(run.status.code(), Some(1));
    let told = said(&run);
    assert!(
        told.starts_with("error: set.json: does not say which collection"),
        "{told}"
    );
    assert!(
        told.contains("chunkref build") && told.lines().count() == 1,
        "{told}"
    );
    let mut manifest = Manifest::default();
    let doi = Attribute::text("10.5067/ATLAS/ATL03.006");
    let attributes = &mut manifest.root.attributes;
    attributes.insert("identifier_product_doi".to_owned(), doi);
    chunkref::write(&manifest, folder.path().join("named.json")).unwrap();
    let told = said(&chunkref(&["cite", "named.json"], &[], folder.path()));
    assert!(
        told.contains("https://doi.org/10.5067/ATLAS/ATL03.006"),
        "{told}"
    );
    let run = chunkref(&["cite", "day.nc"], &[], folder.path());
    assert_eq!(run.status.code(), Some(2), "{}", said(&run));
}

#[test]
fn granules_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["set.json", "set.parquet"] {
        chunkref::write(&built(), folder.path().join(name)).unwrap();
        let inspect = ["inspect", name, "--granules"];
        let table = printed(&chunkref(&inspect, &[], folder.path()));
        let lines: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            lines[1],
            [
                "20200601",
                "3",
                "2020-05-31T21:00:00Z",
                "-",
                "5",
                "s3://bucket/20200601.nc"
            ]
        );
        assert_eq!(
            lines[3],
            ["mask.bin", "-", "-", "-", "-", "s3://bucket/mask.bin"]
        );
        assert_eq!(lines.len(), 4);
        let json = ["inspect", name, "--granules", "--json"];
        let json = printed(&chunkref(&json, &[], folder.path()));
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["granules"][1]["size"], 7);
        assert_eq!(json["other_sources"][0]["urls"][0], "s3://bucket/mask.bin");
        assert_eq!(json["collection"]["doi"], "10.5067/GHGMR-4FJ04");
    }
}

/// Sets of others, which have no extras: what they refer to is listed.
#[test]
fn sources_of_other_sets_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let day = path(DAY);
    let day = day.to_str().unwrap();
    printed(&chunkref(
        &["scan", day, "-o", "set.json"],
        &[],
        folder.path(),
    ));
    printed(&chunkref(
        &["scan", day, "-o", "set.parquet"],
        &[],
        folder.path(),
    ));
    let json = std::fs::read_to_string(folder.path().join("set.json")).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&json).unwrap();
    json.as_object_mut().unwrap().remove("chunkref");
    std::fs::write(folder.path().join("set.json"), json.to_string()).unwrap();
    std::fs::remove_dir_all(folder.path().join("set.parquet/.chunkref")).unwrap();
    for name in ["set.json", "set.parquet"] {
        let run = chunkref(&["inspect", name, "--granules"], &[], folder.path());
        let table = printed(&run);
        assert_eq!(table.lines().count(), 2, "{table}");
        assert!(table.lines().nth(1).unwrap().ends_with(day), "{table}");
        assert!(
            said(&run).contains("does not say which granules"),
            "{}",
            said(&run)
        );
    }
    let run = chunkref(&["inspect", day, "--granules"], &[], folder.path());
    assert_eq!(run.status.code(), Some(2), "{}", said(&run));
}

/// What a join says of itself is said once, however often it is written, and a scan says nothing.
#[test]
fn history_is_told_of_what_was_joined() {
    let folder = tempfile::tempdir().unwrap();
    let second = path("mur_like_20200602.nc");
    let (first, second) = (path(DAY), second);
    let days = [first.to_str().unwrap(), second.to_str().unwrap()];
    let run = |arguments: &[&str]| printed(&chunkref(arguments, &[], folder.path()));
    let history = |set: &str| {
        let client = chunkref::Client::default();
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        let set = folder.path().join(set);
        let read = chunkref::read_set(&client, set.to_str().unwrap(), None);
        let manifest = runtime.block_on(read).unwrap().manifest;
        let history = manifest.root.attributes.get("history");
        history.map(|history| history.as_text().unwrap().to_owned())
    };
    run(&["scan", days[0], "-o", "one.json"]);
    let alone = history("one.json");
    assert!(
        !alone.clone().unwrap_or_default().contains("chunkref"),
        "{alone:?}"
    );
    let joined = [
        &["scan"],
        &days[..],
        &["--concat-dim", "time", "-o", "both.json"],
    ]
    .concat();
    run(&joined);
    let line = format!(
        "chunkref {}: virtual dataset of 2 files",
        env!("CARGO_PKG_VERSION")
    );
    let told = history("both.json").unwrap();
    assert!(told.ends_with(&line), "{told}");
    for (from, to) in [
        ("both.json", "again.parquet"),
        ("again.parquet", "again.json"),
    ] {
        run(&["convert", from, "-o", to]);
        assert_eq!(history(to).as_ref(), Some(&told), "{to}");
    }
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert!(bytes("again.json") == bytes("both.json"));
    // Joined once more: still one line.
    run(&[
        "convert",
        "both.json",
        "--concat-dim",
        "time",
        "-o",
        "once.json",
    ]);
    assert_eq!(history("once.json").as_ref(), Some(&told));
}
