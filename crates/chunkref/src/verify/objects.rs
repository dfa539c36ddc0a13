//! The objects of a set as they are now.

use chunkref_io::Client;
use chunkref_manifest::{Location, Manifest, Pin};
use futures::{StreamExt as _, stream};

use super::finding::{Finding, FindingKind, Findings};

/// Objects that are asked at one time.
const AT_ONCE: usize = 64;

/// What is known of an object.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ObjectState {
    /// Its size in bytes, as it is now, or else as it is pinned.
    pub(super) size: Option<u64>,
    /// Whether it can be read, and is the one that is pinned.
    pub(super) is_sound: bool,
}

/// Asks every object for one byte, and compares what pins it.
pub(super) async fn check(
    client: &Client,
    manifest: &Manifest,
    findings: &mut Findings,
) -> Vec<ObjectState> {
    let locations = manifest.locations.iter();
    let probes = stream::iter(locations)
        .map(|(_, location)| async move { (location, probe(client, location).await) })
        // In order, so that findings do not depend on who answers first.
        .boxed()
        .buffered(AT_ONCE);
    let mut probes = probes;
    let mut states = Vec::with_capacity(manifest.locations.len());
    while let Some((location, now)) = probes.next().await {
        let pinned = location.pin.size;
        let state = match now {
            Err(reason) => {
                findings.add(Finding::of_object(
                    FindingKind::Object,
                    &location.url,
                    reason,
                ));
                ObjectState {
                    size: pinned,
                    is_sound: false,
                }
            }
            Ok(now) => {
                let changed = changed(&location.pin, &now);
                let is_sound = changed.is_none();
                if let Some(reason) = changed {
                    findings.add(Finding::of_object(FindingKind::Pin, &location.url, reason));
                }
                ObjectState {
                    size: now.size.or(pinned),
                    is_sound,
                }
            }
        };
        states.push(state);
    }
    states
}

async fn probe(client: &Client, location: &Location) -> Result<chunkref_io::Pin, String> {
    let urls: Vec<_> = location.urls().collect();
    let mut pin = chunkref_io::Pin::default();
    pin.size = location.pin.size;
    pin.etag.clone_from(&location.pin.etag);
    pin.last_modified.clone_from(&location.pin.last_modified);
    let probe = async {
        let (url, pin) = client.choose_pinned(&urls, pin).await?;
        if !pin.is_of_other_url {
            // As it is now: what differs is found below.
            return client.open(url).await?.probe().await;
        }
        let mut now = client.open_pinned(url, pin).await?.probe().await?;
        // What could be compared was.
        now.etag = None;
        now.last_modified = None;
        Ok(now)
    };
    let probed = probe.await;
    probed.map_err(|error| crate::relocate::told(&error))
}

/// What of an object is not as it is pinned. Where both have an `ETag`, `Last-Modified` does not
/// count.
fn changed(before: &Pin, now: &chunkref_io::Pin) -> Option<String> {
    let differs = |what: &str, before: &dyn std::fmt::Display, now: &dyn std::fmt::Display| {
        format!("changed since it was scanned: {what} was {before}, now {now}")
    };
    if let (Some(before), Some(now)) = (before.size, now.size)
        && before != now
    {
        return Some(differs("size", &before, &now));
    }
    let (what, before, now) = match (&before.etag, &now.etag) {
        (Some(before), Some(now)) => ("ETag", before, now),
        _ => (
            "Last-Modified",
            before.last_modified.as_ref()?,
            now.last_modified.as_ref()?,
        ),
    };
    (before != now).then(|| differs(what, before, now))
}
