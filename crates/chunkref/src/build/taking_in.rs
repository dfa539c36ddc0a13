//! Values that granules are sorted by, taken into their manifests whatever their size.

use std::convert::Infallible;
use std::sync::Arc;

use chunkref_combine::{hold, not_held};
use chunkref_io::{Client, printable};
use chunkref_scan::Scanned;
use chunkref_store::{ReadOptions, Selection, Store};

use crate::text::told;

/// The most bytes of one coordinate, or of its bounds, that are taken in of one file.
const TAKEN_IN: u64 = 64 << 20;

/// Reads the coordinate of a dimension and its bounds, where the scan left them in the file: without
/// them granules are neither sorted nor known to repeat nothing. The file is read at the address at which it
/// was scanned: that in its manifest has no signature.
pub(crate) async fn take_in(
    client: &Client,
    (address, scanned): (&str, &mut Scanned),
    dimension: &str,
) -> Result<(), String> {
    let manifest = &mut scanned.manifest;
    let paths = not_held(manifest, dimension);
    if paths.is_empty() {
        return Ok(());
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
    let all = Selection::All;
    let parts: Vec<(&str, &Selection)> = paths.iter().map(|path| (path.as_str(), &all)).collect();
    let options = ReadOptions::default().with_limit(TAKEN_IN);
    let read = store.read_all(&parts, options).await;
    drop(store);
    *manifest = Arc::unwrap_or_clone(of_file);
    manifest.locations = locations;
    let refused = |reason: &str| {
        format!("granules are sorted by {dimension}, whose values can't be taken in: {reason}")
    };
    let read =
        read.map_err(|error| refused(&told(&error).replace(address, &printable(address))))?;
    for (path, values) in paths.iter().zip(read) {
        if !hold(manifest, path, values) {
            let reason = format!("/{path} is read as another type than it is stored in");
            return Err(refused(&reason));
        }
    }
    Ok(())
}
