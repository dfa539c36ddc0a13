//! What lies under further names: narrow scans through links give what the whole scan does.

use chunkref_io::{Client, ClientOptions};
use chunkref_scan::{Error, Outcome, ScanOptions, Scanned, scan};

fn run(name: &str, options: &ScanOptions) -> Result<Scanned, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = Client::new(ClientOptions::default());
    let granule = format!(
        "{}/../../fixtures/granules/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    runtime.block_on(scan(&client, &granule, options))
}

fn datasets(scanned: &Scanned) -> Vec<&str> {
    let datasets = scanned.report.datasets.iter();
    datasets.map(|one| one.path.as_str()).collect()
}

fn reason<'a>(scanned: &'a Scanned, path: &str) -> &'a str {
    let mut links = scanned.report.links.iter();
    let link = links.find(|link| link.path == path);
    &link
        .unwrap_or_else(|| panic!("{path} is not in {:?}", scanned.report.links))
        .reason
}

const GRANULES: [&str; 2] = ["link_names_earliest.h5", "link_names_latest.h5"];

#[test]
fn every_name_by_itself_is_as_in_the_whole() {
    for name in GRANULES.into_iter().chain(["link_external.h5"]) {
        let all = ScanOptions::default()
            .with_inline_threshold(0)
            .with_external_links(true);
        let whole = run(name, &all).unwrap();
        let paths = datasets(&whole);
        assert!(paths.len() > 8, "{name}: {paths:?}");
        for path in paths {
            let (group, variable) = path.rsplit_once('/').unwrap();
            let narrow = all.clone().with_group(group).with_variables([variable]);
            let narrow = run(name, &narrow).unwrap();
            assert_eq!(datasets(&narrow), [path], "{name}");
            let (mut mine, mut wanted) = (narrow.manifest, whole.manifest.clone());
            // A narrow scan need not know the locations of the whole, nor in their order.
            if name == "link_external.h5" {
                mine.locations = wanted.locations.clone();
                let others = ["/own", "/x"];
                if !others.contains(&path) {
                    // Without the granule's own x, that of the other file is the only one.
                    for manifest in [&mut mine, &mut wanted] {
                        rename(&mut manifest.root, "x_7", "x");
                    }
                }
            }
            assert_eq!(mine.array(path), wanted.array(path), "{name}: {path}");
        }
    }
}

fn rename(group: &mut chunkref_manifest::Group, from: &str, to: &str) {
    let arrays = group.arrays.values_mut();
    for dimension in arrays.flat_map(|array| &mut array.dimension_names) {
        if dimension == from {
            to.clone_into(dimension);
        }
    }
    for below in group.groups.values_mut() {
        rename(below, from, to);
    }
}

#[test]
fn groups_are_reached_by_any_name() {
    for name in GRANULES {
        for (group, arrays) in [
            ("second", ["/second/data", "/second/up/small", "/second/x"]),
            (
                "/soft/group",
                ["/soft/group/data", "/soft/group/up/small", "/soft/group/x"],
            ),
            (
                "soft/./near//b",
                ["/soft/near/b/data", "/soft/near/b/x", ""],
            ),
        ] {
            let narrow = run(name, &ScanOptions::default().with_group(group)).unwrap();
            let wanted = arrays.iter().filter(|path| !path.is_empty());
            assert!(datasets(&narrow).iter().eq(wanted), "{name}: {group}");
        }
    }
}

#[test]
fn links_that_lead_nowhere_say_so() {
    for name in GRANULES {
        let scanned = run(name, &ScanOptions::default()).unwrap();
        for (path, words) in [
            ("/broken/dangling", "\"/nowhere\": there is no such object"),
            ("/broken/dangling_below", "there is no such object"),
            ("/broken/below_dataset", "there is no such object"),
            ("/broken/up", "there is no such object"),
            ("/broken/itself", "leads over the link itself"),
            ("/broken/ring_1", "leads over the link itself"),
            ("/broken/into_ring", "leads over the link itself"),
            (
                "/broken/over_external",
                "over an external link to \"/data\" in the file \"not_there.h5\", not followed",
            ),
            ("/soft/chain_16", "over 16 soft links"),
            ("/soft/here", "leads back to the group /soft,"),
            ("/soft/root", "leads back to the group /,"),
            ("/a/b/up", "leads back to the group /a,"),
        ] {
            let found = reason(&scanned, path);
            assert!(found.contains(words), "{name}: {path}: {found}");
        }
        assert!(datasets(&scanned).contains(&"/soft/chain_15"));
        assert!(!datasets(&scanned).contains(&"/soft/chain_16"));
    }
    let options = ScanOptions::default().with_variables(["broken/ring_1"]);
    let error = run("link_names_latest.h5", &options).unwrap_err();
    assert!(matches!(error, Error::NoSuchVariable { .. }), "{error}");
}

#[test]
fn a_narrow_scan_reports_only_the_links_it_was_asked_for() {
    let options = ScanOptions::default()
        .with_group("soft")
        .with_variables(["absolute"]);
    let scanned = run("link_names_latest.h5", &options).unwrap();
    assert_eq!(scanned.report.links, []);
    assert_eq!(scanned.report.datasets.len(), 1);
    assert_eq!(scanned.report.datasets[0].outcome, Outcome::Referenced);
}

#[test]
fn the_dictionary_has_the_granule_first_and_each_file_once() {
    let options = ScanOptions::default().with_external_links(true);
    let scanned = run("link_external.h5", &options).unwrap();
    let urls: Vec<_> = scanned
        .manifest
        .locations
        .iter()
        .map(|(_, one)| &one.url)
        .collect();
    assert_eq!(urls.len(), 2);
    assert!(urls[0].ends_with("link_external.h5") && urls[1].ends_with("link_target.h5"));
    assert!(
        scanned
            .manifest
            .locations
            .iter()
            .all(|(_, one)| one.pin.size.is_some())
    );
}
