//! Types, codecs and attributes as messages name them.

use std::fmt::{Display, Formatter, Result};

use crate::array::Codec;
use crate::attribute::{Attribute, Value};
use crate::data_type::{ByteOrder, DataType};
use crate::tree::filter_name;

/// So many values of an attribute are shown.
const VALUES: usize = 8;

impl Display for DataType {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut number = |kind: &str, size: u8, order: ByteOrder| {
            write!(f, "{kind}{}", u32::from(size).saturating_mul(8))?;
            match order {
                ByteOrder::Big => f.write_str(" (big-endian)"),
                ByteOrder::Little => Ok(()),
            }
        };
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int { size, order } => number("int", *size, *order),
            Self::UInt { size, order } => number("uint", *size, *order),
            Self::Float { size, order } => number("float", *size, *order),
            Self::Complex { size, order } => number("complex", *size, *order),
            Self::FixedString { length } => write!(f, "string[{length}]"),
            Self::Raw { length } => write!(f, "raw[{length}]"),
            Self::VariableString => f.write_str("string"),
            Self::VariableBytes => f.write_str("bytes"),
            Self::Sequence { element } => write!(f, "sequences of {element}"),
            Self::Reference => f.write_str("references"),
            Self::Record { fields, .. } => {
                f.write_str("{")?;
                for (place, field) in fields.iter().enumerate() {
                    let comma = if place > 0 { ", " } else { "" };
                    write!(f, "{comma}{}: {}", field.name, field.data_type)?;
                    for axis in &field.shape {
                        write!(f, "[{axis}]")?;
                    }
                }
                f.write_str("}")
            }
        }
    }
}

impl Display for Codec {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Shuffle { element_size } => write!(f, "shuffle({element_size})"),
            Self::Zlib { level } => write!(f, "deflate({level})"),
            Self::Fletcher32 => f.write_str("fletcher32"),
            Self::Zstd { level } => write!(f, "zstd({level})"),
            Self::Bz2 { level } => write!(f, "bzip2({level})"),
            Self::Blosc { element_size } => write!(f, "blosc({element_size})"),
            Self::Hdf5 { id, .. } => match filter_name(*id) {
                Some(name) => f.write_str(name),
                None => write!(f, "HDF5 filter {id}"),
            },
            Self::VlenUtf8 => f.write_str("vlen-utf8"),
            Self::VlenBytes => f.write_str("vlen-bytes"),
            Self::Convert(_) => f.write_str("converted"),
        }
    }
}

impl Display for Attribute {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match (&self.shape, self.values.as_slice()) {
            (None, _) => f.write_str("(no value)"),
            (Some(shape), [only]) if shape.is_empty() => only.fmt(f),
            (Some(_), values) => {
                f.write_str("[")?;
                for (place, value) in values.iter().take(VALUES).enumerate() {
                    let comma = if place > 0 { ", " } else { "" };
                    write!(f, "{comma}{value}")?;
                }
                match values.len().saturating_sub(VALUES) {
                    0 => f.write_str("]"),
                    more => write!(f, ", and {more} more]"),
                }
            }
        }
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::UInt(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Complex(real, imaginary) => write!(f, "{real}{imaginary:+}j"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::List(values) => write!(f, "{} values", values.len()),
            Self::Record(fields) => {
                f.write_str("{")?;
                for (place, (name, value)) in fields.iter().enumerate() {
                    let comma = if place > 0 { ", " } else { "" };
                    write!(f, "{comma}{name}: {value}")?;
                }
                f.write_str("}")
            }
            Self::Null => f.write_str("null"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_type::Field;

    #[test]
    fn types_and_codecs_have_the_names_of_the_field() {
        let big = DataType::Float {
            size: 8,
            order: ByteOrder::Big,
        };
        assert_eq!(big.to_string(), "float64 (big-endian)");
        let field = |name: &str, data_type, shape: &[u32]| Field {
            name: name.to_owned(),
            offset: 0,
            data_type,
            shape: shape.to_vec(),
        };
        let record = DataType::Record {
            size: 12,
            fields: vec![
                field("a", DataType::Bool, &[]),
                field("b", DataType::FixedString { length: 3 }, &[2, 3]),
            ],
        };
        assert_eq!(record.to_string(), "{a: bool, b: string[3][2][3]}");
        let hdf5 = |id| Codec::Hdf5 {
            id,
            parameters: vec![1],
        };
        assert_eq!(Codec::Zlib { level: 4 }.to_string(), "deflate(4)");
        assert_eq!(hdf5(4).to_string(), "szip");
        assert_eq!(hdf5(4711).to_string(), "HDF5 filter 4711");
    }

    #[test]
    fn attributes_are_shown_as_far_as_they_are_short() {
        let of = |shape: Option<&[u64]>, values: Vec<Value>| {
            let attribute = Attribute {
                data_type: DataType::VariableString,
                shape: shape.map(<[_]>::to_vec),
                values,
            };
            attribute.to_string()
        };
        assert_eq!(of(None, vec![]), "(no value)");
        assert_eq!(of(Some(&[]), vec![Value::Text("K".to_owned())]), "\"K\"");
        assert_eq!(of(Some(&[1]), vec![Value::Float(0.01)]), "[0.01]");
        let many = of(Some(&[9]), (0..9).map(Value::Int).collect());
        assert_eq!(many, "[0, 1, 2, 3, 4, 5, 6, 7, and 1 more]");
    }
}
