//! Files that are parts of a set and look like none: only their names and the files beside them tell.

use chunkref_hdf5::Error as Hdf5Error;
use chunkref_io::Client;

use crate::error::Error;

/// Adds to the error of a scan what kind of set the file is a part of, if it is.
pub(crate) async fn explain(client: &Client, url: &str, error: Error) -> Error {
    let is_first = match &error {
        Error::Hdf5(Hdf5Error::NotHdf5 { .. }) => false,
        Error::Hdf5(Hdf5Error::Truncated { .. }) => true,
        _ => return error,
    };
    for (beside, part) in sets(url, is_first) {
        let found = match client.open(&beside).await {
            Ok(object) => object.size().await.is_ok(),
            Err(_) => false,
        };
        let (Error::Hdf5(own), true) = (&error, found) else {
            continue;
        };
        return Error::Part {
            error: own.clone(),
            part,
        };
    }
    error
}

/// What the file may be a part of by its name, each with the file that would then lie beside it.
/// `is_first`: it begins as an HDF5 file does, so it can only be the first part.
fn sets(url: &str, is_first: bool) -> Vec<(String, String)> {
    let slash = url.rfind('/').map_or(0, |slash| slash.saturating_add(1));
    let (folder, name) = url.split_at_checked(slash).unwrap_or(("", url));
    if let Some((stub, parts)) = name.split_once(".subfile_") {
        let what = format!(
            "it is part {parts} of the subfiling set {stub}, which h5fuse joins into one file"
        );
        return vec![(format!("{folder}{stub}"), what)];
    }
    let mut sets = Vec::new();
    let (stem, suffix) = match name.rfind('.').and_then(|dot| name.split_at_checked(dot)) {
        Some((stem, suffix)) => (stem, suffix),
        None => (name, ""),
    };
    let start = stem.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let number = stem.get(start.len()..).unwrap_or_default();
    if let Some(width) = Some(number.len()).filter(|&width| width > 0) {
        let is_zero = number.bytes().all(|digit| digit == b'0');
        let other = format!("{start}{:0width$}{suffix}", u8::from(is_zero));
        if is_zero == is_first {
            let what = format!(
                "with {other} beside it, it may be a member of a file family, which h5repart joins into one file"
            );
            sets.push((format!("{folder}{other}"), what));
        }
    }
    let part = ["-r", "-b", "-l", "-g", "-o"]
        .iter()
        .find_map(|part| stem.strip_suffix(part));
    if let (Some(start), false) = (part, is_first) {
        for kind in ["-m", "-s"] {
            let other = format!("{start}{kind}{suffix}");
            let what = format!(
                "with {other} beside it, it may be a part of a split file, which h5repack --src-vfd-name copies into one file"
            );
            sets.push((format!("{folder}{other}"), what));
        }
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::sets;

    fn beside(url: &str, is_first: bool) -> Vec<String> {
        let sets = sets(url, is_first).into_iter();
        sets.map(|(url, _)| url).collect()
    }

    #[test]
    fn names_tell_what_lies_beside() {
        assert_eq!(beside("/d/f-000000.h5", true), ["/d/f-000001.h5"]);
        assert_eq!(beside("/d/f-000002.h5", false), ["/d/f-000000.h5"]);
        assert_eq!(beside("f7", false), ["f0"]);
        assert_eq!(
            beside("s3://b/x-r.h5", false),
            ["s3://b/x-m.h5", "s3://b/x-s.h5"]
        );
        assert_eq!(beside("/d/f.h5.subfile_2_of_3", false), ["/d/f.h5"]);
    }

    #[test]
    fn other_names_tell_nothing() {
        for url in ["/d/file.h5", "/d/20200601.nc", "/d/x-r.h5", ""] {
            assert_eq!(beside(url, true), [""; 0], "{url}");
        }
        assert_eq!(beside("/d/f-000000.h5", false), [""; 0]);
    }
}
