//! Narrow scans through soft links: the same whatever the order of arrival, and with no more read
//! than lies on the way.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;
use chunkref_hdf5::{File, LinkEnd, ObjectKind, Progress, Scan, ScanOptions};

fn granule(name: &str) -> Bytes {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/granules/");
    std::fs::read(format!("{folder}{name}")).unwrap().into()
}

fn options(group: &str, variables: &[&str], trees: &[&str]) -> ScanOptions {
    let owned = |paths: &[&str]| paths.iter().map(|&path| path.to_owned()).collect();
    let mut options = ScanOptions::default();
    options.group = (!group.is_empty()).then(|| group.to_owned());
    options.variables = owned(variables);
    options.trees = owned(trees);
    options
}

/// Reads a file with at most `most` of the ranges wanted given at a time, the last ones first.
/// Gives the number of waves too.
fn read(file: &Bytes, options: ScanOptions, most: usize) -> (File, usize) {
    let mut scan = Scan::new(options);
    scan.set_file_size(file.len() as u64);
    for waves in 0.. {
        let Progress::Wants(ranges) = scan.poll().unwrap() else {
            return (scan.into_file().unwrap(), waves);
        };
        let index = |range: &Range<u64>| {
            usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()
        };
        for range in ranges.iter().rev().take(most) {
            scan.supply(range.start, file.slice(index(range)));
        }
    }
    unreachable!()
}

const GRANULES: [&str; 2] = ["link_names_earliest.h5", "link_names_latest.h5"];

#[test]
fn the_order_of_arrival_does_not_matter() {
    for name in GRANULES {
        let file = granule(name);
        for (group, variables, trees) in [
            ("", &[][..], &[][..]),
            ("soft/over_two", &[], &[]),
            (
                "soft",
                &["over_two", "group/x", "chain_15", "chain_16"],
                &[],
            ),
            ("level_3/left/right", &["left/b/data"], &[]),
            ("broken", &[], &["soft/root/second"]),
        ] {
            let (all, _) = read(&file, options(group, variables, trees), usize::MAX);
            for most in [1, 2] {
                let (found, _) = read(&file, options(group, variables, trees), most);
                assert!(
                    found == all,
                    "{name}: {group:?} {variables:?}, {most} at a time"
                );
            }
        }
    }
}

/// What a path leads to: a dataset's shape, or the names in a group.
fn what(file: &File, path: &str) -> Result<String, String> {
    let LinkEnd::Object(address) = file.follow(path).end else {
        return Err(format!("{:?}", file.follow(path).end));
    };
    match file.object(address).map(|object| &object.kind) {
        Some(ObjectKind::Dataset(dataset)) => Ok(format!("{:?}", dataset.dataspace.shape())),
        Some(ObjectKind::Group(group)) => {
            let names: Vec<_> = group.links.iter().map(|link| link.name.as_str()).collect();
            Ok(names.join(" "))
        }
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn what_is_asked_for_is_read_with_the_way_there_and_nothing_else() {
    for name in GRANULES {
        let file = granule(name);
        let (whole, _) = read(&file, ScanOptions::default(), usize::MAX);
        let datasets = |file: &File| -> BTreeSet<_> {
            let objects = file.objects.iter();
            let datasets = objects.filter(|(_, one)| matches!(one.kind, ObjectKind::Dataset(_)));
            datasets.map(|(&address, _)| address).collect()
        };
        for (group, variable, expected) in [
            ("", "soft/absolute", "[40, 6]"),
            ("soft", "with_dots", "[40, 6]"),
            ("soft", "with_slashes", "[40, 6]"),
            ("soft", "relative", "[40, 6]"),
            ("/soft/", "over_group", "[40, 6]"),
            ("soft", "over_two", "[40, 6]"),
            ("soft/here/here", "scale", "[6]"),
            ("soft", "above", "[]"),
            ("soft", "chain_15", "[]"),
            ("soft/root/soft/near", "small", "[]"),
        ] {
            let path = format!("{group}/{variable}");
            let (narrow, _) = read(&file, options(group, &[variable], &[]), usize::MAX);
            assert_eq!(
                what(&narrow, &path).as_deref(),
                Ok(expected),
                "{name}: {path}"
            );
            assert_eq!(what(&whole, &path), what(&narrow, &path), "{name}: {path}");
            assert_eq!(datasets(&narrow).len(), 1, "{name}: {path}");
        }
        let (narrow, _) = read(&file, options("soft/group", &[], &[]), usize::MAX);
        assert_eq!(
            what(&narrow, "soft/group").as_deref(),
            Ok("data up x"),
            "{name}"
        );
    }
}

#[test]
fn links_that_lead_nowhere_end_with_the_reason() {
    for name in GRANULES {
        let (file, _) = read(&granule(name), options("", &[], &["broken", "soft"]), 1);
        for (path, reason) in [
            ("broken/dangling", "Missing"),
            ("broken/below_dataset", "Missing"),
            ("broken/up", "Missing"),
            ("broken/itself", "Cycle"),
            ("broken/ring_2", "Cycle"),
            ("broken/into_ring", "Cycle"),
            ("soft/chain_16", "TooManyLinks"),
            ("soft/chain_19", "TooManyLinks"),
        ] {
            let expected = format!("Nowhere({reason})");
            assert_eq!(what(&file, path), Err(expected), "{name}: {path}");
        }
        let links = file.external_links.iter().map(|link| &*link.path);
        let links: BTreeSet<_> = links.collect();
        let expected = BTreeSet::from(["/", "/data"]);
        assert_eq!(links, expected, "{name}: the link itself, and over it");
    }
}

#[test]
fn all_links_are_followed_at_the_same_time() {
    for name in GRANULES {
        let file = granule(name);
        let (_, one) = read(&file, options("soft", &["absolute"], &[]), usize::MAX);
        let all = [
            "absolute", "over_two", "relative", "group/x", "chain_15", "above",
        ];
        let (_, many) = read(&file, options("soft", &all, &[]), usize::MAX);
        assert!(
            many <= one + 3,
            "{name}: {many} waves for all, {one} for one"
        );
    }
}
