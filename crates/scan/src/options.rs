//! What a scan is to read, and how small chunks and large runs are written.

/// What is inlined unless told otherwise, in bytes.
const INLINED: u64 = 500;

/// Options of a scan.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScanOptions {
    /// Only this group and what is below it, as a path from the root; `None`: the whole file.
    pub group: Option<String>,
    /// Only these datasets, as names or paths from the group; empty: all.
    pub variables: Vec<String>,
    /// Whether what is in the groups of the group is wanted; if not, they are there, with their
    /// attributes, but empty.
    pub subgroups: bool,
    /// Whether attributes are wanted in the manifest.
    pub attributes: bool,
    /// An array whose stored chunks together take at most so many bytes is inlined. `None`: 500, but
    /// the data of a paged file is not read for it, since no page holds both data and metadata: each
    /// small array would cost a request.
    pub inline_threshold: Option<u64>,
    /// A contiguous dataset of more bytes than this is split into chunks.
    pub split_size: u64,
    /// Most bytes of strings that are read and inlined for one array.
    pub string_limit: u64,
    /// Most bytes of fill values that are written in place of the absent chunks of one array.
    pub fill_limit: u64,
    /// Whether external links are followed; otherwise they are only reported.
    pub external_links: bool,
    /// Other files that a granule names are read where they lie in its folder or below it, and
    /// where their URL or path begins with one of these.
    pub trusted: Vec<String>,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            group: None,
            variables: Vec::new(),
            subgroups: true,
            attributes: true,
            inline_threshold: None,
            split_size: 32 << 20,
            string_limit: 64 << 20,
            fill_limit: 16 << 20,
            external_links: false,
            trusted: Vec::new(),
        }
    }
}

impl ScanOptions {
    /// Narrows the scan to this group and what is below it.
    #[must_use]
    pub fn with_group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Sets whether what is in the groups of the group is wanted.
    #[must_use]
    pub fn with_subgroups(mut self, subgroups: bool) -> Self {
        self.subgroups = subgroups;
        self
    }

    /// Narrows the scan to these datasets, given as names or paths from the group.
    #[must_use]
    pub fn with_variables<S: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = S>,
    ) -> Self {
        self.variables = variables.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the size up to which arrays are inlined, in bytes of their stored chunks.
    #[must_use]
    pub fn with_inline_threshold(mut self, bytes: u64) -> Self {
        self.inline_threshold = Some(bytes);
        self
    }

    /// The size up to which what must be read in any case is inlined, in bytes.
    pub(crate) fn inlined(&self) -> u64 {
        self.inline_threshold.unwrap_or(INLINED)
    }

    /// The size up to which data is read to be inlined, in bytes.
    pub(crate) fn inlined_data(&self, paged: bool) -> u64 {
        let inlined = if paged { 0 } else { INLINED };
        self.inline_threshold.unwrap_or(inlined)
    }

    /// Follows external links to files that may be read (see [`ScanOptions::trusted`]).
    #[must_use]
    pub fn with_external_links(mut self, follow: bool) -> Self {
        self.external_links = follow;
        self
    }

    /// Lets a granule name files under these URLs or paths too.
    #[must_use]
    pub fn with_trusted<S: Into<String>>(mut self, prefixes: impl IntoIterator<Item = S>) -> Self {
        self.trusted = prefixes.into_iter().map(Into::into).collect();
        self
    }
}
