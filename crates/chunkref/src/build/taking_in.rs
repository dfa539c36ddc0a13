//! Values of coordinates: those that granules are sorted by are taken into their manifests, and of those
//! that must be equal in all granules a digest is kept.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::hash::Hasher as _;
use std::sync::Arc;

use chunkref_combine::{beside, hold, not_held};
use chunkref_io::{Client, printable};
use chunkref_scan::Scanned;
use chunkref_store::{Elements, Error, ReadOptions, Selection, Store};
use twox_hash::XxHash64;

use crate::text::told;

/// The most bytes of one coordinate, or of its bounds, that are read of one file.
const TAKEN_IN: u64 = 64 << 20;

/// What tells the values of coordinates apart, by path.
pub(crate) type Digests = BTreeMap<String, u64>;

/// Reads the coordinate of a dimension and its bounds, where the scan left them in the file: without
/// them granules are neither sorted nor known to repeat nothing. Gives the digests of the coordinates of all
/// other dimensions, as far as they can be read. The file is read at the address at which it was scanned:
/// that in its manifest has no signature.
pub(crate) async fn take_in(
    client: &Client,
    (address, scanned): (&str, &mut Scanned),
    dimension: &str,
) -> Result<Digests, String> {
    let manifest = &mut scanned.manifest;
    let held = not_held(manifest, dimension);
    let (known, unknown): (Vec<_>, Vec<_>) = beside(manifest, dimension)
        .into_iter()
        .partition(|(_, values)| values.is_some());
    let known = known
        .into_iter()
        .filter_map(|(path, values)| Some((path, digest(&values?))));
    let mut digests: Digests = known.collect();
    let unknown: Vec<String> = unknown.into_iter().map(|(path, _)| path).collect();
    if held.is_empty() && unknown.is_empty() {
        return Ok(digests);
    }
    let file = scanned.report.file.as_str();
    let at_address = manifest.locations.try_map(|location| {
        let is_file = location.url == file;
        let url = if is_file { address } else { &location.url };
        Ok::<_, Infallible>(location.clone().with_url(url))
    });
    let Ok(at_address) = at_address;
    let locations = std::mem::replace(&mut manifest.locations, at_address);
    let of_file = Arc::new(std::mem::take(manifest));
    let store = Store::new(Arc::clone(&of_file), client.clone());
    let both = futures::future::join(read(&store, &held), read(&store, &unknown));
    let (sorted_by, compared) = both.await;
    drop(store);
    *manifest = Arc::unwrap_or_clone(of_file);
    manifest.locations = locations;
    let plain = |error: &Error| told(error).replace(address, &printable(address));
    let refused = |reason: &str| {
        format!("granules are sorted by {dimension}, whose values can't be taken in: {reason}")
    };
    for (path, values) in held
        .iter()
        .zip(sorted_by.map_err(|error| refused(&plain(&error)))?)
    {
        if !hold(manifest, path, values) {
            let reason = format!("/{path} is read as another type than it is stored in");
            return Err(refused(&reason));
        }
    }
    match compared {
        Ok(all) => {
            let all = all.into_iter().map(|values| digest(&values.bytes));
            digests.extend(unknown.into_iter().zip(all));
        }
        Err(
            error @ (Error::Read { .. }
            | Error::Changed { .. }
            | Error::Short { .. }
            | Error::References { .. }),
        ) => return Err(plain(&error)),
        // What can't be decoded, or is too large, is not compared.
        Err(_) => {}
    }
    Ok(digests)
}

async fn read(store: &Store, paths: &[String]) -> Result<Vec<Elements>, Error> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let all = Selection::All;
    let parts: Vec<(&str, &Selection)> = paths.iter().map(|path| (path.as_str(), &all)).collect();
    let options = ReadOptions::default().with_limit(TAKEN_IN);
    store.read_all(&parts, options).await
}

fn digest(values: &[u8]) -> u64 {
    let mut hash = XxHash64::with_seed(0);
    hash.write(values);
    hash.finish()
}
