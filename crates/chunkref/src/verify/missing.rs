//! What of a set no new scan has spoken of.

use std::collections::BTreeSet;

use chunkref_manifest::LocationId;

use super::finding::{Finding, FindingKind, Findings};
use super::meaning::bare_path;
use super::scanned::Comparing;

impl Comparing<'_> {
    /// References for which no scan has answered.
    pub(super) fn unanswered(&self, scanned: &BTreeSet<LocationId>, findings: &mut Findings) {
        for (number, (listed, locations)) in self.listed.iter().zip(&self.located).enumerate() {
            for id in locations.intersection(scanned) {
                if !self.answered.contains(&(number, *id)) {
                    let url = self.manifest.locations.get(*id).map(|one| one.url.clone());
                    let reason = "no file of the set has this array there".to_owned();
                    findings.add(Finding {
                        object: url,
                        ..Finding::of_array(FindingKind::Scan, &listed.title, reason)
                    });
                }
            }
        }
    }

    /// Arrays without references that no file has.
    pub(super) fn unseen(&mut self, scanned: &BTreeSet<LocationId>, findings: &mut Findings) {
        let tables = self.listed.iter().zip(&self.located).zip(&self.held);
        for (number, ((listed, located), held)) in tables.enumerate() {
            if listed.is_put_together() || !located.is_empty() || self.seen.contains(&number) {
                continue;
            }
            let is_known = self.no_arrays.contains(&bare_path(&listed.path));
            if *held && !is_known && !scanned.is_empty() {
                let reason = "no file has such an array".to_owned();
                findings.add(Finding::of_array(FindingKind::Scan, &listed.path, reason));
            } else {
                let path = &listed.path;
                self.not_compared
                    .insert(format!("{path}: no array in a new scan"));
            }
        }
    }
}
