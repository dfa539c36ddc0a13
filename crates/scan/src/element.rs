//! How the elements of a dataset become those of an array.

use std::collections::BTreeMap;

use chunkref_hdf5::{Datatype, Padding, Reference};
use chunkref_manifest::{
    Attribute, Attributes, ByteOrder, Change, Conversion, DataType, Part, Value, zarr,
};
use serde_json::Value as Json;

use crate::data_type::{
    Integer, MAX_DEPTH, Refusal, byte_order, complex_pair, deeper, describe_float, ieee, is_bool,
    split_axes, stored_float, varies,
};
use crate::flat::flat;

/// The attribute that names the type of a sequence's elements, and the one with their axes.
const SEQUENCE_DTYPE: &str = "_SEQUENCE_DTYPE";
const SEQUENCE_SHAPE: &str = "_SEQUENCE_SHAPE";

/// What becomes of the elements of a dataset.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Plan {
    /// They have one size, and lie in the chunks.
    Fixed(Fixed),
    /// The chunks say where they lie: the scan reads them.
    Read(Variable),
}

/// Elements of one size.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fixed {
    /// Of the array.
    pub(crate) data_type: DataType,
    /// What is done with them after all filters.
    pub(crate) conversion: Option<Conversion>,
    /// What may surprise.
    pub(crate) remarks: Vec<String>,
}

/// Elements whose values lie in the global heap, or that refer to objects.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Variable {
    /// Strings.
    Strings,
    /// Sequences, as the bytes of their elements.
    Sequences {
        /// Bytes of an element as it is stored.
        stored_size: u32,
        /// What is done with each of them.
        conversion: Option<Conversion>,
        /// What tells readers of their type.
        attributes: Attributes,
    },
    /// References to objects, as their paths.
    Paths,
    /// Anything else, as JSON.
    Json,
}

/// What becomes of elements of this type, which is not itself an array.
///
/// # Errors
/// The reason, where they can't be said.
pub(crate) fn plan(datatype: &Datatype) -> Result<Plan, Refusal> {
    Ok(match datatype {
        Datatype::VariableString { .. } => Plan::Read(Variable::Strings),
        Datatype::Reference {
            kind: Reference::Object,
            ..
        } => Plan::Read(Variable::Paths),
        Datatype::Sequence { base, .. } if !varies(base) => Plan::Read(sequences(base)?),
        other if varies(other) => Plan::Read(Variable::Json),
        other => Plan::Fixed(fixed(other)?),
    })
}

impl Plan {
    /// The type of the array.
    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Fixed(fixed) => fixed.data_type.clone(),
            Self::Read(Variable::Sequences { .. }) => DataType::VariableBytes,
            Self::Read(_) => DataType::VariableString,
        }
    }
}

/// Elements of one size.
///
/// # Errors
/// The reason, where they can't be said.
pub(crate) fn fixed(datatype: &Datatype) -> Result<Fixed, Refusal> {
    if let Datatype::Compound(compound) = datatype
        && complex_pair(compound).is_none()
    {
        return flat(compound);
    }
    let leaf = leaf(datatype, false, MAX_DEPTH)?;
    let conversion = match leaf.reason {
        None => None,
        Some(reason) => Some(Conversion {
            stored_size: datatype.size(),
            size: leaf.data_type.size().unwrap_or(0),
            parts: leaf.parts,
            reason,
        }),
    };
    Ok(Fixed {
        data_type: leaf.data_type,
        conversion,
        remarks: leaf.remark.into_iter().collect(),
    })
}

/// A type without fields.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) data_type: DataType,
    /// How it becomes that.
    pub(crate) parts: Vec<Part>,
    /// Why that is more than a copy.
    pub(crate) reason: Option<String>,
    pub(crate) remark: Option<String>,
}

impl Leaf {
    /// Bytes that stay as they are.
    pub(crate) fn plain(data_type: DataType, size: u32) -> Self {
        let change = Change::Copy { length: size };
        Self {
            data_type,
            parts: vec![Part {
                from: 0,
                to: 0,
                change,
            }],
            reason: None,
            remark: None,
        }
    }

    pub(crate) fn raw(length: u32, remark: String) -> Self {
        Self {
            remark: Some(remark),
            ..Self::plain(DataType::Raw { length }, length)
        }
    }

    fn changed(data_type: DataType, changes: Vec<Part>, what: &str) -> Self {
        Self {
            data_type,
            parts: changes,
            reason: Some(format!("{what} are no Zarr type")),
            remark: None,
        }
    }
}

/// A type without fields; `inner`: of a field.
///
/// # Errors
/// The reason, where it can't be said.
pub(crate) fn leaf(datatype: &Datatype, inner: bool, depth: u32) -> Result<Leaf, Refusal> {
    let depth = deeper(depth)?;
    let size = datatype.size();
    if let Some(number) = Integer::of(datatype) {
        let mut leaf = integer(number);
        if let Datatype::Time { .. } = datatype {
            leaf.remark = Some("times (datatype class 2) are given as integers".to_owned());
        }
        return Ok(leaf);
    }
    Ok(match datatype {
        Datatype::FloatingPoint { .. } => float(datatype),
        Datatype::String { padding, .. } => {
            let mut leaf = Leaf::plain(DataType::FixedString { length: size }, size);
            // At the top of an array they are read and written anew with NULs.
            if inner && *padding == Padding::SpacePadded {
                let remark = "strings filled up with blanks are given with their blanks";
                leaf.remark = Some(remark.to_owned());
            }
            leaf
        }
        Datatype::Opaque { .. } => Leaf::plain(DataType::Raw { length: size }, size),
        Datatype::Enumeration { base, members } if is_bool(base, members) => {
            Leaf::plain(DataType::Bool, size)
        }
        Datatype::Enumeration { base, .. } => leaf(base, inner, depth)?,
        Datatype::Compound(compound) => match complex_pair(compound) {
            Some(part) => complex(part),
            None => return Err("a compound where none is expected".to_owned()),
        },
        Datatype::Complex { base } => complex(base),
        _ => return Err("this datatype is not supported".to_owned()),
    })
}

fn integer(number: Integer) -> Leaf {
    if let Some((size, order)) = number.plain() {
        return Leaf::plain(number.data_type(size, order), number.size);
    }
    let what = number.describe();
    let Some(stored) = number.stored() else {
        return Leaf::raw(number.size, format!("{what} are given as their bytes"));
    };
    let (size, order) = number.widened();
    let change = Change::Integer {
        stored,
        size,
        order,
    };
    let parts = vec![Part {
        from: 0,
        to: 0,
        change,
    }];
    Leaf::changed(number.data_type(size, order), parts, &what)
}

/// How a number that is not of IEEE 754 becomes one, and in words what it is.
fn widened(part: &Datatype, least: u8) -> Option<(u8, ByteOrder, Change)> {
    let stored = stored_float(part)?;
    let size = stored.fitting()?.max(least);
    let order = match part {
        Datatype::FloatingPoint { order, .. } => byte_order(*order),
        _ => None,
    };
    let order = order.unwrap_or(ByteOrder::Little);
    let change = Change::Float {
        stored,
        size,
        order,
    };
    Some((size, order, change))
}

fn describe(part: &Datatype) -> String {
    match part {
        Datatype::FloatingPoint { size, layout, .. } => describe_float(*size, layout),
        _ => "numbers of an unknown kind".to_owned(),
    }
}

fn float(datatype: &Datatype) -> Leaf {
    let size = datatype.size();
    let order = match datatype {
        Datatype::FloatingPoint { order, .. } => byte_order(*order),
        _ => None,
    };
    if let (Some(size), Some(order)) = (ieee(datatype), order) {
        return Leaf::plain(DataType::Float { size, order }, size.into());
    }
    let what = describe(datatype);
    match widened(datatype, 2) {
        Some((size, order, change)) => {
            let parts = vec![Part {
                from: 0,
                to: 0,
                change,
            }];
            Leaf::changed(DataType::Float { size, order }, parts, &what)
        }
        None => Leaf::raw(size, format!("{what} are given as their bytes")),
    }
}

fn complex(part: &Datatype) -> Leaf {
    let stored = part.size();
    let both = stored.saturating_mul(2);
    let order = match part {
        Datatype::FloatingPoint { order, .. } => byte_order(*order),
        _ => None,
    };
    if let (Some(size @ (4 | 8)), Some(order)) = (ieee(part), order) {
        let size = size.saturating_mul(2);
        return Leaf::plain(DataType::Complex { size, order }, both);
    }
    let what = format!("complex numbers of {}", describe(part));
    match widened(part, 4) {
        Some((size, order, change)) => {
            let parts = [(0, 0), (stored, u32::from(size))];
            let parts = parts.map(|(from, to)| Part {
                from,
                to,
                change: change.clone(),
            });
            let size = size.saturating_mul(2);
            Leaf::changed(DataType::Complex { size, order }, parts.into(), &what)
        }
        None => Leaf::raw(both, format!("{what} are given as their bytes")),
    }
}

/// Sequences of elements of one size.
fn sequences(base: &Datatype) -> Result<Variable, Refusal> {
    let (axes, element) = split_axes(base);
    let Fixed {
        data_type,
        conversion,
        ..
    } = fixed(element).map_err(|reason| format!("sequences of {reason}"))?;
    let dtype = zarr::v2::dtype(&data_type).map_err(|error| error.to_string())?;
    let mut attributes = Attributes::new();
    attributes.insert(SEQUENCE_DTYPE.to_owned(), text_attribute(&dtype));
    if !axes.is_empty() {
        let lengths = axes.iter().map(|&axis| Value::UInt(axis.into()));
        let shape = Attribute {
            data_type: DataType::UInt {
                size: 8,
                order: ByteOrder::Little,
            },
            // Not one axis: one of length one would be shown as a scalar.
            shape: Some(Vec::new()),
            values: vec![Value::List(lengths.collect())],
        };
        attributes.insert(SEQUENCE_SHAPE.to_owned(), shape);
    }
    Ok(Variable::Sequences {
        stored_size: base.size(),
        conversion,
        attributes,
    })
}

/// Text, or nested lists of texts.
fn text_attribute(json: &Json) -> Attribute {
    fn value(json: &Json) -> Value {
        match json {
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(parts) => Value::List(parts.iter().map(value).collect()),
            other => Value::Text(other.to_string()),
        }
    }
    Attribute {
        values: vec![value(json)],
        ..Attribute::text("")
    }
}

/// Remarks on fields, those that say the same together.
pub(crate) fn joined(remarks: Vec<(String, String)>) -> Vec<String> {
    let mut fields = BTreeMap::<String, Vec<String>>::new();
    for (field, remark) in remarks {
        fields.entry(remark).or_default().push(field);
    }
    let one = |(remark, fields): (String, Vec<String>)| match fields.as_slice() {
        [only] => format!("field {only:?}: {remark}"),
        [first, rest @ ..] => format!("field {first:?} and {} more: {remark}", rest.len()),
        [] => remark,
    };
    fields.into_iter().map(one).collect()
}
