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
            FilterId::FLETCHER32 => Ok(filters::Filter::Fletcher32),
            id => Err(match name(filter) {
                Some(name) => format!("filter {} ({name}) is not supported", id.0),
                None => format!("filter {} is not supported", id.0),
            }),
        })
        .collect()
}

/// The level is only a note for who writes again; it does not matter to reading.
fn deflate_level(filter: &Filter) -> u8 {
    let level = filter.parameters.first().copied().unwrap_or(6).min(9);
    u8::try_from(level).unwrap_or(9)
}

fn name(filter: &Filter) -> Option<&str> {
    let known = match filter.id {
        FilterId::SZIP => "szip",
        FilterId::NBIT => "nbit",
        FilterId::SCALEOFFSET => "scaleoffset",
        FilterId::LZF => "lzf",
        FilterId::BLOSC => "blosc",
        FilterId::LZ4 => "lz4",
        FilterId::BITSHUFFLE => "bitshuffle",
        FilterId::ZSTD => "zstd",
        FilterId::BLOSC2 => "blosc2",
        FilterId::BZIP2 => "bzip2",
        _ => return filter.name.as_deref(),
    };
    Some(known)
}

/// The codecs of a pipeline; filters that change nothing are left out.
///
/// # Errors
/// The reason, where `NumCodecs` does not undo what HDF5 does.
pub(crate) fn codecs(
    pipeline: &[filters::Filter],
    chunk_bytes: u64,
) -> Result<Vec<Codec>, Refusal> {
    let mut codecs = Vec::with_capacity(pipeline.len());
    // The length that every chunk has at this point, while that is known.
    let mut length = Some(chunk_bytes);
    for filter in pipeline {
        match *filter {
            filters::Filter::Shuffle {
                element_size: 0 | 1,
            } => {}
            filters::Filter::Shuffle { element_size } => {
                // HDF5 leaves the bytes after the last whole element alone, NumCodecs fails.
                let whole = length.and_then(|length| length.checked_rem(element_size.into()));
                if whole != Some(0) {
                    return Err(format!(
                        "shuffle over {element_size} bytes behind another filter is not supported: \
                         its input need not be whole elements"
                    ));
                }
                codecs.push(Codec::Shuffle { element_size });
            }
            filters::Filter::Deflate { level } => {
                length = None;
                codecs.push(Codec::Zlib { level });
            }
            filters::Filter::Fletcher32 => {
                length = length.and_then(|length| length.checked_add(CHECKSUM_SIZE));
                codecs.push(Codec::Fletcher32);
            }
            _ => return Err("a filter without a codec is not supported".to_owned()),
        }
    }
    Ok(codecs)
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
        codecs(&pipeline(filters, 4)?, chunk_bytes)
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
    fn a_shuffle_that_may_leave_a_rest_is_refused() {
        let behind = |id| [filter(id, &[]), filter(FilterId::SHUFFLE, &[8])];
        assert!(map(&behind(FilterId::FLETCHER32), 40).is_err());
        assert!(map(&behind(FilterId::FLETCHER32), 44).is_ok());
        assert!(map(&behind(FilterId::DEFLATE), 40).is_err());
    }

    #[test]
    fn unknown_filters_are_refused_by_number_and_name() {
        let reason = map(&[filter(FilterId::LZF, &[])], 40).unwrap_err();
        assert_eq!(reason, "filter 32000 (lzf) is not supported");
        let reason = map(&[filter(FilterId(999), &[])], 40).unwrap_err();
        assert_eq!(reason, "filter 999 is not supported");
    }
}
