//! Answers that were recorded: pairs of `NAME.json`, a body, and `NAME.http.json`, its request and the
//! headers of its answer.

use std::path::Path;

use serde_json::Value;

/// One recorded answer.
pub(crate) struct Recorded {
    /// The end of the path: `granules.umm_json`.
    what: String,
    page_size: Option<String>,
    /// What led to it from the page before.
    after: Option<String>,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Recorded {
    /// All pairs of a folder whose name begins so, in the order of their names.
    ///
    /// # Panics
    ///
    /// If there is none, or one can't be read.
    pub(crate) fn read(folder: &Path, start: &str) -> Vec<Self> {
        let entries = std::fs::read_dir(folder).expect("a folder of recorded answers");
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = names
            .filter(|name| name.starts_with(start) && name.ends_with(".http.json"))
            .collect();
        names.sort();
        assert!(!names.is_empty(), "no recorded answers {start}*");
        names
            .iter()
            .map(|name| Self::of(&folder.join(name)))
            .collect()
    }

    fn of(path: &Path) -> Self {
        let text = std::fs::read(path).expect("a note on a recorded answer");
        let note: Value = serde_json::from_slice(&text).expect("JSON");
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let url = text(&note["request"]["url"]).expect("a URL");
        let url = url::Url::parse(&url).expect("a URL");
        let response = &note["response"];
        let body = text(&response["body_file"]).expect("the name of the body");
        let headers = response["headers"].as_object().expect("headers");
        let headers = headers
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), text(value)?)));
        let size = url.query_pairs().find(|(name, _)| name == "page_size");
        Self {
            what: url
                .path_segments()
                .and_then(Iterator::last)
                .unwrap_or("")
                .to_owned(),
            page_size: size.map(|(_, value)| value.into_owned()),
            after: text(&note["request"]["headers"]["cmr-search-after"]),
            status: u16::try_from(response["status"].as_u64().unwrap_or(0)).expect("a status"),
            headers: headers.collect(),
            body: std::fs::read(path.with_file_name(body)).expect("the body"),
        }
    }

    /// Whether it answers a request; other parameters are not compared.
    pub(crate) fn answers(&self, what: &str, page_size: &str, after: Option<&str>) -> bool {
        self.what == what
            && self.after.as_deref() == after
            && self
                .page_size
                .as_deref()
                .is_none_or(|size| size == page_size)
    }

    /// The count of all, if it is an answer of this kind.
    pub(crate) fn hits(&self, what: &str) -> Option<String> {
        let mut headers = self.headers.iter();
        let (_, hits) = headers.find(|(name, _)| name == "cmr-hits")?;
        (self.what == what).then(|| hits.clone())
    }
}
