//! A small manifest with one array of each layout.

use bytes::Bytes;
use chunkref_manifest::{
    Array, Attribute, Attributes, ByteOrder, ChunkTableBuilder, Codec, DataType, Layout, Location,
    LocationId, Manifest, Value,
};

pub(crate) const URL: &str = "https://data.example.org/a \"b\".h5";

pub(crate) const F4: DataType = DataType::Float {
    size: 4,
    order: ByteOrder::Little,
};

pub(crate) fn array(shape: &[u64], data_type: DataType, layout: Layout) -> Array {
    Array {
        shape: shape.to_vec(),
        data_type,
        dimension_names: (0..shape.len()).map(|axis| format!("d{axis}")).collect(),
        fill_value: None,
        attributes: Attributes::new(),
        layout,
    }
}

pub(crate) fn chunked(
    shape: &[u64],
    chunk_shape: &[u64],
    data_type: DataType,
    stored: &[u64],
) -> Array {
    let grid = chunkref_manifest::chunk_grid(shape, chunk_shape).unwrap();
    let mut chunks = ChunkTableBuilder::new(grid);
    for index in stored {
        chunks
            .push(*index, LocationId(0), 1000 + 100 * index, 100)
            .unwrap();
    }
    let layout = Layout::Chunked {
        chunk_shape: chunk_shape.to_vec(),
        codecs: Vec::new(),
        chunks: chunks.finish(),
        fill_chunk: None,
    };
    array(shape, data_type, layout)
}

pub(crate) fn scalar(value: Value) -> Attribute {
    Attribute {
        data_type: DataType::Bool,
        shape: Some(vec![1]),
        values: vec![value],
    }
}

pub(crate) fn manifest() -> Manifest {
    let mut manifest = Manifest::default();
    let location = manifest.locations.intern(Location::new(URL)).unwrap();
    let root = &mut manifest.root;
    root.attributes.insert("title".into(), Attribute::text("é"));

    let mut filtered = chunked(&[5, 3], &[2, 3], F4, &[0, 2]);
    if let Layout::Chunked { codecs, .. } = &mut filtered.layout {
        codecs.push(Codec::Shuffle { element_size: 4 });
        codecs.push(Codec::Zlib { level: 4 });
        codecs.push(Codec::Fletcher32);
    }
    filtered.fill_value = Some(Bytes::copy_from_slice(&(-9999.0_f32).to_le_bytes()));
    filtered
        .attributes
        .insert("_FillValue".into(), scalar(Value::Float(-9999.0)));
    root.arrays.insert("filtered".into(), filtered);

    let runs = Layout::Contiguous {
        location,
        offset: 64,
        length: 48,
        chunk_shape: vec![2, 3],
    };
    let big = DataType::Int {
        size: 2,
        order: ByteOrder::Big,
    };
    root.arrays.insert("runs".into(), array(&[8, 3], big, runs));

    let inner = root.groups.entry("g".into()).or_default();
    let text = Layout::Inline {
        data: Bytes::from_static(b"\x01\0\0\0\x02\0\0\0hi"),
    };
    let text = array(&[], DataType::VariableString, text);
    inner.arrays.insert("text".into(), text);

    let mut never = array(
        &[2],
        F4,
        Layout::Absent {
            chunk_shape: vec![1],
            fill_chunk: Some(Bytes::from_static(&[0, 0, 128, 63])),
        },
    );
    never.fill_value = Some(Bytes::from_static(&[0, 0, 128, 63]));
    inner.arrays.insert("never".into(), never);
    manifest
}
