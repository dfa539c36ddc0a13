//! The grid of chunks, and the orders in which indexes number its cells.

use crate::error::{Place, Result};

/// What an index has to know of its dataset. Shapes are slowest axis first, in elements.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    pub(crate) shape: Vec<u64>,
    /// `None`: unlimited.
    pub(crate) max_shape: Vec<Option<u64>>,
    pub(crate) chunk_shape: Vec<u64>,
    /// Bytes of an element.
    pub(crate) element_size: u32,
    /// Whether there is a filter.
    pub(crate) filtered: bool,
    /// Where the dataset is, for errors.
    pub(crate) place: Place,
}

/// A [`Grid`] that was checked, counted in chunks.
#[derive(Debug)]
pub(crate) struct Cells {
    pub(crate) place: Place,
    pub(crate) filtered: bool,
    pub(crate) chunk_shape: Vec<u64>,
    /// Bytes of a chunk before filters.
    pub(crate) chunk_bytes: u64,
    /// Chunks along each axis of the current shape.
    pub(crate) counts: Vec<u64>,
    /// How far apart neighbours along each axis are in C order of `counts`.
    strides: Vec<u64>,
    max_counts: Vec<Option<u64>>,
}

impl Cells {
    pub(crate) fn new(grid: Grid) -> Result<Self> {
        let place = grid.place;
        let rank = grid.shape.len();
        if rank == 0 || grid.chunk_shape.len() != rank || grid.max_shape.len() != rank {
            return Err(place.malformed(format!(
                "chunks of rank {} in an array of rank {rank}",
                grid.chunk_shape.len()
            )));
        }
        let chunk_bytes = grid
            .chunk_shape
            .iter()
            .try_fold(u64::from(grid.element_size), |bytes, &length| {
                bytes.checked_mul(length)
            });
        let chunk_bytes = chunk_bytes.filter(|&bytes| bytes > 0).ok_or_else(|| {
            let (shape, size) = (&grid.chunk_shape, grid.element_size);
            place.malformed(format!("chunks of {shape:?} elements of {size} bytes"))
        })?;
        let mut max_counts = Vec::with_capacity(rank);
        let mut counts = Vec::with_capacity(rank);
        for ((&length, &max), &chunk) in grid
            .shape
            .iter()
            .zip(&grid.max_shape)
            .zip(&grid.chunk_shape)
        {
            if max.is_some_and(|max| max < length) {
                return Err(place.malformed(format!(
                    "shape {:?} exceeds the maximum {:?}",
                    grid.shape, grid.max_shape
                )));
            }
            counts.push(length.div_ceil(chunk));
            max_counts.push(max.map(|max| max.div_ceil(chunk)));
        }
        let strides = strides_of(&counts)
            .ok_or_else(|| place.limit(format!("a grid of {counts:?} chunks"), u64::MAX))?;
        Ok(Self {
            place,
            filtered: grid.filtered,
            chunk_shape: grid.chunk_shape,
            chunk_bytes,
            counts,
            strides,
            max_counts,
        })
    }

    pub(crate) fn rank(&self) -> usize {
        self.counts.len()
    }

    /// Chunks in the grid.
    pub(crate) fn total(&self) -> u64 {
        let first = self.counts.first().zip(self.strides.first());
        first.map_or(0, |(&count, &stride)| count.saturating_mul(stride))
    }

    /// The number in the grid of the chunk at these coordinates, counted in chunks;
    /// `None` when it lies outside of the current shape.
    pub(crate) fn number(&self, coordinates: impl Iterator<Item = u64>) -> Option<u64> {
        let mut number = 0_u64;
        let axes = self.counts.iter().zip(&self.strides);
        for (coordinate, (&count, &stride)) in coordinates.zip(axes) {
            if coordinate >= count {
                return None;
            }
            number = number.saturating_add(coordinate.saturating_mul(stride));
        }
        Some(number)
    }

    /// The order of a fixed array or implicit index: C order over the grid of the maximum shape.
    pub(crate) fn fixed_order(&self) -> Result<Order> {
        if self.max_counts.iter().any(Option::is_none) {
            let what = "an axis is unlimited, but the chunk index is of fixed size";
            return Err(self.place.malformed(what));
        }
        let axes: Vec<usize> = (0..self.rank()).collect();
        self.order(&axes)
    }

    /// The order of an extensible array: as above, with the one unlimited axis made the slowest
    /// (libhdf5, `H5D__earray_idx_get_addr`).
    pub(crate) fn extensible_order(&self) -> Result<Order> {
        let mut axes: Vec<usize> = (0..self.rank()).collect();
        axes.sort_by_key(|&axis| self.max_counts.get(axis).is_some_and(Option::is_some));
        let unlimited = self.max_counts.iter().filter(|max| max.is_none()).count();
        if unlimited != 1 {
            return Err(self.place.malformed(format!(
                "{unlimited} axes are unlimited, an extensible array has one"
            )));
        }
        self.order(&axes)
    }

    fn order(&self, axes: &[usize]) -> Result<Order> {
        let counts: Vec<u64> = axes
            .iter()
            // The slowest axis does not count in strides; 1 stands for unlimited.
            .map(|&axis| self.max_counts.get(axis).copied().flatten().unwrap_or(1))
            .collect();
        let strides = strides_of(&counts).ok_or_else(|| {
            let what = format!("a grid of up to {counts:?} chunks");
            self.place.limit(what, u64::MAX)
        })?;
        let axes: Vec<Axis> = axes
            .iter()
            .zip(strides)
            .map(|(&axis, max_stride)| Axis {
                max_stride,
                count: self.counts.get(axis).copied().unwrap_or(0),
                stride: self.strides.get(axis).copied().unwrap_or(0),
            })
            .collect();
        Ok(Order {
            axes,
            slots: counts
                .iter()
                .fold(1, |all, &count| all.saturating_mul(count)),
        })
    }
}

/// How an index numbers the chunks, slowest axis first.
#[derive(Debug)]
pub(crate) struct Order {
    axes: Vec<Axis>,
    /// Chunks in the grid of the maximum shape, where that is limited.
    pub(crate) slots: u64,
}

#[derive(Debug)]
struct Axis {
    /// In the index's order.
    max_stride: u64,
    /// In the current grid.
    count: u64,
    stride: u64,
}

impl Order {
    /// The number in the current grid of the chunk that the index has in place `slot`;
    /// `None` when it lies outside.
    pub(crate) fn number(&self, slot: u64) -> Option<u64> {
        let mut rest = slot;
        let mut number = 0_u64;
        for axis in &self.axes {
            let coordinate = rest.checked_div(axis.max_stride)?;
            rest = rest.checked_rem(axis.max_stride)?;
            if coordinate >= axis.count {
                return None;
            }
            number = number.saturating_add(coordinate.saturating_mul(axis.stride));
        }
        Some(number)
    }

    /// The place in the index of the chunk with this number in the current grid. Only for an
    /// order that keeps the axes (all but extensible arrays).
    pub(crate) fn slot(&self, number: u64) -> Option<u64> {
        let mut rest = number;
        let mut slot = 0_u64;
        for axis in &self.axes {
            let coordinate = rest.checked_div(axis.stride)?;
            rest = rest.checked_rem(axis.stride)?;
            slot = slot.checked_add(coordinate.checked_mul(axis.max_stride)?)?;
        }
        Some(slot)
    }
}

/// C-order strides; `None` when the product of all overflows.
fn strides_of(counts: &[u64]) -> Option<Vec<u64>> {
    let mut stride = 1_u64;
    let mut strides = Vec::with_capacity(counts.len());
    for &count in counts.iter().rev() {
        strides.push(stride);
        stride = stride.checked_mul(count)?;
    }
    strides.reverse();
    Some(strides)
}
