//! Thrift's compact protocol, in which Parquet writes its footer and page headers.

/// Structures and lists are nested at most so deep.
const MAX_DEPTH: u32 = 16;

/// A value; of a file of `n` bytes there are at most `n`.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Bool(bool),
    Int(i64),
    Bytes(&'a [u8]),
    List(Vec<Value<'a>>),
    Struct(Vec<(i64, Value<'a>)>),
    /// What is of no use here.
    Other,
}

impl<'a> Value<'a> {
    /// The field of a structure with this number.
    pub(super) fn field(&self, number: i64) -> Option<&Value<'a>> {
        match self {
            Self::Struct(fields) => {
                let field = fields.iter().find(|(known, _)| *known == number);
                field.map(|(_, value)| value)
            }
            _ => None,
        }
    }

    pub(super) fn int(&self, number: i64) -> Option<i64> {
        match self.field(number)? {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn bytes(&self, number: i64) -> Option<&'a [u8]> {
        match self.field(number)? {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn list(&self, number: i64) -> Option<&[Value<'a>]> {
        match self.field(number)? {
            Self::List(values) => Some(values),
            _ => None,
        }
    }
}

/// A structure at the start of some bytes, and how many of them it takes; `None` if it is none.
pub(super) fn structure(bytes: &[u8]) -> Option<(Value<'_>, usize)> {
    let mut reader = Reader { rest: bytes };
    let value = reader.structure(MAX_DEPTH)?;
    Some((value, bytes.len().checked_sub(reader.rest.len())?))
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(count).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// Zigzag.
    fn int(&mut self) -> Option<i64> {
        let value = self.varint()?;
        let magnitude = i64::try_from(value >> 1).ok()?;
        Some(if value & 1 == 0 {
            magnitude
        } else {
            !magnitude
        })
    }

    fn structure(&mut self, depth: u32) -> Option<Value<'a>> {
        let depth = depth.checked_sub(1)?;
        let mut fields = Vec::new();
        let mut number = 0_i64;
        loop {
            let header = self.byte()?;
            if header == 0 {
                return Some(Value::Struct(fields));
            }
            number = match header >> 4 {
                0 => self.int()?,
                delta => number.checked_add(i64::from(delta))?,
            };
            let value = match header & 0xf {
                1 => Value::Bool(true),
                2 => Value::Bool(false),
                kind => self.value(kind, depth)?,
            };
            fields.push((number, value));
        }
    }

    fn value(&mut self, kind: u8, depth: u32) -> Option<Value<'a>> {
        Some(match kind {
            1 | 2 => Value::Bool(self.byte()? == 1),
            3 => {
                self.byte()?;
                Value::Other
            }
            4..=6 => Value::Int(self.int()?),
            7 => {
                self.take(8)?;
                Value::Other
            }
            8 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            9 | 10 => self.list(depth)?,
            12 => self.structure(depth)?,
            _ => return None,
        })
    }

    fn list(&mut self, depth: u32) -> Option<Value<'a>> {
        let depth = depth.checked_sub(1)?;
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        // Every element takes a byte at least, so the list can't outgrow the bytes.
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.value(header & 0xf, depth)?);
        }
        Some(Value::List(values))
    }
}
