//! One map.

use std::sync::Arc;

use chunkref::earthdata::{FileChoice, Granule};
use chunkref::manifest::{Array, Value};
use chunkref::store::{Elements, Query, ReadOptions};
use chunkref::{Client, GranuleFile, Manifest, ScanOptions, Store, scan};
use ndarray::{Array2, Ix2, Zip};

use crate::{BOX, Result};

const TEMPERATURE: &str = "analysed_sst";
const ICE: &str = "sea_ice_fraction";
/// Water with more ice than this has no temperature that counts.
const MOST_ICE: f64 = 0.15;
const KELVIN: f64 = 273.15;

/// The lakes on one day.
pub(crate) struct Day {
    pub(crate) year: i32,
    /// Degrees Celsius by latitude and longitude; NaN on land and under ice.
    pub(crate) celsius: Array2<f64>,
}

impl Day {
    pub(crate) async fn read(client: &Client, granule: &Granule) -> Result<Self> {
        let files = granule.choose(&FileChoice::default())?;
        let file = files.first().ok_or("a granule without a file")?;
        // From its bucket, where that is near and can be read, else over https.
        let file = GranuleFile::new(granule, file, None);
        let url = file.choose(client).await?;
        let names = [TEMPERATURE, ICE, "lat", "lon"];
        let options = ScanOptions::default().with_variables(names);
        let manifest = Arc::new(scan(client, &url, &options).await?.manifest);
        let store = Store::new(Arc::clone(&manifest), client.clone());

        let [west, south, east, north] = BOX;
        let query = Query::new()
            .with_isel("time=0")?
            .with_sel(&format!("lat={south}:{north}"))?
            .with_sel(&format!("lon={west}:{east}"))?;
        let options = ReadOptions::default();
        let part = store.subset(TEMPERATURE, &query, options).await?;
        let (temperature, ice) = futures::try_join!(
            store.read_subset(TEMPERATURE, &part, options),
            store.read_subset(ICE, &part, options),
        )?;
        let mut celsius = unpacked(&manifest, TEMPERATURE, &temperature)?;
        let ice = unpacked(&manifest, ICE, &ice)?;
        Zip::from(&mut celsius).and(&ice).for_each(|degrees, &ice| {
            // Where nothing is known of ice there is none.
            let is_open = ice.is_nan() || ice < MOST_ICE;
            *degrees = if is_open { *degrees - KELVIN } else { f64::NAN };
        });
        let end = granule.temporal.and_then(|at| at.end);
        let end = end.ok_or("a granule without a time")?.to_string();
        let (year, _) = end.split_once('-').ok_or("a time without a year")?;
        Ok(Self {
            year: year.parse()?,
            celsius,
        })
    }
}

/// Stored integers as what they stand for; NaN where they stand for nothing.
fn unpacked(manifest: &Manifest, name: &str, stored: &Elements) -> Result<Array2<f64>> {
    let array = manifest.array(name).ok_or("no such variable")?;
    let scale = number(array, "scale_factor").unwrap_or(1.0);
    let offset = number(array, "add_offset").unwrap_or(0.0);
    let missing = number(array, "_FillValue");
    let stored = if let Some(stored) = stored.to_array::<i16>() {
        stored.mapv(f64::from)
    } else if let Some(stored) = stored.to_array::<i8>() {
        stored.mapv(f64::from)
    } else {
        return Err(format!("{name}: {:?} is not expected", array.data_type).into());
    };
    let stored = stored.into_dimensionality::<Ix2>()?;
    Ok(stored.mapv(|stored| {
        if Some(stored) == missing {
            f64::NAN
        } else {
            stored * scale + offset
        }
    }))
}

/// An attribute that is one number.
fn number(array: &Array, name: &str) -> Option<f64> {
    match array.attributes.get(name)?.values.first()? {
        Value::Float(number) => Some(*number),
        Value::Int(number) => Some(f64::from(i32::try_from(*number).ok()?)),
        Value::UInt(number) => Some(f64::from(u32::try_from(*number).ok()?)),
        _ => None,
    }
}
