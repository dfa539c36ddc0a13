//! Whether a search is asked for at all.

use super::Asked;

impl Asked {
    /// The name of one of these options that is given, if one is: files that are named are not searched
    /// for.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let Self {
            what,
            when,
            place,
            about,
            ..
        } = self;
        let given = [
            ("--short-name", !what.short_names.is_empty()),
            ("--version", !what.versions.is_empty()),
            ("--doi", !what.dois.is_empty()),
            ("--concept-id", !what.concept_ids.is_empty()),
            ("--provider", !what.providers.is_empty()),
            ("--cloud-hosted", what.cloud_hosted.is_some()),
            ("--temporal", !when.temporal.is_empty()),
            ("--season", when.season.is_some()),
            ("--production-date", when.production_date.is_some()),
            ("--updated-since", when.updated_since.is_some()),
            ("--bounding-box", !place.bounding_box.is_empty()),
            ("--polygon", !place.polygon.is_empty()),
            ("--line", !place.line.is_empty()),
            ("--point", !place.point.is_empty()),
            ("--circle", !place.circle.is_empty()),
            ("--granule-name", !about.granule_name.is_empty()),
            ("--cloud-cover", about.cloud_cover.is_some()),
            ("--day-night-flag", about.day_night_flag.is_some()),
            ("--orbit-number", about.orbit_number.is_some()),
            ("--cycle", about.cycle.is_some()),
            ("--attribute", !about.attribute.is_empty()),
            ("--instrument", !about.instrument.is_empty()),
            ("--platform", !about.platform.is_empty()),
            ("--downloadable", about.downloadable.is_some()),
            ("--limit", self.limit.is_some()),
            ("--sort-key", !self.sort_key.is_empty()),
            ("--files", self.files.is_some()),
            ("--all-files", self.all_files),
        ];
        let first = given.into_iter().find(|(_, is_given)| *is_given);
        first.map(|(name, _)| name)
    }
}
