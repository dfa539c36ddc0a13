//! What lies around an array: its group and those above, in which coordinates are looked for.

use std::sync::Arc;

use chunkref_manifest::{Attribute, Group, Locations, Manifest};

use super::coordinate::parent;
use super::find;
use crate::error::{Error, Result};
use crate::references::rooted;
use crate::store::Store;

impl Store {
    /// The array at a path, perhaps without references, with all that is in its group.
    pub(super) async fn described(&self, path: &str) -> Result<Arc<Manifest>> {
        let found = self.around_array(path).await?;
        found.ok_or_else(|| Error::NoArray {
            path: path.to_owned(),
        })
    }

    /// The array at a path, perhaps without references, with all that is in its group and those above.
    /// Where names of other arrays, or what its attribute `coordinates` names, lead elsewhere, with all
    /// groups.
    pub(super) async fn around(
        &self,
        path: &str,
        mut names: impl Iterator<Item = &str>,
    ) -> Result<Arc<Manifest>> {
        let described = self.described(path).await?;
        let coordinates = find(&described, path)?.attributes.get("coordinates");
        let coordinates = coordinates.and_then(Attribute::as_text);
        let leads_elsewhere = names.any(|name| name.contains('/'))
            || coordinates.is_some_and(|names| names.contains('/'));
        if leads_elsewhere || !self.all_references().reads_all_for_tree() {
            return self.tree().await;
        }
        let mut manifest = Manifest::new(Group::default(), Locations::default());
        let path = rooted(path);
        let mut above = parent(&path);
        let mut groups = Vec::new();
        while let Some(group) = above {
            groups.push(group);
            above = parent(group);
        }
        for group in groups.into_iter().rev() {
            let part = self.around_group(group).await?;
            let part = part.as_ref().and_then(|part| part.group(group));
            let Some(part) = part else { continue };
            let mut into = &mut manifest.root;
            for name in group.split('/').filter(|name| !name.is_empty()) {
                into = into.groups.entry(name.to_owned()).or_default();
            }
            into.attributes.clone_from(&part.attributes);
            into.arrays.clone_from(&part.arrays);
        }
        Ok(Arc::new(manifest))
    }
}
