//! How Parquet sets are written, and what readers of them should know.

use chunkref_manifest::kerchunk::{Blobs, ParquetOptions, has_absent_rows, write_parquet_with};
use chunkref_manifest::{Array, Manifest};

/// So many arrays are named in a caution.
const NAMED: usize = 5;

/// How a reference set is written. JSON has none of these choices.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WriteOptions {
    /// Rows per file of a Parquet set; `None`: as suits the arrays
    /// ([`record_size_for`](crate::manifest::kerchunk::record_size_for)).
    pub record_size: Option<usize>,
    /// Whether absent chunks are written as inline chunks of fill values into a Parquet set, for
    /// readers that fail on absent rows.
    pub densify: bool,
}

impl WriteOptions {
    /// Rows per file as suits the arrays; absent chunks are absent.
    pub fn new() -> Self {
        Self::default()
    }

    /// So many rows per file of a Parquet set.
    #[must_use]
    pub fn with_record_size(mut self, rows: Option<usize>) -> Self {
        self.record_size = rows;
        self
    }

    /// Absent chunks are written out into a Parquet set, or not.
    #[must_use]
    pub fn with_densify(mut self, densify: bool) -> Self {
        self.densify = densify;
        self
    }

    /// What who reads a manifest that is written so as Parquet should know, a sentence each.
    pub fn cautions(&self, manifest: &Manifest) -> Vec<String> {
        let mut cautions = Vec::new();
        let arrays = manifest
            .arrays()
            .filter(|(_, array)| has_absent_rows(array));
        let sparse: Vec<String> = if self.densify {
            Vec::new()
        } else {
            arrays.map(|(path, _)| path).collect()
        };
        if let Some(first) = sparse
            .get(..sparse.len().min(NAMED))
            .filter(|first| !first.is_empty())
        {
            let more = match sparse.len().saturating_sub(first.len()) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            cautions.push(format!(
                "{}{more}: absent chunks, on which fsspec fails with pandas 3 and pyarrow; \
                 --densify writes them out",
                first.join(", ")
            ));
        }
        if !manifest.root.groups.is_empty() {
            cautions.push(
                "groups below the root: fsspec opens and reads them, but its find and glob fail; \
                 JSON has no such limit"
                    .to_owned(),
            );
        }
        cautions
    }
}

/// Writes a Parquet set as the options say.
///
/// # Errors
/// As for [`write_parquet_with`].
pub(crate) fn write_set(
    manifest: &Manifest,
    blobs: &mut dyn Blobs,
    options: &WriteOptions,
) -> chunkref_manifest::Result<()> {
    let mut parquet = ParquetOptions::new();
    parquet.record_size = options.record_size;
    if options.densify {
        parquet.densify = Some(&encode);
    }
    write_parquet_with(manifest, blobs, &parquet)
}

/// A chunk, encoded as the array's codecs say.
fn encode(array: &Array, plain: &[u8]) -> Result<bytes::Bytes, String> {
    let codecs = array.codecs();
    let pipeline = chunkref_store::pipeline(codecs)
        .ok_or_else(|| format!("nothing here encodes {codecs:?}"))?;
    let encoded = pipeline.encode(plain);
    encoded.map(Into::into).map_err(|error| error.to_string())
}
