//! Other files that a granule names.

use std::collections::HashMap;
use std::sync::Arc;

use chunkref_hdf5::Scan;
use chunkref_io::{Client, Object};
use chunkref_manifest::{Location, LocationId, Locations, Pin};

use crate::data_type::Refusal;
use crate::error::Result;
use crate::neighbour::neighbours;
use crate::options::ScanOptions;
use crate::source::Outcome;

/// So many files are read at one time.
pub(crate) const AHEAD: usize = 16;
/// Most other files that a scan opens.
pub(crate) const MAX_FILES: usize = 20_000;
/// Files kept open: a local one takes one of the few handles that a process has.
const MAX_OPEN: usize = 128;

/// A file that is open.
#[derive(Clone, Debug)]
pub(crate) struct Here {
    pub(crate) object: Object,
    /// As it was named to be opened, which names in it are relative to.
    pub(crate) url: String,
    pub(crate) size: u64,
    pub(crate) location: LocationId,
}

/// What a name leads to.
#[derive(Clone, Debug)]
pub(crate) enum Opened {
    There(Arc<Here>),
    Missing,
    Refused(Refusal),
}

/// The other files of a scan.
#[derive(Debug)]
pub(crate) struct Others<'a> {
    pub(crate) client: &'a Client,
    pub(crate) options: ScanOptions,
    pub(crate) locations: Locations,
    pub(crate) opened: HashMap<String, Opened>,
    /// How many files were opened.
    pub(crate) files: usize,
    /// By URL of the file and path of the dataset.
    pub(crate) sources: HashMap<(String, String), Outcome>,
    /// Those that are being resolved.
    pub(crate) under_way: Vec<(String, String)>,
    /// How many files deep that is.
    pub(crate) depth: usize,
    pub(crate) weight: u64,
    /// Metadata that was read ahead, by URL, and of which datasets.
    pub(crate) ahead: HashMap<String, (Vec<String>, Scan)>,
}

impl<'a> Others<'a> {
    pub(crate) fn new(client: &'a Client, options: &ScanOptions, locations: Locations) -> Self {
        let mut options = options.clone();
        // Sources are read by the store, chunk by chunk.
        options.inline_threshold = Some(0);
        Self {
            client,
            options,
            locations,
            opened: HashMap::new(),
            files: 0,
            sources: HashMap::new(),
            under_way: Vec::new(),
            depth: 0,
            weight: 0,
            ahead: HashMap::new(),
        }
    }

    /// Opens the file that `here` calls `name`.
    ///
    /// # Errors
    /// When it can't be said whether it is there.
    pub(crate) async fn open(&mut self, here: &Here, name: &str) -> Result<Opened> {
        if name == "." {
            return Ok(Opened::There(Arc::new(here.clone())));
        }
        let urls = match neighbours(&here.url, name, &self.options.trusted) {
            Ok(urls) => urls,
            Err(reason) => return Ok(Opened::Refused(reason)),
        };
        // Where an absolute name leads may not be looked at unasked: that it is not there can't be
        // said.
        let unseen = name.starts_with('/') && !urls.iter().any(|url| url == name);
        for url in urls {
            let opened = if let Some(opened) = self.opened.get(&url) {
                opened.clone()
            } else {
                if self.files >= MAX_FILES {
                    let reason = format!("more than {MAX_FILES} other files");
                    return Ok(Opened::Refused(reason));
                }
                let opened = open_object(self.client, &url).await;
                self.note(url, opened)?
            };
            if !matches!(opened, Opened::Missing) {
                return Ok(opened);
            }
        }
        Ok(if unseen {
            Opened::Refused(format!(
                "{name:?} is not beside the file that names it, and where it lies is not trusted (--trust)"
            ))
        } else {
            Opened::Missing
        })
    }

    /// Notes what opening a URL gave.
    pub(crate) fn note(
        &mut self,
        url: String,
        opened: chunkref_io::Result<(Object, u64)>,
    ) -> Result<Opened> {
        let opened = match opened {
            Ok((object, size)) => match self.locations.intern(location(&object, size)) {
                Some(location) => Opened::There(Arc::new(Here {
                    object,
                    url: url.clone(),
                    size,
                    location,
                })),
                None => Opened::Refused("more than 2^32 files".to_owned()),
            },
            Err(chunkref_io::Error::NotFound { .. }) => Opened::Missing,
            Err(
                error @ (chunkref_io::Error::Denied { .. }
                | chunkref_io::Error::Address { .. }
                | chunkref_io::Error::File { .. }
                | chunkref_io::Error::Store { .. }),
            ) => Opened::Refused(error.to_string()),
            Err(error) => return Err(error.into()),
        };
        let is_open = |opened: &Opened| matches!(opened, Opened::There(_));
        let open = self.opened.values().filter(|opened| is_open(opened));
        if open.count() >= MAX_OPEN {
            self.opened.retain(|_, opened| !is_open(opened));
        }
        self.files = self.files.saturating_add(1);
        self.opened.insert(url, opened.clone());
        Ok(opened)
    }
}

pub(crate) async fn open_object(client: &Client, url: &str) -> chunkref_io::Result<(Object, u64)> {
    let object = client.open(url).await?;
    let size = object.size().await?;
    Ok((object, size))
}

/// What pins an object.
pub(crate) fn location(object: &Object, size: u64) -> Location {
    let pin = object.pin();
    Location::new(object.url()).with_pin(Pin {
        size: Some(size),
        etag: pin.etag,
        last_modified: pin.last_modified,
        ..Pin::default()
    })
}
