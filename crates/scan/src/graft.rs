//! Names of dimensions that come from other files: along a path from the root a name has one
//! length.

use std::collections::{BTreeSet, HashMap};

use chunkref_manifest::{Array, Group};

/// The lengths that dimension names have in the groups from the root down; the last one counts.
type Lengths = HashMap<String, Vec<u64>>;

/// Renames the dimensions of arrays of other files (by their paths in the manifest) whose names
/// have another length here. Gives a remark on each.
pub(crate) fn settle(root: &mut Group, others: &BTreeSet<String>) -> Vec<String> {
    let mut settling = Settling {
        others,
        lengths: Lengths::new(),
        remarks: Vec::new(),
    };
    if !others.is_empty() {
        settling.group("", root);
    }
    settling.remarks
}

struct Settling<'a> {
    others: &'a BTreeSet<String>,
    lengths: Lengths,
    remarks: Vec<String>,
}

impl Settling<'_> {
    fn group(&mut self, path: &str, group: &mut Group) {
        let mut noted = Vec::new();
        self.note_own(path, group, &mut noted);
        let is_other = |name: &String| self.others.contains(&format!("{path}/{name}"));
        if group.arrays.keys().any(is_other) {
            // What is the granule's own keeps its name, below too.
            for (name, below) in &group.groups {
                self.note_below(&format!("{path}/{name}"), below, &mut noted);
            }
        }
        for (name, array) in &mut group.arrays {
            let path = format!("{path}/{name}");
            if self.others.contains(&path) {
                self.rename(&path, array, &mut noted);
            }
        }
        for (name, below) in &mut group.groups {
            self.group(&format!("{path}/{name}"), below);
        }
        for name in noted {
            if let Some(lengths) = self.lengths.get_mut(&name) {
                lengths.pop();
            }
        }
    }

    fn note_own(&mut self, path: &str, group: &Group, noted: &mut Vec<String>) {
        for (name, array) in &group.arrays {
            if self.others.contains(&format!("{path}/{name}")) {
                continue;
            }
            for (dimension, &length) in array.dimension_names.iter().zip(&array.shape) {
                self.note(dimension, length, noted);
            }
        }
    }

    fn note_below(&mut self, path: &str, group: &Group, noted: &mut Vec<String>) {
        for (name, below) in &group.groups {
            self.note_below(&format!("{path}/{name}"), below, noted);
        }
        self.note_own(path, group, noted);
    }

    fn note(&mut self, dimension: &str, length: u64, noted: &mut Vec<String>) {
        let lengths = self.lengths.entry(dimension.to_owned()).or_default();
        if lengths.last() != Some(&length) {
            lengths.push(length);
            noted.push(dimension.to_owned());
        }
    }

    fn rename(&mut self, path: &str, array: &mut Array, noted: &mut Vec<String>) {
        for (dimension, &length) in array.dimension_names.iter_mut().zip(&array.shape) {
            if self.is_free(dimension, length) {
                self.note(dimension, length, noted);
                continue;
            }
            let mut other = format!("{dimension}_{length}");
            while !self.is_free(&other, length) {
                other.push('_');
            }
            self.remarks.push(format!(
                "{path}: its dimension {dimension} is called {other}, as {dimension} has another length on this path"
            ));
            self.note(&other, length, noted);
            *dimension = other;
        }
    }

    /// Whether a name can stand for an axis of this length.
    fn is_free(&self, dimension: &str, length: u64) -> bool {
        let lengths = self.lengths.get(dimension);
        lengths.is_none_or(|lengths| lengths.iter().all(|&known| known == length))
    }
}

#[cfg(test)]
mod tests {
    use chunkref_manifest::{Attributes, DataType, Layout};

    use super::*;

    fn array(dimensions: &[(&str, u64)]) -> Array {
        Array {
            shape: dimensions.iter().map(|&(_, length)| length).collect(),
            data_type: DataType::Bool,
            dimension_names: dimensions
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .collect(),
            fill_value: None,
            attributes: Attributes::new(),
            layout: Layout::Inline {
                data: bytes::Bytes::new(),
            },
        }
    }

    fn group(arrays: &[(&str, Array)], groups: &[(&str, Group)]) -> Group {
        let own = |name: &&str| (*name).to_owned();
        Group {
            attributes: Attributes::new(),
            arrays: arrays
                .iter()
                .map(|(name, array)| (own(name), array.clone()))
                .collect(),
            groups: groups
                .iter()
                .map(|(name, group)| (own(name), group.clone()))
                .collect(),
        }
    }

    #[test]
    fn a_name_has_one_length_along_a_path() {
        let below = group(
            &[
                ("own", array(&[("y", 1)])),
                ("other", array(&[("x", 9), ("z", 2)])),
            ],
            &[],
        );
        let apart = group(&[("other", array(&[("x", 4), ("z", 3)]))], &[]);
        let arrays = [
            ("a", array(&[("x", 5), ("x_9", 8)])),
            ("b", array(&[("x", 5), ("y", 2)])),
        ];
        let mut root = group(&arrays, &[("apart", apart), ("below", below)]);
        let others = ["/b", "/below/other", "/apart/other"];
        let others = others.iter().map(|&path| path.to_owned()).collect();
        let remarks = settle(&mut root, &others);
        let names = |group: &Group, name: &str| group.arrays[name].dimension_names.join(" ");
        assert_eq!(names(&root, "a"), "x x_9");
        assert_eq!(names(&root, "b"), "x y_2", "y is of the granule, below");
        assert_eq!(names(&root.groups["below"], "own"), "y");
        assert_eq!(names(&root.groups["below"], "other"), "x_9_ z");
        assert_eq!(names(&root.groups["apart"], "other"), "x_4 z");
        assert_eq!(remarks.len(), 3, "{remarks:?}");
    }
}
