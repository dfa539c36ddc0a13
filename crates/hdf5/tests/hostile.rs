//! Files that were made to do harm: no panic, no hang, no memory out of proportion.

use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chunkref_hdf5::Error;
use peak_alloc::PeakAlloc;

mod attacks;
mod decoder;
mod mutate;

use mutate::reading::{Effort, read, read_in_disorder};
use mutate::{Random, Subject};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Memory is counted for the whole process, so only one test at a time may measure.
static MEASURING: Mutex<()> = Mutex::new(());

/// No file may take longer. The work is checked as well, as this depends on the machine.
const MAX_TIME: Duration = Duration::from_secs(2);

/// One mutant in so many is read in disorder as well.
const IN_DISORDER: usize = 4;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All files in `folder` and below, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn subjects() -> Vec<Subject> {
    let found: Vec<_> = files(&root().join("fixtures"))
        .into_iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|suffix| suffix == "h5" || suffix == "nc")
        })
        .map(|path| Subject::new(path.display().to_string(), std::fs::read(path).unwrap()))
        .collect();
    assert!(found.len() > 50, "only {} fixtures found", found.len());
    found
}

/// Time that this thread has run: on Linux without what it waited for other processes.
fn time_spent() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = spent.and_then(|spent| spent.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

/// Reads a file and fails when that takes time or memory out of proportion.
fn read_measured(name: &str, file: &[u8]) -> Result<chunkref_hdf5::File, chunkref_hdf5::Error> {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let start = time_spent();
    let (result, effort) = read(file);
    let time = time_spent().saturating_sub(start);
    let memory = ALLOCATED.peak_usage().saturating_sub(before);
    assert!(time < MAX_TIME, "{name}: took {time:?}");
    let most = (64 << 20) + 16 * file.len();
    assert!(
        memory <= most,
        "{name}: {memory} bytes in memory, at most {most} expected"
    );
    effort.check(name, file.len());
    result
}

/// Mutants to try, unless the environment says otherwise.
fn count() -> usize {
    match std::env::var("CHUNKREF_MUTATIONS") {
        Ok(count) => count.parse().expect("CHUNKREF_MUTATIONS is a number"),
        Err(_) => 200_000,
    }
}

/// One in four mutants is also read in disorder: it must be the same file, or an error, again.
#[test]
fn hostile_mutations() {
    let _measuring = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let subjects = subjects();
    // Cheap files more often: in so many tickets.
    let tickets: Vec<usize> = subjects
        .iter()
        .enumerate()
        .flat_map(|(k, subject)| vec![k; (200_000 / subject.cost()).clamp(1, 20)])
        .collect();
    let (mut read_well, mut refused) = (0, 0);
    let count = count();
    for seed in 0..count {
        let mut random = Random(seed as u64);
        let subject = &subjects[*random.pick(&tickets)];
        let mutant = subject.mutant(&mut random);
        let name = format!("{} with seed {seed}", subject.name);
        let result = std::panic::catch_unwind(|| read_measured(&name, &mutant));
        let Ok(result) = result else {
            panic!("{name} panics (see above)");
        };
        if seed % IN_DISORDER == 0 {
            let again = read_in_disorder(&mutant, &mut random);
            match (&result, &again) {
                (Ok(one), Ok(other)) => assert!(one == other, "{name}: not the same in disorder"),
                (Err(_), Err(_)) => {}
                (one, other) => panic!(
                    "{name}: {:?} in waves, {:?} in disorder",
                    one.as_ref().err(),
                    other.as_ref().err()
                ),
            }
        }
        *if result.is_ok() {
            &mut read_well
        } else {
            &mut refused
        } += 1;
    }
    eprintln!("{read_well} mutants read, {refused} refused");
    // Were nearly all refused, the mutator would not get past the first checks.
    assert!(
        read_well > count / 10 && refused > count / 10,
        "{read_well} read, {refused} refused"
    );
}

#[test]
fn every_checksum_of_the_fixtures_is_found() {
    let (mut checksums, mut files) = (0, 0);
    for subject in subjects() {
        checksums += subject.checksums();
        files += usize::from(subject.checksums() > 0);
    }
    assert!(
        files > 30 && checksums > 500,
        "{checksums} checksums in {files} files"
    );
}

/// The file is refused with words that name the structure and its place, or the structure is one
/// that a scan has no need of.
#[test]
fn a_wrong_checksum_is_named() {
    let _measuring = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut named, mut not_read) = (0, 0);
    for subject in subjects() {
        let (expected, _) = read(&subject.bytes);
        for (start, file) in subject.with_wrong_checksums() {
            match read(&file).0 {
                Ok(found) => {
                    assert!(
                        expected.as_ref() == Ok(&found),
                        "{}: {start:#x}",
                        subject.name
                    );
                    not_read += 1;
                }
                Err(error) => {
                    let message = error.to_string();
                    let expected = format!(" at {start:#x}: checksum 0x");
                    // A page has a checksum of its own; what is in a cache image is named by it.
                    let is_page = ["page", "cache image"]
                        .iter()
                        .any(|at| message.contains(at))
                        && message.contains("checksum 0x");
                    assert!(
                        message.contains(&expected) || is_page,
                        "{}: {expected:?} expected: {message}",
                        subject.name
                    );
                    named += 1;
                }
            }
        }
    }
    eprintln!("{named} wrong checksums named, {not_read} not read");
    assert!(named > 500 && not_read < named / 4);
}

/// Small files of which each byte is read, or kept, over and over.
#[test]
fn attacks_by_amplification() {
    let _measuring = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    for (name, attack) in attacks::all() {
        for size in [1_000_000, 4_000_000] {
            let file = attack(size);
            assert!(
                file.len() <= size + size / 2,
                "{name}: {} bytes",
                file.len()
            );
            drop(read_measured(&format!("{name} of {size} bytes"), &file));
        }
    }
}

/// Else the blocks that unfold would be refused before they are decoded.
#[test]
fn what_unfolds_is_decoded_up_to_the_limit() {
    let _measuring = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let heaps = attacks::filtered::heaps(1_000_000);
    let error = read(&heaps).0.unwrap_err();
    assert!(matches!(error, Error::Limit { .. }), "{error}");
}

/// It is kept once, so a valid file with such a datatype is not taken for an attack.
#[test]
fn many_attributes_may_share_a_large_datatype() {
    let _measuring = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let file = attacks::shared_datatype(8_000_000);
    let file = read_measured("shared datatype", &file).unwrap();
    assert!(file.objects[&file.root].attributes.len() > 80_000);
}

#[test]
fn malformed_corpus() {
    let _measuring = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = root().join("../shared/corpus/malformed");
    for path in files(&folder) {
        let bytes = std::fs::read(&path).unwrap();
        drop(read_measured(&path.display().to_string(), &bytes));
    }
}

#[test]
fn effort_of_the_fixtures_is_small() {
    for subject in subjects() {
        let (result, Effort { waves, .. }) = read(&subject.bytes);
        assert!(result.is_ok(), "{}", subject.name);
        assert!(waves <= 64, "{}: {waves} waves", subject.name);
    }
}
