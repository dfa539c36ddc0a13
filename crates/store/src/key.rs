//! Keys taken apart.

use chunkref_manifest::{Array, Manifest};

use crate::options::ZarrVersion;

/// What a key names.
#[derive(Debug, PartialEq)]
pub(crate) enum Target<'a> {
    /// Perhaps a document: all that is no chunk.
    Document,
    /// A chunk, in the grid or outside it.
    Chunk {
        /// Its array.
        array: &'a Array,
        /// Its place in the grid, one number an axis.
        coordinates: Vec<u64>,
    },
}

/// What a key names in this manifest. Chunk keys have one form: `0/1`, not `00/1` or `+0/1`.
pub(crate) fn target<'a>(manifest: &'a Manifest, key: &str, version: ZarrVersion) -> Target<'a> {
    chunk(manifest, key, version).unwrap_or(Target::Document)
}

fn chunk<'a>(manifest: &'a Manifest, key: &str, version: ZarrVersion) -> Option<Target<'a>> {
    let mut group = &manifest.root;
    let mut rest = key.split('/');
    let array = loop {
        let name = rest.next()?;
        if let Some(array) = group.arrays.get(name) {
            break array;
        }
        group = group.groups.get(name)?;
    };
    let rank = array.shape.len();
    let coordinates = match version {
        ZarrVersion::V2 => {
            let places = rest.next()?;
            if rest.next().is_some() {
                return None;
            }
            if rank == 0 {
                return (places == "0").then_some(Target::Chunk {
                    array,
                    coordinates: Vec::new(),
                });
            }
            numbers(places.split('.'))?
        }
        ZarrVersion::V3 => {
            if rest.next()? != "c" {
                return None;
            }
            numbers(rest)?
        }
    };
    (coordinates.len() == rank).then_some(Target::Chunk { array, coordinates })
}

fn numbers<'a>(parts: impl Iterator<Item = &'a str>) -> Option<Vec<u64>> {
    parts.map(number).collect()
}

/// A number in its one form: decimal digits, no zeros in front.
fn number(part: &str) -> Option<u64> {
    let canonical = part == "0" || !part.starts_with('0');
    let digits = part.bytes().all(|byte| byte.is_ascii_digit());
    (canonical && digits).then(|| part.parse().ok()).flatten()
}

/// What a key can name, told by its form alone.
#[derive(Debug, PartialEq)]
pub(crate) enum Form<'k> {
    /// The document of the group or array at this path; empty for the root.
    Document(&'k str),
    /// The document of all groups and arrays that Zarr v2 has.
    Consolidated,
    /// A chunk of the array at this path, at this place in its grid; `[0]` for a scalar as Zarr v2
    /// has it.
    Chunk(&'k str, Vec<u64>),
    /// Nothing.
    Other,
}

/// What a key can name.
pub(crate) fn form(key: &str, version: ZarrVersion) -> Form<'_> {
    let (path, name) = key.rsplit_once('/').unwrap_or(("", key));
    match (version, name) {
        (ZarrVersion::V2, ".zmetadata") if path.is_empty() => return Form::Consolidated,
        (ZarrVersion::V2, ".zgroup" | ".zarray" | ".zattrs") | (ZarrVersion::V3, "zarr.json") => {
            return Form::Document(path);
        }
        (ZarrVersion::V2, places) => {
            if let (false, Some(place)) = (path.is_empty(), numbers(places.split('.'))) {
                return Form::Chunk(path, place);
            }
        }
        (ZarrVersion::V3, _) => {
            let mut place = Vec::new();
            let mut rest = key;
            while let Some((before, last)) = rest.rsplit_once('/') {
                match number(last) {
                    Some(number) => place.push(number),
                    None if last == "c" => {
                        place.reverse();
                        return Form::Chunk(before, place);
                    }
                    None => break,
                }
                rest = before;
            }
        }
    }
    Form::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("10"), Some(10));
        assert_eq!(number("18446744073709551615"), Some(u64::MAX));
        for wrong in [
            "",
            "00",
            "01",
            "+1",
            "-1",
            "1 ",
            "1_0",
            "0x1",
            "18446744073709551616",
            "١",
        ] {
            assert_eq!(number(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn keys_have_forms() {
        let chunk = |path, place: &[u64]| Form::Chunk(path, place.to_vec());
        for (key, expected) in [
            ("zarr.json", Form::Document("")),
            ("a/b/zarr.json", Form::Document("a/b")),
            ("a/c/0/12", chunk("a", &[0, 12])),
            ("a/c/5/c/0", chunk("a/c/5", &[0])),
            ("a/c", chunk("a", &[])),
            ("c", Form::Other),
            ("a/0/1", Form::Other),
            ("a/c/00", Form::Other),
            (".zmetadata", Form::Other),
        ] {
            assert_eq!(form(key, ZarrVersion::V3), expected, "{key}");
        }
        for (key, expected) in [
            (".zmetadata", Form::Consolidated),
            (".zgroup", Form::Document("")),
            ("a/.zarray", Form::Document("a")),
            ("a/b/0.12", chunk("a/b", &[0, 12])),
            ("a/0", chunk("a", &[0])),
            ("a/.zmetadata", Form::Other),
            ("0", Form::Other),
            ("a/0..1", Form::Other),
            ("zarr.json", Form::Other),
        ] {
            assert_eq!(form(key, ZarrVersion::V2), expected, "{key}");
        }
    }
}
