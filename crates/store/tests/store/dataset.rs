//! A small object and the manifest of what lies in it.

use std::sync::Arc;

use bytes::Bytes;
use chunkref_filters::{Filter, Pipeline};
use chunkref_io::{Client, ClientOptions};
use chunkref_manifest::{
    Array, Attribute, Attributes, ByteOrder, ChunkTableBuilder, Codec, DataType, Group, Layout,
    Location, LocationId, Manifest, chunk_coordinates, chunk_grid,
};
use chunkref_store::{BlockingStore, Store, StoreOptions};
use chunkref_testkit::RangeServer;

pub(crate) const SHORT: DataType = DataType::Int {
    size: 2,
    order: ByteOrder::Little,
};
pub(crate) const FLOAT: DataType = DataType::Float {
    size: 4,
    order: ByteOrder::Little,
};
pub(crate) const DOUBLE_BIG: DataType = DataType::Float {
    size: 8,
    order: ByteOrder::Big,
};
pub(crate) const BYTE: DataType = DataType::UInt {
    size: 1,
    order: ByteOrder::Little,
};

/// An object that grows, and the manifest of its arrays.
pub(crate) struct Dataset {
    pub(crate) object: Vec<u8>,
    pub(crate) manifest: Manifest,
}

impl Dataset {
    pub(crate) fn empty() -> Self {
        Self {
            object: b"metadata".to_vec(),
            manifest: Manifest::default(),
        }
    }

    /// Every kind of array that a store serves.
    pub(crate) fn new() -> Self {
        let mut data = Self::empty();
        data.add_chunked();
        data.add_others();
        data.manifest
            .root
            .attributes
            .insert("title".into(), Attribute::text("by hand"));
        data
    }

    fn add_chunked(&mut self) {
        let deflate = [Codec::Shuffle { element_size: 4 }, Codec::Zlib { level: 4 }];
        let mut sst = self.chunked(FLOAT, &[5, 7], &[2, 3], &deflate, &[], |place| {
            (sst(place[0], place[1])).to_le_bytes().to_vec()
        });
        sst.attributes
            .insert("units".into(), Attribute::text("kelvin"));
        self.insert("sst", sst);
        let all = [
            Codec::Shuffle { element_size: 1 },
            Codec::Zlib { level: 1 },
            Codec::Fletcher32,
        ];
        let summed = self.chunked(BYTE, &[7], &[5], &all, &[], |place| {
            vec![u8::try_from(place[0]).unwrap() * 3]
        });
        self.insert("summed", summed);
        // Chunks 1 and 3 of four are absent.
        let mut gaps = self.chunked(SHORT, &[8], &[2], &[], &[1, 3], |place| {
            i16::try_from(place[0]).unwrap().to_le_bytes().to_vec()
        });
        gaps.fill_value = Some(Bytes::from_static(&[0xf9, 0xff]));
        if let Layout::Chunked { fill_chunk, .. } = &mut gaps.layout {
            *fill_chunk = Some(Bytes::from_static(&[0xf9, 0xff, 0xf9, 0xff]));
        }
        self.insert("gaps", gaps);
    }

    fn add_others(&mut self) {
        let offset = self.object.len() as u64;
        for value in 0..12 {
            self.object.extend(f64::from(value).to_be_bytes());
        }
        let layout = Layout::Contiguous {
            location: LocationId(0),
            offset,
            length: 96,
            chunk_shape: vec![2, 3],
        };
        self.insert("deep/er/run", array(DOUBLE_BIG, &[4, 3], layout));
        let inline = |bytes: &'static [u8]| Layout::Inline {
            data: Bytes::from_static(bytes),
        };
        self.insert("scalar", array(SHORT, &[], inline(&[42, 0])));
        self.insert(
            "names",
            array(
                DataType::FixedString { length: 3 },
                &[2],
                inline(b"ab\0xyz"),
            ),
        );
        let strings = inline(b"\x02\0\0\0\x02\0\0\0hi\0\0\0\0");
        self.insert("strings", array(DataType::VariableString, &[2], strings));
        let nowhere = Layout::Absent {
            chunk_shape: vec![4],
            fill_chunk: None,
        };
        let mut nothing = array(SHORT, &[6], nowhere);
        nothing.fill_value = Some(Bytes::from_static(&[5, 0]));
        nothing
            .attributes
            .insert("_FillValue".into(), fill_attribute(5));
        self.insert("nothing", nothing);
    }

    /// Writes the chunks of an array, those in `absent` left out.
    pub(crate) fn chunked(
        &mut self,
        data_type: DataType,
        shape: &[u64],
        chunk_shape: &[u64],
        codecs: &[Codec],
        absent: &[u64],
        element: impl Fn(&[u64]) -> Vec<u8>,
    ) -> Array {
        let grid = chunk_grid(shape, chunk_shape).unwrap();
        let pipeline = pipeline(codecs);
        let mut table = ChunkTableBuilder::new(grid.clone());
        for index in 0..grid.iter().product() {
            if absent.contains(&index) {
                continue;
            }
            let corner = chunk_coordinates(index, &grid).unwrap();
            let mut plain = Vec::new();
            for cell in 0..chunk_shape.iter().product() {
                let within = chunk_coordinates(cell, chunk_shape).unwrap();
                let place: Vec<u64> = (0..shape.len())
                    .map(|axis| corner[axis] * chunk_shape[axis] + within[axis])
                    .collect();
                plain.extend(element(&place));
            }
            let stored = pipeline.encode(&plain).unwrap();
            let offset = self.object.len() as u64;
            table
                .push(index, LocationId(0), offset, stored.len() as u64)
                .unwrap();
            self.object.extend(stored);
        }
        let layout = Layout::Chunked {
            chunk_shape: chunk_shape.to_vec(),
            codecs: codecs.to_vec(),
            chunks: table.finish(),
            fill_chunk: None,
        };
        array(data_type, shape, layout)
    }

    pub(crate) fn insert(&mut self, path: &str, array: Array) {
        let mut group: &mut Group = &mut self.manifest.root;
        let mut names: Vec<&str> = path.split('/').collect();
        let name = names.pop().unwrap();
        for name in names {
            group = group.groups.entry(name.into()).or_default();
        }
        group.arrays.insert(name.into(), array);
    }

    /// Serves the object over HTTP.
    pub(crate) fn served(mut self, options: StoreOptions) -> Served {
        let server = RangeServer::builder()
            .object("/a.h5", self.object)
            .start_blocking();
        let location = Location::new(server.url_of("/a.h5"));
        self.manifest.locations.intern(location);
        Served::new(server, self.manifest, options)
    }
}

/// A store over a server.
pub(crate) struct Served {
    pub(crate) server: RangeServer,
    pub(crate) client: Client,
    pub(crate) store: Arc<BlockingStore>,
}

impl Served {
    pub(crate) fn new(server: RangeServer, manifest: Manifest, options: StoreOptions) -> Self {
        // Every read is a request for no more than was asked.
        let exact = ClientOptions::default()
            .with_head_read(0)
            .with_cache_bytes(0);
        let client = Client::new(exact);
        let store = Store::with_options(Arc::new(manifest), client.clone(), options);
        let store = Arc::new(BlockingStore::new(store).unwrap());
        Self {
            server,
            client,
            store,
        }
    }
}

pub(crate) fn sst(row: u64, column: u64) -> f32 {
    f32::from(u16::try_from(row * 10 + column).unwrap()) + 0.5
}

pub(crate) fn array(data_type: DataType, shape: &[u64], layout: Layout) -> Array {
    Array {
        shape: shape.to_vec(),
        data_type,
        dimension_names: (0..shape.len()).map(|axis| format!("d{axis}")).collect(),
        fill_value: None,
        attributes: Attributes::new(),
        layout,
    }
}

pub(crate) fn fill_attribute(value: i64) -> Attribute {
    Attribute {
        data_type: SHORT,
        shape: Some(Vec::new()),
        values: vec![chunkref_manifest::Value::Int(value)],
    }
}

fn pipeline(codecs: &[Codec]) -> Pipeline {
    let filters: Vec<Filter> = codecs
        .iter()
        .map(|codec| match *codec {
            Codec::Shuffle { element_size } => Filter::Shuffle { element_size },
            Codec::Zlib { level } => Filter::Deflate { level },
            Codec::Fletcher32 => Filter::Fletcher32,
            _ => panic!("no filter"),
        })
        .collect();
    Pipeline::new(filters)
}
