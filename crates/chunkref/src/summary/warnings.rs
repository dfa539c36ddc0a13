//! What a reader should know before reading.

use chunkref_manifest::{Array, Manifest};

use super::{ArraySummary, Summary, Warning};

/// Chunks that are smaller on average are tiny where there are [`MANY`].
const TINY: u64 = 16 << 10;
/// So many tiny chunks are worth a word.
const MANY: u64 = 500;
/// Chunks of more decoded bytes are huge.
const HUGE: u64 = 256 << 20;
/// More inline data of one array is much: every reader loads it with the set.
const MUCH_INLINE: u64 = 1 << 20;
/// A read that decodes so many times what is wanted is dear,
const DEAR_TIMES: u64 = 16;
/// if it decodes more than this,
const DEAR_BYTES: u64 = 256 << 20;
/// or asks for so many chunks.
const DEAR_CHUNKS: u64 = 4096;

/// All warnings, worst first.
pub(super) fn all(summary: &Summary, manifest: &Manifest) -> Vec<Warning> {
    let mut warnings: Vec<_> = past_end(summary).collect();
    for array in &summary.arrays {
        let model = manifest.array(&array.path);
        let found = [
            array.beyond_zarr.as_ref().map(|reason| {
                (
                    "beyond-zarr",
                    format!("only chunkref's store reads it: {reason}"),
                )
            }),
            access(array).map(|text| ("access", text)),
            model.and_then(huge).map(|text| ("huge-chunks", text)),
            tiny(array).map(|text| ("tiny-chunks", text)),
            inline(array).map(|text| ("inline", text)),
        ];
        warnings.extend(found.into_iter().flatten().map(|(kind, text)| Warning {
            kind,
            subject: array.path.clone(),
            text,
        }));
    }
    warnings
}

fn past_end(summary: &Summary) -> impl Iterator<Item = Warning> {
    summary.sources.iter().filter_map(|source| {
        let size = source.location.pin.size.filter(|_| source.past_end > 0)?;
        Some(Warning {
            kind: "past-end",
            subject: source.location.url.clone(),
            text: format!(
                "{} references reach past its end: to byte {}, it has {size}; it was replaced by a \
                 shorter one, or the set is damaged",
                source.past_end, source.end
            ),
        })
    })
}

fn tiny(array: &ArraySummary) -> Option<String> {
    let mean = array.stored.checked_div(array.references)?;
    (array.references >= MANY && mean < TINY).then(|| {
        format!(
            "tiny chunks: {} of {} on average; to most readers each is a request",
            array.references,
            bytes(mean)
        )
    })
}

fn inline(array: &ArraySummary) -> Option<String> {
    (array.inline > MUCH_INLINE).then(|| {
        format!(
            "{} of it are in the set itself, which every reader loads",
            bytes(array.inline)
        )
    })
}

fn huge(array: &Array) -> Option<String> {
    let size = u64::from(array.data_type.size()?);
    if array.stored_chunks() == 0 {
        return None;
    }
    let lengths = array.chunk_shape();
    let chunk = lengths
        .iter()
        .try_fold(size, |bytes, length| bytes.checked_mul(*length))?;
    (chunk > HUGE).then(|| {
        format!(
            "huge chunks: {} each, of which any element needs all",
            bytes(chunk)
        )
    })
}

/// One time step per chunk is how most archives are written: what it makes dear is a series, which
/// is not worth a word. Chunks of long times make maps dear, which is.
fn access(array: &ArraySummary) -> Option<String> {
    let access = array.access.as_ref().filter(|_| array.references > 0)?;
    let map = &access.map;
    let dear = map.times() >= DEAR_TIMES && map.touched >= DEAR_BYTES || map.chunks >= DEAR_CHUNKS;
    (dear && map.touched > access.series.touched).then(|| {
        format!(
            "dear for maps: all at one {} takes {} chunks, {} decoded for {} wanted; a series at \
             one point takes {} chunks",
            access.axis,
            map.chunks,
            bytes(map.touched),
            bytes(map.wanted),
            access.series.chunks
        )
    })
}

/// A number of bytes for a person.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut tenths = u128::from(count).saturating_mul(10);
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    match unit {
        0 => format!("{count} B"),
        _ => format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chunkref_manifest::{
        Attributes, ByteOrder, ChunkTable, ChunkTableBuilder, DataType, Layout, Location, Pin,
    };

    fn with(shape: &[u64], chunk_shape: &[u64], chunks: ChunkTable, size: u64) -> Summary {
        let mut manifest = Manifest::default();
        let pin = Pin {
            size: Some(size),
            ..Pin::default()
        };
        let location = Location::new("s3://b/a.h5").with_pin(pin);
        manifest.locations.intern(location).unwrap();
        let names = ["time", "y", "x"].iter().take(shape.len());
        let array = Array {
            shape: shape.to_vec(),
            data_type: DataType::Float {
                size: 4,
                order: ByteOrder::Little,
            },
            dimension_names: names.map(|name| (*name).to_owned()).collect(),
            fill_value: None,
            attributes: Attributes::new(),
            layout: Layout::Chunked {
                chunk_shape: chunk_shape.to_vec(),
                codecs: Vec::new(),
                chunks,
                fill_chunk: None,
            },
        };
        manifest.root.arrays.insert("a".to_owned(), array);
        Summary::new(&manifest)
    }

    fn table(grid: &[u64], length: u64) -> ChunkTable {
        let mut builder = ChunkTableBuilder::new(grid.to_vec());
        for index in 0..grid.iter().product() {
            let location = chunkref_manifest::LocationId(0);
            builder
                .push(index, location, index * length, length)
                .unwrap();
        }
        builder.finish()
    }

    fn kinds(summary: &Summary) -> Vec<&'static str> {
        summary
            .warnings
            .iter()
            .map(|warning| warning.kind)
            .collect()
    }

    #[test]
    fn usual_archives_have_no_warnings() {
        let steps = with(
            &[100, 1000, 1000],
            &[1, 1000, 1000],
            table(&[100, 1, 1], 1 << 20),
            1 << 40,
        );
        assert_eq!(kinds(&steps), [""; 0]);
        assert_eq!((steps.references(), steps.stored()), (100, 100 << 20));
        assert_eq!(steps.decoded(), 400_000_000);
    }

    #[test]
    fn what_is_dear_is_told() {
        let pencils = with(
            &[5000, 50, 50],
            &[5000, 1, 1],
            table(&[1, 50, 50], 20_000),
            1 << 40,
        );
        let small = with(&[5000, 5], &[1, 5], table(&[5000, 1], 20), 1 << 40);
        assert_eq!(kinds(&small), ["tiny-chunks"]);
        assert_eq!(kinds(&pencils), [""; 0], "50 MB are not dear");
        let pencils = with(
            &[50_000, 100, 100],
            &[50_000, 1, 1],
            table(&[1, 100, 100], 20_000),
            1 << 40,
        );
        assert_eq!(kinds(&pencils), ["access"]);
        assert_eq!(
            pencils.warnings[0].text,
            "dear for maps: all at one time takes 10000 chunks, 1.8 GiB decoded for 39.0 KiB wanted; \
             a series at one point takes 1 chunks"
        );
        let huge = with(
            &[100_000_000],
            &[100_000_000],
            table(&[1], 1 << 20),
            1 << 40,
        );
        assert_eq!(kinds(&huge), ["huge-chunks"]);
    }

    #[test]
    fn references_past_the_end_are_told_of_the_source() {
        let past = with(&[10, 10, 10], &[1, 10, 10], table(&[10, 1, 1], 100), 950);
        assert_eq!(kinds(&past), ["past-end"]);
        assert_eq!(past.warnings[0].subject, "s3://b/a.h5");
        assert!(
            past.warnings[0]
                .text
                .starts_with("1 references reach past its end: to byte 1000, it has 950")
        );
    }

    #[test]
    fn bytes_are_read_by_people() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(u64::MAX), "16383.9 PiB");
    }
}
