//! What it costs to read parts of an array.

use chunkref_manifest::Array;

/// Smaller arrays are read whole without a thought.
const SMALL: u64 = 16 << 20;

/// What the two usual reads of an array along an axis of time cost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// The axis that counts as time: the first with such a name, else the first of all.
    pub axis: String,
    /// All of the other axes at one place of it: a map.
    pub map: Cost,
    /// All of it at one place of the other axes: a series.
    pub series: Cost,
}

/// What a read costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// Chunks that are read.
    pub chunks: u64,
    /// Bytes of their elements, decoded.
    pub touched: u64,
    /// Bytes of the elements that were wanted.
    pub wanted: u64,
}

impl Cost {
    /// How many bytes are decoded for one that is wanted.
    pub fn times(&self) -> u64 {
        self.touched / self.wanted.max(1)
    }
}

/// Names of axes that count something that goes on.
const TIMES: [&str; 5] = ["time", "valid_time", "t", "date", "step"];

impl Access {
    /// What reading an array costs; `None` for one that is small, has no two axes longer than one,
    /// or elements of variable length.
    pub(super) fn new(array: &Array) -> Option<Self> {
        let size = u64::from(array.data_type.size()?);
        let chunk_shape = array.chunk_shape();
        let grid = array.chunk_grid().ok()?;
        let plain = product(size, &array.shape)?;
        let long = array.shape.iter().filter(|length| **length > 1).count();
        if plain < SMALL || long < 2 {
            return None;
        }
        let is_time = |name: &String| TIMES.contains(&name.to_ascii_lowercase().as_str());
        let axis = array.dimension_names.iter().position(is_time).unwrap_or(0);
        let chunk = product(size, &chunk_shape)?;
        let length = *array.shape.get(axis)?;
        let along = *grid.get(axis)?;
        if length < 2 || along == 0 {
            return None;
        }
        let across = product(1, &grid)? / along;
        let cost = |chunks: u64, wanted: u64| {
            Some(Cost {
                chunks,
                touched: chunks.checked_mul(chunk)?,
                wanted,
            })
        };
        Some(Self {
            axis: array.dimension_names.get(axis)?.clone(),
            map: cost(across, plain / length)?,
            series: cost(along, size.checked_mul(length)?)?,
        })
    }
}

fn product(start: u64, lengths: &[u64]) -> Option<u64> {
    lengths
        .iter()
        .try_fold(start, |product, length| product.checked_mul(*length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chunkref_manifest::{Attributes, ByteOrder, DataType, Layout};

    fn array(names: &[&str], shape: &[u64], chunk_shape: &[u64]) -> Array {
        Array {
            shape: shape.to_vec(),
            data_type: DataType::Float {
                size: 4,
                order: ByteOrder::Little,
            },
            dimension_names: names.iter().map(|name| (*name).to_owned()).collect(),
            fill_value: None,
            attributes: Attributes::new(),
            layout: Layout::Absent {
                chunk_shape: chunk_shape.to_vec(),
                fill_chunk: None,
            },
        }
    }

    #[test]
    fn a_chunk_of_full_time_is_dear_for_maps() {
        let pencils = array(&["time", "y", "x"], &[1000, 100, 100], &[1000, 1, 1]);
        let access = Access::new(&pencils).unwrap();
        assert_eq!((access.map.chunks, access.map.times()), (10_000, 1000));
        assert_eq!((access.series.chunks, access.series.times()), (1, 1));
        let maps = array(&["y", "x", "time"], &[100, 100, 1000], &[100, 100, 1]);
        let access = Access::new(&maps).unwrap();
        assert_eq!(access.axis, "time");
        assert_eq!((access.map.chunks, access.map.times()), (1, 1));
        assert_eq!(
            (access.series.chunks, access.series.times()),
            (1000, 10_000)
        );
    }

    #[test]
    fn what_is_small_or_has_one_axis_has_no_costs() {
        assert_eq!(
            Access::new(&array(&["time", "x"], &[10, 10], &[1, 1])),
            None
        );
        assert_eq!(Access::new(&array(&["x"], &[10_000_000], &[1])), None);
        let one = array(&["time", "x"], &[1, 10_000_000], &[1, 1]);
        assert_eq!(Access::new(&one), None);
        let huge = array(&["t", "x"], &[u64::MAX, u64::MAX], &[1, 1]);
        assert_eq!(Access::new(&huge), None);
    }
}
