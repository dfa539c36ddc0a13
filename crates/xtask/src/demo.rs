//! `cargo demo`: the main job on small granules, behind a server 50 ms away.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chunkref::combine::{ConcatOptions, concat};
use chunkref::manifest::Locations;
use chunkref::{Client, ClientOptions, Manifest, ScanOptions, Stats, Store, scan, write};
use chunkref_testkit::RangeServer;
use zarrs::array::{Array, ArraySubset};

use crate::Error;
use crate::process::root;

const LATENCY: Duration = Duration::from_millis(50);
/// The Great Lakes: west, south, east, north in degrees.
const BOX: [f64; 4] = [-94.93, 40.26, -73.83, 48.95];
const VARIABLE: &str = "analysed_sst";

/// What the demo measures.
struct Figures {
    granules: usize,
    archive: u64,
    scan: Stats,
    scan_seconds: f64,
    read: Stats,
    first_number_seconds: f64,
    cells: usize,
    mean: f64,
}

pub(crate) fn run(arguments: &[String]) -> Result<(), Error> {
    if let Some(argument) = arguments.first() {
        return Err(format!("`demo` takes no `{argument}`").into());
    }
    let folder = root().join("fixtures/granules");
    let names = granules(&folder)?;
    let server = RangeServer::builder()
        .root(&folder)
        .latency(LATENCY)
        .start_blocking();
    println!(
        "{} granules behind an HTTP server, {} ms away: {}\n",
        names.len(),
        LATENCY.as_millis(),
        server.url()
    );
    let runtime = tokio::runtime::Runtime::new()?;
    let (joined, figures) = runtime.block_on(measure(&folder, &names, &server))?;
    let out = root().join("target/demo");
    std::fs::create_dir_all(&out)?;
    // The server ends with the demo: what is written refers to the files it served.
    let local = relocate(&joined, &format!("{}/", server.url()), &folder)?;
    let (json, parquet) = (out.join("mur_like.json"), out.join("mur_like.parquet"));
    write(&local, &json)?;
    write(&local, &parquet)?;
    print(&figures);
    println!("\nwritten: {} and {}", json.display(), parquet.display());
    println!("\nopen it in xarray (with kerchunk installed):\n");
    println!(
        "  python -c 'import xarray; print(xarray.open_dataset(\"{}\", engine=\"kerchunk\"))'",
        json.display()
    );
    Ok(())
}

/// The daily granules among the fixtures, by name, which is by date.
fn granules(folder: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with("mur_like_") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

async fn measure(
    folder: &Path,
    names: &[String],
    server: &RangeServer,
) -> Result<(Manifest, Figures), Error> {
    // The granules are a thousand times smaller than real ones; so are the reads ahead.
    let small = ClientOptions::default()
        .with_head_read(8 << 10)
        .with_merge_gap(2 << 10);
    let mut archive = 0;
    for name in names {
        archive += std::fs::metadata(folder.join(name))?.len();
    }

    let start = Instant::now();
    let client = Client::new(small.clone());
    let tasks: Vec<_> = names
        .iter()
        .map(|name| {
            let (client, url) = (client.clone(), server.url_of(&format!("/{name}")));
            tokio::spawn(async move { scan(&client, &url, &ScanOptions::default()).await })
        })
        .collect();
    let mut manifests = Vec::new();
    for task in tasks {
        manifests.push(task.await??.manifest);
    }
    let (joined, _) = concat(manifests, "time", &ConcatOptions::new())?;
    let scan_seconds = start.elapsed().as_secs_f64();

    // A new client, so that nothing of the scan is in its cache.
    let reader = Client::new(small);
    let store = Arc::new(Store::new(Arc::new(joined.clone()), reader.clone()));
    let (cells, mean) = region_mean(&store).await?;
    let figures = Figures {
        granules: names.len(),
        archive,
        scan: client.log().snapshot(),
        scan_seconds,
        read: reader.log().snapshot(),
        first_number_seconds: start.elapsed().as_secs_f64(),
        cells,
        mean,
    };
    Ok((joined, figures))
}

/// The mean of the variable over the box and all days: number of valid cells, degrees Celsius.
async fn region_mean(store: &Arc<Store>) -> Result<(usize, f64), Error> {
    let [west, south, east, north] = BOX;
    let (lat, lon) = tokio::try_join!(
        window(store, "/lat", south, north),
        window(store, "/lon", west, east)
    )?;
    let array = Array::async_open(store.clone(), &format!("/{VARIABLE}")).await?;
    let days = *array.shape().first().ok_or("the variable has no axes")?;
    let region = ArraySubset::new_with_ranges(&[0..days, lat, lon]);
    let packed: Vec<i16> = array.async_retrieve_array_subset(&region).await?;
    let number = |name: &str| {
        let value = array
            .attributes()
            .get(name)
            .and_then(serde_json::Value::as_f64);
        value.ok_or_else(|| Error::from(format!("{VARIABLE} has no attribute {name}")))
    };
    let (scale, offset) = (number("scale_factor")?, number("add_offset")?);
    let fill = i16::from_ne_bytes(array.fill_value().as_ne_bytes().try_into()?);
    let values: Vec<f64> = packed
        .iter()
        .filter(|&&value| value != fill)
        .map(|&value| f64::from(value) * scale + offset - 273.15)
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "far fewer cells than 2^52")]
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    Ok((values.len(), mean))
}

/// The indices of a coordinate's values from `low` to `high`; the values ascend.
async fn window(
    store: &Arc<Store>,
    path: &str,
    low: f64,
    high: f64,
) -> Result<std::ops::Range<u64>, Error> {
    let array = Array::async_open(store.clone(), path).await?;
    let values: Vec<f32> = array
        .async_retrieve_array_subset(&array.subset_all())
        .await?;
    let start = values.partition_point(|&value| f64::from(value) < low);
    let end = values.partition_point(|&value| f64::from(value) <= high);
    Ok(u64::try_from(start)?..u64::try_from(end)?)
}

/// The same manifest with its locations in a folder.
fn relocate(manifest: &Manifest, prefix: &str, folder: &Path) -> Result<Manifest, Error> {
    let mut moved = manifest.clone();
    let mut locations = Locations::default();
    for (_, location) in manifest.locations.iter() {
        let name = location.url.strip_prefix(prefix).unwrap_or(&location.url);
        let path: PathBuf = folder.join(name);
        locations
            .intern(location.clone().with_url(path.display().to_string()))
            .ok_or("too many locations")?;
    }
    moved.locations = locations;
    Ok(moved)
}

fn print(figures: &Figures) {
    let share = |bytes: u64| {
        #[expect(clippy::cast_precision_loss, reason = "a percentage")]
        let share = 100.0 * bytes as f64 / figures.archive as f64;
        format!("{bytes} bytes ({share:.1} %)")
    };
    let rows = [
        (
            "archive",
            format!("{} bytes in {} granules", figures.archive, figures.granules),
        ),
        (
            "scan",
            format!(
                "{} in {} requests, {:.2} s",
                share(figures.scan.bytes),
                figures.scan.requests,
                figures.scan_seconds
            ),
        ),
        (
            "read",
            format!(
                "{} in {} requests",
                share(figures.read.bytes),
                figures.read.requests
            ),
        ),
        (
            "time to the first number",
            format!("{:.2} s", figures.first_number_seconds),
        ),
        (
            "mean of the region",
            format!("{:.3} degrees C over {} cells", figures.mean, figures.cells),
        ),
    ];
    for (name, value) in rows {
        println!("  {name:<26}{value}");
    }
}
