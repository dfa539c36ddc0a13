//! Links of granules and collections, by kind.

use std::fmt;

use percent_encoding::percent_decode_str;

/// What a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkKind {
    /// A data file, over https.
    Data,
    /// A data file, in a bucket of S3.
    DirectData,
    /// An `OPeNDAP` service.
    Opendap,
    /// A DMR++ document, which says where the chunks of a file are.
    Dmrpp,
    /// A picture.
    Browse,
    /// A file about the data: metadata, a checksum.
    Metadata,
    /// Where temporary credentials for S3 are handed out.
    S3Credentials,
    /// A ready-made virtual store: references in Kerchunk's format, or Icechunk's.
    Virtual,
    /// Anything else.
    Other,
}

/// Names of files that are about data.
const ABOUT_DATA: [&str; 9] = [
    ".md5",
    ".sha256",
    ".sha512",
    ".xml",
    ".met",
    ".cmr.json",
    ".iso",
    ".qa",
    ".fdr",
];
/// Names of files that hold pictures.
const PICTURES: [&str; 4] = [".jpg", ".jpeg", ".png", ".gif"];

impl LinkKind {
    /// Told by `Type` and `Subtype` of UMM, then by how the name ends.
    pub(crate) fn of(url: &str, type_: &str, subtype: &str) -> Self {
        let name = file_name(url).to_ascii_lowercase();
        let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
        let is_bucket = starts_with(url, "s3://");
        let is_web = starts_with(url, "https://") || starts_with(url, "http://");
        if is_web && name.starts_with("s3credentials") && !name.contains("readme") {
            return Self::S3Credentials;
        }
        let type_ = type_.to_ascii_uppercase();
        let subtype = subtype.to_ascii_uppercase();
        if subtype.contains("VIRTUAL COLLECTION") {
            return Self::Virtual;
        }
        if ends(&[".dmrpp"]) || subtype.starts_with("DMR++") {
            return Self::Dmrpp;
        }
        match type_.as_str() {
            "GET RELATED VISUALIZATION" => return Self::Browse,
            "EXTENDED METADATA" => return Self::Metadata,
            "USE SERVICE API" if subtype.contains("OPENDAP") => return Self::Opendap,
            "USE SERVICE API" | "VIEW RELATED INFORMATION" | "GOTO WEB TOOL" => return Self::Other,
            _ => {}
        }
        if !is_bucket && !is_web || name.is_empty() {
            return Self::Other;
        }
        let is_data = matches!(type_.as_str(), "GET DATA" | "GET DATA VIA DIRECT ACCESS");
        if ends(&ABOUT_DATA) {
            return Self::Metadata;
        }
        if ends(&PICTURES) {
            return Self::Browse;
        }
        let known = crate::format::Format::of_name(&name).is_some();
        match (is_data || known, is_bucket) {
            (false, _) => Self::Other,
            (true, true) => Self::DirectData,
            (true, false) => Self::Data,
        }
    }

    /// A word for it, as `chunkref search --links` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "https",
            Self::DirectData => "s3",
            Self::Opendap => "opendap",
            Self::Dmrpp => "dmrpp",
            Self::Browse => "browse",
            Self::Metadata => "metadata",
            Self::S3Credentials => "s3credentials",
            Self::Virtual => "virtual",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for LinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One of a record's `RelatedUrls`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// Where it leads.
    pub url: String,
    /// What is there.
    pub kind: LinkKind,
    /// The format, as the record names it.
    pub format: Option<String>,
    /// The media type, as the record names it.
    pub media_type: Option<String>,
}

impl Link {
    pub(crate) fn new(url: &str, kind: LinkKind) -> Self {
        Self {
            url: url.to_owned(),
            kind,
            format: None,
            media_type: None,
        }
    }

    /// The name of the file that it leads to: the end of the URL's path. Empty for a folder.
    pub fn file_name(&self) -> String {
        file_name(&self.url)
    }
}

fn starts_with(url: &str, scheme: &str) -> bool {
    url.get(..scheme.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// The end of a URL's path. That of `s3` is not percent-encoded and has no query.
fn file_name(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return String::new();
    };
    let is_bucket = scheme.eq_ignore_ascii_case("s3");
    let path = if is_bucket {
        rest
    } else {
        rest.split(['?', '#']).next().unwrap_or_default()
    };
    let Some((_, name)) = path.rsplit_once('/') else {
        return String::new();
    };
    if is_bucket {
        return name.to_owned();
    }
    percent_decode_str(name).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{LinkKind, file_name};

    #[test]
    fn links_are_told_by_type_then_by_name() {
        use LinkKind::{
            Browse, Data, DirectData, Dmrpp, Metadata, Opendap, Other, S3Credentials, Virtual,
        };
        for (url, type_, subtype, kind) in [
            ("https://a.b/c.nc", "GET DATA", "", Data),
            ("https://a.b/c", "GET DATA", "DIRECT DOWNLOAD", Data),
            ("s3://a/c.nc", "GET DATA VIA DIRECT ACCESS", "", DirectData),
            ("s3://a/c.nc", "GET DATA", "", DirectData),
            ("https://a.b/c.nc.md5", "GET DATA", "", Metadata),
            ("https://a.b/c.nc.dmrpp", "GET DATA", "", Dmrpp),
            ("https://a.b/c.dmrpp", "EXTENDED METADATA", "DMR++", Dmrpp),
            ("s3://a/c.nc.md5", "EXTENDED METADATA", "", Metadata),
            ("https://a.b/c", "USE SERVICE API", "OPENDAP DATA", Opendap),
            ("https://a.b/c.nc", "USE SERVICE API", "", Other),
            ("https://a.b/c.png", "GET RELATED VISUALIZATION", "", Browse),
            ("https://a.b/c.png", "GET DATA", "", Browse),
            (
                "https://a.b/s3credentials",
                "VIEW RELATED INFORMATION",
                "",
                S3Credentials,
            ),
            (
                "https://a.b/s3credentialsREADME",
                "VIEW RELATED INFORMATION",
                "",
                Other,
            ),
            (
                "https://a.b/c.json",
                "GET DATA",
                "VIRTUAL COLLECTION",
                Virtual,
            ),
            ("https://a.b/c.h5", "", "", Data),
            ("https://a.b/", "GET DATA", "", Other),
            ("https://a.b", "GET DATA", "", Other),
            ("ftp://a.b/c.nc", "GET DATA", "", Other),
            ("c.nc", "GET DATA", "", Other),
            ("", "", "", Other),
        ] {
            assert_eq!(
                LinkKind::of(url, type_, subtype),
                kind,
                "{url} {type_} {subtype}"
            );
        }
    }

    #[test]
    fn names_are_the_ends_of_paths() {
        assert_eq!(file_name("https://a.b/c/d%20e.nc?x=/y.z#f"), "d e.nc");
        assert_eq!(file_name("s3://a/c/d%20e#1?.nc"), "d%20e#1?.nc");
        assert_eq!(file_name("https://a.b?x=/y.nc"), "");
        assert_eq!(file_name("https://é/€"), "€");
    }
}
