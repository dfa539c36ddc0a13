//! Profiles and spans of joined arrays as they are written.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::column::{Base64, Budget};
use super::layout::{base64, bytes};
use super::table::WrittenTable;
use super::types::WrittenType;
use super::value::{float, read_float};
use crate::array::Codec;
use crate::concat::{Encoding, Packing, Profile, Span, SpanSource};
use crate::data_type::DataType;

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct WrittenProfile {
    chunk_shape: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    codecs: Vec<Codec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    packing: Option<WrittenPacking>,
    chunks: WrittenTable,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct WrittenPacking {
    #[serde(rename = "type")]
    data_type: WrittenType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fill_value: Option<Base64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    missing: Vec<Base64>,
    scale: Json,
    offset: Json,
}

/// Length; then number of the profile and place of the first chunk, unless it is fill values.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum WrittenSpan {
    Chunks(u64, usize, u64),
    Fill((u64,)),
}

pub(super) fn written_profile(profile: &Profile, budget: &mut Budget) -> WrittenProfile {
    let encoding = &profile.encoding;
    WrittenProfile {
        chunk_shape: encoding.chunk_shape.clone(),
        codecs: encoding.codecs.clone(),
        packing: encoding.packing.as_ref().map(|packing| WrittenPacking {
            data_type: WrittenType::from(&packing.data_type),
            fill_value: base64(packing.fill_value.as_ref()),
            missing: packing.missing.iter().cloned().map(Base64).collect(),
            scale: float(packing.scale),
            offset: float(packing.offset),
        }),
        chunks: WrittenTable::new(&profile.chunks, budget),
    }
}

pub(super) fn read_profile(
    profile: WrittenProfile,
    locations: usize,
    budget: &mut Budget,
) -> Result<Profile, String> {
    let packing = profile.packing.map(|packing| {
        Ok::<_, String>(Packing {
            data_type: DataType::try_from(packing.data_type)?,
            fill_value: bytes(packing.fill_value),
            missing: packing.missing.into_iter().map(|Base64(one)| one).collect(),
            scale: read_float(&packing.scale)?,
            offset: read_float(&packing.offset)?,
        })
    });
    Ok(Profile {
        encoding: Encoding {
            chunk_shape: profile.chunk_shape,
            codecs: profile.codecs,
            packing: packing.transpose()?,
        },
        chunks: profile.chunks.read(locations, budget)?,
    })
}

pub(super) fn written_spans(spans: &[Span]) -> Vec<WrittenSpan> {
    let spans = spans.iter().map(|span| match span.source {
        SpanSource::Fill => WrittenSpan::Fill((span.length,)),
        SpanSource::Chunks {
            profile,
            first_chunk,
        } => WrittenSpan::Chunks(span.length, profile, first_chunk),
    });
    spans.collect()
}

pub(super) fn read_spans(spans: &[WrittenSpan]) -> Result<Vec<Span>, String> {
    let mut start = 0_u64;
    let spans = spans.iter().map(|span| {
        let (length, source) = match *span {
            WrittenSpan::Fill((length,)) => (length, SpanSource::Fill),
            WrittenSpan::Chunks(length, profile, first_chunk) => (
                length,
                SpanSource::Chunks {
                    profile,
                    first_chunk,
                },
            ),
        };
        let span = Span {
            start,
            length,
            source,
        };
        start = start.checked_add(length).ok_or("spans past 2^64 - 1")?;
        Ok(span)
    });
    spans.collect()
}
