//! Arrays as they are written.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::checks::{check_array, check_axes, check_mapping};
use super::column::{Base64, Budget};
use super::concat::{
    WrittenProfile, WrittenSpan, read_profile, read_spans, written_profile, written_spans,
};
use super::table::{WrittenTable, location};
use super::types::WrittenType;
use super::value::WrittenAttribute;
use crate::array::{Array, Codec, Layout, Segment};
use crate::attribute::Attribute;
use crate::chunk_grid::chunk_grid;
use crate::chunk_table::ChunkTable;
use crate::concat::Concat;
use crate::data_type::DataType;
use crate::mapping::Mapping;

/// An array as it is written.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct WrittenArray {
    /// Whether documents and references leave it out, so that all of it is here.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) full: bool,
    shape: Vec<u64>,
    #[serde(rename = "type")]
    data_type: WrittenType,
    dimension_names: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fill_value: Option<Base64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) attributes: BTreeMap<String, WrittenAttribute>,
    layout: WrittenLayout,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// A layout as it is written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum WrittenLayout {
    Chunked {
        chunk_shape: Vec<u64>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        codecs: Vec<Codec>,
        /// Not there where the references say it all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chunks: Option<Box<WrittenTable>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fill_chunk: Option<Base64>,
    },
    Contiguous {
        location: u64,
        offset: u64,
        length: u64,
        chunk_shape: Vec<u64>,
    },
    Inline {
        /// Not there where the references have it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<Base64>,
    },
    Absent {
        chunk_shape: Vec<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fill_chunk: Option<Base64>,
    },
    External {
        segments: Vec<WrittenSegment>,
        chunk_shape: Vec<u64>,
    },
    Virtual {
        chunk_shape: Vec<u64>,
        sources: Vec<WrittenArray>,
        mappings: Vec<Mapping>,
    },
    Concat {
        axis: usize,
        profiles: Vec<WrittenProfile>,
        spans: Vec<WrittenSpan>,
    },
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct WrittenSegment {
    length: u64,
    /// Location and first byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<(u64, u64)>,
}

/// Where the chunks of an array that was read are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// In the extras, and references may repeat them.
    Here,
    /// The table or the data is to be taken from the references.
    InReferences,
}

impl WrittenArray {
    /// An array; its chunks are left out where `held` says that the references have them, and
    /// attributes that `is_said` of the documents.
    pub(super) fn new(
        array: &Array,
        held: Held,
        full: bool,
        is_said: impl Fn(&str, &Attribute) -> bool,
        budget: &mut Budget,
    ) -> Self {
        let attributes = array.attributes.iter();
        Self {
            full,
            shape: array.shape.clone(),
            data_type: WrittenType::from(&array.data_type),
            dimension_names: array.dimension_names.clone(),
            fill_value: base64(array.fill_value.as_ref()),
            attributes: attributes
                .filter(|(name, attribute)| !is_said(name, attribute))
                .map(|(name, attribute)| (name.clone(), attribute.into()))
                .collect(),
            layout: WrittenLayout::new(&array.layout, held, budget),
        }
    }

    /// The array, and where its chunks are.
    pub(super) fn read(
        self,
        locations: usize,
        budget: &mut Budget,
    ) -> Result<(Array, Held), String> {
        let data_type = DataType::try_from(self.data_type)?;
        let mut attributes = BTreeMap::new();
        for (name, attribute) in self.attributes {
            let attribute = Attribute::try_from(attribute);
            let attribute = attribute.map_err(|reason| format!("attribute {name:?}: {reason}"))?;
            attributes.insert(name, attribute);
        }
        if self.dimension_names.len() != self.shape.len() {
            return Err(format!(
                "{} dimension names for {} axes",
                self.dimension_names.len(),
                self.shape.len()
            ));
        }
        check_axes(self.shape.len())?;
        let (layout, held) = self.layout.read(&self.shape, locations, budget)?;
        let array = Array {
            shape: self.shape,
            data_type,
            dimension_names: self.dimension_names,
            fill_value: self.fill_value.map(|Base64(bytes)| bytes),
            attributes,
            layout,
        };
        array.chunk_grid().map_err(|error| error.to_string())?;
        check_array(&array)?;
        Ok((array, held))
    }
}

impl WrittenLayout {
    fn new(layout: &Layout, held: Held, budget: &mut Budget) -> Self {
        match layout {
            Layout::Chunked {
                chunk_shape,
                codecs,
                chunks,
                fill_chunk,
            } => Self::Chunked {
                chunk_shape: chunk_shape.clone(),
                codecs: codecs.clone(),
                chunks: (held == Held::Here).then(|| Box::new(WrittenTable::new(chunks, budget))),
                fill_chunk: base64(fill_chunk.as_ref()),
            },
            Layout::Contiguous {
                location,
                offset,
                length,
                chunk_shape,
            } => Self::Contiguous {
                location: location.0.into(),
                offset: *offset,
                length: *length,
                chunk_shape: chunk_shape.clone(),
            },
            Layout::Inline { data } => Self::Inline {
                data: base64((held == Held::Here).then_some(data)),
            },
            Layout::Absent {
                chunk_shape,
                fill_chunk,
            } => Self::Absent {
                chunk_shape: chunk_shape.clone(),
                fill_chunk: base64(fill_chunk.as_ref()),
            },
            Layout::External {
                segments,
                chunk_shape,
            } => Self::External {
                segments: segments
                    .iter()
                    .map(|segment| WrittenSegment {
                        length: segment.length,
                        place: segment.place.map(|(location, at)| (location.0.into(), at)),
                    })
                    .collect(),
                chunk_shape: chunk_shape.clone(),
            },
            Layout::Virtual {
                chunk_shape,
                sources,
                mappings,
            } => Self::Virtual {
                chunk_shape: chunk_shape.clone(),
                sources: sources
                    .iter()
                    .map(|source| WrittenArray::new(source, Held::Here, true, |_, _| false, budget))
                    .collect(),
                mappings: mappings.clone(),
            },
            Layout::Concat(concat) => Self::Concat {
                axis: concat.axis(),
                profiles: concat
                    .profiles()
                    .iter()
                    .map(|profile| written_profile(profile, budget))
                    .collect(),
                spans: written_spans(concat.spans()),
            },
        }
    }

    fn read(
        self,
        shape: &[u64],
        locations: usize,
        budget: &mut Budget,
    ) -> Result<(Layout, Held), String> {
        let layout = match self {
            Self::Chunked {
                chunk_shape,
                codecs,
                chunks,
                fill_chunk,
            } => {
                let held = if chunks.is_some() {
                    Held::Here
                } else {
                    Held::InReferences
                };
                let chunks = match chunks {
                    Some(chunks) => read_chunks(*chunks, shape, &chunk_shape, locations, budget)?,
                    None => ChunkTable::default(),
                };
                let layout = Layout::Chunked {
                    chunk_shape,
                    codecs,
                    chunks,
                    fill_chunk: bytes(fill_chunk),
                };
                return Ok((layout, held));
            }
            Self::Contiguous {
                location: id,
                offset,
                length,
                chunk_shape,
            } => {
                if offset.checked_add(length).is_none() {
                    return Err(format!("{length} bytes at {offset} end past 2^64 - 1"));
                }
                Layout::Contiguous {
                    location: location(id, locations)?,
                    offset,
                    length,
                    chunk_shape,
                }
            }
            Self::Inline { data: None } => {
                let data = Bytes::new();
                return Ok((Layout::Inline { data }, Held::InReferences));
            }
            Self::Inline {
                data: Some(Base64(data)),
            } => Layout::Inline { data },
            Self::Absent {
                chunk_shape,
                fill_chunk,
            } => Layout::Absent {
                chunk_shape,
                fill_chunk: bytes(fill_chunk),
            },
            Self::External {
                segments,
                chunk_shape,
            } => Layout::External {
                segments: segments
                    .into_iter()
                    .map(|segment| read_segment(&segment, locations))
                    .collect::<Result<_, _>>()?,
                chunk_shape,
            },
            Self::Virtual {
                chunk_shape,
                sources,
                mappings,
            } => {
                let sources = sources
                    .into_iter()
                    .map(|source| match source.read(locations, budget)? {
                        (source, Held::Here) => Ok(source),
                        (_, Held::InReferences) => Err("a source without its chunks".to_owned()),
                    })
                    .collect::<Result<Vec<_>, String>>()?;
                for mapping in &mappings {
                    check_mapping(mapping, shape, &sources)?;
                }
                Layout::Virtual {
                    chunk_shape,
                    sources,
                    mappings,
                }
            }
            Self::Concat {
                axis,
                profiles,
                spans,
            } => {
                let profiles = profiles
                    .into_iter()
                    .map(|profile| read_profile(profile, locations, budget))
                    .collect::<Result<_, _>>()?;
                let concat = Concat::new(shape, axis, profiles, read_spans(&spans)?);
                Layout::Concat(Box::new(concat.map_err(|error| error.to_string())?))
            }
        };
        Ok((layout, Held::Here))
    }
}

pub(super) fn base64(bytes: Option<&Bytes>) -> Option<Base64> {
    bytes.cloned().map(Base64)
}

pub(super) fn bytes(base64: Option<Base64>) -> Option<Bytes> {
    base64.map(|Base64(bytes)| bytes)
}

fn read_chunks(
    chunks: WrittenTable,
    shape: &[u64],
    chunk_shape: &[u64],
    locations: usize,
    budget: &mut Budget,
) -> Result<ChunkTable, String> {
    let chunks = chunks.read(locations, budget)?;
    if chunk_grid(shape, chunk_shape).as_deref() == Some(chunks.grid()) {
        return Ok(chunks);
    }
    Err(format!(
        "a chunk grid {:?} for chunks {chunk_shape:?} of {shape:?}",
        chunks.grid()
    ))
}

fn read_segment(segment: &WrittenSegment, locations: usize) -> Result<Segment, String> {
    let place = segment.place.map(|(id, offset)| {
        if offset.checked_add(segment.length).is_none() {
            return Err(format!(
                "{} bytes at {offset} end past 2^64 - 1",
                segment.length
            ));
        }
        Ok((location(id, locations)?, offset))
    });
    Ok(Segment {
        place: place.transpose()?,
        length: segment.length,
    })
}
