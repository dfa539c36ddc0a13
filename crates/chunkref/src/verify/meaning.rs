//! What stored elements mean: names of axes, fill values, the attributes that readers decode by.

use chunkref_manifest::{Array, Attribute, Attributes, ByteOrder, DataType, Value};
use chunkref_store::{Elements, cf};

use super::alike::same;

/// What netCDF-C puts before the name of a variable that is called as a dimension of another.
const NOT_COORDINATE: &str = "_nc4_non_coord_";
/// What axes without a name are called.
const PHONY: &str = "phony_dim_";

/// Which of what readers decode by is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// All.
    All,
    /// Fill values and packing are not: each granule has its own.
    Unpacked,
    /// Neither they nor the units of times: the values were compared as what they mean.
    Names,
}

/// Where the meaning of an array differs from that in the file.
pub(super) fn differs(
    path: &str,
    mine: &Array,
    there: &Array,
    compared: Compared,
) -> Option<String> {
    let reason = names(path, mine, there);
    let are_times = cf::is_time(&mine.attributes) && cf::is_time(&there.attributes);
    if reason.is_some() || (compared == Compared::Names && are_times) {
        return reason;
    }
    let mut listed = vec!["units", "calendar"];
    if compared == Compared::All {
        listed.extend(["scale_factor", "add_offset", "missing_value", "_Unsigned"]);
        if let Some(reason) = fill(mine, there) {
            return Some(reason);
        }
    }
    listed.into_iter().find_map(|name| {
        let (here, file) = (mine.attributes.get(name), there.attributes.get(name));
        let equal = match (here, file) {
            (None, None) => true,
            (Some(here), Some(file)) => same_attribute(here, file),
            // The calendar of who names none.
            (Some(only), None) | (None, Some(only)) => {
                name == "calendar" && matches!(only.as_text(), Some("standard" | "gregorian"))
            }
        };
        (!equal).then(|| {
            format!(
                "attribute {name} {}, in the file {}",
                told(here),
                told(file)
            )
        })
    })
}

/// Names of axes, as far as both have them.
fn names(path: &str, mine: &Array, there: &Array) -> Option<String> {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    let axes = mine.dimension_names.iter().zip(&there.dimension_names);
    let differs = axes.enumerate().any(|(axis, (mine, there))| {
        let unnamed = *mine == format!("{name}_dim_{axis}");
        let phony = mine.starts_with(PHONY) || there.starts_with(PHONY);
        // Kerchunk calls all axes of a dimension scale as the scale.
        let own = axis > 0 && bare(mine) == bare(name);
        !unnamed && !phony && !own && bare(mine) != bare(there)
    });
    differs.then(|| {
        format!(
            "dimensions {:?}, in the file {:?}",
            mine.dimension_names, there.dimension_names
        )
    })
}

/// The name of a dimension, or of an array: without the groups, and without what netCDF-C puts before it.
pub(super) fn bare(name: &str) -> &str {
    let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
    name.strip_prefix(NOT_COORDINATE)
        .filter(|rest| !rest.is_empty())
        .unwrap_or(name)
}

/// A path without what netCDF-C puts before the name.
pub(super) fn bare_path(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((group, name)) => format!("{group}/{}", bare(name)),
        None => bare(path).to_owned(),
    }
}

/// Whether a name is one that an axis without a name was given.
pub(super) fn is_phony(name: &str) -> bool {
    name.starts_with(PHONY)
}

/// What readers mask: what the set says must be what the file says, in its attribute or as the fill
/// value of the dataset.
fn fill(mine: &Array, there: &Array) -> Option<String> {
    let stored = match &there.fill_value {
        Some(bytes) => number(bytes, &there.data_type),
        None => is_number(&there.data_type).then_some(Value::Int(0)),
    };
    // Of what is no number, nothing is masked by comparing.
    let stored = stored?;
    let said = there.attributes.get("_FillValue");
    let is_one = |found: &Value| {
        let attribute = said.map(|said| said.values.as_slice());
        same_number(found, &stored) || matches!(attribute, Some([said]) if same_number(found, said))
    };
    let reason = |what: &str, found: &str| {
        Some(format!(
            "{what} {found}, in the file {} with the fill value {}",
            told(said),
            stored
        ))
    };
    match mine.attributes.get("_FillValue") {
        Some(here) => match here.values.as_slice() {
            [value] if is_one(value) => {}
            _ if said.is_some_and(|said| same_attribute(here, said)) => {}
            _ => return reason("_FillValue", &told(Some(here))),
        },
        None if said
            .is_some_and(|said| matches!(said.values.as_slice(), [one] if is_real(one))) =>
        {
            return reason("_FillValue", "missing");
        }
        None => {}
    }
    let element = mine.fill_value.as_ref();
    let element = element.and_then(|bytes| number(bytes, &mine.data_type));
    match element {
        Some(value) if !is_one(&value) => reason("fill value", &value.to_string()),
        _ => None,
    }
}

fn is_number(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Int { .. } | DataType::UInt { .. } | DataType::Float { .. }
    )
}

fn is_real(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::UInt(_) | Value::Float(_))
}

/// One element as a number.
pub(super) fn number(bytes: &[u8], data_type: &DataType) -> Option<Value> {
    let little = |order: ByteOrder| {
        let mut room = [0_u8; 8];
        let part = room.get_mut(..bytes.len())?;
        part.copy_from_slice(bytes);
        if order == ByteOrder::Big {
            part.reverse();
        }
        Some(u64::from_le_bytes(room))
    };
    match *data_type {
        DataType::UInt { order, .. } => Some(Value::UInt(little(order)?)),
        DataType::Int { order, .. } => {
            let unused = 64_u32.checked_sub(u32::try_from(bytes.len()).ok()?.checked_mul(8)?)?;
            let value = little(order)?.checked_shl(unused)?.cast_signed();
            Some(Value::Int(value.checked_shr(unused)?))
        }
        DataType::Float { size: 4, order } => {
            let bits = u32::try_from(little(order)?).ok()?;
            Some(Value::Float(f64::from(f32::from_bits(bits))))
        }
        DataType::Float { size: 8, order } => Some(Value::Float(f64::from_bits(little(order)?))),
        _ => None,
    }
}

/// Whether attributes say the same, whatever the types of their elements: JSON has one kind of number.
fn same_attribute(mine: &Attribute, there: &Attribute) -> bool {
    let (mine, there) = (flat(&mine.values), flat(&there.values));
    mine.len() == there.len() && mine.iter().zip(&there).all(|(a, b)| same_value(a, b))
}

fn flat(values: &[Value]) -> Vec<&Value> {
    let nested = values.iter().flat_map(|value| match value {
        Value::List(list) => flat(list),
        one => vec![one],
    });
    nested.collect()
}

fn same_value(mine: &Value, there: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::Text(text) => Some(text.trim_end_matches('\0').as_bytes().to_vec()),
        Value::Bytes(bytes) => Some(bytes.to_vec()),
        _ => None,
    };
    match (text(mine), text(there)) {
        (Some(mine), Some(there)) => mine == there,
        _ => same_number(mine, there) || mine == there,
    }
}

/// Whether numbers are equal, but for how a 32-bit one was written.
#[expect(
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    reason = "what was written is compared"
)]
fn same_number(mine: &Value, there: &Value) -> bool {
    if let (Some(mine), Some(there)) = (whole(mine), whole(there)) {
        return mine == there;
    }
    match (real(mine), real(there)) {
        (Some(mine), Some(there)) => {
            // A 32-bit number, and the shortest text of it read as a more exact one.
            let is_text_of = |text: f64, single: f64| {
                let shortest = (single as f32).to_string().parse::<f64>();
                f64::from(single as f32) == single && shortest.is_ok_and(|one| one == text)
            };
            mine == there
                || (mine.is_nan() && there.is_nan())
                || is_text_of(mine, there)
                || is_text_of(there, mine)
        }
        _ => false,
    }
}

fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Int(number) => Some(i128::from(*number)),
        Value::UInt(number) => Some(i128::from(*number)),
        Value::Bool(value) => Some(i128::from(*value)),
        _ => None,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a whole number is compared with one that is no more exact"
)]
fn real(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        // As JSON has to write them.
        Value::Text(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        other => whole(other).map(|number| number as f64),
    }
}

fn told(attribute: Option<&Attribute>) -> String {
    attribute.map_or_else(|| "missing".to_owned(), Attribute::to_string)
}

/// How values of the set are those of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// They are stored alike.
    Same,
    /// They are stored otherwise, such as in other units, and mean the same.
    MeanTheSame,
    /// They are others.
    Others,
    /// Nothing tells.
    Unknown,
}

/// Compares elements as they are stored, else as what they mean.
pub(super) fn values(mine: (&Elements, &Attributes), there: (&Elements, &Attributes)) -> Values {
    let (a, b) = (mine.0, there.0);
    if a.data_type == b.data_type && same(&a.bytes, &b.bytes, &a.data_type) {
        // A fill value that none of them has is no matter, nor how the units of times are spelled.
        return match (decoded(mine), decoded(there)) {
            (Some(mine), Some(there)) if mine.is_as(&there, true) => Values::MeanTheSame,
            _ => Values::Same,
        };
    }
    match (&a.data_type, &b.data_type) {
        (DataType::FixedString { length: x }, DataType::FixedString { length: y }) => {
            return if texts(&a.bytes, *x) == texts(&b.bytes, *y) {
                Values::Same
            } else {
                Values::Others
            };
        }
        (x, y) if x == y && !is_number(x) => return Values::Others,
        _ => {}
    }
    // Numbers are rounded where they are packed otherwise, or of another size.
    let packed_alike = |name| match (mine.1.get(name), there.1.get(name)) {
        (Some(mine), Some(there)) => same_attribute(mine, there),
        (mine, there) => mine.is_none() && there.is_none(),
    };
    let exactly = ["scale_factor", "add_offset"].into_iter().all(packed_alike)
        && !matches!((&a.data_type, &b.data_type),
            (DataType::Float { size: a, .. }, DataType::Float { size: b, .. }) if a != b);
    let (Some(mine), Some(there)) = (decoded(mine), decoded(there)) else {
        // Such as integers that are not exact as numbers.
        return if exactly && a.data_type == b.data_type {
            Values::Others
        } else {
            Values::Unknown
        };
    };
    if mine.is_as(&there, exactly) {
        Values::MeanTheSame
    } else {
        Values::Others
    }
}

fn texts(bytes: &[u8], length: u32) -> Vec<&[u8]> {
    let length = usize::try_from(length).unwrap_or(usize::MAX).max(1);
    let elements = bytes.chunks(length);
    elements
        .filter_map(|element| element.split(|byte| *byte == 0).next())
        .collect()
}

enum Decoded {
    Times(Vec<i128>),
    Numbers(Vec<f64>),
}

impl Decoded {
    fn is_as(&self, other: &Self, exactly: bool) -> bool {
        let rounded = if exactly { 0.0 } else { 1e-6 };
        match (self, other) {
            (Self::Times(a), Self::Times(b)) => a == b,
            (Self::Numbers(a), Self::Numbers(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(*a, *b, rounded))
            }
            _ => false,
        }
    }
}

fn decoded((elements, attributes): (&Elements, &Attributes)) -> Option<Decoded> {
    if let Ok(Some(times)) = cf::times(elements, attributes) {
        return Some(Decoded::Times(times));
    }
    let numbers = cf::numbers(elements, attributes).ok()??;
    Some(Decoded::Numbers(numbers.values))
}

/// Whether numbers are equal but for so much of them.
fn near(a: f64, b: f64, rounded: f64) -> bool {
    let close = (a - b).abs() <= rounded * a.abs().max(b.abs());
    close || (a.is_nan() && b.is_nan()) || a.total_cmp(&b).is_eq()
}
