//! Filter pipelines as codecs.

use chunkref_filters as filters;
use chunkref_hdf5::{Filter, FilterId};
use chunkref_manifest::Codec;

use crate::data_type::Refusal;

/// What a fletcher32 filter adds to a chunk, in bytes.
const CHECKSUM_SIZE: u64 = 4;

/// A pipeline that this version can undo.
///
/// # Errors
/// The reason, for a filter that it can't.
pub(crate) fn pipeline(
    filters: &[Filter],
    element_size: u32,
) -> Result<Vec<filters::Filter>, Refusal> {
    filters
        .iter()
        .map(|filter| match filter.id {
            FilterId::DEFLATE => Ok(filters::Filter::Deflate {
                level: deflate_level(filter),
            }),
            FilterId::SHUFFLE => Ok(filters::Filter::Shuffle {
                element_size: filter.parameters.first().copied().unwrap_or(element_size),
            }),
            id => Some(filters::Filter::from_hdf5(id.0, &filter.parameters))
                .filter(filters::Filter::is_supported)
                .ok_or_else(|| match name(filter) {
                    Some(name) => format!("there is no decoder for filter {} ({name})", id.0),
                    None => format!("there is no decoder for filter {}", id.0),
                }),
        })
        .collect()
}

/// The level is only a note for who writes again; it does not matter to reading.
fn deflate_level(filter: &Filter) -> u8 {
    let level = filter.parameters.first().copied().unwrap_or(6).min(9);
    u8::try_from(level).unwrap_or(9)
}

/// Its name in the registry, or the one that the file gives it.
fn name(filter: &Filter) -> Option<&str> {
    match filters::Filter::from_hdf5(filter.id.0, &[]).name() {
        "unknown" => filter.name.as_deref(),
        name => Some(name),
    }
}

/// The codecs of a pipeline. `whole`: one for each filter, so that the bits of filter masks count
/// them; otherwise those that change nothing are left out.
pub(crate) fn codecs(
    pipeline: &[filters::Filter],
    element_size: u32,
    chunk_bytes: u64,
    whole: bool,
) -> Vec<Codec> {
    let mut codecs = Vec::with_capacity(pipeline.len());
    // The length that every chunk has at this point, while that is known.
    let mut length = Some(chunk_bytes);
    for filter in pipeline {
        match filter {
            filter if filter.is_identity() && !whole => {}
            filters::Filter::Shuffle { element_size } => {
                // HDF5 leaves the bytes after the last whole element alone, NumCodecs fails.
                let rest = length.and_then(|length| length.checked_rem((*element_size).into()));
                codecs.push(match rest {
                    Some(0) => Codec::Shuffle {
                        element_size: *element_size,
                    },
                    _ => Codec::Hdf5 {
                        id: FilterId::SHUFFLE.0,
                        parameters: vec![*element_size],
                    },
                });
            }
            filters::Filter::Deflate { level } => {
                length = None;
                codecs.push(Codec::Zlib { level: *level });
            }
            filters::Filter::Fletcher32 => {
                length = length.and_then(|length| length.checked_add(CHECKSUM_SIZE));
                codecs.push(Codec::Fletcher32);
            }
            filters::Filter::Registered { id, parameters } => {
                length = None;
                codecs.push(registered(FilterId(*id), parameters, element_size));
            }
            other => {
                length = None;
                codecs.push(beyond(other));
            }
        }
    }
    codecs
}

/// The codec of a filter that Zarr may have too. Levels are only a note for who writes again.
fn registered(id: FilterId, parameters: &[u32], element_size: u32) -> Codec {
    let level = parameters.first().copied();
    match id {
        FilterId::ZSTD => Codec::Zstd {
            level: level
                .and_then(|level| i32::try_from(level).ok())
                .unwrap_or(3),
        },
        FilterId::BZIP2 => Codec::Bz2 {
            level: level
                .and_then(|level| u8::try_from(level).ok())
                .unwrap_or(9),
        },
        FilterId::BLOSC => Codec::Blosc { element_size },
        id => Codec::Hdf5 {
            id: id.0,
            parameters: parameters.to_vec(),
        },
    }
}

/// A filter as one that only the store undoes.
fn beyond(filter: &filters::Filter) -> Codec {
    Codec::Hdf5 {
        id: filter.id(),
        parameters: match filter {
            filters::Filter::Registered { parameters, .. } => parameters.to_vec(),
            filters::Filter::Shuffle { element_size } => vec![*element_size],
            filters::Filter::Deflate { level } => vec![u32::from(*level)],
            _ => Vec::new(),
        },
    }
}

/// Whether a chunk can be written through this pipeline.
pub(crate) fn encodes(pipeline: &[filters::Filter]) -> bool {
    !pipeline
        .iter()
        .any(|filter| matches!(filter, filters::Filter::Registered { .. }) && !filter.is_identity())
}

/// A pipeline that only the store undoes, whatever Zarr has.
pub(crate) fn for_the_store(pipeline: &[filters::Filter]) -> Vec<Codec> {
    pipeline.iter().map(beyond).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(id: FilterId, parameters: &[u32]) -> Filter {
        Filter {
            id,
            name: None,
            optional: true,
            parameters: parameters.to_vec(),
        }
    }

    fn map(filters: &[Filter], chunk_bytes: u64) -> Result<Vec<Codec>, Refusal> {
        Ok(codecs(&pipeline(filters, 4)?, 4, chunk_bytes, false))
    }

    #[test]
    fn codecs_keep_the_order_and_leave_out_what_changes_nothing() {
        let filters = [
            filter(FilterId::SHUFFLE, &[4]),
            filter(FilterId::DEFLATE, &[5]),
            filter(FilterId::FLETCHER32, &[]),
        ];
        let expected = vec![
            Codec::Shuffle { element_size: 4 },
            Codec::Zlib { level: 5 },
            Codec::Fletcher32,
        ];
        assert_eq!(map(&filters, 40), Ok(expected));
        assert_eq!(map(&[filter(FilterId::SHUFFLE, &[1])], 40), Ok(vec![]));
    }

    #[test]
    fn rounding_takes_no_codec() {
        for id in [32022, 32023] {
            let filters = [
                filter(FilterId(id), &[3, 4, 0, 0, 0]),
                filter(FilterId::SHUFFLE, &[4]),
            ];
            let shuffle = Codec::Shuffle { element_size: 4 };
            assert_eq!(map(&filters, 40), Ok(vec![shuffle]));
            assert!(encodes(&pipeline(&filters, 4).unwrap()));
        }
    }

    #[test]
    fn a_shuffle_that_may_leave_a_rest_is_left_to_the_store() {
        let behind = |id| [filter(id, &[]), filter(FilterId::SHUFFLE, &[8])];
        let store = Codec::Hdf5 {
            id: 2,
            parameters: vec![8],
        };
        let last = |id, chunk_bytes| map(&behind(id), chunk_bytes).unwrap().pop().unwrap();
        assert_eq!(last(FilterId::FLETCHER32, 40), store);
        assert_eq!(
            last(FilterId::FLETCHER32, 44),
            Codec::Shuffle { element_size: 8 }
        );
        assert_eq!(last(FilterId::DEFLATE, 40), store);
    }

    #[test]
    fn filter_masks_count_every_filter() {
        let filters = [
            filter(FilterId::SHUFFLE, &[1]),
            filter(FilterId::DEFLATE, &[5]),
        ];
        let pipeline = pipeline(&filters, 1).unwrap();
        assert_eq!(codecs(&pipeline, 1, 40, false).len(), 1);
        assert_eq!(codecs(&pipeline, 1, 40, true).len(), 2);
    }

    #[test]
    fn unknown_filters_are_refused_by_number_and_name() {
        let reason = map(&[filter(FilterId(32013), &[])], 40).unwrap_err();
        assert_eq!(reason, "there is no decoder for filter 32013 (zfp)");
        let reason = map(&[filter(FilterId(999), &[])], 40).unwrap_err();
        assert_eq!(reason, "there is no decoder for filter 999");
    }
}
