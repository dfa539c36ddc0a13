//! Filters and compressor of a document `.zarray` as codecs.

use serde_json::Value as Json;

use super::brief;
use crate::array::Codec;
use crate::data_type::DataType;

/// The most filters of an array, as in HDF5.
const MAX_FILTERS: usize = 32;

/// How elements of type `|O` become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObjectCodec {
    VlenUtf8,
    VlenBytes,
}

fn filters(value: &Json) -> Result<&[Json], String> {
    match value {
        Json::Null => Ok(&[]),
        Json::Array(list) if list.len() <= MAX_FILTERS => Ok(list),
        Json::Array(list) => Err(format!(
            "{} filters, expected at most {MAX_FILTERS}",
            list.len()
        )),
        other => Err(format!("filters {}, expected a list", brief(other))),
    }
}

/// The codec that turns objects into bytes, which is the first filter.
///
/// # Errors
/// The reason, where `filters` is no list of them.
pub(super) fn object_codec(value: &Json) -> Result<Option<ObjectCodec>, String> {
    let first = filters(value)?.first();
    let id = first
        .and_then(|first| first.get("id"))
        .and_then(Json::as_str);
    Ok(match id {
        Some("vlen-utf8") => Some(ObjectCodec::VlenUtf8),
        Some("vlen-bytes") => Some(ObjectCodec::VlenBytes),
        _ => None,
    })
}

/// What a writer applies: the filters in their order, then the compressor.
///
/// # Errors
/// The reason, where one is not supported.
pub(super) fn codecs(
    filter_list: &Json,
    compressor: &Json,
    data_type: &DataType,
) -> Result<Vec<Codec>, String> {
    let mut codecs = Vec::new();
    let compressor = Some(compressor).filter(|compressor| !compressor.is_null());
    for (place, document) in filters(filter_list)?.iter().chain(compressor).enumerate() {
        let codec = codec(document, data_type)?;
        for (object_codec, name, element, what) in [
            (
                Codec::VlenUtf8,
                "vlen-utf8",
                DataType::VariableString,
                "strings",
            ),
            (
                Codec::VlenBytes,
                "vlen-bytes",
                DataType::VariableBytes,
                "bytes",
            ),
        ] {
            if (codec == object_codec) != (place == 0 && *data_type == element) {
                return Err(format!(
                    "codec {name} at place {place} for elements of {data_type}, expected it first and for {what} only"
                ));
            }
        }
        codecs.push(codec);
    }
    Ok(codecs)
}

fn codec(document: &Json, data_type: &DataType) -> Result<Codec, String> {
    let id = document
        .get("id")
        .and_then(Json::as_str)
        .ok_or_else(|| format!("codec {}, expected an object with an id", brief(document)))?;
    let number = |name: &str, default: i64, least: i64, most: i64| match document.get(name) {
        None | Some(Json::Null) => Ok(default),
        Some(value) => value
            .as_i64()
            .filter(|value| (least..=most).contains(value))
            .ok_or_else(|| {
                format!(
                    "codec {id}: {name} {}, expected {least} to {most}",
                    brief(value)
                )
            }),
    };
    // Levels matter to a writer alone.
    let level = |default, most| {
        let level = number("level", default, -1, most)?;
        Ok::<_, String>(u8::try_from(level).unwrap_or(6))
    };
    Ok(match id {
        "shuffle" => Codec::Shuffle {
            element_size: u32::try_from(number("elementsize", 4, 1, i64::from(u32::MAX))?)
                .unwrap_or(u32::MAX),
        },
        "zlib" => Codec::Zlib {
            level: level(1, 9)?,
        },
        "fletcher32" => Codec::Fletcher32,
        "zstd" => Codec::Zstd {
            level: i32::try_from(number("level", 1, -200_000, 200)?).unwrap_or(1),
        },
        "bz2" => Codec::Bz2 {
            level: level(1, 9)?,
        },
        // Each chunk says how it is compressed.
        "blosc" => Codec::Blosc {
            element_size: data_type.size().unwrap_or(1).max(1),
        },
        "vlen-utf8" => Codec::VlenUtf8,
        "vlen-bytes" => Codec::VlenBytes,
        other => return Err(format!("codec {other:?} is not supported")),
    })
}
