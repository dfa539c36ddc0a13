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
        (0..)
            .map_while(|row| self.get(row))
            .fold(0, u64::saturating_add)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Narrow(lengths) => column_bytes(lengths),
            Self::Wide(lengths) => column_bytes(lengths),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LocationColumn {
    One(LocationId),
    Many(Vec<LocationId>),
}

impl LocationColumn {
    /// Adds the location of row `row`.
    pub(super) fn push(&mut self, row: usize, location: LocationId) {
        match self {
            Self::One(one) if row == 0 => *one = location,
            Self::One(one) if *one == location => {}
            Self::One(one) => {
                let mut many = vec![*one; row];
                many.push(location);
                *self = Self::Many(many);
            }
            Self::Many(many) => many.push(location),
        }
    }

    pub(super) fn get(&self, row: usize) -> Option<LocationId> {
        match self {
            Self::One(location) => Some(*location),
            Self::Many(many) => many.get(row).copied(),
        }
    }
}

pub(super) fn column_bytes<T>(column: &Vec<T>) -> usize {
    column.capacity().saturating_mul(size_of::<T>())
}
