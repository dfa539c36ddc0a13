//! The header of a file.

use super::attribute::Value;
use super::kind::Kind;
use super::padding;

const DIMENSION: u32 = 10;
const VARIABLE: u32 = 11;
const ATTRIBUTE: u32 = 12;

/// The largest size in bytes of a variable in CDF-2, and the largest length of a dimension.
const MOST_BYTES: u64 = (1 << 32) - 4;
const MOST_ELEMENTS: u64 = (1 << 31) - 1;

/// The version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// 64-bit offsets, 32-bit sizes.
    Cdf2,
    /// 64-bit sizes, and more types.
    Cdf5,
}

impl Version {
    /// The oldest that holds all.
    pub(super) fn of(
        dimensions: &[(String, u64)],
        attributes: &[(String, Value)],
        variables: &[Variable],
    ) -> Self {
        let old = |attributes: &[(String, Value)]| {
            attributes.iter().all(|(_, value)| value.kind().is_old())
        };
        let is_old = old(attributes)
            && dimensions
                .iter()
                .all(|(_, length)| *length <= MOST_ELEMENTS)
            && variables.iter().all(|variable| {
                variable.kind.is_old() && variable.size <= MOST_BYTES && old(&variable.attributes)
            });
        if is_old { Self::Cdf2 } else { Self::Cdf5 }
    }
}

/// A variable as the header has it.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    /// The numbers of its dimensions.
    pub(super) dimensions: Vec<usize>,
    pub(super) attributes: Vec<(String, Value)>,
    pub(super) kind: Kind,
    /// Bytes of its elements.
    pub(super) size: u64,
}

impl Variable {
    /// Bytes that its elements take in the file.
    fn padded(&self) -> Option<u64> {
        self.size.checked_next_multiple_of(4)
    }
}

/// The header of a file.
#[derive(Debug)]
pub(super) struct Header {
    bytes: Vec<u8>,
}

impl Header {
    /// The header of a file in which the elements of the variables follow one another.
    ///
    /// # Errors
    /// With the reason, where it is too large.
    pub(super) fn new(
        version: Version,
        dimensions: &[(String, u64)],
        attributes: &[(String, Value)],
        variables: &[Variable],
    ) -> Result<Self, String> {
        let too_large = || "more bytes than netCDF classic can count".to_owned();
        let all = |offsets: &[u64]| {
            let mut writer = Writer {
                version,
                bytes: b"CDF".to_vec(),
            };
            writer.all(dimensions, attributes, variables, offsets);
            writer.bytes
        };
        // It is as long whatever the offsets are.
        let mut begin = u64::try_from(all(&[]).len()).map_err(|_| too_large())?;
        let mut offsets = Vec::with_capacity(variables.len());
        for variable in variables {
            offsets.push(begin);
            let next = variable.padded().and_then(|size| begin.checked_add(size));
            begin = next
                .filter(|end| i64::try_from(*end).is_ok())
                .ok_or_else(too_large)?;
        }
        Ok(Self {
            bytes: all(&offsets),
        })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

struct Writer {
    version: Version,
    bytes: Vec<u8>,
}

impl Writer {
    fn all(
        &mut self,
        dimensions: &[(String, u64)],
        attributes: &[(String, Value)],
        variables: &[Variable],
        offsets: &[u64],
    ) {
        self.bytes.push(match self.version {
            Version::Cdf2 => 2,
            Version::Cdf5 => 5,
        });
        self.size(0);
        self.list(DIMENSION, dimensions.len());
        for (name, length) in dimensions {
            self.name(name);
            self.size(*length);
        }
        self.attributes(attributes);
        self.list(VARIABLE, variables.len());
        let offsets = offsets.iter().copied().chain(std::iter::repeat(0));
        for (variable, offset) in variables.iter().zip(offsets) {
            self.name(&variable.name);
            self.count(variable.dimensions.len());
            for dimension in &variable.dimensions {
                self.count(*dimension);
            }
            self.attributes(&variable.attributes);
            self.number(variable.kind.number());
            self.size(variable.padded().unwrap_or(u64::MAX));
            self.bytes.extend(offset.to_be_bytes());
        }
    }

    fn attributes(&mut self, attributes: &[(String, Value)]) {
        self.list(ATTRIBUTE, attributes.len());
        for (name, value) in attributes {
            let (count, bytes) = value.parts();
            self.name(name);
            self.number(value.kind().number());
            self.size(count);
            self.padded(bytes);
        }
    }

    /// The tag and the length of a list; a list of nothing has no tag.
    fn list(&mut self, tag: u32, length: usize) {
        self.number(if length == 0 { 0 } else { tag });
        self.count(length);
    }

    fn name(&mut self, name: &str) {
        self.count(name.len());
        self.padded(name.as_bytes());
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        self.bytes.extend(padding(bytes.len()));
    }

    fn number(&mut self, number: u32) {
        self.bytes.extend(number.to_be_bytes());
    }

    fn count(&mut self, count: usize) {
        self.size(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// A size, which has the width of the version. In CDF-2 none is wider: what is was counted.
    fn size(&mut self, size: u64) {
        match self.version {
            Version::Cdf2 => self.number(u32::try_from(size).unwrap_or(u32::MAX)),
            Version::Cdf5 => self.bytes.extend(size.to_be_bytes()),
        }
    }
}
