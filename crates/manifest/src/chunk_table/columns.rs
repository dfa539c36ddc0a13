//! Columns that grow wider only when a value needs it.

use crate::location::LocationId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lengths {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

impl Lengths {
    pub(super) fn new(lengths: Vec<u64>) -> Self {
        let mut narrow = Vec::with_capacity(lengths.len());
        narrow.extend(
            lengths
                .iter()
                .map_while(|length| u32::try_from(*length).ok()),
        );
        if narrow.len() == lengths.len() {
            Self::Narrow(narrow)
        } else {
            Self::Wide(lengths)
        }
    }

    pub(super) fn push(&mut self, length: u64) {
        match (&mut *self, u32::try_from(length)) {
            (Self::Narrow(lengths), Ok(length)) => lengths.push(length),
            (Self::Narrow(lengths), Err(_)) => {
                let mut wide: Vec<u64> = lengths.iter().map(|length| u64::from(*length)).collect();
                wide.push(length);
                *self = Self::Wide(wide);
            }
            (Self::Wide(lengths), _) => lengths.push(length),
        }
    }

    pub(super) fn get(&self, row: usize) -> Option<u64> {
        match self {
            Self::Narrow(lengths) => lengths.get(row).map(|length| u64::from(*length)),
            Self::Wide(lengths) => lengths.get(row).copied(),
        }
    }

    pub(super) fn sum(&self) -> u64 {
        match self {
            Self::Narrow(lengths) => lengths
                .iter()
                .fold(0, |sum, length| sum.saturating_add(u64::from(*length))),
            Self::Wide(lengths) => lengths.iter().fold(0, |sum, one| sum.saturating_add(*one)),
        }
    }

    pub(super) fn shrink(&mut self) {
        match self {
            Self::Narrow(lengths) => lengths.shrink_to_fit(),
            Self::Wide(lengths) => lengths.shrink_to_fit(),
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Narrow(lengths) => column_bytes(lengths),
            Self::Wide(lengths) => column_bytes(lengths),
        }
    }
}

/// The location of each row. The form follows from the values alone, so that equal columns compare
/// equal: one location, or runs where they are fewer than a third of the rows, else one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LocationColumn {
    One(LocationId),
    Runs(Box<Runs>),
    Many(Vec<LocationId>),
}

/// Neighbours that share a location.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Runs {
    /// The first row of each, ascending from 0.
    starts: Vec<u64>,
    /// Its location, which is not that of the run before.
    locations: Vec<LocationId>,
}

/// Bytes of a row one by one, and of a run.
const ROW_BYTES: usize = size_of::<LocationId>();
const RUN_BYTES: usize = size_of::<u64>() + ROW_BYTES;

impl LocationColumn {
    /// The location of a row, found by binary search among runs.
    pub(super) fn get(&self, row: usize) -> Option<LocationId> {
        match self {
            Self::One(location) => Some(*location),
            Self::Runs(runs) => {
                let row = u64::try_from(row).ok()?;
                let after = runs.starts.partition_point(|start| *start <= row);
                runs.locations.get(after.checked_sub(1)?).copied()
            }
            Self::Many(many) => many.get(row).copied(),
        }
    }

    /// The locations of all rows from the first on.
    pub(super) fn iter(&self) -> LocationsIter<'_> {
        match self {
            Self::One(location) => LocationsIter::One(*location),
            Self::Runs(runs) => LocationsIter::Runs {
                // After each run another begins; the last one goes on.
                ends: runs.starts.get(1..).unwrap_or_default().iter(),
                locations: runs.locations.iter(),
                present: None,
                left: 0,
                row: 0,
            },
            Self::Many(many) => LocationsIter::Many(many.iter()),
        }
    }

    /// The column that `change` makes of it.
    pub(super) fn map(
        &self,
        rows: usize,
        mut change: impl FnMut(LocationId) -> LocationId,
    ) -> Self {
        let mut mapped = LocationBuilder::default();
        match self {
            Self::One(location) if rows > 0 => return Self::One(change(*location)),
            Self::One(_) => {}
            Self::Runs(runs) => {
                let rows = u64::try_from(rows).unwrap_or(u64::MAX);
                let ends = runs.starts.iter().skip(1).copied().chain([rows]);
                let places = runs.starts.iter().zip(ends);
                for ((start, end), location) in places.zip(&runs.locations) {
                    mapped.push_run(change(*location), end.saturating_sub(*start));
                }
            }
            Self::Many(many) => many.iter().for_each(|one| mapped.push(change(*one))),
        }
        mapped.finish()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Runs(runs) => size_of::<Runs>()
                .saturating_add(column_bytes(&runs.starts))
                .saturating_add(column_bytes(&runs.locations)),
            Self::Many(many) => column_bytes(many),
        }
    }
}

/// Locations, row by row without end where there is but one.
#[derive(Clone, Debug)]
pub(super) enum LocationsIter<'a> {
    One(LocationId),
    Runs {
        ends: std::slice::Iter<'a, u64>,
        locations: std::slice::Iter<'a, LocationId>,
        present: Option<LocationId>,
        /// Rows of the present run that were not given yet.
        left: u64,
        /// The first row of the next run.
        row: u64,
    },
    Many(std::slice::Iter<'a, LocationId>),
}

impl Iterator for LocationsIter<'_> {
    type Item = LocationId;

    fn next(&mut self) -> Option<LocationId> {
        match self {
            Self::One(location) => Some(*location),
            Self::Runs {
                ends,
                locations,
                present,
                left,
                row,
            } => {
                if *left == 0 {
                    *present = locations.next().copied();
                    let end = ends.next().copied().unwrap_or(u64::MAX);
                    *left = end.saturating_sub(*row);
                    *row = end;
                }
                *left = left.saturating_sub(1);
                *present
            }
            Self::Many(many) => many.next().copied(),
        }
    }
}

/// A [`LocationColumn`] that grows: runs while they are few.
#[derive(Clone, Debug, Default)]
pub(super) struct LocationBuilder {
    rows: u64,
    runs: Runs,
    /// All rows, once runs took more than they.
    many: Option<Vec<LocationId>>,
}

/// So many runs are kept before it is asked whether they are few.
const FEW: usize = 1 << 10;

impl LocationBuilder {
    /// Adds the location of the next row.
    pub(super) fn push(&mut self, location: LocationId) {
        match &mut self.many {
            Some(many) => {
                many.push(location);
                self.rows = self.rows.saturating_add(1);
            }
            None => self.push_run(location, 1),
        }
    }

    /// Adds the location of so many rows.
    fn push_run(&mut self, location: LocationId, length: u64) {
        let start = self.rows;
        self.rows = start.saturating_add(length);
        if let Some(many) = &mut self.many {
            many.resize(usize::try_from(self.rows).unwrap_or(usize::MAX), location);
            return;
        }
        if length > 0 && self.runs.locations.last() != Some(&location) {
            self.runs.starts.push(start);
            self.runs.locations.push(location);
            let count = self.runs.locations.len();
            if count > FEW && !are_fewer(count, self.rows) {
                self.many = Some(std::mem::take(&mut self.runs).one_by_one(self.rows));
            }
        }
    }

    /// The column.
    pub(super) fn finish(self) -> LocationColumn {
        let Self { rows, runs, many } = self;
        if let Some(mut many) = many {
            let changes = many.windows(2).filter(|pair| pair.first() != pair.last());
            if are_fewer(changes.count().saturating_add(1), rows) {
                return Runs::of(&many).finish(rows);
            }
            many.shrink_to_fit();
            return LocationColumn::Many(many);
        }
        runs.finish(rows)
    }
}

impl Runs {
    fn of(many: &[LocationId]) -> Self {
        let mut runs = Self::default();
        for (row, location) in (0_u64..).zip(many) {
            if runs.locations.last() != Some(location) {
                runs.starts.push(row);
                runs.locations.push(*location);
            }
        }
        runs
    }

    fn one_by_one(&self, rows: u64) -> Vec<LocationId> {
        let mut many = Vec::with_capacity(usize::try_from(rows).unwrap_or(0));
        let ends = self.starts.iter().skip(1).copied().chain([rows]);
        for (end, location) in ends.zip(&self.locations) {
            many.resize(usize::try_from(end).unwrap_or(0), *location);
        }
        many
    }

    fn finish(mut self, rows: u64) -> LocationColumn {
        match self.locations.as_slice() {
            [] => LocationColumn::One(LocationId(0)),
            [one] => LocationColumn::One(*one),
            several if are_fewer(several.len(), rows) => {
                self.starts.shrink_to_fit();
                self.locations.shrink_to_fit();
                LocationColumn::Runs(Box::new(self))
            }
            _ => LocationColumn::Many(self.one_by_one(rows)),
        }
    }
}

/// Whether so many runs take less memory than the rows.
fn are_fewer(runs: usize, rows: u64) -> bool {
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    runs.saturating_mul(RUN_BYTES) < rows.saturating_mul(ROW_BYTES)
}

pub(super) fn column_bytes<T>(column: &Vec<T>) -> usize {
    column.capacity().saturating_mul(size_of::<T>())
}
