//! Parts of arrays by labels and by boxes: which windows are taken, what is read, what moves.

use std::sync::Arc;

use bytes::Bytes;
use chunkref_io::{Client, ClientOptions};
use chunkref_manifest::{
    Array, Attribute, Codec, ConcatBuilder, Encoding, Layout, Location, LocationId, Manifest,
    chunk_index,
};
use chunkref_store::{
    BlockingStore, BoundingBox, Error, Query, ReadOptions, Slice, Store, StoreOptions, Subset,
};

use crate::dataset::{BYTE, DOUBLE_BIG, Dataset, FLOAT, SHORT, Served};

const DEFLATE: [Codec; 2] = [Codec::Shuffle { element_size: 2 }, Codec::Zlib { level: 1 }];

/// Served to a client that fetches nothing between what is wanted: small as all is, it would else be
/// cheaper to fetch the whole object.
fn served(data: Dataset) -> Served {
    let Served { server, store, .. } = data.served(StoreOptions::new());
    let exact = ClientOptions::default()
        .with_head_read(0)
        .with_cache_bytes(0)
        .with_merge_gap(0);
    let client = Client::new(exact);
    let store = Store::new(tree(&store), client.clone());
    let store = Arc::new(BlockingStore::new(store).unwrap());
    Served {
        server,
        client,
        store,
    }
}

fn tree(store: &BlockingStore) -> Arc<Manifest> {
    futures::executor::block_on(store.store().tree()).unwrap()
}

fn options() -> ReadOptions {
    ReadOptions::default()
}

fn lies_along(array: &mut Array, dimensions: &[&str]) {
    array.dimension_names = dimensions.iter().map(|&name| name.to_owned()).collect();
}

fn attribute(array: &mut Array, name: &str, text: &str) {
    array.attributes.insert(name.into(), Attribute::text(text));
}

/// A coordinate along a dimension of its own name, in one run of bytes.
fn insert_axis(data: &mut Dataset, name: &str, units: &str, values: &[f64]) {
    let length = values.len() as u64;
    let mut axis = data.chunked(DOUBLE_BIG, &[length], &[length], &[], &[], |place| {
        let value = values[usize::try_from(place[0]).unwrap()];
        value.to_be_bytes().to_vec()
    });
    lies_along(&mut axis, &[name]);
    attribute(&mut axis, "units", units);
    data.insert(name, axis);
}

/// Numbers of their places in C order, in chunks.
fn insert_numbers(data: &mut Dataset, name: &str, axes: &[(&str, u64, u64)]) {
    let shape: Vec<u64> = axes.iter().map(|axis| axis.1).collect();
    let chunks: Vec<u64> = axes.iter().map(|axis| axis.2).collect();
    let mut array = data.chunked(SHORT, &shape, &chunks, &DEFLATE, &[], |place| {
        let number = chunk_index(place, &shape).unwrap_or(0) % 30_000;
        i16::try_from(number).unwrap().to_le_bytes().to_vec()
    });
    let names: Vec<&str> = axes.iter().map(|axis| axis.0).collect();
    lies_along(&mut array, &names);
    data.insert(name, array);
}

/// 3 x 18 x 36 of ten degrees each; latitudes descend, longitudes go from 5 to 355 or -175 to 175.
fn grid(first_longitude: f64) -> Served {
    let mut data = Dataset::empty();
    let latitudes: Vec<f64> = (0..18).map(|n| 85.0 - 10.0 * f64::from(n)).collect();
    let longitudes = (0..36).map(|n| first_longitude + 10.0 * f64::from(n));
    insert_axis(&mut data, "lat", "degrees_north", &latitudes);
    insert_axis(
        &mut data,
        "lon",
        "degrees_east",
        &longitudes.collect::<Vec<_>>(),
    );
    insert_axis(&mut data, "time", "days since 2020-06-01", &[0.0, 1.0, 2.0]);
    insert_numbers(
        &mut data,
        "a",
        &[("time", 3, 1), ("lat", 18, 5), ("lon", 36, 9)],
    );
    served(data)
}

fn subset(served: &Served, path: &str, query: &Query) -> Result<Subset, String> {
    let subset = served.store.subset(path, query, options());
    subset.map_err(|error| error.to_string())
}

fn boxed(text: &str) -> Query {
    Query::new().with_bounding_box(BoundingBox::parse(text).unwrap())
}

fn shorts(served: &Served, path: &str, subset: &Subset) -> Vec<i16> {
    let read = served.store.read_subset(path, subset, options()).unwrap();
    read.to_array::<i16>().unwrap().into_raw_vec_and_offset().0
}

#[test]
fn labels_and_indices_are_windows_of_indices() {
    let served = grid(5.0);
    let query = Query::new()
        .with_sel("time=2020-06-02,lat=40:60")
        .unwrap()
        .with_isel("lon=-3::2")
        .unwrap();
    let found = subset(&served, "/a", &query).unwrap();
    assert_eq!(found.to_string(), "time=1, lat=3:5, lon=33:36:2");
    assert!(found.axes[0].dropped);
    let read = served.store.read_subset("/a", &found, options()).unwrap();
    assert_eq!(read.shape, [2, 2]);
    let first = 18 * 36 + 3 * 36 + 33;
    assert_eq!(
        shorts(&served, "/a", &found),
        [first, first + 2, first + 36, first + 38]
    );
    let latitudes = served.store.read_subset("/lat", &found, options()).unwrap();
    assert_eq!(latitudes.shape, [2]);
    assert_eq!(
        latitudes.to_array::<f64>().unwrap().as_slice().unwrap(),
        [55.0, 45.0]
    );
    let time = served
        .store
        .read_subset("/time", &found, options())
        .unwrap();
    assert!(time.shape.is_empty());
    let nearest = Query::new()
        .with_sel("lat=41,lon=14.9")
        .unwrap()
        .with_nearest(true);
    let found = subset(&served, "/a", &nearest).unwrap();
    assert_eq!(found.to_string(), "time=0:3, lat=4, lon=1");
    let nothing = subset(&served, "/a", &Query::new().with_sel("lat=41:44").unwrap()).unwrap();
    assert_eq!(nothing.to_string(), "time=0:3, lat=nothing, lon=0:36");
    let read = served.store.read_subset("/a", &nothing, options()).unwrap();
    assert_eq!((read.shape, read.bytes.len()), (vec![3, 0, 36], 0));
}

#[test]
fn boxes_on_axes_are_windows_from_west_to_east() {
    let (east, west) = (grid(5.0), grid(-175.0));
    for (text, latitude, in_east, in_west) in [
        ("5,40,30,60", "3:5", "0:3", "18:21"),
        ("-30,40,15,60", "3:5", "33:36+0:2", "15:20"),
        ("170,-90,-170,-80", "17:18", "17:19", "35:36+0:1"),
        ("170,-90,190,-80", "17:18", "17:19", "35:36+0:1"),
        ("-180,-10,180,10", "8:10", "0:36", "0:36"),
        ("0,-10,360,10", "8:10", "0:36", "0:36"),
        ("6,-10,14,10", "8:10", "nothing", "nothing"),
        ("5,45,5,45", "4:5", "0:1", "18:19"),
    ] {
        for (served, longitude) in [(&east, in_east), (&west, in_west)] {
            let found = subset(served, "/a", &boxed(text)).unwrap();
            let expected = format!("time=0:3, lat={latitude}, lon={longitude}");
            assert_eq!(found.to_string(), expected, "{text}");
        }
    }
    let query = boxed("-30,40,15,60").with_isel("time=0").unwrap();
    let found = subset(&east, "/a", &query).unwrap();
    let row = |row: i16| [33, 34, 35, 0, 1].map(|column| row * 36 + column);
    assert_eq!(shorts(&east, "/a", &found), [row(3), row(4)].concat());
    let longitudes = east.store.read_subset("/lon", &found, options()).unwrap();
    assert_eq!(
        longitudes.to_array::<f64>().unwrap().as_slice().unwrap(),
        [335.0, 345.0, 355.0, 5.0, 15.0]
    );
}

/// Coordinates and the chunks that are hit, each once, and no more.
#[test]
fn for_a_box_coordinates_and_the_chunks_that_are_hit_move() {
    let served = grid(5.0);
    served.server.reset();
    let query = boxed("-30,40,15,60").with_sel("time=2020-06-02").unwrap();
    let found = subset(&served, "/a", &query).unwrap();
    let coordinates = 8 * (18 + 36 + 3);
    assert_eq!(served.server.bytes(), coordinates);
    // They lie next to each other.
    assert_eq!(served.server.requests(), 1);
    served.server.reset();
    shorts(&served, "/a", &found);
    // Two rows in one row of chunks; the first and the last of four chunks.
    assert_eq!(served.server.requests(), 2);
    let chunks = stored(&served, "a", &[[1, 0, 0], [1, 0, 3]]);
    assert_eq!(served.server.bytes(), chunks);
}

/// The bytes of chunks as they are stored.
fn stored(served: &Served, path: &str, chunks: &[[u64; 3]]) -> u64 {
    let manifest = tree(&served.store);
    let array = manifest.array(path).unwrap();
    let grid = array.chunk_grid().unwrap();
    let chunks = chunks.iter().map(|place| {
        let place = &place[3 - grid.len()..];
        let chunk = array.chunk(chunk_index(place, &grid).unwrap()).unwrap();
        match chunk {
            chunkref_manifest::ChunkRef::Range { length, .. } => length,
            other => panic!("{other:?}"),
        }
    });
    chunks.sum()
}

/// 40,000 photons along a track, in chunks of 1,000: latitude rises, longitude is noisy.
fn track() -> Served {
    let mut data = Dataset::empty();
    for (name, standard_name) in [("lat_ph", "latitude"), ("lon_ph", "longitude")] {
        let mut degrees = data.chunked(FLOAT, &[40_000], &[1000], &DEFLATE, &[], |place| {
            let photon = f32::from(u16::try_from(place[0]).unwrap());
            let (latitude, longitude) = (60.0 + photon / 40_000.0, noisy(place[0]));
            let value = if name == "lat_ph" {
                latitude
            } else {
                longitude
            };
            value.to_le_bytes().to_vec()
        });
        lies_along(&mut degrees, &["delta_time"]);
        attribute(&mut degrees, "standard_name", standard_name);
        data.insert(&format!("gt1l/heights/{name}"), degrees);
    }
    insert_numbers(
        &mut data,
        "gt1l/heights/h_ph",
        &[("delta_time", 40_000, 1000)],
    );
    insert_numbers(
        &mut data,
        "gt1l/heights/conf",
        &[("delta_time", 40_000, 1000), ("surface", 2, 2)],
    );
    served(data)
}

/// Every fifth photon lies east of the others.
fn noisy(photon: u64) -> f32 {
    if photon.is_multiple_of(5) {
        -39.0
    } else {
        -40.0
    }
}

#[test]
fn along_a_track_what_lies_in_the_box_is_read() {
    let served = track();
    served.server.reset();
    // Photons 5,200 to 6,800.
    let found = subset(
        &served,
        "/gt1l/heights/h_ph",
        &boxed("319.5,60.13,320.5,60.17"),
    )
    .unwrap();
    let all: Vec<[u64; 3]> = (0..40).map(|chunk| [0, 0, chunk]).collect();
    let both =
        stored(&served, "gt1l/heights/lat_ph", &all) + stored(&served, "gt1l/heights/lon_ph", &all);
    assert_eq!(served.server.bytes(), both);
    let window = found.axes[0].windows.clone();
    assert_eq!(window, [Slice::new(5201, 6800)]);
    let expected: Vec<u64> = (5200..=6800).filter(|n| n % 5 != 0).collect();
    let inside = found.inside.as_ref().unwrap();
    assert_eq!(inside.count(), expected.len() as u64);
    assert_eq!(inside.dimensions, ["delta_time"]);
    served.server.reset();
    let found_photons = shorts(&served, "/gt1l/heights/h_ph", &found);
    let photons = expected.iter().map(|n| i16::try_from(n % 30_000).unwrap());
    assert_eq!(found_photons, photons.collect::<Vec<_>>());
    let hit = stored(&served, "gt1l/heights/h_ph", &[[0, 0, 5], [0, 0, 6]]);
    assert_eq!(served.server.bytes(), hit);
    let both = served
        .store
        .read_subset("/gt1l/heights/conf", &found, options())
        .unwrap();
    assert_eq!(both.shape, [expected.len() as u64, 2]);
    let both = both.to_array::<i16>().unwrap();
    let pair = |n: u64| [n * 2 % 30_000, (n * 2 + 1) % 30_000];
    assert!(
        both.iter()
            .zip(expected.iter().flat_map(|n| pair(*n)))
            .all(|(found, expected)| { u64::try_from(*found) == Ok(expected) })
    );
    let none = subset(&served, "/gt1l/heights/h_ph", &boxed("0,0,1,1")).unwrap();
    assert_eq!(none.to_string(), "delta_time=nothing");
    assert!(shorts(&served, "/gt1l/heights/h_ph", &none).is_empty());
}

/// A track that leaves the box for a while, and comes back.
#[test]
fn chunks_between_two_visits_are_not_read() {
    let mut data = Dataset::empty();
    for name in ["latitude", "longitude"] {
        let mut degrees = data.chunked(FLOAT, &[1000], &[100], &[], &[], |place| {
            let there = !(150..720).contains(&place[0]);
            let value = if there { 10.0_f32 } else { 50.0 };
            value.to_le_bytes().to_vec()
        });
        lies_along(&mut degrees, &["shot"]);
        data.insert(name, degrees);
    }
    insert_numbers(&mut data, "rh", &[("shot", 1000, 100)]);
    let served = served(data);
    let found = subset(&served, "/rh", &boxed("5,5,15,15")).unwrap();
    assert_eq!(found.to_string(), "shot=0:150+720:1000");
    served.server.reset();
    let read = shorts(&served, "/rh", &found);
    assert_eq!(read.len(), 430);
    assert_eq!(read[148..152], [148, 149, 720, 721]);
    let hit = [0, 1, 7, 8, 9].map(|chunk| [0, 0, chunk]);
    assert_eq!(served.server.bytes(), stored(&served, "rh", &hit));
    assert_eq!(served.server.requests(), 2);
}

/// A swath of 40 x 30 that runs across its box; the coordinates lie in a group above.
#[test]
fn in_a_swath_the_least_window_is_read_and_a_mask_says_what_is_inside() {
    let mut data = Dataset::empty();
    let degrees = |place: &[u64]| {
        let (row, column) = (
            i32::try_from(place[0]).unwrap(),
            i32::try_from(place[1]).unwrap(),
        );
        (f64::from(row + column), f64::from(row - column) + 180.0)
    };
    for (name, units) in [("nav_lat", "degrees_north"), ("nav_lon", "degrees_east")] {
        let mut array = data.chunked(DOUBLE_BIG, &[40, 30], &[10, 30], &[], &[], |place| {
            let (latitude, longitude) = degrees(place);
            let value = if name == "nav_lat" {
                latitude
            } else {
                longitude
            };
            value.to_be_bytes().to_vec()
        });
        lies_along(&mut array, &["row", "column"]);
        attribute(&mut array, "units", units);
        data.insert(name, array);
    }
    insert_numbers(
        &mut data,
        "science/bt",
        &[("band", 2, 1), ("row", 40, 5), ("column", 30, 5)],
    );
    let bt = data.manifest.root.groups.get_mut("science").unwrap();
    attribute(
        bt.arrays.get_mut("bt").unwrap(),
        "coordinates",
        "nav_lat nav_lon",
    );
    let served = served(data);
    // -180 is 180.
    let query = boxed("178,20,-178,24").with_isel("band=1").unwrap();
    let found = subset(&served, "/science/bt", &query).unwrap();
    assert_eq!(found.to_string(), "band=1, row=9:14, column=9:14");
    let inside = found.inside.as_ref().unwrap();
    assert_eq!(inside.dimensions, ["row", "column"]);
    let expected: Vec<bool> = (9..14)
        .flat_map(|row| (9..14).map(move |column| (row, column)))
        .map(|(row, column)| {
            let (latitude, longitude) = degrees(&[row, column]);
            (20.0..=24.0).contains(&latitude) && (178.0..=182.0).contains(&longitude)
        })
        .collect();
    assert_eq!(inside.mask, expected);
    let read = shorts(&served, "/science/bt", &found);
    assert_eq!(read.len(), 25);
    assert_eq!(read[6], 1200 + 10 * 30 + 10);
    assert_eq!(
        found.latitude_longitude,
        Some(("/nav_lat".to_owned(), "/nav_lon".to_owned()))
    );
}

#[test]
fn what_does_not_fit_is_said_with_what_would() {
    let served = grid(5.0);
    let isel = |text: &str| subset(&served, "/a", &Query::new().with_isel(text).unwrap());
    let sel = |text: &str| subset(&served, "/a", &Query::new().with_sel(text).unwrap());
    let cases = [
        (
            isel("latt=0"),
            "/a: no dimension \"latt\"; the array has time, lat, lon",
        ),
        (
            isel("time=0,time=1"),
            "/a: dimension \"time\" is selected twice",
        ),
        (isel("time=3"), "/a: time: index 3: it has 3 elements"),
        (isel("time=-4"), "/a: time: index -4: it has 3 elements"),
        (sel("lat=north"), "/a: /lat: \"north\" is no number"),
        (
            sel("lat=41"),
            "/a: /lat: no value 41; --nearest takes the nearest one",
        ),
        (
            sel("time=7"),
            "/a: /time: \"7\" is no time such as 2020-06-01",
        ),
        (
            sel("time=2021-01-01"),
            "no value 2021-01-01; --nearest takes the nearest one; its values go from \
             2020-06-01T00:00:00 to 2020-06-03T00:00:00",
        ),
        (
            subset(&served, "/a", &boxed("0,0,1,1").with_isel("lat=0").unwrap()),
            "/a: dimension \"lat\" is selected twice: /lat lies along it",
        ),
        (
            subset(&served, "/time", &boxed("0,0,1,1")),
            "/time: no latitude along its dimensions: looked for standard_name latitude",
        ),
        (
            subset(
                &served,
                "/a",
                &boxed("0,0,1,1").with_latitude_longitude(Some("y".into()), None),
            ),
            "/a: no array y (--lat)",
        ),
        (
            subset(
                &served,
                "/a",
                &boxed("0,0,1,1").with_latitude_longitude(Some("lon".into()), Some("lat".into())),
            ),
            "/lon holds 95, which is not in -90..90 degrees",
        ),
        (subset(&served, "/b", &Query::new()), "/b: no such array"),
    ];
    for (found, said) in cases {
        let error = found.unwrap_err();
        assert!(error.contains(said), "{error}\nexpected {said}");
    }
    assert_eq!(
        isel("time=5:9").unwrap().to_string(),
        "time=nothing, lat=0:18, lon=0:36"
    );
}

#[test]
fn of_two_that_could_be_latitude_none_is_taken() {
    let mut data = Dataset::empty();
    for name in ["lat_lowestmode", "lat_highestreturn", "lon_lowestmode"] {
        let mut degrees = data.chunked(BYTE, &[4], &[4], &[], &[], |place| {
            vec![u8::try_from(place[0]).unwrap()]
        });
        lies_along(&mut degrees, &["shot"]);
        data.insert(name, degrees);
    }
    insert_numbers(&mut data, "rh", &[("shot", 4, 4)]);
    let served = served(data);
    let query = boxed("1,1,2,2");
    let error = subset(&served, "/rh", &query).unwrap_err();
    assert_eq!(
        error,
        "/rh: both /lat_highestreturn and /lat_lowestmode could be its latitude; name it (--lat)"
    );
    let query = query.with_latitude_longitude(Some("lat_lowestmode".into()), None);
    assert_eq!(
        subset(&served, "/rh", &query).unwrap().to_string(),
        "shot=1:3"
    );
}

/// Four granules of unlike lengths, joined along time.
#[test]
fn granules_are_told_apart() {
    let mut data = Dataset::empty();
    let encoding = Encoding {
        chunk_shape: vec![2, 10],
        codecs: DEFLATE.to_vec(),
        packing: None,
    };
    let mut builder = ConcatBuilder::new(&[0, 20], 0).unwrap();
    let mut first = 0;
    for (number, length) in [3, 2, 1, 4].into_iter().enumerate() {
        let made = data.chunked(SHORT, &[length, 20], &[2, 10], &DEFLATE, &[], |place| {
            let value = (first + place[0]) * 20 + place[1];
            i16::try_from(value).unwrap().to_le_bytes().to_vec()
        });
        first += length;
        let Layout::Chunked { chunks, .. } = made.layout else {
            panic!("not in chunks");
        };
        // All lie in one object here; the names differ.
        let id = LocationId(u32::try_from(number).unwrap());
        let mut own = chunkref_manifest::ChunkTableBuilder::new(chunks.grid().to_vec());
        for (index, chunk) in &chunks {
            if let chunkref_manifest::ChunkRef::Range { offset, length, .. } = chunk {
                own.push(index, id, offset, length).unwrap();
            }
        }
        builder
            .push(length, encoding.clone(), own.finish())
            .unwrap();
    }
    let layout = Layout::Concat(Box::new(builder.concat().unwrap()));
    let mut joined = crate::dataset::array(SHORT, &[10, 20], layout);
    joined.fill_value = Some(Bytes::from_static(&[0, 0]));
    data.insert("a", joined);
    for name in ["a.h5", "b.h5", "c.h5", "d.h5"] {
        data.manifest
            .locations
            .intern(Location::new(format!("http://example.org/{name}")));
    }
    let client = Client::new(ClientOptions::default());
    let store = Store::new(Arc::new(data.manifest), client);
    let store = BlockingStore::new(store).unwrap();
    let query = Query::new().with_isel("d0=1:7,d1=12:15").unwrap();
    let found = store.subset("/a", &query, options()).unwrap();
    let windows = store.granule_windows("/a", &found).unwrap();
    let told: Vec<_> = windows
        .iter()
        .map(|one| (one.url.rsplit('/').next().unwrap(), one.window.clone()))
        .collect();
    assert_eq!(
        told,
        [
            ("a.h5", vec![1..3, 12..15]),
            ("b.h5", vec![3..5, 12..15]),
            ("c.h5", vec![5..6, 12..15]),
            ("d.h5", vec![6..7, 12..15]),
        ]
    );
}

/// As kerchunk writes them where a dimension has no name of its own.
#[test]
fn axes_of_one_dimension_are_read_whole_each_by_its_own_length() {
    let mut data = Dataset::empty();
    let mut array = data.chunked(SHORT, &[2, 5], &[2, 5], &[], &[], |place| {
        let value = u16::try_from(place[0] * 5 + place[1]).unwrap();
        value.to_be_bytes().to_vec()
    });
    lies_along(&mut array, &["level", "level"]);
    data.insert("level", array);
    let served = served(data);
    let query = Query::new();
    let subset = served.store.subset("/level", &query, options()).unwrap();
    assert_eq!(subset.to_string(), "level=0:2, level=0:5");
    let read = served
        .store
        .read_subset("/level", &subset, options())
        .unwrap();
    assert_eq!((read.shape, read.bytes.len()), (vec![2, 5], 20));
    let query = Query::new().with_isel("level=0").unwrap();
    assert!(served.store.subset("/level", &query, options()).is_err());
}

#[test]
fn axes_of_one_dimension_are_told_apart() {
    let mut data = Dataset::empty();
    for name in ["lat", "lon"] {
        let mut degrees = data.chunked(BYTE, &[4, 4], &[4, 4], &[], &[], |place| {
            vec![u8::try_from(place[0] + place[1]).unwrap()]
        });
        lies_along(&mut degrees, &["x", "x"]);
        data.insert(name, degrees);
    }
    insert_numbers(&mut data, "square", &[("x", 4, 4), ("x", 4, 4)]);
    insert_numbers(&mut data, "once", &[("x", 4, 4), ("y", 4, 4)]);
    let served = served(data);
    assert_eq!(
        subset(&served, "/square", &boxed("1,1,2,2")).unwrap_err(),
        "/square: two of its axes are of the dimension \"x\", along which /lat lies"
    );
    // What lies along the dimension twice is no coordinate of what lies there once.
    let error = subset(&served, "/once", &boxed("1,1,2,2")).unwrap_err();
    assert!(
        error.contains("no latitude along its dimensions"),
        "{error}"
    );
}

#[test]
fn what_is_selected_along_and_not_there_is_told_from_what_is_not_found() {
    let served = grid(5.0);
    let fails = |query: &Query| served.store.subset("/a", query, options()).unwrap_err();
    let sel = |text: &str| Query::new().with_sel(text).unwrap();
    assert!(matches!(fails(&sel("depth=5")), Error::NotAlong { .. }));
    assert!(matches!(fails(&sel("lat=7")), Error::Selection { .. }));
    let named = boxed("1,1,2,2").with_latitude_longitude(Some("no".into()), None);
    assert!(matches!(fails(&named), Error::NotAlong { .. }));
}
