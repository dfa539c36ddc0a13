//! Reference sets of any make as one of ours.

use chunkref_combine::{CombineReport, ConcatOptions, concat};
use chunkref_io::Client;
use chunkref_manifest::Manifest;
use chunkref_manifest::kerchunk::{ReadSet, SetReport};

use crate::read_set::{OpenError, read_set};
use crate::relocate::{RelocateError, choose_scheme};

/// What becomes of sets that are converted.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ConvertOptions {
    /// Only this group and what is below it, at the path where it is.
    pub group: Option<String>,
    /// Joins several sets along this dimension.
    pub concat_dim: Option<String>,
    /// Of all URLs that are known of a source, takes one of this scheme (`s3`, `https`).
    pub scheme: Option<String>,
}

impl ConvertOptions {
    /// Sets [`group`](Self::group).
    #[must_use]
    pub fn with_group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Sets [`concat_dim`](Self::concat_dim).
    #[must_use]
    pub fn with_concat_dim(mut self, dimension: impl Into<String>) -> Self {
        self.concat_dim = Some(dimension.into());
        self
    }

    /// Sets [`scheme`](Self::scheme).
    #[must_use]
    pub fn with_scheme(mut self, scheme: impl Into<String>) -> Self {
        self.scheme = Some(scheme.into());
        self
    }
}

/// Sets as one manifest, which [`write_to`](crate::write_to) writes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Converted {
    /// What they describe.
    pub manifest: Manifest,
    /// What of each set is not in it, in the order given.
    pub reports: Vec<SetReport>,
    /// How they were joined, if they were.
    pub combined: Option<CombineReport>,
}

/// Why sets can't be converted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// A set can't be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// None was given, or several without a dimension to join them along.
    #[error("{sets} sets: expected one, or a dimension to join them along")]
    Count {
        /// How many were given.
        sets: usize,
    },
    /// A set has not the group that is wanted.
    #[error("{set}: no group {group}")]
    NoGroup {
        /// The set.
        set: String,
        /// The group.
        group: String,
    },
    /// The sets can't be joined.
    #[error(transparent)]
    Combine(#[from] chunkref_combine::Error),
    /// A source has no URL of the scheme that is wanted.
    #[error(transparent)]
    Scheme(#[from] RelocateError),
}

/// Reads sets (JSON of any version, Parquet; ours or those of others), and makes one manifest of
/// them. No source is opened.
///
/// Whatever of a set can't be carried is in the [reports](Converted::reports), with its reason;
/// arrays that a Kerchunk set can't hold are told by
/// [`Array::beyond_zarr`](chunkref_manifest::Array::beyond_zarr).
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let (json, parquet) = (folder.path().join("a.json"), folder.path().join("a.parquet"));
/// # std::fs::write(&json, r#"{".zgroup": "{\"zarr_format\": 2}"}"#).unwrap();
/// # let json = json.to_str().unwrap();
/// use chunkref::{Client, ConvertOptions, convert, write};
///
/// let client = Client::default();
/// let converted = convert(&client, &[json], &ConvertOptions::default()).await?;
/// assert!(converted.reports[0].refused.is_empty());
/// write(&converted.manifest, parquet)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// When a set can't be read, has not the group or the scheme that is wanted, or they can't be joined.
pub async fn convert<S: AsRef<str>>(
    client: &Client,
    sets: &[S],
    options: &ConvertOptions,
) -> Result<Converted, ConvertError> {
    if sets.is_empty() || sets.len() > 1 && options.concat_dim.is_none() {
        return Err(ConvertError::Count { sets: sets.len() });
    }
    let mut manifests = Vec::with_capacity(sets.len());
    let mut reports = Vec::with_capacity(sets.len());
    for set in sets.iter().map(AsRef::as_ref) {
        let ReadSet {
            mut manifest,
            report,
            ..
        } = read_set(client, set, None).await?;
        if let Some(group) = &options.group {
            narrow(&mut manifest, group).ok_or_else(|| ConvertError::NoGroup {
                set: set.to_owned(),
                group: group.clone(),
            })?;
        }
        if let Some(scheme) = &options.scheme {
            choose_scheme(&mut manifest, scheme)?;
        }
        manifests.push(manifest);
        reports.push(report);
    }
    let (manifest, combined) = match &options.concat_dim {
        Some(dimension) => {
            let names = sets.iter().map(|set| set.as_ref().to_owned()).collect();
            let names = ConcatOptions::new().with_names(names);
            let (manifest, report) = concat(manifests, dimension, &names)?;
            (manifest, Some(report))
        }
        None => (manifests.pop().unwrap_or_default(), None),
    };
    Ok(Converted {
        manifest,
        reports,
        combined,
    })
}

/// Leaves a group with what is below it, and of those above it only the attributes. `None` if there
/// is no such group.
pub fn narrow(manifest: &mut Manifest, path: &str) -> Option<()> {
    let mut group = &mut manifest.root;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let (name, next) = group.groups.remove_entry(name)?;
        group.arrays.clear();
        group.groups = [(name.clone(), next)].into();
        group = group.groups.get_mut(&name)?;
    }
    Some(())
}

/// The arrays that a Kerchunk set can't hold, with the reason.
pub fn left_out(manifest: &Manifest) -> Vec<(String, String)> {
    let reason = |(path, array): (String, &chunkref_manifest::Array)| {
        let reason = array.beyond_zarr()?;
        Some((path, reason))
    };
    manifest.arrays().filter_map(reason).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chunkref_manifest::Group;

    #[test]
    fn a_group_stays_where_it_is() {
        let mut manifest = Manifest::default();
        let mut above = Group::default();
        above.groups.insert("b".to_owned(), Group::default());
        above.groups.insert("c".to_owned(), Group::default());
        manifest.root.groups.insert("a".to_owned(), above);
        manifest
            .root
            .groups
            .insert("d".to_owned(), Group::default());
        assert!(narrow(&mut manifest.clone(), "/a/x").is_none());
        narrow(&mut manifest, "/a/b").unwrap();
        let paths: Vec<_> = manifest.groups().map(|(path, _)| path).collect();
        assert_eq!(paths, ["/", "/a", "/a/b"]);
    }
}
