use super::*;
use chunkref_manifest::Pin;

fn cache(folder: &Path, limit: u64) -> Inner {
    let DiskCache(inner) = DiskCache::new(folder.to_owned(), limit);
    Arc::try_unwrap(inner).unwrap()
}

fn named(text: &str, length: u64) -> Name {
    Name {
        text: text.to_owned(),
        length,
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(folder).unwrap().flatten();
    let folders = folders.filter(|entry| entry.path().is_dir());
    let files = folders.flat_map(|entry| fs::read_dir(entry.path()).unwrap().flatten());
    files.map(|entry| entry.path()).collect()
}

#[test]
fn only_what_is_pinned_and_remote_has_a_name() {
    let pinned = |url: &str| {
        let pin = Pin {
            etag: Some("e".to_owned()),
            ..Pin::default()
        };
        Location::new(url).with_pin(pin)
    };
    let one = name(&pinned("https://h/a"), &(1..2)).unwrap();
    assert_ne!(Some(&one), name(&pinned("https://h/b"), &(1..2)).as_ref());
    assert_ne!(Some(&one), name(&pinned("https://h/a"), &(1..3)).as_ref());
    let mut other = pinned("https://h/a");
    other.pin.etag = Some("f".to_owned());
    assert_ne!(Some(&one), name(&other, &(1..2)).as_ref());
    assert_eq!(name(&pinned("https://h/a"), &(1..1)), None);
    assert_eq!(name(&pinned("/data/a"), &(1..2)), None);
    assert_eq!(name(&pinned("file:///data/a"), &(1..2)), None);
    let mut sized = Location::new("https://h/a");
    sized.pin.size = Some(7);
    assert_eq!(name(&sized, &(1..2)), None, "another object may be as long");
}

#[test]
fn what_is_kept_is_found_by_others_and_what_is_damaged_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (cache(folder.path(), 1 << 20), cache(folder.path(), 1 << 20));
    let (a, b) = (named("a", 10), named("b", 10));
    assert_eq!(one.get(&a), None);
    one.keep(&a, b"some bytes");
    one.keep(&b, b"more bytes");
    assert_eq!(other.get(&a).as_deref(), Some(&b"some bytes"[..]));
    assert_eq!(other.get(&b).as_deref(), Some(&b"more bytes"[..]));
    assert_eq!(other.get(&named("c", 10)), None);
    let path = one.path(&a);
    let whole = fs::read(&path).unwrap();
    for end in 0..whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        assert_eq!(other.get(&a), None, "cut after {end}");
        assert!(!path.exists());
    }
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&path, &damaged).unwrap();
        assert_eq!(other.get(&a), None, "byte {at}");
    }
    fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
    assert_eq!(other.get(&a), None);
    // Another name of the same hash.
    fs::copy(one.path(&b), &path).unwrap();
    assert_eq!(other.get(&a), None);
}

#[test]
fn the_folder_stays_within_its_bound_and_drops_what_was_used_longest_ago() {
    let folder = tempfile::tempdir().unwrap();
    let limit = 20_000;
    let cache = cache(folder.path(), limit);
    let abandoned = folder.path().join(format!("{UNFINISHED}1-1"));
    fs::write(&abandoned, b"half").unwrap();
    let long_ago = SystemTime::now() - Duration::from_hours(50);
    let age = |path: &Path, seconds| {
        let file = File::options().write(true).open(path).unwrap();
        let used = long_ago + Duration::from_secs(seconds);
        file.set_modified(used).unwrap();
    };
    age(&abandoned, 0);
    let number = |number: u64| named(&format!("n{number}"), 1000);
    for turn in 0..100 {
        cache.keep(&number(turn), &[7; 1000]);
        age(&cache.path(&number(turn)), turn);
        // Used again and again.
        assert!(cache.get(&number(0)).is_some(), "{turn}");
        let files = files(folder.path());
        let held = files.iter().map(|path| fs::metadata(path).unwrap().len());
        assert!(held.sum::<u64>() <= limit);
    }
    assert!(cache.get(&number(98)).is_some() && cache.get(&number(50)).is_none());
    assert!(!abandoned.exists());
    let large = named("too large", 30_000);
    cache.keep(&large, &vec![0; 30_000]);
    assert_eq!(cache.get(&large), None);
    assert_eq!(cache.failures.load(Ordering::Relaxed), 0);
}

#[test]
fn a_folder_that_can_not_be_written_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let cache = cache(&file, 1 << 20);
    cache.keep(&named("a", 5), b"bytes");
    assert_eq!(cache.get(&named("a", 5)), None);
    assert_eq!(cache.failures.load(Ordering::Relaxed), 1);
}

#[test]
fn many_at_one_time_read_whole_files_or_none() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let cache = cache(folder.path(), 12_000);
                for turn in 0..50 {
                    for number in 0..20_u8 {
                        let expected = vec![number; 900 + usize::from(number)];
                        let name = named(&format!("n{number}"), expected.len() as u64);
                        match cache.get(&name) {
                            Some(found) => assert_eq!(found, expected, "{turn} {number}"),
                            None => cache.keep(&name, &expected),
                        }
                    }
                }
            });
        }
    });
}
