//! Other files that a granule names: targets of external links, external raw data, sources of
//! virtual datasets.
//!
//! A file may be hostile, so a name leads no farther than the granule's own folder and those below
//! it, unless the user trusts where it leads. As in libhdf5 (`H5F_prefix_open_file`), an absolute
//! name that is not to be had is looked for beside the granule by its last part. Names in external
//! raw data are taken from the granule's folder too, where libhdf5 takes them from the folder the
//! process was started in.

use std::fmt::Write as _;

use crate::data_type::Refusal;

/// Where a file may lie that the granule at `granule` (a URL or path) calls `name`, in the order
/// in which to look; at least one.
///
/// # Errors
/// The reason, where it lies where nothing may be read unasked.
pub(crate) fn neighbours(
    granule: &str,
    name: &str,
    trusted: &[String],
) -> Result<Vec<String>, Refusal> {
    if name.is_empty() || name.contains('\0') {
        return Err(format!("a file of the name {name:?}"));
    }
    let folder = granule.rfind('/').map_or("", |slash| &granule[..=slash]);
    if name.contains("://") {
        return if is_trusted(name, trusted) {
            Ok(vec![name.to_owned()])
        } else {
            Err(untrusted(name))
        };
    }
    let Some(rest) = name.strip_prefix('/') else {
        let joined = join(folder, name, granule);
        return match joined {
            Some((url, stays)) if stays || is_trusted(&url, trusted) => Ok(vec![url]),
            Some((url, _)) => Err(untrusted(&url)),
            None => Err(format!("{name:?} leads above the root")),
        };
    };
    let mut found = Vec::new();
    // An absolute path of the machine that wrote a remote granule means nothing here.
    if !granule.contains("://") && is_trusted(name, trusted) && !rest.is_empty() {
        found.push(name.to_owned());
    }
    let last = name.rsplit('/').next().unwrap_or_default();
    if let Some((url, true)) = join(folder, last, granule) {
        found.push(url);
    }
    if found.is_empty() {
        return Err(untrusted(name));
    }
    Ok(found)
}

fn untrusted(url: &str) -> Refusal {
    format!(
        "{url:?} lies outside the folder of the file that names it and is not trusted (--trust)"
    )
}

/// Whether the user has named a prefix of it. A prefix ends at a slash, so that `/data` is not one
/// of `/database`; and nothing may climb out of it again.
fn is_trusted(url: &str, trusted: &[String]) -> bool {
    let climbs = url.split('/').any(|part| part == "..");
    !climbs
        && trusted.iter().any(|prefix| {
            let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
            url.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
}

/// A relative name in a folder, without `.` and `..`, and whether it stays in the folder. `None`:
/// it leads above the root, or names no file.
fn join(folder: &str, name: &str, granule: &str) -> Option<(String, bool)> {
    let (root, path) = match folder.find("://") {
        // What can't be climbed out of: scheme and host, or bucket.
        Some(at) => {
            let host = at.saturating_add(3);
            let end = folder.get(host..)?.find('/')?.saturating_add(host);
            folder.split_at_checked(end.saturating_add(1))?
        }
        None => match folder.strip_prefix('/') {
            Some(path) => ("/", path),
            None => ("", folder),
        },
    };
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let inside = parts.len();
    let mut stays = true;
    let is_url = granule.starts_with("http://") || granule.starts_with("https://");
    let mut encoded = Vec::new();
    let names: Vec<&str> = name.split('/').collect();
    for part in &names {
        match *part {
            "" | "." => {}
            ".." => {
                encoded.pop();
                parts.pop()?;
            }
            part => {
                encoded.push(part);
                parts.push(part);
            }
        }
        stays &= parts.len() >= inside;
    }
    if encoded.is_empty() {
        return None;
    }
    // What the granule's URL has is percent-encoded already; what the file names is not.
    let kept = parts.len().saturating_sub(encoded.len());
    let path: Vec<String> = parts
        .iter()
        .enumerate()
        .map(|(place, part)| {
            if is_url && place >= kept {
                percent_encoded(part)
            } else {
                (*part).to_owned()
            }
        })
        .collect();
    Some((format!("{root}{}", path.join("/")), stays))
}

/// A part of a path as it stands in a URL (RFC 3986, unreserved characters as they are).
fn percent_encoded(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            byte => {
                // Writing to a string can't fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::neighbours;

    fn all(granule: &str, name: &str, trusted: &[&str]) -> Result<Vec<String>, String> {
        let trusted: Vec<String> = trusted.iter().map(|&prefix| prefix.to_owned()).collect();
        neighbours(granule, name, &trusted)
    }

    #[test]
    fn relative_names_lie_beside_the_granule() {
        for (granule, name, expected) in [
            ("/data/a.h5", "b.h5", "/data/b.h5"),
            ("a.h5", "./b.h5", "b.h5"),
            ("/data/a.h5", "raw/../raw//b.bin", "/data/raw/b.bin"),
            ("s3://bucket/a.h5", "b c.h5", "s3://bucket/b c.h5"),
            (
                "https://host/x%20y/a.h5",
                "b c?.h5",
                "https://host/x%20y/b%20c%3F.h5",
            ),
        ] {
            assert_eq!(all(granule, name, &[]).unwrap(), [expected]);
        }
    }

    #[test]
    fn names_that_leave_the_folder_need_trust() {
        for (granule, name) in [
            ("/data/a.h5", "../b.h5"),
            ("/data/a.h5", "../data2/b.h5"),
            ("/data/a.h5", "../../../b.h5"),
            ("/data/a.h5", "https://elsewhere/b.h5"),
            ("https://host/a.h5", "file:///etc/passwd"),
            ("https://host/d/a.h5", "../b.h5"),
            ("https://host/a.h5", "../b.h5"),
            ("/data/a.h5", "x/.."),
            ("/data/a.h5", "/"),
            ("/data/a.h5", ""),
            ("/data/a.h5", "b\0.h5"),
        ] {
            assert!(all(granule, name, &[]).is_err(), "{granule} {name}");
        }
        assert_eq!(
            all("/data/x/a.h5", "../b.h5", &["/data"]).unwrap(),
            ["/data/b.h5"]
        );
        assert!(all("/data/x/a.h5", "../../database/b.h5", &["/data"]).is_err());
        assert_eq!(
            all("/data/a.h5", "s3://bucket/b.h5", &["s3://bucket/"]).unwrap(),
            ["s3://bucket/b.h5"]
        );
        assert!(all("/d/a.h5", "/data/../etc/passwd", &["/data"]).unwrap() == ["/d/passwd"]);
    }

    #[test]
    fn absolute_names_are_looked_for_beside_the_granule_last() {
        assert_eq!(all("/d/a.h5", "/e/b.h5", &[]).unwrap(), ["/d/b.h5"]);
        assert_eq!(
            all("/d/a.h5", "/e/b.h5", &["/e/"]).unwrap(),
            ["/e/b.h5", "/d/b.h5"]
        );
        assert_eq!(
            all("https://host/d/a.h5", "/e/b.h5", &["/e"]).unwrap(),
            ["https://host/d/b.h5"]
        );
    }
}
