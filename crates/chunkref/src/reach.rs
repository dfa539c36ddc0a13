//! How far references reach into the objects that they name.

use chunkref_manifest::{Array, ChunkRef, Layout, LocationId, Manifest};

/// For each location, in their order, the end of the last byte that is referred to; 0 where nothing
/// is, or only the whole object.
pub(crate) fn reach(manifest: &Manifest) -> Vec<u64> {
    let mut ends = vec![0; manifest.locations.len()];
    for (_, array) in manifest.arrays() {
        each_range(array, &mut |location, offset, length| {
            let end = usize::try_from(location.0)
                .ok()
                .and_then(|number| ends.get_mut(number));
            if let Some(end) = end {
                *end = offset.saturating_add(length).max(*end);
            }
        });
    }
    ends
}

/// All ranges that an array refers to: location, first byte and length.
pub(crate) fn each_range(array: &Array, take: &mut dyn FnMut(LocationId, u64, u64)) {
    match &array.layout {
        Layout::External { segments, .. } => {
            for segment in segments {
                if let Some((location, offset)) = segment.place {
                    take(location, offset, segment.length);
                }
            }
        }
        Layout::Virtual { sources, .. } => {
            for source in sources {
                each_range(source, take);
            }
        }
        Layout::Concat(concat) => {
            for profile in concat.profiles() {
                each_chunk(profile.chunks.iter(), take);
            }
        }
        _ => each_chunk(array.chunks(), take),
    }
}

fn each_chunk<'a>(
    chunks: impl Iterator<Item = (u64, ChunkRef<'a>)>,
    take: &mut dyn FnMut(LocationId, u64, u64),
) {
    for (_, chunk) in chunks {
        if let ChunkRef::Range {
            location,
            offset,
            length,
        } = chunk
        {
            take(location, offset, length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::reach;
    use chunkref_manifest::{
        Array, Attributes, ByteOrder, ChunkTableBuilder, ConcatBuilder, DataType, Encoding, Layout,
        Location, Manifest,
    };

    #[test]
    fn chunks_of_joined_arrays_count() {
        let mut manifest = Manifest::default();
        let location = manifest.locations.intern(Location::new("a")).unwrap();
        let encoding = Encoding {
            chunk_shape: vec![2],
            codecs: Vec::new(),
            packing: None,
        };
        let mut builder = ConcatBuilder::new(&[0], 0).unwrap();
        for offset in [0, 100] {
            let mut chunks = ChunkTableBuilder::new(vec![2]);
            chunks.push(0, location, offset, 4).unwrap();
            chunks.push(1, location, offset + 4, 4).unwrap();
            builder.push(3, encoding.clone(), chunks.finish()).unwrap();
        }
        let array = Array {
            shape: vec![6],
            data_type: DataType::Int {
                size: 2,
                order: ByteOrder::Little,
            },
            dimension_names: vec!["time".to_owned()],
            fill_value: None,
            attributes: Attributes::new(),
            layout: Layout::Concat(Box::new(builder.concat().unwrap())),
        };
        manifest.root.arrays.insert("a".to_owned(), array);
        assert_eq!(reach(&manifest), [108]);
    }
}
