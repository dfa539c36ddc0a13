//! Maps of years.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use ndarray::{Array2, Zip};

use crate::Result;
use crate::day::Day;

/// For each year the mean of its days, of each place over the days on which it has a value.
pub(crate) struct Means {
    maps: BTreeMap<i32, Array2<f32>>,
    /// Latitudes and longitudes.
    pub(crate) shape: (usize, usize),
}

impl Means {
    pub(crate) fn of(days: &[Day]) -> Result<Self> {
        let shape = days.first().ok_or("no granule was found")?.celsius.dim();
        let mut of_year: BTreeMap<i32, Vec<&Array2<f64>>> = BTreeMap::new();
        for day in days {
            if day.celsius.dim() != shape {
                return Err(format!("a map of {}: not on the same grid", day.year).into());
            }
            of_year.entry(day.year).or_default().push(&day.celsius);
        }
        let maps = of_year
            .into_iter()
            .map(|(year, days)| (year, mean(&days, shape)));
        Ok(Self {
            maps: maps.collect(),
            shape,
        })
    }

    pub(crate) fn years(&self) -> impl Iterator<Item = (i32, &Array2<f32>)> {
        self.maps.iter().map(|(year, map)| (*year, map))
    }

    /// Writes the maps as one array of numpy's: year, latitude, longitude.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let (rows, columns) = self.shape;
        let header = format!(
            "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {rows}, {columns}), }}",
            self.maps.len()
        );
        // Magic, version and length take ten bytes; all of it a multiple of 64.
        let padded = (header.len() + 11).next_multiple_of(64) - 11;
        let length = u16::try_from(padded + 1)?.to_le_bytes();
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(length);
        writeln!(bytes, "{header:padded$}")?;
        for map in self.maps.values() {
            bytes.extend(map.iter().flat_map(|degrees| degrees.to_le_bytes()));
        }
        std::fs::write(path, bytes)?;
        Ok(())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "f32 is as exact as the data"
)]
fn mean(days: &[&Array2<f64>], shape: (usize, usize)) -> Array2<f32> {
    let (mut sum, mut count) = (Array2::<f64>::zeros(shape), Array2::<f64>::zeros(shape));
    for day in days {
        Zip::from(&mut sum)
            .and(&mut count)
            .and(*day)
            .for_each(|sum, count, &degrees| {
                if !degrees.is_nan() {
                    *sum += degrees;
                    *count += 1.0;
                }
            });
    }
    // 0 / 0 is NaN: no value on any day.
    (sum / count).mapv(|mean| mean as f32)
}

/// The lowest temperature, the mean, and how many places have none.
pub(crate) fn summary(map: &Array2<f32>) -> (f32, f64, usize) {
    let known: Vec<f32> = map
        .iter()
        .copied()
        .filter(|degrees| !degrees.is_nan())
        .collect();
    let coldest = known.iter().copied().fold(f32::INFINITY, f32::min);
    let sum: f64 = known.iter().copied().map(f64::from).sum();
    #[expect(clippy::cast_precision_loss, reason = "to be read by people")]
    let mean = sum / known.len() as f64;
    (coldest, mean, map.len() - known.len())
}
