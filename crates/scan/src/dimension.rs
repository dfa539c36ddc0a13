//! Names for the axes of arrays (see the crate's documentation for the rules).

use std::collections::{BTreeMap, HashMap, HashSet};

use chunkref_hdf5::{Address, Dataset, Dataspace, Datatype, File, LinkTarget, Object, ObjectKind};

use crate::attribute::{find, fixed_text, integers, is_scale};
use crate::links::{Links, group};
use crate::strings::heap_object;
use crate::value::{Decoder, HeapReference};

/// How netCDF-C marks the scale of a dimension that has no variable.
const NO_VARIABLE: &[u8] = b"This is a netCDF dimension but not a netCDF variable";
/// How netCDF-C names a variable that has the name of a dimension and is not its coordinate.
pub(crate) const NOT_COORDINATE: &str = "_nc4_non_coord_";

/// A dimension scale.
#[derive(Clone, Debug)]
struct Scale {
    /// Length of the dimension, and whether it is unlimited. An unlimited one is as long as the
    /// longest axis that it is attached to; the scale itself may have fallen behind.
    extent: Option<(u64, bool)>,
}

/// All that is needed to name axes.
#[derive(Debug)]
pub(crate) struct Dimensions<'a> {
    file: &'a File,
    links: &'a Links<'a>,
    decoder: &'a Decoder<'a>,
    scales: BTreeMap<Address, Scale>,
    /// The scale that the file gives each axis of each dataset.
    attached: BTreeMap<Address, Vec<Option<Address>>>,
    /// The scale of each netCDF dimension id.
    by_id: HashMap<i64, Address>,
    /// The scales of each group, in the order in which netCDF-C reads them.
    by_group: HashMap<Address, Vec<Address>>,
    /// The bare names of all scales, which phony dimensions must not take.
    names: HashSet<&'a str>,
}

/// Where a dataset is: the groups from the root down to its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) groups: &'a [Address],
}

/// Whether a dataset stands for a netCDF dimension without a variable.
pub(crate) fn is_without_variable(object: &Object) -> bool {
    is_scale(object) && fixed_text(object, "NAME").is_some_and(|name| name.starts_with(NO_VARIABLE))
}

/// The name of the variable in a link: netCDF-C's prefix is no part of it.
pub(crate) fn variable_name(link: &str) -> &str {
    link.strip_prefix(NOT_COORDINATE)
        .filter(|name| !name.is_empty())
        .unwrap_or(link)
}

/// Lengths of the axes, and which are unlimited.
fn extents(dataspace: &Dataspace) -> Vec<(u64, bool)> {
    match dataspace {
        Dataspace::Simple { shape, max_shape } => shape
            .iter()
            .enumerate()
            .map(|(axis, &length)| (length, max_shape.get(axis) == Some(&None)))
            .collect(),
        Dataspace::Scalar | Dataspace::Null => Vec::new(),
    }
}

fn dataset(object: &Object) -> Option<&Dataset> {
    match &object.kind {
        ObjectKind::Dataset(dataset) => Some(dataset),
        _ => None,
    }
}

impl<'a> Dimensions<'a> {
    pub(crate) fn new(file: &'a File, links: &'a Links<'a>, decoder: &'a Decoder<'a>) -> Self {
        let mut dimensions = Self {
            file,
            links,
            decoder,
            scales: BTreeMap::new(),
            attached: BTreeMap::new(),
            by_id: HashMap::new(),
            by_group: HashMap::new(),
            names: HashSet::new(),
        };
        for (&address, object) in &file.objects {
            let Some(dataset) = dataset(object).filter(|_| is_scale(object)) else {
                continue;
            };
            let extent = extents(&dataset.dataspace).first().copied();
            dimensions.scales.insert(address, Scale { extent });
            if let Some([id]) = integers(decoder, object, "_Netcdf4Dimid").as_deref() {
                dimensions.by_id.entry(*id).or_insert(address);
            }
            if let Some((parent, name)) = links.parent(address) {
                dimensions.names.insert(name);
                dimensions.by_group.entry(parent).or_default().push(address);
            }
        }
        for (&address, scales) in &mut dimensions.by_group {
            order(file, address, scales);
        }
        for (&address, object) in &file.objects {
            if let Some(dataset) = dataset(object) {
                dimensions.attach(address, object, &extents(&dataset.dataspace));
            }
        }
        dimensions
    }

    /// Notes which scales the axes of a dataset have; unlimited ones grow with them.
    fn attach(&mut self, address: Address, object: &Object, axes: &[(u64, bool)]) {
        let scales = self.find_attached(address, object, axes.len());
        for (scale, &(length, _)) in scales.iter().zip(axes) {
            let scale = scale.and_then(|scale| self.scales.get_mut(&scale));
            if let Some(Scale {
                extent: Some((own, true)),
            }) = scale
            {
                *own = length.max(*own);
            }
        }
        self.attached.insert(address, scales);
    }

    /// The lengths that netCDF readers show a dataset with, if it is shorter than an unlimited
    /// dimension of its.
    pub(crate) fn longer(&self, address: Address, dataset: &Dataset) -> Option<Vec<u64>> {
        let own = extents(&dataset.dataspace);
        let scales = self.attached.get(&address)?;
        let lengths: Vec<u64> = own
            .iter()
            .enumerate()
            .map(|(axis, &(length, unlimited))| {
                let scale = scales.get(axis).copied().flatten();
                let extent = scale.and_then(|scale| self.scales.get(&scale)?.extent);
                match extent {
                    Some((dimension, true)) if unlimited => length.max(dimension),
                    _ => length,
                }
            })
            .collect();
        let is_longer = lengths
            .iter()
            .zip(&own)
            .any(|(length, (own, _))| length > own);
        is_longer.then_some(lengths)
    }

    /// The names of a dataset's axes, those of an array datatype (`extra`) last.
    pub(crate) fn names(
        &self,
        scope: Scope<'_>,
        address: Address,
        dataset: &Dataset,
        extra: &[u64],
        warnings: &mut Vec<String>,
    ) -> Vec<String> {
        let mut axes = extents(&dataset.dataspace);
        if let Some(reason) = self.unread_list(address, axes.len()) {
            warnings.push(format!(
                "DIMENSION_LIST does not say the scales of all axes: {reason}"
            ));
        }
        axes.extend(extra.iter().map(|&length| (length, false)));
        let mut scales = self.attached.get(&address).cloned().unwrap_or_default();
        scales.resize(axes.len(), None);
        for (axis, (scale, &(length, _))) in scales.iter_mut().zip(&axes).enumerate() {
            let Some(attached) = *scale else { continue };
            if let Some(problem) = self.mismatch(attached, length) {
                warnings.push(format!(
                    "axis {axis}: {problem}, so the axis stays anonymous"
                ));
                *scale = None;
            }
        }
        self.share(scope, &axes, &mut scales);
        let mut phony = HashMap::new();
        axes.iter()
            .zip(scales)
            .map(|(&extent, scale)| match scale {
                Some(scale) => self.scale_name(scope, scale),
                None => self.phony_name(extent, &mut phony),
            })
            .collect()
    }

    /// Whether any axis would be anonymous: then the other scales of the group have a say.
    pub(crate) fn has_anonymous(&self, address: Address, object: &Object) -> bool {
        let Some(dataset) = dataset(object) else {
            return false;
        };
        let axes = extents(&dataset.dataspace);
        let scales = self.attached.get(&address).map_or(&[][..], Vec::as_slice);
        scales.iter().zip(&axes).any(|(scale, &(length, _))| {
            scale.is_none_or(|scale| self.mismatch(scale, length).is_some())
        })
    }

    /// The paths of the scales of unlimited axes that were not read.
    pub(crate) fn unread(&self, address: Address, object: &Object) -> Vec<String> {
        let (Some(dataset), Some(scales)) = (dataset(object), self.attached.get(&address)) else {
            return Vec::new();
        };
        let axes = extents(&dataset.dataspace);
        let unlimited = scales.iter().zip(&axes).filter(|(_, axis)| axis.1);
        unlimited
            .filter_map(|(scale, _)| *scale)
            .filter(|scale| self.file.object(*scale).is_none())
            .filter_map(|scale| self.links.path(scale))
            .collect()
    }

    /// The scale that the file itself gives each axis.
    fn find_attached(
        &self,
        address: Address,
        object: &Object,
        rank: usize,
    ) -> Vec<Option<Address>> {
        let mut scales = self.dimension_list(object, rank);
        if scales.iter().all(Option::is_none)
            && let Some(ids) = integers(self.decoder, object, "_Netcdf4Coordinates")
            && ids.len() == rank
        {
            scales = ids.iter().map(|id| self.by_id.get(id).copied()).collect();
        }
        if is_scale(object)
            && let Some(first @ None) = scales.first_mut()
        {
            *first = Some(address);
        }
        scales
    }

    /// The last scale attached to each axis by `DIMENSION_LIST`.
    fn dimension_list(&self, object: &Object, rank: usize) -> Vec<Option<Address>> {
        let mut scales = vec![None; rank];
        let Some(attribute) = find(object, "DIMENSION_LIST") else {
            return scales;
        };
        let Datatype::Sequence { size, base } = &attribute.datatype else {
            return scales;
        };
        let size = usize::try_from(*size).unwrap_or(usize::MAX).max(1);
        let width = usize::try_from(base.size()).unwrap_or(usize::MAX);
        for (scale, element) in scales.iter_mut().zip(attribute.data.chunks_exact(size)) {
            *scale = HeapReference::read(element).and_then(|reference| {
                let held = self.file.heap_object(reference.object?)?;
                let last = usize::try_from(reference.length).ok()?.checked_sub(1)?;
                let start = last.checked_mul(width)?;
                let stored = held.get(start..start.checked_add(width)?)?;
                self.decoder.object_reference(stored)
            });
        }
        scales
    }

    /// Why scales that `DIMENSION_LIST` attaches can't be read, if any can't.
    fn unread_list(&self, address: Address, rank: usize) -> Option<String> {
        let attribute = find(self.file.object(address)?, "DIMENSION_LIST")?;
        let Datatype::Sequence { size, .. } = &attribute.datatype else {
            return None;
        };
        let size = usize::try_from(*size).unwrap_or(usize::MAX).max(1);
        let mut elements = attribute.data.chunks_exact(size).take(rank);
        elements.find_map(|element| {
            let id = HeapReference::read(element)?.object?;
            heap_object(self.file, id).err()
        })
    }

    /// Why a scale can't name an axis of this length.
    fn mismatch(&self, scale: Address, length: u64) -> Option<String> {
        let Some(path) = self.links.path(scale) else {
            return Some(format!(
                "its scale is the object at {scale}, which no path that was read leads to"
            ));
        };
        match self.scales.get(&scale).and_then(|scale| scale.extent) {
            Some((own, _)) if own != length => Some(format!(
                "the dimension {path} has length {own}, and the axis {length}"
            )),
            Some(_) => None,
            // Not asked for, so not read; or no scale, which netCDF-C takes by its name as well.
            None => match self.file.object(scale).map(|object| &object.kind) {
                None | Some(ObjectKind::Refused(_)) => None,
                Some(ObjectKind::Dataset(dataset)) => {
                    let own = extents(&dataset.dataspace)
                        .first()
                        .map(|&(length, _)| length);
                    (own != Some(length)).then(|| {
                        format!("its scale {path} has length {own:?}, and the axis {length}")
                    })
                }
                Some(_) => Some(format!("its scale {path} is not a dataset")),
            },
        }
    }

    /// Gives anonymous axes those scales of the dataset's own group that they share.
    fn share(&self, scope: Scope<'_>, axes: &[(u64, bool)], scales: &mut [Option<Address>]) {
        let Some(own) = scope
            .groups
            .last()
            .and_then(|group| self.by_group.get(group))
        else {
            return;
        };
        for (axis, extent) in axes.iter().enumerate() {
            if scales.get(axis).is_none_or(Option::is_some) {
                continue;
            }
            let shared = own.iter().copied().find(|address| {
                let scale = self.scales.get(address);
                scale.and_then(|scale| scale.extent) == Some(*extent)
                    && !scales.contains(&Some(*address))
            });
            if let Some(scale) = scales.get_mut(axis) {
                *scale = shared;
            }
        }
    }

    /// A scale's own name where that can't be mistaken, otherwise its path.
    fn scale_name(&self, scope: Scope<'_>, scale: Address) -> String {
        let Some((parent, name)) = self.links.parent(scale) else {
            return String::new();
        };
        let depth = scope.groups.iter().position(|&group| group == parent);
        let below = depth.and_then(|depth| scope.groups.get(depth.saturating_add(1)..));
        let hidden =
            below.is_none_or(|below| below.iter().any(|&group| self.has_scale(group, name)));
        if hidden {
            self.links.path(scale).unwrap_or_else(|| name.to_owned())
        } else {
            name.to_owned()
        }
    }

    fn has_scale(&self, group: Address, name: &str) -> bool {
        self.by_group.get(&group).is_some_and(|scales| {
            scales
                .iter()
                .any(|&scale| self.links.parent(scale).is_some_and(|(_, own)| own == name))
        })
    }

    /// A name that only axes of this length have, and another one for each axis of a dataset.
    fn phony_name(&self, extent: (u64, bool), used: &mut HashMap<(u64, bool), u32>) -> String {
        let count = used.entry(extent).or_insert(0);
        *count = count.saturating_add(1);
        let (length, unlimited) = extent;
        let mut name = format!("phony_{length}");
        if unlimited {
            name.push_str("_unlimited");
        }
        if *count > 1 {
            name = format!("{name}_{count}");
        }
        while self.names.contains(name.as_str()) {
            name.push('_');
        }
        name
    }
}

/// Sorts the scales of a group as netCDF-C reads them: by creation where that is tracked,
/// otherwise by name.
fn order(file: &File, address: Address, scales: &mut [Address]) {
    let Some(group) = group(file, address) else {
        return;
    };
    let mut positions: HashMap<Address, (i64, &str)> = HashMap::new();
    for link in &group.links {
        if let LinkTarget::Hard(target) = link.target {
            let creation = link.creation_order.filter(|_| group.creation_order_tracked);
            positions
                .entry(target)
                .or_insert((creation.unwrap_or(0), link.name.as_str()));
        }
    }
    scales.sort_by_key(|scale| positions.get(scale).copied());
}
