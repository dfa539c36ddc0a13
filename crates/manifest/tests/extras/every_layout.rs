//! The bytes of extras, which must stay as they are while their version does: `every_layout.json`,
//! which the Python tests compare with the schema.

use bytes::Bytes;
use chunkref_manifest::extras::{Extras, write};
use chunkref_manifest::{
    Array, Attribute, Attributes, ByteOrder, Change, ChunkTable, ChunkTableBuilder, CitationRecord,
    Codec, Collection, ConcatBuilder, Conversion, DataType, Encoding, Field, GranuleRecord, Layout,
    Location, LocationId, Loop, Manifest, Mapping, Packing, Part, Pin, Prefix, Segment, Step,
    StoredFloat, StoredInteger, StoredOrder, Value,
};
use serde_json::Value as Json;

const WRITTEN: &str = include_str!("every_layout.json");

const DOUBLE: DataType = DataType::Float {
    size: 8,
    order: ByteOrder::Little,
};
const BIG: DataType = DataType::UInt {
    size: 2,
    order: ByteOrder::Big,
};

fn array(shape: &[u64], data_type: DataType, layout: Layout) -> Array {
    Array {
        shape: shape.to_vec(),
        data_type,
        dimension_names: (0..shape.len()).map(|axis| format!("d{axis}")).collect(),
        fill_value: None,
        attributes: Attributes::new(),
        layout,
    }
}

/// Chunks of every kind: absent, in objects, whole objects, inline, with a filter mask.
fn table() -> ChunkTable {
    let mut table = ChunkTableBuilder::new(vec![10]);
    table.push(1, LocationId(0), 1000, 50).unwrap();
    table.push(2, LocationId(1), 5000, 1 << 33).unwrap();
    table.push_whole(4, LocationId(1)).unwrap();
    table.push_inline(5, Bytes::from_static(b"one")).unwrap();
    table.push_inline(7, Bytes::from_static(b"one")).unwrap();
    table.push_inline(8, Bytes::new()).unwrap();
    table.finish().with_filter_masks([(1, 3)]).unwrap()
}

fn chunked(codecs: Vec<Codec>, chunks: ChunkTable) -> Array {
    let layout = Layout::Chunked {
        chunk_shape: vec![2],
        codecs,
        chunks,
        fill_chunk: Some(Bytes::from_static(&[1, 2, 1, 2])),
    };
    array(&[20], BIG, layout)
}

fn codecs() -> Vec<Codec> {
    let integer = Change::Integer {
        stored: StoredInteger {
            size: 3,
            order: StoredOrder::Vax,
            signed: true,
            bit_offset: 1,
            bit_precision: 9,
        },
        size: 2,
        order: ByteOrder::Big,
    };
    let float = Change::Float {
        stored: StoredFloat {
            size: 3,
            order: StoredOrder::Little,
            sign: 23,
            exponent: 15,
            exponent_size: 8,
            mantissa: 0,
            mantissa_size: 15,
            bias: 127,
            implied: true,
        },
        size: 4,
        order: ByteOrder::Little,
    };
    let changes = [integer, float, Change::Copy { length: 1 }];
    let parts = changes.into_iter().zip(0..).map(|(change, at)| Part {
        from: at,
        to: 2 * at,
        change,
    });
    vec![
        Codec::Convert(Conversion {
            stored_size: 7,
            size: 2,
            parts: parts.collect(),
            reason: "odd numbers".into(),
        }),
        Codec::Shuffle { element_size: 2 },
        Codec::Zlib { level: 4 },
        Codec::Fletcher32,
        Codec::Zstd { level: -1 },
        Codec::Bz2 { level: 9 },
        Codec::Blosc { element_size: 2 },
        Codec::Hdf5 {
            id: 4,
            parameters: vec![141, 8],
        },
    ]
}

fn mapped() -> Array {
    let step = |axis, length| Step { axis, length };
    let layout = Layout::Virtual {
        chunk_shape: vec![5],
        sources: vec![chunked(Vec::new(), table())],
        mappings: vec![Mapping {
            source: 0,
            start: vec![1],
            source_start: vec![2],
            loops: vec![Loop {
                length: 3,
                array: step(0, 1),
                source: step(0, 2),
            }],
        }],
    };
    array(&[10], BIG, layout)
}

fn joined() -> Array {
    let mut builder = ConcatBuilder::new(&[0], 0).unwrap();
    for (length, offset) in [(3, f64::INFINITY), (3, 0.5), (3, 0.5)] {
        let mut table = ChunkTableBuilder::new(vec![2]);
        table.push(0, LocationId(1), 7, 8).unwrap();
        let encoding = Encoding {
            chunk_shape: vec![2],
            codecs: vec![Codec::Zlib { level: 1 }],
            packing: Some(Packing {
                data_type: BIG,
                fill_value: Some(Bytes::from_static(&[0, 9])),
                missing: vec![Bytes::from_static(&[0, 9])],
                scale: 0.01,
                offset,
            }),
        };
        builder.push(length, encoding, table.finish()).unwrap();
    }
    builder.push_fill(4).unwrap();
    array(&[13], DOUBLE, builder.finish().unwrap())
}

fn attributes() -> Attributes {
    let of = |data_type, shape, values| Attribute {
        data_type,
        shape,
        values,
    };
    let record = DataType::Record {
        size: 12,
        fields: vec![
            Field {
                name: "x".into(),
                offset: 0,
                data_type: BIG,
                shape: vec![2],
            },
            Field {
                name: "y".into(),
                offset: 4,
                data_type: DOUBLE,
                shape: Vec::new(),
            },
        ],
    };
    let pair = Value::List(vec![Value::UInt(1), Value::UInt(65535)]);
    let fields = vec![("x".into(), pair), ("y".into(), Value::Float(-0.0))];
    let sequence = DataType::Sequence {
        element: Box::new(DataType::VariableString),
    };
    let texts = Value::List(vec![Value::Text("a".into()), Value::Int(i64::MIN)]);
    let numbers = [
        f64::NAN,
        f64::INFINITY,
        f64::from_bits(0x7ff0_0000_0000_0001),
        0.1,
    ];
    let other = vec![
        Value::Bool(true),
        Value::UInt(u64::MAX),
        Value::Float(1.0),
        Value::Complex(1.0, f64::NEG_INFINITY),
        Value::Bytes(Bytes::from_static(b"\0\xff")),
        Value::List(vec![Value::Null, Value::Text("b".into())]),
        Value::Record(vec![("k".into(), Value::Int(-1))]),
    ];
    Attributes::from([
        (
            "record".to_owned(),
            of(record, Some(vec![]), vec![Value::Record(fields)]),
        ),
        ("texts".to_owned(), of(sequence, Some(vec![1]), vec![texts])),
        (
            "numbers".to_owned(),
            of(DOUBLE, Some(vec![2, 2]), numbers.map(Value::Float).to_vec()),
        ),
        (
            "nothing".to_owned(),
            of(DataType::FixedString { length: 3 }, None, vec![]),
        ),
        (
            "of other kinds".to_owned(),
            of(DataType::Reference, Some(vec![7]), other),
        ),
    ])
}

fn manifest() -> Manifest {
    let mut manifest = Manifest::default();
    let locations = &mut manifest.locations;
    let pin = Pin {
        size: Some(1 << 40),
        etag: Some("\"e\"".into()),
        last_modified: Some("Thu, 01 Jan 2026 00:00:00 GMT".into()),
        concept_id: Some("G1-PODAAC".into()),
        revision: Some(2),
    };
    let first = Location::new("https://archive.example.org/a.nc")
        .with_alternates(["s3://bucket/a.nc"])
        .with_pin(pin);
    locations.intern(first);
    locations.intern(Location::new("s3://bucket/b.nc"));
    locations.set_prefix(
        Prefix::new("s3://bucket")
            .with_region("us-west-2")
            .with_credentials_endpoint("https://archive.example.org/s3credentials"),
    );
    let provenance = &mut manifest.provenance;
    let mut collection = Collection::default();
    collection.short_name = Some("MUR".into());
    collection.title = Some("Sea Surface Temperature".into());
    collection.doi = Some("10.5067/GHGMR-4FJ04".into());
    let mut citation = CitationRecord::default();
    citation.creator = Some("A. Maker".into());
    citation.title = Some("Sea Surface Temperature Analysis".into());
    citation.release_date = Some("2015-03-11".into());
    citation.publisher = Some("A Centre".into());
    collection.citation = Some(citation);
    provenance.collection = Some(collection);
    provenance.query = Some("short_name=MUR".into());
    provenance.chunkref = Some("0.1.0".into());
    let mut granule = GranuleRecord::new("a");
    granule.concept_id = Some("G1-PODAAC".into());
    granule.revision = Some(2);
    granule.start = Some("2020-05-31T21:00:00Z".into());
    granule.end = Some("2020-06-01T21:00:00Z".into());
    granule.locations = vec![LocationId(0)];
    provenance.granules.push(granule);

    let root = &mut manifest.root;
    root.attributes = attributes();
    let mut plain = ChunkTableBuilder::new(vec![10]);
    plain.push(3, LocationId(1), 70, 8).unwrap();
    let mut simple = chunked(vec![Codec::Zlib { level: 1 }], plain.finish());
    simple.fill_value = Some(Bytes::from_static(&[1, 2]));
    simple
        .attributes
        .insert("units".into(), Attribute::text("K"));
    root.arrays.insert("chunked".into(), simple);
    root.arrays
        .insert("chunked in full".into(), chunked(codecs(), table()));
    let runs = Layout::Contiguous {
        location: LocationId(0),
        offset: 64,
        length: 8,
        chunk_shape: vec![2],
    };
    root.arrays
        .insert("contiguous".into(), array(&[4], BIG, runs));
    let inner = &mut root.groups.entry("g".into()).or_default().arrays;
    let data = Bytes::from_static(b"\0\x01");
    inner.insert("inline".into(), array(&[], BIG, Layout::Inline { data }));
    let absent = Layout::Absent {
        chunk_shape: vec![3],
        fill_chunk: None,
    };
    inner.insert("absent".into(), array(&[4], DOUBLE, absent));
    let external = Layout::External {
        segments: vec![
            Segment {
                place: Some((LocationId(1), 3)),
                length: 5,
            },
            Segment {
                place: None,
                length: 3,
            },
        ],
        chunk_shape: vec![4],
    };
    inner.insert("external".into(), array(&[4], BIG, external));
    inner.insert("virtual".into(), mapped());
    inner.insert("concat".into(), joined());
    manifest
}

#[test]
fn what_is_written_stays_as_it_is() {
    let mut text = Vec::new();
    write(&manifest(), &mut text).unwrap();
    let written: Json = serde_json::from_slice(&text).unwrap();
    let expected: Json = serde_json::from_str(WRITTEN).unwrap();
    assert_eq!(
        written,
        expected,
        "changed: {}",
        serde_json::to_string_pretty(&written).unwrap()
    );
}

#[test]
fn what_was_written_is_read() {
    let extras = Extras::parse(WRITTEN.as_bytes()).unwrap();
    let set = crate::from_json(r#"{"version": 1, "refs": {}}"#).unwrap();
    let read = extras.apply(set, None).manifest;
    // Those that the extras hold alone.
    let manifest = manifest();
    for path in ["chunked in full", "g/external", "g/virtual", "g/concat"] {
        assert_eq!(read.array(path), manifest.array(path), "{path}");
    }
    assert_eq!(read.locations, manifest.locations);
    assert_eq!(read.provenance, manifest.provenance);
}
