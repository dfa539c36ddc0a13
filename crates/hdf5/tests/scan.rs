//! Whole scans of the fixtures: the same whatever the order of arrival, true to what libhdf5 says
//! of the chunks, and without harm on damaged files.

use std::ops::Range;
use std::path::PathBuf;

use bytes::Bytes;
use chunkref_hdf5::{Error, File, LinkTarget, ObjectKind, Progress, Scan};
use proptest::prelude::*;
use serde::Deserialize;

mod decoder;

use decoder::options;

/// No fixture needs more waves than this, also when bytes come in small pieces.
const MAX_WAVES: usize = 10_000;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures")
        .join(name)
}

/// All HDF5 files among the fixtures, by path.
fn fixtures() -> Vec<(PathBuf, Bytes)> {
    let mut files: Vec<_> = ["hdf5", "granules"]
        .iter()
        .flat_map(|name| std::fs::read_dir(folder(name)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|suffix| suffix == "h5" || suffix == "nc")
        })
        .collect();
    files.sort();
    assert!(files.len() > 50, "only {} fixtures found", files.len());
    files
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(path).unwrap().into()))
        .collect()
}

/// Reads a file in waves; gives the number of bytes asked for and of distinct ones too.
fn read(file: &Bytes) -> Result<(File, u64, u64), Error> {
    let mut scan = Scan::new(options(file.len()));
    let mut asked = 0;
    let mut distinct = vec![false; file.len()];
    for _ in 0..MAX_WAVES {
        match scan.poll()? {
            Progress::Done => {
                let distinct = distinct.iter().filter(|&&wanted| wanted).count();
                return Ok((scan.into_file()?, asked, distinct as u64));
            }
            Progress::Wants(ranges) => {
                for range in ranges {
                    let indices = index(&range);
                    asked += range.end - range.start;
                    distinct[indices.clone()].fill(true);
                    scan.supply(range.start, file.slice(indices));
                }
            }
        }
    }
    panic!("no end after {MAX_WAVES} waves");
}

fn index(range: &Range<u64>) -> Range<usize> {
    usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()
}

/// Pseudo-random numbers below a limit.
fn generator(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below.max(1)
    }
}

/// Reads a file with bytes that come shuffled, in pieces of odd sizes, some late, some twice, and
/// some that nobody asked for.
fn read_disorderly(file: &Bytes, seed: u64) -> Result<File, Error> {
    let mut random = generator(seed);
    let mut scan = Scan::new(options(file.len()));
    for _ in 0..MAX_WAVES {
        let Progress::Wants(ranges) = scan.poll()? else {
            return scan.into_file();
        };
        let mut pieces = Vec::new();
        let piece = 1 + random(700);
        for range in ranges {
            let mut start = range.start;
            while start < range.end {
                let end = range.end.min(start + 1 + random(piece));
                pieces.push(start..end);
                start = end;
            }
        }
        for k in (1..pieces.len()).rev() {
            pieces.swap(k, usize::try_from(random(k as u64 + 1)).unwrap());
        }
        // At least one piece comes, the others with some luck.
        let late = random(3) == 0;
        for (k, piece) in pieces.into_iter().enumerate() {
            if late && k > 0 && random(4) == 0 {
                continue;
            }
            if random(8) == 0 {
                scan.supply(0, file.slice(..file.len().min(64)));
            }
            scan.supply(piece.start, file.slice(index(&piece)));
        }
    }
    panic!("no end after {MAX_WAVES} waves");
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    for (path, file) in fixtures() {
        let (expected, ..) = read(&file).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        for seed in 0..4 {
            let found = read_disorderly(&file, seed).unwrap();
            assert!(found == expected, "{path:?}: differs with seed {seed}");
        }
    }
}

/// Reads a file in waves, with what is hinted at; gives the number of waves too.
fn read_with_hints(file: &Bytes, hinted: bool) -> Result<(File, usize), Error> {
    let mut options = options(file.len());
    options.hints = true;
    options.small_data = 500;
    let mut scan = Scan::new(options);
    // As a cache would keep them.
    let mut ahead: Vec<Range<u64>> = Vec::new();
    let mut waves = 0;
    for _ in 0..MAX_WAVES {
        let Progress::Wants(ranges) = scan.poll()? else {
            return Ok((scan.into_file()?, waves));
        };
        let hints: Vec<_> = scan
            .take_hints()
            .into_iter()
            .map(|hint| hint.range)
            .collect();
        assert!(
            hints
                .iter()
                .all(|hint| hint.start < hint.end && hint.end <= file.len() as u64)
        );
        // A wave that asks for nothing new costs nothing.
        let has = |range: &Range<u64>| {
            let within = |held: &Range<u64>| held.start <= range.start && range.end <= held.end;
            hinted && ahead.iter().any(within)
        };
        let cached = ranges.iter().all(has);
        waves += usize::from(!cached);
        for range in ranges {
            scan.supply(range.start, file.slice(index(&range)));
        }
        if !cached {
            ahead.extend(hints);
        }
    }
    panic!("no end after {MAX_WAVES} waves");
}

#[test]
fn hints_change_nothing_but_the_number_of_waves() {
    let (mut fewer, mut count) = (0, 0);
    for (path, file) in fixtures() {
        let (expected, ..) = read(&file).unwrap();
        let (plain, without) = read_with_hints(&file, false).unwrap();
        let (hinted, with) = read_with_hints(&file, true).unwrap();
        assert!(plain == expected && hinted == expected, "{path:?}: differs");
        assert!(
            with <= without,
            "{path:?}: {with} waves, {without} without hints"
        );
        fewer += usize::from(with < without);
        count += 1;
    }
    assert!(
        fewer > count / 4,
        "fewer waves for {fewer} files of {count}"
    );
}

/// The entry of a symbol table that leads to a group repeats where its links are. It may be wrong:
/// then what the group's header says is right.
#[test]
fn a_symbol_table_that_repeats_something_else_changes_nothing() {
    let mut wrong = 0;
    for (path, file) in fixtures() {
        let (expected, ..) = read(&file).unwrap();
        // Type 1, then the addresses: of a B-tree and of the heap, which mostly lies behind it.
        let entries: Vec<_> = (0..file.len().saturating_sub(24))
            .filter(|&at| file[at..at + 8] == [1, 0, 0, 0, 0, 0, 0, 0])
            .filter(|&at| {
                let word = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
                let is = |at: u64, signature: &[u8]| {
                    let at = usize::try_from(at).unwrap_or(usize::MAX);
                    at.checked_add(4).and_then(|end| file.get(at..end)) == Some(signature)
                };
                is(word(at + 8), b"TREE") && is(word(at + 16), b"HEAP")
            })
            .collect();
        for to in [0, 96, 1 << 40] {
            let mut changed = file.to_vec();
            for (k, at) in entries.iter().enumerate() {
                // Those of another group, or nonsense.
                let other = entries[(k + 1) % entries.len()];
                let new = match to {
                    0 => file[other + 8..other + 24].to_vec(),
                    to => u64::to_le_bytes(to).repeat(2),
                };
                changed[at + 8..at + 24].copy_from_slice(&new);
                wrong += 1;
            }
            let changed = Bytes::from(changed);
            for hinted in [false, true] {
                let (found, _) = read_with_hints(&changed, hinted).unwrap();
                assert!(found == expected, "{path:?}: differs with {to}");
            }
        }
    }
    assert!(wrong > 20, "only {wrong} entries");
}

/// Reads a file as a cache of blocks does: whole blocks, whatever is wanted of them.
fn read_in_blocks(file: &Bytes, block: u64) -> Result<File, Error> {
    let size = file.len() as u64;
    let mut scan = Scan::new(options(file.len()));
    for _ in 0..MAX_WAVES {
        let Progress::Wants(ranges) = scan.poll()? else {
            return scan.into_file();
        };
        for range in ranges {
            let mut start = range.start / block * block;
            while start < range.end {
                let end = (start + block).min(size);
                scan.supply(start, file.slice(index(&(start..end))));
                start = end;
            }
        }
    }
    panic!("no end after {MAX_WAVES} waves");
}

/// Reads a file over a network where reads fail and are asked again: nothing comes for some
/// polls, and what comes overlaps what came before.
fn read_with_failures(file: &Bytes, seed: u64) -> Result<File, Error> {
    let size = file.len() as u64;
    let mut random = generator(seed);
    let mut scan = Scan::new(options(file.len()));
    for _ in 0..MAX_WAVES {
        let Progress::Wants(ranges) = scan.poll()? else {
            return scan.into_file();
        };
        if random(3) == 0 {
            // All reads failed: the same is wanted again.
            assert_eq!(scan.poll()?, Progress::Wants(ranges));
            continue;
        }
        let mut came = false;
        for range in ranges {
            if came && random(3) == 0 {
                continue;
            }
            came = true;
            let cut = range.start + random(range.end - range.start);
            let end = range.end.min(cut + 1 + random(40));
            let before = range.start.saturating_sub(random(40));
            for piece in [before..end, cut..size.min(range.end + random(40)), cut..end] {
                scan.supply(piece.start, file.slice(index(&piece)));
            }
        }
    }
    panic!("no end after {MAX_WAVES} waves");
}

#[test]
fn the_size_of_blocks_does_not_matter() {
    for (path, file) in fixtures() {
        let (expected, ..) = read(&file).unwrap();
        for block in [1, 7, 64, 512, 4096, 1 << 20] {
            // A byte at a time takes long where there is much.
            if block < 64 && file.len() > 100_000 {
                continue;
            }
            let found = read_in_blocks(&file, block).unwrap();
            assert!(found == expected, "{path:?}: differs in blocks of {block}");
        }
    }
}

#[test]
fn reads_that_fail_and_are_asked_again_do_not_matter() {
    for (path, file) in fixtures() {
        let (expected, ..) = read(&file).unwrap();
        for seed in 0..4 {
            let found = read_with_failures(&file, seed).unwrap();
            assert!(found == expected, "{path:?}: differs with seed {seed}");
        }
    }
}

#[test]
fn little_is_read_twice() {
    for (path, file) in fixtures() {
        let (_, asked, distinct) = read(&file).unwrap();
        assert!(
            asked <= distinct * 3 / 2,
            "{path:?}: asked for {asked} bytes to get {distinct}"
        );
    }
}

#[derive(Deserialize)]
struct Expected {
    dataset: String,
    chunk_shape: Vec<u64>,
    chunks: Vec<(Vec<u64>, u64, u64, u32)>,
}

/// Follows hard links from the root.
fn dataset<'a>(file: &'a File, path: &str) -> &'a chunkref_hdf5::Dataset {
    let mut address = file.root;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let ObjectKind::Group(group) = &file.objects[&address].kind else {
            panic!("no group")
        };
        let link = group.links.iter().find(|link| link.name == name).unwrap();
        let LinkTarget::Hard(target) = link.target else {
            panic!("no hard link")
        };
        address = target;
    }
    match &file.objects[&address].kind {
        ObjectKind::Dataset(dataset) => dataset,
        other => panic!("no dataset: {other:?}"),
    }
}

#[test]
fn chunks_lie_where_libhdf5_finds_them() {
    let mut compared = 0;
    for (path, file) in fixtures() {
        let Ok(text) = std::fs::read(path.with_extension("chunks.json")) else {
            continue;
        };
        let expected: Expected = serde_json::from_slice(&text).unwrap();
        let (file, ..) = read(&file).unwrap();
        let dataset = dataset(&file, &expected.dataset);
        let chunks = dataset.chunks.as_ref().unwrap();
        let mut masks = vec![0; chunks.indices.len()];
        for &(position, mask) in &chunks.filter_masks {
            masks[usize::try_from(position).unwrap()] = mask;
        }
        let mut found: Vec<_> = (0..chunks.indices.len())
            .map(|k| {
                let mut rest = chunks.indices[k];
                let mut offsets = vec![0; chunks.grid.len()];
                for axis in (0..chunks.grid.len()).rev() {
                    offsets[axis] = rest % chunks.grid[axis] * expected.chunk_shape[axis];
                    rest /= chunks.grid[axis];
                }
                (offsets, chunks.offsets[k], chunks.lengths[k], masks[k])
            })
            .collect();
        let mut wanted = expected.chunks;
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{path:?}");
        compared += 1;
    }
    assert!(compared >= 30, "only {compared} files compared");
}

#[test]
fn a_truncated_file_is_an_error() {
    for (path, file) in fixtures() {
        for k in 0..20 {
            let length = file.len() * k / 20;
            let error = read(&file.slice(..length)).expect_err("a truncated file was read");
            assert!(
                matches!(
                    error,
                    Error::Truncated { .. } | Error::NotHdf5 { .. } | Error::Malformed { .. }
                ),
                "{path:?} cut to {length} bytes: {error}"
            );
        }
    }
}

/// An attribute of a version that is not known says no more than that it is there.
#[test]
fn an_attribute_that_is_not_understood_hides_nothing_else() {
    let mut file = std::fs::read(folder("hdf5").join("sizes_2_2.h5")).unwrap();
    let name = file.windows(7).position(|window| window == b"number\0");
    let version = name.unwrap() - 8;
    assert_eq!(file[version], 1);
    file[version] = 9;
    let (file, ..) = read(&Bytes::from(file)).unwrap();
    let refused = file
        .objects
        .values()
        .flat_map(|object| &object.refused_attributes);
    let refused: Vec<_> = refused.collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].0, "*");
    assert!(refused[0].1.is_unsupported());
    let read = file.objects.values().flat_map(|object| &object.attributes);
    assert!(
        read.map(|attribute| &attribute.name)
            .any(|name| name == "text")
    );
}

#[test]
fn a_page_in_place_of_data_is_named() {
    for (bytes, expected) in [
        (
            &b"<!DOCTYPE html><html><body>Please sign in</body></html>"[..],
            "HTML",
        ),
        (b"", "empty"),
        (
            b"CDF\x01 and so on, as netCDF-3 files begin",
            "netCDF classic",
        ),
        (b"\x0e\x03\x13\x01 HDF4", "HDF4"),
        (b"hello, world; this is but a text", "signature"),
    ] {
        let error = read(&Bytes::from_static(bytes)).unwrap_err().to_string();
        assert!(
            error.starts_with("not an HDF5 file") && error.contains(expected),
            "{error}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    /// A damaged file is read or refused; it never panics and never goes on for ever.
    #[test]
    fn damage_does_no_harm(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        thread_local! {
            static FILES: Vec<(PathBuf, Bytes)> = fixtures();
        }
        let mut file = FILES.with(|files| which.get(files).1.to_vec());
        // Most of what matters lies in the first part of a file.
        let reach = file.len().min(8192);
        for (at, value) in changes {
            file[at.index(reach)] = value;
        }
        drop(read(&Bytes::from(file)));
    }
}
