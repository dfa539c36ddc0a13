//! How the data of a set want to be cited.

mod bibtex;

use chunkref_manifest::{Collection, Manifest, SOURCE_DOI};

/// Where DOIs are resolved.
const RESOLVER: &str = "https://doi.org/";

/// Attributes of the root by which files name their DOI: of ours, of NASA's, of ACDD.
const OF_FILES: [&str; 4] = [
    SOURCE_DOI,
    "identifier_product_doi",
    "IDENTIFIER_PRODUCT_DOI",
    "doi",
];

/// How a collection wants to be cited. It is of what the set holds of the collection's record, with no
/// request and no date of today, so that the same set is cited in the same way.
///
/// ```
/// use chunkref::cite::Citation;
/// use chunkref::manifest::{CitationRecord, Collection};
/// use chunkref::Manifest;
///
/// let mut citation = CitationRecord::default();
/// citation.creator = Some("JPL MUR MEaSUREs Project".to_owned());
/// citation.release_date = Some("2015-03-11".to_owned());
/// citation.publisher = Some("NASA PO.DAAC".to_owned());
/// let mut collection = Collection::default();
/// collection.title = Some("MUR Sea Surface Temperature Analysis".to_owned());
/// collection.version = Some("4.1".to_owned());
/// collection.doi = Some("10.5067/GHGMR-4FJ04".to_owned());
/// collection.citation = Some(citation);
/// let mut manifest = Manifest::default();
/// manifest.provenance.collection = Some(collection);
///
/// let cited = Citation::of(&manifest)?;
/// assert_eq!(
///     cited.text(None),
///     "JPL MUR MEaSUREs Project (2015). MUR Sea Surface Temperature Analysis. Version 4.1. \
///      NASA PO.DAAC. https://doi.org/10.5067/GHGMR-4FJ04"
/// );
/// # Ok::<(), chunkref::cite::NotKnown>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Citation {
    /// Who made it; names as the record has them.
    pub creator: Option<String>,
    /// The year in which it was published.
    pub year: Option<String>,
    /// Its title; its short name where there is none.
    pub title: String,
    /// Its version.
    pub version: Option<String>,
    /// Who published it; else the data centre that keeps it.
    pub publisher: Option<String>,
    /// Its DOI, without a resolver's address.
    pub doi: Option<String>,
    /// What it is called in BibTeX.
    pub key: String,
}

/// Why there is nothing to cite, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotKnown {
    /// The set does not say of which collection it is.
    #[error(
        "does not say which collection its data are of: {}",
        advice(.doi.as_deref())
    )]
    Collection {
        /// The DOI that the files themselves name, if they do.
        doi: Option<String>,
    },
    /// The collection has neither title nor short name.
    #[error(
        "names a collection without title and short name: {}",
        advice(.doi.as_deref())
    )]
    Title {
        /// The DOI of the collection.
        doi: Option<String>,
    },
}

fn advice(doi: Option<&str>) -> String {
    match doi {
        Some(doi) => format!(
            "the DOI {doi} is known, so cite what {RESOLVER}{doi} says (`chunkref build` writes the \
             collection's record into a set)"
        ),
        None => "`chunkref build` writes the collection's record into a set; `chunkref search \
                 --collections --keyword WORDS` finds collections"
            .to_owned(),
    }
}

impl Citation {
    /// What a set says of its collection.
    ///
    /// # Errors
    /// When it does not say of which collection it is.
    pub fn of(manifest: &Manifest) -> Result<Self, NotKnown> {
        let Some(collection) = &manifest.provenance.collection else {
            let attributes = &manifest.root.attributes;
            let mut named = OF_FILES.iter().filter_map(|name| attributes.get(*name));
            let doi = named.find_map(|attribute| bare_doi(attribute.as_text()?));
            return Err(NotKnown::Collection { doi });
        };
        let cited = collection.citation.as_ref();
        let one = |text: Option<&String>| {
            text.map(|text| one_line(text))
                .filter(|text| !text.is_empty())
        };
        let title = one(cited.and_then(|cited| cited.title.as_ref()))
            .or_else(|| one(collection.title.as_ref()))
            .or_else(|| one(collection.short_name.as_ref()));
        let doi = collection.doi.as_deref().and_then(bare_doi);
        let Some(title) = title else {
            return Err(NotKnown::Title { doi });
        };
        let released = cited.and_then(|cited| cited.release_date.as_deref());
        Ok(Self {
            creator: one(cited.and_then(|cited| cited.creator.as_ref())),
            year: released.and_then(year),
            title,
            version: one(collection.version.as_ref()),
            publisher: one(cited.and_then(|cited| cited.publisher.as_ref()))
                .or_else(|| one(collection.data_center.as_ref())),
            doi,
            key: bibtex::key(&names(collection)),
        })
    }

    /// What a full citation has and this lacks.
    pub fn missing(&self) -> Vec<&'static str> {
        let parts = [
            ("creator", self.creator.is_none()),
            ("year", self.year.is_none()),
            ("version", self.version.is_none()),
            ("publisher", self.publisher.is_none()),
            ("DOI", self.doi.is_none()),
        ];
        let missing = parts.into_iter().filter(|(_, is_missing)| *is_missing);
        missing.map(|(name, _)| name).collect()
    }

    /// The citation as a text, as NASA's centres and `DataCite` have it: creator, year, title, version,
    /// publisher, DOI; and when it was accessed, if that is given.
    pub fn text(&self, accessed: Option<&str>) -> String {
        let year = self.year.as_ref().map(|year| format!("({year})"));
        let title = self.title.trim_end_matches('.').to_owned();
        // Without a creator the title comes first.
        let first = match (&self.creator, year) {
            (Some(creator), Some(year)) => vec![format!("{creator} {year}"), title],
            (Some(creator), None) => vec![creator.trim_end_matches('.').to_owned(), title],
            (None, Some(year)) => vec![format!("{title} {year}")],
            (None, None) => vec![title],
        };
        let version = self.version.as_ref();
        let version = version.filter(|version| !says_version(&self.title, version));
        let publisher = self.publisher.as_ref();
        let parts = first
            .into_iter()
            .chain(version.map(|version| format!("Version {version}")))
            .chain(publisher.map(|publisher| publisher.trim_end_matches('.').to_owned()))
            .chain(self.doi.as_ref().map(|doi| format!("{RESOLVER}{doi}")))
            .chain(accessed.map(|date| format!("Accessed {date}")));
        parts.collect::<Vec<_>>().join(". ")
    }

    /// The citation as an entry of BibTeX, of the type `misc`, as `DataCite` has it. Creators are one name
    /// in braces: records have them as free text, which can't be taken apart for certain.
    pub fn bibtex(&self, accessed: Option<&str>) -> String {
        bibtex::entry(self, accessed)
    }

    /// Where the DOI leads.
    pub fn url(&self) -> Option<String> {
        let doi = self.doi.as_ref()?;
        Some(format!("{RESOLVER}{}", bibtex::plain(doi)))
    }
}

/// Whether a title ends with its version, as many do: `... Version 1.1`, `... (v4.1)`.
fn says_version(title: &str, version: &str) -> bool {
    let title = title.trim_end_matches([')', '.', ' ']).to_lowercase();
    let Some(before) = title.strip_suffix(&version.to_lowercase()) else {
        return false;
    };
    let before = before.trim_end();
    ["version", "ver.", "(v", " v"]
        .iter()
        .any(|word| before.ends_with(word))
}

/// The names of a collection, the best first.
fn names(collection: &Collection) -> Vec<&str> {
    let names = [
        &collection.short_name,
        &collection.doi,
        &collection.concept_id,
        &collection.title,
    ];
    names.into_iter().flatten().map(String::as_str).collect()
}

/// The year of a date, if that begins with four digits.
fn year(date: &str) -> Option<String> {
    let year = date.get(..4)?;
    let is_year = year.bytes().all(|byte| byte.is_ascii_digit());
    is_year.then(|| year.to_owned())
}

/// What a text says in one line, with single blanks.
fn one_line(text: &str) -> String {
    let shown: String = text
        .chars()
        .map(|one| if one.is_control() { ' ' } else { one })
        .collect();
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A DOI without what it is resolved by; `None` for what is none.
fn bare_doi(text: &str) -> Option<String> {
    let text = text.trim();
    let at = text.find("10.")?;
    let (before, doi) = text.split_at(at);
    let before = before.to_ascii_lowercase();
    let is_prefix = before.is_empty() || before.ends_with("doi.org/") || before.ends_with("doi:");
    let is_plain = !doi
        .chars()
        .any(|one| one.is_control() || one.is_whitespace());
    (is_prefix && is_plain && doi.contains('/')).then(|| doi.to_owned())
}

#[cfg(test)]
mod tests;
