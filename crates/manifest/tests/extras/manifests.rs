//! Manifests of every layout, data type and attribute value.

use std::collections::BTreeMap;

use bytes::Bytes;
use chunkref_manifest::{
    Array, Attribute, Attributes, ByteOrder, Change, ChunkTable, ChunkTableBuilder, CitationRecord,
    Codec, Collection, ConcatBuilder, Conversion, DataType, Encoding, Field, GranuleRecord, Group,
    Layout, Location, LocationId, Locations, Loop, Manifest, Mapping, Packing, Part, Pin, Prefix,
    Provenance, Segment, Step, StoredFloat, StoredInteger, StoredOrder, Value, chunk_grid,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Locations of each manifest: the last two name one URL.
const LOCATIONS: u32 = 4;

fn order() -> BoxedStrategy<ByteOrder> {
    Strategy::boxed(select(vec![ByteOrder::Little, ByteOrder::Big]))
}

/// Data types of elements with a size, and how many bytes they have.
fn fixed_type() -> BoxedStrategy<DataType> {
    let number =
        (select(vec![1_u8, 2, 4, 8]), order(), any::<bool>()).prop_map(|(size, order, signed)| {
            let order = if size == 1 { ByteOrder::Little } else { order };
            if signed {
                DataType::Int { size, order }
            } else {
                DataType::UInt { size, order }
            }
        });
    let float = (select(vec![2_u8, 4, 8]), order())
        .prop_map(|(size, order)| DataType::Float { size, order });
    let complex = (select(vec![8_u8, 16]), order())
        .prop_map(|(size, order)| DataType::Complex { size, order });
    let plain = prop_oneof![
        Just(DataType::Bool),
        number,
        float,
        complex,
        (1_u32..9).prop_map(|length| DataType::FixedString { length }),
        (1_u32..9).prop_map(|length| DataType::Raw { length }),
    ];
    let record = (vec(plain.clone(), 1..4), any::<bool>()).prop_map(|(types, padded)| {
        let mut offset = 0;
        let fields = types.into_iter().enumerate().map(|(number, data_type)| {
            let field = Field {
                name: format!("f{number}"),
                offset,
                shape: Vec::new(),
                data_type,
            };
            offset += field.data_type.size().unwrap() + u32::from(padded);
            field
        });
        let fields = fields.collect();
        DataType::Record {
            size: offset,
            fields,
        }
    });
    Strategy::boxed(prop_oneof![6 => plain, 1 => record])
}

fn text() -> BoxedStrategy<String> {
    Strategy::boxed(prop_oneof![
        "[ -~]{0,8}",
        any::<String>(),
        Just("NaN".to_owned())
    ])
}

fn float() -> BoxedStrategy<f64> {
    Strategy::boxed(prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        select(vec![
            f64::NAN,
            -f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            0.0,
            -0.0,
            1.0,
            f64::MIN_POSITIVE,
            5e-324,
            f64::MAX,
        ]),
    ])
}

/// Values of every kind, nested.
pub(super) fn value() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        prop_oneof![any::<i64>(), select(vec![i64::MIN, i64::MAX])].prop_map(Value::Int),
        prop_oneof![any::<u64>(), Just(u64::MAX)].prop_map(Value::UInt),
        float().prop_map(Value::Float),
        (float(), float()).prop_map(|(real, imaginary)| Value::Complex(real, imaginary)),
        text().prop_map(Value::Text),
        vec(any::<u8>(), 0..6).prop_map(|bytes| Value::Bytes(bytes.into())),
        Just(Value::Null),
    ];
    Strategy::boxed(leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::List),
            vec((text(), inner), 0..3).prop_map(Value::Record),
        ]
    }))
}

fn any_type() -> BoxedStrategy<DataType> {
    let leaf = prop_oneof![
        3 => fixed_type(),
        1 => select(vec![DataType::VariableString, DataType::VariableBytes, DataType::Reference]),
        1 => Just(DataType::Record { size: 0, fields: Vec::new() }),
    ];
    Strategy::boxed(leaf.prop_recursive(2, 4, 2, |inner| {
        inner.prop_map(|element| DataType::Sequence {
            element: Box::new(element),
        })
    }))
}

/// A value that is of a type, as a scan has them.
fn value_of(data_type: &DataType) -> BoxedStrategy<Value> {
    match data_type {
        DataType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        DataType::Int { .. } => any::<i64>().prop_map(Value::Int).boxed(),
        DataType::UInt { .. } => any::<u64>().prop_map(Value::UInt).boxed(),
        DataType::Float { .. } => float().prop_map(Value::Float).boxed(),
        DataType::Complex { .. } => (float(), float())
            .prop_map(|(real, imaginary)| Value::Complex(real, imaginary))
            .boxed(),
        DataType::FixedString { .. } | DataType::VariableString => {
            text().prop_map(Value::Text).boxed()
        }
        DataType::Raw { .. } | DataType::VariableBytes => vec(any::<u8>(), 0..5)
            .prop_map(|bytes| Value::Bytes(bytes.into()))
            .boxed(),
        DataType::Sequence { element } => {
            vec(value_of(element), 0..3).prop_map(Value::List).boxed()
        }
        DataType::Record { fields, .. } => fields
            .iter()
            .map(|field| (Just(field.name.clone()), value_of(&field.data_type)))
            .collect::<Vec<_>>()
            .prop_map(Value::Record)
            .boxed(),
        _ => option::of(text())
            .prop_map(|text| text.map_or(Value::Null, Value::Text))
            .boxed(),
    }
}

fn attribute() -> BoxedStrategy<Attribute> {
    let typed = (any_type(), 0_usize..4).prop_flat_map(|(data_type, count)| {
        (
            vec(value_of(&data_type), count),
            Just(data_type),
            any::<bool>(),
        )
    });
    let typed = typed.prop_map(|(values, data_type, scalar)| Attribute {
        shape: match values.len() {
            0 => None,
            1 if scalar => Some(Vec::new()),
            count => Some(vec![count as u64]),
        },
        data_type,
        values,
    });
    let untyped = (
        any_type(),
        vec(value(), 0..3),
        option::of(vec(0_u64..3, 0..3)),
    )
        .prop_map(|(data_type, values, shape)| Attribute {
            data_type,
            shape,
            values,
        });
    Strategy::boxed(prop_oneof![3 => typed, 1 => untyped, 1 => text().prop_map(Attribute::text)])
}

pub(super) fn attributes() -> BoxedStrategy<Attributes> {
    let name = prop_oneof!["[a-z]{1,3}", Just("units".to_owned()), text()];
    Strategy::boxed(prop::collection::btree_map(name, attribute(), 0..4))
}

/// How a chunk lies.
fn push(
    table: &mut ChunkTableBuilder,
    index: u64,
    (kind, location, offset, length): (u8, u32, u64, u64),
) {
    let location = LocationId(location);
    match kind {
        0 | 1 => Ok(()),
        2 => table.push_whole(index, location),
        3 => table.push_inline(
            index,
            Bytes::from(vec![0; usize::try_from(length % 9).unwrap()]),
        ),
        4 => table.push_inline(index, Bytes::from(offset.to_le_bytes().to_vec())),
        _ => table.push(index, location, offset, length),
    }
    .unwrap();
}

/// A table of a grid; the share of chunks that are there, in turn.
fn table(grid: Vec<u64>) -> BoxedStrategy<ChunkTable> {
    let length = prop_oneof![9 => 0_u64..5000, 1 => (1_u64 << 32) - 2..1 << 33];
    let chunk = (0_u8..9, 0..LOCATIONS, 0_u64..1 << 40, length);
    Strategy::boxed((vec(chunk, 1..20), 0..LOCATIONS, any::<bool>()).prop_map(
        move |(chunks, one, is_one)| {
            let mut table = ChunkTableBuilder::new(grid.clone());
            for (index, mut chunk) in (0..grid.iter().product()).zip(chunks.into_iter().cycle()) {
                if is_one {
                    chunk.1 = one;
                }
                push(&mut table, index, chunk);
            }
            table.finish()
        },
    ))
}

fn shapes() -> BoxedStrategy<(Vec<u64>, Vec<u64>)> {
    Strategy::boxed(
        vec((prop_oneof![8 => 1_u64..7, 1 => Just(0)], 1_u64..4), 0..3)
            .prop_map(|axes| axes.into_iter().unzip()),
    )
}

fn zarr_codecs(size: Option<u32>) -> BoxedStrategy<Vec<Codec>> {
    let element_size = size.unwrap_or(1);
    let codec = prop_oneof![
        Just(Codec::Shuffle { element_size }),
        (0_u8..10).prop_map(|level| Codec::Zlib { level }),
        Just(Codec::Fletcher32),
        (1_i32..20).prop_map(|level| Codec::Zstd { level }),
        (1_u8..10).prop_map(|level| Codec::Bz2 { level }),
        Just(Codec::Blosc { element_size }),
    ];
    Strategy::boxed(vec(codec, 0..3))
}

fn own_codec(size: Option<u32>) -> BoxedStrategy<Codec> {
    let stored = select(vec![
        StoredOrder::Little,
        StoredOrder::Big,
        StoredOrder::Vax,
    ]);
    let integer =
        (stored.clone(), any::<bool>(), 0_u8..8).prop_map(|(order, signed, bit_offset)| {
            Change::Integer {
                stored: StoredInteger {
                    size: 3,
                    order,
                    signed,
                    bit_offset,
                    bit_precision: 9,
                },
                size: 4,
                order: ByteOrder::Little,
            }
        });
    let number =
        (stored, any::<bool>(), any::<u32>()).prop_map(|(order, implied, bias)| Change::Float {
            stored: StoredFloat {
                size: 3,
                order,
                sign: 23,
                exponent: 15,
                exponent_size: 8,
                mantissa: 0,
                mantissa_size: 15,
                bias,
                implied,
            },
            size: 4,
            order: ByteOrder::Big,
        });
    let copy = (1_u32..5).prop_map(|length| Change::Copy { length });
    let change = prop_oneof![integer, number, copy];
    let conversion = (vec((change, 0_u32..4), 0..3), text()).prop_map(move |(parts, reason)| {
        let parts = parts.into_iter().map(|(change, at)| Part {
            from: at,
            to: at,
            change,
        });
        Codec::Convert(Conversion {
            stored_size: 8,
            size: size.unwrap_or(8),
            parts: parts.collect(),
            reason,
        })
    });
    let filter = (any::<u16>(), vec(any::<u32>(), 0..4))
        .prop_map(|(id, parameters)| Codec::Hdf5 { id, parameters });
    Strategy::boxed(prop_oneof![filter, conversion])
}

/// An array without its layout.
fn frame(shape: Vec<u64>, data_type: DataType) -> BoxedStrategy<Array> {
    let size = data_type.size().map(|size| usize::try_from(size).unwrap());
    let fill = match size {
        // Bools of other bytes are no element.
        Some(_) if data_type == DataType::Bool => vec(0_u8..2, 1).boxed(),
        Some(size) => prop_oneof![Just(vec![0; size]), vec(1_u8..100, size)].boxed(),
        None => Just(Vec::new()).boxed(),
    };
    let axes = shape.len();
    let names = vec("[a-z]{1,2}", axes);
    Strategy::boxed((attributes(), option::of(fill), names).prop_map(
        move |(attributes, fill, names)| Array {
            shape: shape.clone(),
            data_type: data_type.clone(),
            dimension_names: names,
            // Without a size there is no element that an absent chunk holds.
            fill_value: fill.filter(|_| size.is_some()).map(Bytes::from),
            attributes,
            layout: Layout::Inline { data: Bytes::new() },
        },
    ))
}

/// A chunk of fill values, where documents can't say what absent chunks hold.
fn with_fill_chunk(array: &mut Array) {
    let elements: u64 = array.chunk_shape().iter().product();
    let size = array.data_type.size().unwrap_or(0);
    let zeros = vec![0; usize::try_from(size).unwrap()];
    let fill = array.fill_value.clone().unwrap_or(Bytes::from(zeros));
    let plain = Bytes::from(fill.repeat(usize::try_from(elements).unwrap()));
    match &mut array.layout {
        Layout::Chunked { fill_chunk, .. } | Layout::Absent { fill_chunk, .. } => {
            *fill_chunk = Some(plain);
        }
        _ => {}
    }
}

fn chunked() -> BoxedStrategy<Array> {
    Strategy::boxed(
        (shapes(), fixed_type()).prop_flat_map(|((shape, chunk_shape), data_type)| {
            let grid = chunk_grid(&shape, &chunk_shape).unwrap();
            let size = data_type.size();
            let codecs = prop_oneof![
                4 => zarr_codecs(size),
                1 => (own_codec(size), zarr_codecs(size)).prop_map(|(own, codecs)| {
                    [vec![own], codecs].concat()
                }),
            ];
            let masks = prop_oneof![4 => Just(0_u32), 1 => any::<u32>()];
            (frame(shape, data_type), codecs, table(grid), masks).prop_map(
                move |(mut array, codecs, chunks, mask)| {
                    let masked: Vec<_> = chunks.iter().map(|(index, _)| (index, mask)).collect();
                    array.layout = Layout::Chunked {
                        chunk_shape: chunk_shape.clone(),
                        codecs,
                        chunks: chunks.with_filter_masks(masked).unwrap(),
                        fill_chunk: None,
                    };
                    with_fill_chunk(&mut array);
                    array
                },
            )
        }),
    )
}

fn contiguous() -> BoxedStrategy<Array> {
    let lengths = vec((1_u64..4, 1_u64..4), 0..3);
    Strategy::boxed(
        (lengths, fixed_type(), 0..LOCATIONS, 0_u64..1 << 40).prop_flat_map(
            |(axes, data_type, location, offset)| {
                // Chunks that divide the first axis.
                let (counts, chunk): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
                let mut shape: Vec<u64> = chunk.clone();
                if let (Some(first), Some(count)) = (shape.first_mut(), counts.first()) {
                    *first *= count;
                }
                let elements: u64 = shape.iter().product();
                let length = elements * u64::from(data_type.size().unwrap());
                frame(shape, data_type).prop_map(move |mut array| {
                    array.layout = Layout::Contiguous {
                        location: LocationId(location),
                        offset,
                        length,
                        chunk_shape: chunk.clone(),
                    };
                    array
                })
            },
        ),
    )
}

fn inline() -> BoxedStrategy<Array> {
    let data_type = prop_oneof![
        3 => fixed_type(),
        1 => Just(DataType::VariableString),
        1 => Just(DataType::VariableBytes),
    ];
    Strategy::boxed(
        (shapes(), data_type, vec(any::<u8>(), 0..12)).prop_flat_map(
            |((shape, _), data_type, data)| {
                let data = Bytes::from(data);
                frame(shape, data_type).prop_map(move |mut array| {
                    array.layout = Layout::Inline { data: data.clone() };
                    array
                })
            },
        ),
    )
}

fn absent() -> BoxedStrategy<Array> {
    Strategy::boxed(
        (shapes(), fixed_type()).prop_flat_map(|((shape, chunk_shape), data_type)| {
            frame(shape, data_type).prop_map(move |mut array| {
                array.layout = Layout::Absent {
                    chunk_shape: chunk_shape.clone(),
                    fill_chunk: None,
                };
                with_fill_chunk(&mut array);
                array
            })
        }),
    )
}

fn external() -> BoxedStrategy<Array> {
    let segment = (option::of((0..LOCATIONS, 0_u64..1 << 40)), any::<u32>());
    Strategy::boxed(
        (vec(segment, 1..4), fixed_type()).prop_flat_map(|(segments, data_type)| {
            let segments = segments.into_iter().map(|(place, length)| Segment {
                place: place.map(|(id, offset)| (LocationId(id), offset)),
                length: length.into(),
            });
            let segments: Vec<_> = segments.collect();
            frame(vec![4, 3], data_type).prop_map(move |mut array| {
                array.layout = Layout::External {
                    segments: segments.clone(),
                    chunk_shape: vec![1, 3],
                };
                array
            })
        }),
    )
}

fn virtual_(source: impl Strategy<Value = Array> + 'static) -> BoxedStrategy<Array> {
    let steps = (1_u64..3, 0_usize..2, 1_u64..3, 1_u64..3);
    Strategy::boxed(
        (vec(source, 1..3), fixed_type(), vec(steps, 0..3)).prop_flat_map(
            |(sources, data_type, steps)| {
                let mappings = sources.iter().enumerate().map(|(number, source)| {
                    let axes = source.shape.len();
                    let loops = steps.iter().filter(|_| axes > 0);
                    let loops = loops.map(|(length, axis, array, source)| Loop {
                        length: *length,
                        array: Step {
                            axis: *axis,
                            length: *array,
                        },
                        source: Step {
                            axis: axis % axes,
                            length: *source,
                        },
                    });
                    Mapping {
                        source: number,
                        start: vec![0, 1],
                        source_start: vec![0; axes],
                        loops: loops.collect(),
                    }
                });
                let mappings: Vec<_> = mappings.collect();
                frame(vec![9, 9], data_type).prop_map(move |mut array| {
                    array.layout = Layout::Virtual {
                        chunk_shape: vec![4, 9],
                        sources: sources.clone(),
                        mappings: mappings.clone(),
                    };
                    array
                })
            },
        ),
    )
}

fn packing() -> BoxedStrategy<Packing> {
    let missing = vec(vec(any::<u8>(), 2), 0..3);
    Strategy::boxed((fixed_type(), missing, -9.0..9.0, float()).prop_map(
        |(data_type, missing, scale, offset)| {
            Packing {
                data_type,
                fill_value: missing.first().cloned().map(Bytes::from),
                missing: missing.into_iter().map(Bytes::from).collect(),
                scale,
                // A NaN is not equal to itself, and the manifests are compared.
                offset: if offset.is_nan() { 0.5 } else { offset },
            }
        },
    ))
}

fn concat() -> BoxedStrategy<Array> {
    let encoding = (1_u64..4, option::of(packing()), zarr_codecs(Some(2)));
    let granules = vec((1_u64..7, 0_usize..3, any::<bool>()), 1..6);
    Strategy::boxed((vec(encoding, 3), granules, 0_usize..2).prop_flat_map(
        |(encodings, granules, axis)| {
            let mut shape = vec![3, 3];
            let mut builder = ConcatBuilder::new(&shape, axis).unwrap();
            for (number, (length, encoding, is_fill)) in granules.into_iter().enumerate() {
                if is_fill && number > 0 {
                    builder.push_fill(length).unwrap();
                    continue;
                }
                let (chunk, packing, codecs) = encodings[encoding].clone();
                shape[axis] = length;
                let chunk_shape = vec![chunk, 2];
                let mut table = ChunkTableBuilder::new(chunk_grid(&shape, &chunk_shape).unwrap());
                push(&mut table, 0, (8, 1, 77, 5));
                let encoding = Encoding {
                    chunk_shape,
                    codecs,
                    packing,
                };
                builder.push(length, encoding, table.finish()).unwrap();
            }
            shape[axis] = builder.length();
            let concat = builder.concat().unwrap();
            let data_type = DataType::Float {
                size: 8,
                order: ByteOrder::Little,
            };
            frame(shape, data_type).prop_map(move |mut array| {
                array.layout = Layout::Concat(Box::new(concat.clone()));
                array
            })
        },
    ))
}

pub(super) fn array() -> BoxedStrategy<Array> {
    let simple = || prop_oneof![chunked(), contiguous(), inline(), absent(), external()];
    Strategy::boxed(prop_oneof![
        4 => chunked(),
        2 => contiguous(),
        2 => inline(),
        2 => absent(),
        1 => external(),
        1 => virtual_(prop_oneof![simple(), virtual_(simple())]),
        1 => concat(),
    ])
}

fn group(arrays: BTreeMap<String, Array>, attributes: Attributes) -> Group {
    Group {
        attributes,
        arrays,
        groups: BTreeMap::new(),
    }
}

fn locations() -> BoxedStrategy<Locations> {
    let optional = || option::of(text());
    let pin = (
        option::of(any::<u64>()),
        optional(),
        optional(),
        optional(),
        option::of(any::<u32>()),
    );
    let pin = pin.prop_map(|(size, etag, last_modified, concept_id, revision)| Pin {
        size,
        etag,
        last_modified,
        concept_id,
        revision,
    });
    let one = (pin, vec(text(), 0..3));
    let prefix = (text(), optional(), optional()).prop_map(|(prefix, region, endpoint)| {
        let mut prefix = Prefix::new(prefix);
        prefix.region = region;
        prefix.credentials_endpoint = endpoint;
        prefix
    });
    Strategy::boxed((vec(one, LOCATIONS as usize), vec(prefix, 0..3)).prop_map(
        |(all, prefixes)| {
            let last = all.len() - 1;
            let entries = all
                .into_iter()
                .enumerate()
                .map(|(number, (pin, alternates))| {
                    let number = if number == last { number - 1 } else { number };
                    Location::new(format!("s3://bucket/{number} \"é\".nc"))
                        .with_pin(pin)
                        .with_alternates(alternates)
                });
            let locations = Locations::from_entries(entries.collect()).unwrap();
            locations.with_prefixes(prefixes)
        },
    ))
}

fn provenance() -> BoxedStrategy<Provenance> {
    let optional = || option::of(text());
    let four = || (optional(), optional(), optional(), optional());
    let cited = four().prop_map(|(creator, title, release_date, publisher)| {
        let mut cited = CitationRecord::default();
        cited.creator = creator;
        cited.title = title;
        cited.release_date = release_date;
        cited.publisher = publisher;
        cited
    });
    let collection = (four(), optional(), optional(), option::of(cited)).prop_map(
        |((concept_id, short_name, version, doi), data_center, title, citation)| {
            let mut collection = Collection::default();
            collection.concept_id = concept_id;
            collection.short_name = short_name;
            collection.version = version;
            collection.title = title;
            collection.doi = doi;
            collection.data_center = data_center;
            collection.citation = citation;
            collection
        },
    );
    let granule = (
        text(),
        (optional(), optional(), optional()),
        option::of(any::<u32>()),
        vec(0..LOCATIONS, 0..3),
    );
    let granule = granule.prop_map(|(name, (concept_id, start, end), revision, locations)| {
        let mut granule = GranuleRecord::new(name);
        granule.concept_id = concept_id;
        granule.revision = revision;
        granule.start = start;
        granule.end = end;
        granule.locations = locations.into_iter().map(LocationId).collect();
        granule
    });
    Strategy::boxed(
        (
            option::of(collection),
            optional(),
            vec(granule, 0..3),
            optional(),
        )
            .prop_map(|(collection, query, granules, chunkref)| {
                let mut provenance = Provenance::default();
                provenance.collection = collection;
                provenance.query = query;
                provenance.granules = granules;
                provenance.chunkref = chunkref;
                provenance
            }),
    )
}

pub(super) fn manifest() -> BoxedStrategy<Manifest> {
    let arrays = || prop::collection::btree_map("[a-c]", array(), 0..3);
    let inner = (arrays(), attributes()).prop_map(|(arrays, attributes)| group(arrays, attributes));
    let root = (arrays(), attributes(), option::of(inner));
    Strategy::boxed((root, locations(), provenance()).prop_map(
        |((arrays, attributes, inner), locations, provenance)| {
            let mut root = group(arrays, attributes);
            root.groups
                .extend(inner.map(|inner| ("inner".to_owned(), inner)));
            let mut manifest = Manifest::new(root, locations);
            manifest.provenance = provenance;
            manifest
        },
    ))
}
