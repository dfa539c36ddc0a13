//! How a collection wants to be cited: `CollectionCitations` and `DataCenters` of UMM-C.

use serde_json::Value;

use crate::umm;

/// How a collection wants to be cited. Records differ in what they tell: each field may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Citation {
    /// Who made it, as the record has it, which is free text; else the data centre that is called its
    /// originator.
    pub creator: Option<String>,
    /// The title that it is cited by, which may differ from that of the record.
    pub title: Option<String>,
    /// When it was published, `YYYY-MM-DD`.
    pub release_date: Option<String>,
    /// Who published it; else the data centre that archives or distributes it, by its long name.
    pub publisher: Option<String>,
}

impl Citation {
    /// Of the first citation that a record has; a record may lack it.
    pub(crate) fn of(umm: &Value) -> Self {
        let citations = umm::list(umm, &["CollectionCitations"]);
        let first = citations.first().unwrap_or(&Value::Null);
        let centers = umm::list(umm, &["DataCenters"]);
        let center = |roles: &[&str]| {
            let has = |center: &&Value| {
                let mut its = umm::list(center, &["Roles"]).iter();
                its.any(|role| role.as_str().is_some_and(|role| roles.contains(&role)))
            };
            let center = centers.iter().find(has)?;
            umm::owned(center, &["LongName"]).or_else(|| umm::owned(center, &["ShortName"]))
        };
        let date = umm::time(first, &["ReleaseDate"]).map(|moment| moment.to_string());
        Self {
            creator: umm::owned(first, &["Creator"]).or_else(|| center(&["ORIGINATOR"])),
            title: umm::owned(first, &["Title"]),
            release_date: date.and_then(|date| Some(date.get(..10)?.to_owned())),
            publisher: umm::owned(first, &["Publisher"])
                .or_else(|| center(&["ARCHIVER", "DISTRIBUTOR"])),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Citation;

    #[test]
    fn what_a_record_tells_is_taken() {
        let centers = json!([
            {"Roles": ["PROCESSOR"], "ShortName": "NASA/JPL"},
            {"Roles": ["ARCHIVER"], "ShortName": "PODAAC", "LongName": "Physical Oceanography Centre"},
        ]);
        let of = Citation::of(&json!({
            "CollectionCitations": [
                {"Creator": "A. Maker, B. Maker", "Title": "T", "Publisher": " PO.DAAC ",
                 "ReleaseDate": "2015-03-11T00:00:00.000Z"},
                {"Creator": "another"},
            ],
            "DataCenters": centers,
        }));
        assert_eq!(of.creator.as_deref(), Some("A. Maker, B. Maker"));
        assert_eq!(of.title.as_deref(), Some("T"));
        assert_eq!(of.release_date.as_deref(), Some("2015-03-11"));
        assert_eq!(of.publisher.as_deref(), Some("PO.DAAC"));
        // Who archives it has not made it.
        let of = Citation::of(&json!({"DataCenters": centers}));
        let publisher = of.publisher.as_deref();
        assert_eq!(
            (of.creator, publisher),
            (None, Some("Physical Oceanography Centre"))
        );
        let of = Citation::of(&json!({
            "CollectionCitations": [{"ReleaseDate": "soon", "Creator": 7}],
            "DataCenters": [{"Roles": ["ORIGINATOR", "ARCHIVER"], "ShortName": "OSISAF"}],
        }));
        assert_eq!(
            (of.creator.as_deref(), of.release_date),
            (Some("OSISAF"), None)
        );
        assert_eq!(
            Citation::of(&json!({"CollectionCitations": 5})),
            Citation::default()
        );
    }
}
