//! `chunkref inspect`.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use chunkref::manifest::{Array, Group, Layout, Manifest};
use chunkref::summary::Summary;
use chunkref::{Client, DatasetReport, Report};

use crate::arguments::{Inspect, absolute};
use crate::failure::{Failure, one_line};
use crate::progress::{Progress, print_stats};
use crate::{granules, json, set, summary};

/// The title of what no Zarr reader decodes.
pub(crate) const ONLY_OURS: &str = "only chunkref's store reads";

pub(crate) async fn run(arguments: &Inspect) -> Result<ExitCode, Failure> {
    let client = Arc::new(arguments.connection.client());
    let start = Instant::now();
    let progress = Progress::start(&client, 1);
    if arguments.granules {
        let listed = granules::listed(&client, arguments).await;
        drop(progress);
        print(&listed?)?;
        if arguments.stats {
            print_stats(&client.log().snapshot(), start);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let is_set = chunkref::is_set(&arguments.file);
    let inspected = if is_set {
        set::inspected(&client, arguments).await
    } else {
        scanned(&client, arguments).await
    };
    drop(progress);
    let inspected = inspected?;
    let summary = Summary::new(&inspected.manifest);
    if let Some(path) = &arguments.plot {
        summary::plot(arguments, &inspected.manifest, &summary, path)?;
    }
    if arguments.json {
        print(&format!("{:#}\n", json::document(&inspected, &summary)))?;
    } else {
        let mut lines = Lines::new(arguments.attributes);
        inspected.tree(&mut lines);
        if is_set {
            let references = inspected
                .manifest
                .arrays()
                .map(|(_, array)| array.stored_chunks());
            let references = references.fold(0, u64::saturating_add);
            let sources = u64::try_from(inspected.manifest.locations.len()).unwrap_or(u64::MAX);
            let text = [counted(references, "reference"), counted(sources, "source")];
            lines.line(0, &text.join(", "));
        }
        summary::sections(&mut lines, &inspected, &summary, arguments.sources);
        lines.sections(&inspected.sections);
        print(&lines.text)?;
    }
    if arguments.stats {
        print_stats(&client.log().snapshot(), start);
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes to standard output. A reader that has seen enough is no error.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_bytes(&[text.as_bytes()])
}

/// Writes to standard output, one part after the other.
pub(crate) fn print_bytes(parts: &[&[u8]]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = parts.iter().try_for_each(|part| out.write_all(part));
    printed(written.and_then(|()| out.flush()))
}

/// What became of writing to standard output. That nobody reads it any more is no failure.
pub(crate) fn printed(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// What is inspected, of a file or of a set.
pub(crate) struct Inspected {
    pub(crate) manifest: Manifest,
    /// The group that is shown.
    pub(crate) group: String,
    /// What is not in the manifest, and what else there is to say: titles with their entries.
    pub(crate) sections: Vec<(&'static str, Vec<String>)>,
}

impl Inspected {
    fn tree(&self, lines: &mut Lines) {
        // It is there: what is not was an error before.
        if let Some(group) = self.manifest.group(self.group.trim_end_matches('/')) {
            lines.group(&self.group, group, 0);
        }
    }
}

async fn scanned(client: &Client, arguments: &Inspect) -> Result<Inspected, Failure> {
    let mut options = arguments.narrow.options();
    // What lies where is to be shown, not read.
    options.inline_threshold = Some(0);
    let scanned = chunkref::scan(client, &absolute(&arguments.file), &options).await;
    let scanned = scanned.map_err(|error| Failure::scan(&arguments.file, &error))?;
    Ok(Inspected {
        sections: sections(&scanned.report),
        group: "/".to_owned(),
        manifest: scanned.manifest,
    })
}

fn sections(report: &Report) -> Vec<(&'static str, Vec<String>)> {
    let reasons = |one: &DatasetReport| {
        let reason = one.reason.as_deref().unwrap_or_default();
        format!("{}: {reason}", one.path)
    };
    let refused: Vec<_> = report.refused().map(reasons).collect();
    let decoded: Vec<_> = report.decoded().map(reasons).collect();
    let unsaid: Vec<_> = report
        .attributes_refused
        .iter()
        .map(|one| format!("{}: attribute {}: {}", one.path, one.name, one.reason))
        .collect();
    let unfollowed: Vec<_> = report
        .links
        .iter()
        .map(|one| format!("{}: {}", one.path, one.reason))
        .collect();
    vec![
        ("refused", refused),
        (ONLY_OURS, decoded),
        ("attributes refused", unsaid),
        ("links not followed", unfollowed),
        ("remarks", report.warnings.clone()),
    ]
}

/// The lines of a tree, and of what is not in it.
pub(crate) struct Lines {
    pub(crate) text: String,
    attributes: bool,
}

impl Lines {
    pub(crate) fn new(with_attributes: bool) -> Self {
        Self {
            text: String::new(),
            attributes: with_attributes,
        }
    }

    /// Titles with their entries; without any there is no title.
    pub(crate) fn sections(&mut self, sections: &[(&str, Vec<String>)]) {
        for (title, entries) in sections {
            if !entries.is_empty() {
                self.line(0, &format!("{title}:"));
                for entry in entries {
                    self.line(1, entry);
                }
            }
        }
    }

    pub(crate) fn line(&mut self, depth: usize, text: &str) {
        let indent = depth.saturating_mul(2);
        // Writing to a string can't fail.
        let _ = writeln!(self.text, "{:indent$}{}", "", one_line(text));
    }

    pub(crate) fn group(&mut self, name: &str, group: &Group, depth: usize) {
        self.line(depth, name);
        self.attributes(&group.attributes, depth.saturating_add(1));
        for (name, array) in &group.arrays {
            self.array(name, array, depth.saturating_add(1));
        }
        for (name, below) in &group.groups {
            self.group(&format!("{name}/"), below, depth.saturating_add(1));
        }
    }

    fn array(&mut self, name: &str, array: &Array, depth: usize) {
        let axes: Vec<_> = array
            .dimension_names
            .iter()
            .zip(&array.shape)
            .map(|(name, length)| format!("{name}: {length}"))
            .collect();
        let text = format!(
            "{name} ({}) {} {}",
            axes.join(", "),
            array.data_type,
            storage(array)
        );
        self.line(depth, &text);
        self.attributes(&array.attributes, depth.saturating_add(1));
    }

    fn attributes(&mut self, attributes: &chunkref::manifest::Attributes, depth: usize) {
        if self.attributes {
            for (name, attribute) in attributes {
                self.line(depth, &format!("@{name} = {attribute}"));
            }
        }
    }
}

/// How the bytes of an array lie: chunks, filters, sizes.
fn storage(array: &Array) -> String {
    let size = array.data_type.size().map(u64::from);
    let plain = array
        .shape
        .iter()
        .fold(size, |bytes, &axis| bytes?.checked_mul(axis));
    match &array.layout {
        Layout::Chunked {
            chunk_shape,
            codecs,
            chunks,
            ..
        } => {
            let filters: Vec<_> = codecs.iter().map(ToString::to_string).collect();
            // Of the chunks that are there, also what reaches over the end of the array.
            let decoded = chunk_shape
                .iter()
                .chain([&chunks.stored()])
                .fold(size, |bytes, &count| bytes?.checked_mul(count));
            format!(
                "chunks {} ({} of {}) {} {}",
                by(chunk_shape),
                chunks.stored(),
                chunks.cells(),
                if filters.is_empty() {
                    "no filters".to_owned()
                } else {
                    filters.join("+")
                },
                sizes(chunks.stored_bytes(), decoded)
            )
        }
        Layout::Contiguous {
            length,
            chunk_shape,
            ..
        } if *chunk_shape != array.shape => {
            format!(
                "contiguous, split in {}, {}",
                by(chunk_shape),
                bytes(*length)
            )
        }
        Layout::Contiguous { length, .. } => format!("contiguous, {}", bytes(*length)),
        Layout::Inline { data } => {
            format!(
                "inline, {}",
                bytes(u64::try_from(data.len()).unwrap_or(u64::MAX))
            )
        }
        Layout::Absent { .. } => "not stored".to_owned(),
        Layout::External {
            segments,
            chunk_shape,
        } => format!(
            "external, {} segments, put together in {}, {}",
            segments.len(),
            by(chunk_shape),
            bytes(plain.unwrap_or(u64::MAX))
        ),
        Layout::Virtual {
            chunk_shape,
            sources,
            mappings,
        } => format!(
            "virtual, {} mappings of {} sources, put together in {}, {}",
            mappings.len(),
            sources.len(),
            by(chunk_shape),
            bytes(plain.unwrap_or(u64::MAX))
        ),
        Layout::Concat(concat) => format!(
            "joined from {} spans stored in {} ways, put together in {}, {}",
            concat.spans().len(),
            concat.profiles().len(),
            by(concat.chunk_shape()),
            bytes(plain.unwrap_or(u64::MAX))
        ),
        _ => "stored otherwise".to_owned(),
    }
}

/// So many of something.
pub(crate) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

pub(crate) fn by(shape: &[u64]) -> String {
    let lengths: Vec<_> = shape.iter().map(u64::to_string).collect();
    lengths.join("x")
}

pub(crate) fn sizes(stored: u64, plain: Option<u64>) -> String {
    match plain {
        Some(plain) if stored > 0 => {
            let hundredths = u128::from(plain).saturating_mul(100) / u128::from(stored);
            format!(
                "{} of {} (ratio {}.{:02})",
                bytes(stored),
                bytes(plain),
                hundredths / 100,
                hundredths % 100
            )
        }
        _ => bytes(stored),
    }
}

pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut tenths = u128::from(count).saturating_mul(10);
    let mut unit = 0;
    while tenths >= 10_240 && unit < UNITS.len().saturating_sub(1) {
        tenths /= 1024;
        unit = unit.saturating_add(1);
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    match unit {
        0 => format!("{count} {name}"),
        _ => format!("{}.{} {name}", tenths / 10, tenths % 10),
    }
}
