//! Files of netCDF classic: CDF-2 (64-bit offsets) where the types allow it, else CDF-5.
//!
//! After the specification of the formats in the NetCDF User Guide, appendix B. What is written has
//! no record dimension: all lengths are fixed.
//!
//! | part | |
//! |---|---|
//! | magic | `CDF`, version |
//! | number of records | 0 |
//! | dimensions | names and lengths |
//! | attributes of the file | |
//! | variables | name, dimensions, attributes, type, size, where the elements begin |
//! | elements | variable after variable, big-endian, each filled up to four bytes |

mod attribute;
mod header;
mod kind;

use std::collections::BTreeMap;
use std::io;

use chunkref::manifest::{Attribute, Attributes, DataType};

use super::variables::{Variable, Variables};
use attribute::Value;
use header::{Header, Version};
use kind::Kind;

/// The name of the variable that says what lies in a box.
const INSIDE: &str = "inside_bbox";

/// A file that is to be written.
#[derive(Debug)]
pub(crate) struct File<'a> {
    header: Header,
    data: Vec<Data<'a>>,
    left_out: Vec<String>,
}

/// Elements of a variable, and how their bytes become big-endian.
#[derive(Debug)]
struct Data<'a> {
    bytes: std::borrow::Cow<'a, [u8]>,
    /// Bytes that are turned around together; 1 where they are not.
    swapped: usize,
}

impl<'a> File<'a> {
    /// A file of these variables.
    ///
    /// # Errors
    /// With the reason, where netCDF classic can't hold them.
    pub(crate) fn new(variables: &'a Variables) -> Result<Self, String> {
        let mut building = Building::default();
        let array = &variables.array;
        for coordinate in &variables.coordinates {
            // A coordinate that can't be held is left out; the array must be held.
            if let Err(reason) = building.add(coordinate, &coordinate.attributes) {
                let name = &coordinate.name;
                building
                    .left_out
                    .push(format!("coordinate {name}: {reason}, left out"));
            }
        }
        let mut attributes = array.attributes.clone();
        let held = building.data_names();
        let others = variables.coordinates.iter();
        let others = others.filter(|one| !one.is_of_dimension() && held.contains(&one.name));
        let mut others: Vec<&str> = others.map(|one| one.name.as_str()).collect();
        others.sort_unstable();
        attributes.remove("coordinates");
        if !others.is_empty() {
            attributes.insert("coordinates".to_owned(), Attribute::text(others.join(" ")));
        }
        building.add(array, &attributes)?;
        if let Some(inside) = &variables.inside {
            building.add_mask(&inside.dimensions, &inside.mask);
        }
        building.finish(&variables.attributes)
    }

    /// What of the variables is not in the file, with the reason.
    pub(crate) fn left_out(&self) -> &[String] {
        &self.left_out
    }

    pub(crate) fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        out.write_all(self.header.bytes())?;
        for data in &self.data {
            data.write(out)?;
        }
        Ok(())
    }
}

impl Data<'_> {
    fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        if self.swapped <= 1 {
            out.write_all(&self.bytes)?;
        } else {
            let mut turned = Vec::new();
            for block in self.bytes.chunks(self.swapped.saturating_mul(1 << 13)) {
                turned.clear();
                turned.extend_from_slice(block);
                for element in turned.chunks_mut(self.swapped) {
                    element.reverse();
                }
                out.write_all(&turned)?;
            }
        }
        out.write_all(padding(self.bytes.len()))
    }
}

/// What fills so many bytes up to a multiple of four.
fn padding(length: usize) -> &'static [u8] {
    match length % 4 {
        0 => &[],
        1 => &[0; 3],
        2 => &[0; 2],
        _ => &[0; 1],
    }
}

/// A file that variables are added to.
#[derive(Debug, Default)]
struct Building<'a> {
    dimensions: Vec<(String, u64)>,
    numbers: BTreeMap<String, usize>,
    variables: Vec<header::Variable>,
    data: Vec<Data<'a>>,
    left_out: Vec<String>,
}

impl<'a> Building<'a> {
    fn data_names(&self) -> Vec<String> {
        self.variables.iter().map(|one| one.name.clone()).collect()
    }

    fn dimension(&mut self, name: &str, length: u64) -> Result<usize, String> {
        if length == 0 {
            return Err(format!(
                "dimension {name} has no elements, which netCDF classic can't hold; .npy and .csv can"
            ));
        }
        check_name(name)?;
        if let Some(number) = self.numbers.get(name) {
            let held = self.dimensions.get(*number).map(|(_, length)| *length);
            return if held == Some(length) {
                Ok(*number)
            } else {
                Err(format!(
                    "dimension {name} of {length} elements, and of others elsewhere"
                ))
            };
        }
        let number = self.dimensions.len();
        self.dimensions.push((name.to_owned(), length));
        self.numbers.insert(name.to_owned(), number);
        Ok(number)
    }

    fn add(&mut self, variable: &'a Variable, attributes: &Attributes) -> Result<(), String> {
        check_name(&variable.name)?;
        let elements = &variable.elements;
        let kind = Kind::of(&elements.data_type).ok_or_else(|| {
            format!(
                "elements of the type {}, which netCDF classic has not; .npy holds them",
                elements.data_type
            )
        })?;
        let mut dimensions = Vec::new();
        for (name, length) in variable.dimensions.iter().zip(&elements.shape) {
            dimensions.push(self.dimension(name, *length)?);
        }
        // One character is an element already.
        if let DataType::FixedString { length } = elements.data_type
            && length > 1
        {
            dimensions.push(self.dimension(&format!("string{length}"), u64::from(length))?);
        }
        let mut values = Vec::new();
        for (name, attribute) in attributes {
            let value = if name == "_FillValue" {
                Value::of_kind(attribute, kind)
            } else {
                Value::new(attribute)
            };
            self.value(&variable.name, name, value, &mut values);
        }
        self.variables.push(header::Variable {
            name: variable.name.clone(),
            dimensions,
            attributes: values,
            kind,
            size: u64::try_from(elements.bytes.len()).unwrap_or(u64::MAX),
        });
        self.data.push(Data {
            bytes: std::borrow::Cow::Borrowed(&elements.bytes),
            swapped: kind::swapped(&elements.data_type),
        });
        Ok(())
    }

    fn value(
        &mut self,
        owner: &str,
        name: &str,
        value: Result<Value, String>,
        values: &mut Vec<(String, Value)>,
    ) {
        match check_name(name).and(value) {
            Ok(value) => values.push((name.to_owned(), value)),
            Err(reason) => {
                self.left_out
                    .push(format!("attribute {name} of {owner}: {reason}, left out"));
            }
        }
    }

    /// A variable that says which elements lie in the box.
    fn add_mask(&mut self, dimensions: &[String], mask: &[bool]) {
        let numbers = dimensions.iter().filter_map(|name| self.numbers.get(name));
        let text = |text: &str| Value::Text(text.as_bytes().to_vec());
        self.variables.push(header::Variable {
            name: INSIDE.to_owned(),
            dimensions: numbers.copied().collect(),
            attributes: vec![
                ("flag_meanings".to_owned(), text("outside inside")),
                (
                    "flag_values".to_owned(),
                    Value::Numbers(Kind::Byte, vec![0, 1], 2),
                ),
                (
                    "long_name".to_owned(),
                    text("whether latitude and longitude lie in the box that was asked for"),
                ),
            ],
            kind: Kind::Byte,
            size: u64::try_from(mask.len()).unwrap_or(u64::MAX),
        });
        self.data.push(Data {
            bytes: mask.iter().map(|inside| u8::from(*inside)).collect(),
            swapped: 1,
        });
    }

    fn finish(mut self, attributes: &Attributes) -> Result<File<'a>, String> {
        let mut values = Vec::new();
        for (name, attribute) in attributes {
            self.value("the group", name, Value::new(attribute), &mut values);
        }
        let version = Version::of(&self.dimensions, &values, &self.variables);
        let header = Header::new(version, &self.dimensions, &values, &self.variables)?;
        Ok(File {
            header,
            data: self.data,
            left_out: self.left_out,
        })
    }
}

/// Names as netCDF allows them.
fn check_name(name: &str) -> Result<(), String> {
    let is_wrong = |character: char| character == '/' || character.is_control();
    if name.is_empty() || name.ends_with(' ') || name.chars().any(is_wrong) {
        return Err(format!("the name {name:?} is none that netCDF allows"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
