//! The mean of a region across granules, in parallel.
//!
//! ```sh
//! cargo run --example mean_of_region -- analysed_sst time 45:90,90:180 \
//!     fixtures/granules/mur_like_20200601.nc fixtures/granules/mur_like_20200602.nc
//! ```
//!
//! The granules are joined along a dimension, here `time`; the region is given by first and last place of
//! the axes after it. Elements that stand for no value do not count, packed ones are unpacked.

#![expect(clippy::print_stdout, reason = "a program's results go there")]

use std::error::Error;
use std::sync::Arc;

use chunkref::combine::{ConcatOptions, concat};
use chunkref::manifest::{Array, Value};
use chunkref::store::{BlockingStore, Elements, ReadOptions, Selection, Slice};
use chunkref::{Client, ClientOptions, Manifest, ScanOptions, Store, scan};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [variable, dimension, region, granules @ ..] = arguments.as_slice() else {
        return Err("usage: mean_of_region VARIABLE DIMENSION START:STOP,... URL...".into());
    };
    let manifest = joined(granules, variable, dimension)?;
    let array = manifest.array(variable).ok_or("no such variable")?;
    let packing = Packing::of(array);
    let steps = *array.shape.first().ok_or("a scalar has no region")?;

    let client = Client::new(ClientOptions::default());
    let store = Store::new(Arc::new(manifest.clone()), client.clone());
    let store = BlockingStore::new(store)?;
    let region: Vec<Slice> = region.split(',').map(slice).collect::<Result<_>>()?;
    // Each thread reads one step after another; each is read by a few requests at once.
    let sums: Vec<Sum> = (0..steps)
        .into_par_iter()
        .map(|step| {
            let slices = [&[Slice::at(step)][..], &region].concat();
            let read = store.read(variable, &Selection::slices(slices), ReadOptions::default())?;
            packing.sum(&read)
        })
        .collect::<Result<_>>()?;

    let all = sums.iter().fold(Sum::default(), |all, one| Sum {
        sum: all.sum + one.sum,
        count: all.count + one.count,
        without: all.without + one.without,
    });
    let stats = client.log().snapshot();
    println!("{variable}: mean {:.9}", all.sum / f64::from(all.count));
    println!(
        "{} elements, {} without a value, in {steps} steps",
        all.count, all.without
    );
    println!("{} bytes in {} requests", stats.bytes, stats.requests);
    Ok(())
}

/// `45:90`: the first place and the one past the last.
fn slice(text: &str) -> Result<Slice> {
    let (start, stop) = text.split_once(':').ok_or("expected START:STOP")?;
    Ok(Slice::new(start.parse()?, stop.parse()?))
}

/// The granules as one dataset. Only metadata are read here.
#[tokio::main]
async fn joined(granules: &[String], variable: &str, dimension: &str) -> Result<Manifest> {
    let client = Client::new(ClientOptions::default());
    let options = ScanOptions::default().with_variables([variable]);
    let mut manifests = Vec::new();
    for granule in granules {
        manifests.push(scan(&client, granule, &options).await?.manifest);
    }
    Ok(concat(manifests, dimension, &ConcatOptions::new())?.0)
}

/// How numbers are stored, as the attributes of a variable say.
struct Packing {
    scale: f64,
    offset: f64,
    missing: Option<f64>,
}

#[derive(Default)]
struct Sum {
    sum: f64,
    count: u32,
    without: u32,
}

impl Packing {
    fn of(array: &Array) -> Self {
        let number = |name: &str| match array.attributes.get(name)?.values.first()? {
            Value::Float(number) => Some(*number),
            Value::Int(number) => Some(f64::from(i32::try_from(*number).ok()?)),
            Value::UInt(number) => Some(f64::from(u32::try_from(*number).ok()?)),
            _ => None,
        };
        Self {
            scale: number("scale_factor").unwrap_or(1.0),
            offset: number("add_offset").unwrap_or(0.0),
            missing: number("_FillValue"),
        }
    }

    /// The sum of what has a value.
    fn sum(&self, read: &Elements) -> Result<Sum> {
        let mut sum = Sum::default();
        for number in numbers(read)? {
            if number.is_nan() || Some(number) == self.missing {
                sum.without += 1;
            } else {
                sum.sum += number * self.scale + self.offset;
                sum.count += 1;
            }
        }
        Ok(sum)
    }
}

/// The elements as floating-point numbers, as they are stored.
fn numbers(read: &Elements) -> Result<Vec<f64>> {
    if let Some(numbers) = read.to_array::<i16>() {
        return Ok(numbers.into_iter().map(f64::from).collect());
    }
    if let Some(numbers) = read.to_array::<i32>() {
        return Ok(numbers.into_iter().map(f64::from).collect());
    }
    if let Some(numbers) = read.to_array::<f32>() {
        return Ok(numbers.into_iter().map(f64::from).collect());
    }
    match read.to_array::<f64>() {
        Some(numbers) => Ok(numbers.into_iter().collect()),
        None => Err(format!("{:?}: not a type that this example knows", read.data_type).into()),
    }
}
