//! Files that are named: URLs, paths, globs, folders.

use std::collections::BTreeMap;
use std::path::Path;

use chunkref_io::{Client, file_path, printable};
use futures::TryStreamExt as _;
use glob::{MatchOptions, Pattern};

use super::error::BuildError;
use super::queries;
use super::source::Source;

/// Of folders, files with these names are taken.
const SUFFIXES: [&str; 5] = [".nc", ".nc4", ".h5", ".hdf5", ".he5"];

/// `*` and `?` stay within one folder; hidden files are named, or not taken.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// What was named.
#[derive(Debug, Default)]
pub(crate) struct Named {
    pub(crate) sources: Vec<Source>,
    /// The globs and folders, if nothing else was named: what they lack is gone.
    pub(crate) listing: Option<String>,
}

/// The files that are named, each once, in the order of their addresses.
pub(crate) async fn named(client: &Client, patterns: &[String]) -> Result<Named, BuildError> {
    let mut found: BTreeMap<String, Source> = BTreeMap::new();
    let mut is_listing = !patterns.is_empty();
    for pattern in patterns {
        let (sources, listed) = expand(client, pattern).await?;
        is_listing &= listed;
        if sources.is_empty() {
            return Err(BuildError::sources(format!(
                "{}: no file fits; of folders those are taken that end in {}",
                printable(pattern),
                SUFFIXES.join(", ")
            )));
        }
        for source in sources {
            let other = found.get(&source.key);
            if other.is_some_and(|other| other.address != source.address) {
                return Err(queries::ambiguous(&source.url));
            }
            found.insert(source.key.clone(), source);
        }
    }
    let names = patterns.iter().map(|pattern| printable(pattern));
    let names: Vec<_> = names.chain(endpoint(client).map(printable)).collect();
    Ok(Named {
        sources: found.into_values().collect(),
        listing: is_listing.then(|| names.join("\n")),
    })
}

/// The files that one address means, and whether it is a glob or a folder.
async fn expand(client: &Client, pattern: &str) -> Result<(Vec<Source>, bool), BuildError> {
    let Some((scheme, _)) = pattern.split_once("://") else {
        return local(client, pattern.to_owned()).await;
    };
    match scheme.to_ascii_lowercase().as_str() {
        "file" => {
            let path = file_path(pattern).map_err(BuildError::Io)?;
            local(client, path.to_string_lossy().into_owned()).await
        }
        "http" | "https" => {
            let plain = printable(pattern);
            if plain.contains('*') || plain.ends_with('/') {
                return Err(BuildError::sources(format!(
                    "{plain}: servers of http list no files: name each, or give them in a file with \
                     --links-file"
                )));
            }
            Ok((vec![Source::of_address(pattern)], false))
        }
        _ => bucket(client, pattern).await,
    }
}

fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn is_wanted(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

fn parsed(pattern: &str) -> Result<Pattern, BuildError> {
    Pattern::new(pattern)
        .map_err(|error| BuildError::sources(format!("{pattern}: not a glob: {error}")))
}

/// Where the buckets are, if that is not where their scheme says.
fn endpoint(client: &Client) -> Option<&str> {
    let options = &client.options().store_options;
    let of_name = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("aws_endpoint");
    let last = options.iter().rev().find(of_name)?;
    Some(last.1.as_str())
}

async fn bucket(client: &Client, url: &str) -> Result<(Vec<Source>, bool), BuildError> {
    let endpoint = endpoint(client);
    let (folder, pattern) = if let Some(at) = url.find(['*', '?', '[']) {
        let cut = url.get(..at).and_then(|start| start.rfind('/'));
        let (folder, pattern) = url.split_at(cut.unwrap_or(at));
        (folder, Some(parsed(pattern.trim_start_matches('/'))?))
    } else if url.ends_with('/') {
        (url.trim_end_matches('/'), None)
    } else {
        let source = Source::of_address(url).at_endpoint(endpoint);
        return Ok((vec![source], false));
    };
    let fits = |path: &str| match &pattern {
        Some(pattern) => pattern.matches_with(path, MATCHING),
        None => is_wanted(path),
    };
    let mut objects = client.objects_below(folder).map_err(BuildError::Io)?;
    let mut sources = Vec::new();
    while let Some(object) = objects.try_next().await.map_err(BuildError::Io)? {
        if fits(&object.path) {
            let source = Source::of_address(&format!("{folder}/{}", object.path));
            sources.push(source.at_endpoint(endpoint).with_seen(object.pin));
        }
    }
    Ok((sources, true))
}

async fn local(client: &Client, path: String) -> Result<(Vec<Source>, bool), BuildError> {
    let (paths, is_listing) = tokio::task::spawn_blocking(move || local_paths(&path))
        .await
        .map_err(|error| BuildError::sources(error.to_string()))??;
    // What pins a file costs no read.
    let mut sources = Vec::with_capacity(paths.len());
    for path in paths {
        let source = Source::of_address(&path);
        let seen = client.open(&path).await.ok().map(|object| object.pin());
        sources.push(match seen {
            Some(pin) => source.with_seen(pin),
            None => source,
        });
    }
    Ok((sources, is_listing))
}

fn local_paths(path: &str) -> Result<(Vec<String>, bool), BuildError> {
    let absolute = std::path::absolute(path)
        .map_err(|error| BuildError::sources(format!("{path}: {error}")))?;
    let text = |path: &Path| {
        path.to_str().map(str::to_owned).ok_or_else(|| {
            BuildError::sources(format!(
                "{}: its name is not UTF-8, so no reference can name it",
                path.display()
            ))
        })
    };
    let is_folder = absolute.is_dir();
    let is_there = absolute.exists();
    let absolute = text(&absolute)?;
    if !is_folder && (is_there || !is_glob(&absolute)) {
        return Ok((vec![absolute], false));
    }
    let pattern = if is_folder {
        format!("{}/**/*", Pattern::escape(absolute.trim_end_matches('/')))
    } else {
        absolute
    };
    let found = glob::glob_with(&pattern, MATCHING)
        .map_err(|error| BuildError::sources(format!("{path}: not a glob: {error}")))?;
    let mut paths = Vec::new();
    for one in found {
        let one = one.map_err(|error| {
            BuildError::sources(format!("{}: {}", error.path().display(), error.error()))
        })?;
        if one.is_file() {
            let name = text(&one)?;
            if !is_folder || is_wanted(&name) {
                paths.push(name);
            }
        }
    }
    Ok((paths, true))
}

#[cfg(test)]
mod tests {
    use super::local_paths;

    #[test]
    fn globs_and_folders_of_this_machine() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap();
        for name in [
            "a.nc",
            "b.h5",
            "notes.txt",
            ".hidden.nc",
            "deep/c.NC",
            "[x].nc",
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let names = |pattern: &str| {
            let (paths, is_listing) = local_paths(&format!("{root}/{pattern}")).unwrap();
            let cut = paths.iter().map(|path| path.strip_prefix(root).unwrap());
            let names: Vec<_> = cut
                .map(|name| name.trim_start_matches('/').to_owned())
                .collect();
            (names, is_listing)
        };
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(
            names(""),
            (owned(&["[x].nc", "a.nc", "b.h5", "deep/c.NC"]), true)
        );
        assert_eq!(names("*.nc"), (owned(&["[x].nc", "a.nc"]), true));
        assert_eq!(names("**/*.NC"), (owned(&["deep/c.NC"]), true));
        // A file of that very name goes before a glob.
        assert_eq!(names("[x].nc"), (owned(&["[x].nc"]), false));
        assert_eq!(names("none.nc"), (owned(&["none.nc"]), false));
        assert_eq!(names("none*"), (Vec::new(), true));
    }
}
