//! What is served: objects in memory, and the files under a folder.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::Hasher;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;

/// Everything that the server holds.
#[derive(Debug, Default)]
pub(crate) struct Content {
    objects: HashMap<String, Stored>,
    root: Option<PathBuf>,
}

#[derive(Clone, Debug)]
struct Stored {
    bytes: Bytes,
    etag: String,
    modified: SystemTime,
}

/// One object or file, found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) modified: SystemTime,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Memory(Bytes),
    File(File),
}

impl Content {
    /// Serves the files under this folder; `false` if it is not one.
    pub(crate) fn set_root(&mut self, root: &Path) -> bool {
        self.root = root.canonicalize().ok().filter(|path| path.is_dir());
        self.root.is_some()
    }

    /// Adds or replaces an object; the name begins with `/`.
    pub(crate) fn put(&mut self, name: &str, bytes: Bytes) {
        let name = format!("/{}", name.trim_start_matches('/'));
        let mut hasher = DefaultHasher::new();
        hasher.write(&bytes);
        let stored = Stored {
            bytes,
            etag: format!("\"{:016x}\"", hasher.finish()),
            modified: SystemTime::now(),
        };
        self.objects.insert(name, stored);
    }

    /// Removes an object from memory.
    pub(crate) fn remove(&mut self, name: &str) {
        self.objects
            .remove(&format!("/{}", name.trim_start_matches('/')));
    }

    /// Finds what lies at a percent-encoded path.
    pub(crate) fn find(&self, path: &str) -> Option<Found> {
        let path = percent_decode(path)?;
        if let Some(stored) = self.objects.get(&path) {
            return Some(Found {
                size: u64::try_from(stored.bytes.len()).ok()?,
                etag: stored.etag.clone(),
                modified: stored.modified,
                source: Source::Memory(stored.bytes.clone()),
            });
        }
        let file = inside(self.root.as_deref()?, &path)?;
        let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let modified = metadata.modified().ok()?;
        let age = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(Found {
            size: metadata.len(),
            etag: format!("\"{:x}-{:x}\"", age.as_nanos(), metadata.len()),
            modified,
            source: Source::File(file),
        })
    }
}

/// Opens a file under `root`, never one outside it: `..`, absolute parts and links that lead
/// out are not found.
fn inside(root: &Path, path: &str) -> Option<File> {
    let mut full = root.to_owned();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        if part == "." || part == ".." || part.contains(['\\', '\0', ':']) {
            return None;
        }
        full.push(part);
    }
    let full = full.canonicalize().ok()?;
    full.starts_with(root).then(|| File::open(full).ok())?
}

/// Decodes `%XX`; `None` if the result is not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(value) if byte == b'%' => {
                out.push(value);
                rest = &tail[2..];
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).ok()
}

impl Found {
    /// The bytes of a range that lies within the size.
    pub(crate) fn read(&mut self, range: Range<u64>) -> std::io::Result<Bytes> {
        let length = usize::try_from(range.end - range.start).map_err(std::io::Error::other)?;
        match &mut self.source {
            Source::Memory(bytes) => {
                let start = usize::try_from(range.start).map_err(std::io::Error::other)?;
                Ok(bytes.slice(start..start + length))
            }
            Source::File(file) => {
                let mut buffer = vec![0; length];
                file.seek(SeekFrom::Start(range.start))?;
                file.read_exact(&mut buffer)?;
                Ok(buffer.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Content;

    #[test]
    fn nothing_outside_the_root_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(folder.path().join("secret"), "secret").unwrap();
        std::fs::write(root.join("a b"), "open").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path().join("secret"), root.join("link")).unwrap();
        let mut content = Content::default();
        assert!(content.set_root(&root));
        assert!(content.find("/a%20b").is_some());
        assert!(content.find("//a b").is_some());
        for path in [
            "/../secret",
            "/%2e%2e/secret",
            "/..%2fsecret",
            "/./../secret",
            "/link",
            "/",
            "/none",
        ] {
            assert!(content.find(path).is_none(), "{path}");
        }
    }
}
