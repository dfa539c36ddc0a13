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
}
