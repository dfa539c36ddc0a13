//! The file itself: where it is, and how it is read and replaced.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::login::Secret;

/// Longer files are none.
const LONGEST: u64 = 1 << 20;

/// The file that `NETRC` names, or that of the user's home.
pub(crate) fn default_path() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("NETRC").filter(|path| !path.is_empty()) {
        return Some(path.into());
    }
    let name = if cfg!(windows) { "_netrc" } else { ".netrc" };
    Some(std::env::home_dir()?.join(name))
}

/// The file's text; `None` if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Secret>, String> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("can't be read: {error}")),
    };
    let mut bytes = Vec::new();
    let read = file.take(LONGEST.saturating_add(1)).read_to_end(&mut bytes);
    let length = read.map_err(|error| format!("can't be read: {error}"))?;
    if u64::try_from(length).is_ok_and(|length| length > LONGEST) {
        return Err("too long for a .netrc file".to_owned());
    }
    // The error would hold the bytes, but does not show them.
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(Secret::new(text))),
        Err(_) => Err("not UTF-8".to_owned()),
    }
}

/// Puts a new file in its place, which only its user can read.
pub(super) fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".chunkref-{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// Whether others than its user may read a file.
#[cfg(unix)]
pub(crate) fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::metadata(path);
    metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// Whether others than its user may read a file: not known here.
#[cfg(not(unix))]
pub(crate) fn is_open_to_others(_path: &Path) -> bool {
    false
}
