//! `chunkref search`.

mod arguments;
mod json;
mod values;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use chunkref::earthdata::{
    Cmr, CollectionSearch, Collections, DataFile, Error, FileChoice, Format, Found, Granule,
    LinkKind, LoginSources, Secret, TimeRange, Unfit,
};
use chunkref::io::Url;
use indicatif::{ProgressBar, ProgressStyle};

pub(crate) use arguments::{Asked, Search};

use crate::connection::Connection;
use crate::failure::{Failure, one_line};
use crate::inspect::print;
use crate::progress::{is_shown, print_stats};

pub(crate) async fn run(arguments: &Search) -> Result<ExitCode, Failure> {
    let client = arguments.connection.client();
    let start = Instant::now();
    let cmr = arguments.asked.cmr(&client, &arguments.connection).await?;
    let text = found(arguments, &cmr).await;
    if arguments.stats {
        print_stats(&client.log().snapshot(), start);
    }
    print(&text?)?;
    Ok(ExitCode::SUCCESS)
}

/// The token of whoever asks, for CMR.
async fn as_user(connection: &Connection, cmr_url: Option<&str>) -> Result<Secret, Failure> {
    if let Some(url) = cmr_url {
        let parsed = url.parse::<Url>();
        if !parsed.is_ok_and(|url| connection.trust().trusts(&url)) {
            return Err(Failure::usage(format!(
                "--as-user: the token is not sent to {url}; --trust-host permits it, over https"
            )));
        }
    }
    let token = connection.login(LoginSources::environment()).bearer().await;
    token.map_err(|error| Failure::new(error.to_string()))
}

/// What goes to standard output.
async fn found(arguments: &Search, cmr: &Cmr) -> Result<String, Failure> {
    if arguments.collections {
        return collections(arguments, cmr).await;
    }
    if arguments.virtual_stores {
        return virtual_stores(arguments, cmr).await;
    }
    let asked = &arguments.asked;
    let (search, choice) = (asked.granules(), asked.choice()?);
    if arguments.count {
        let count = search.count(cmr).await.map_err(failure)?;
        return Ok(format!("{count}\n"));
    }
    let bar = bar();
    let found = search
        .run_with(cmr, |progress| {
            bar.set_length(
                asked
                    .limit
                    .map_or(progress.hits, |limit| limit.min(progress.hits)),
            );
            bar.set_position(progress.received.saturating_add(progress.left_out));
        })
        .await;
    bar.finish_and_clear();
    let found = found.map_err(failure)?;
    remarks(&found);
    if found.granules.is_empty() {
        return Err(nothing(&found));
    }
    if arguments.json {
        return Ok(format!("{:#}\n", json::found(&found)));
    }
    match arguments.links {
        Some(links) => links_of(&found.granules, links.kind(), &choice),
        None => Ok(table(&found.granules, &choice)),
    }
}

/// Errors of searches say what to do themselves.
pub(crate) fn failure(error: Error) -> Failure {
    match error {
        Error::Query { reason } => Failure::usage(reason),
        error => Failure::new(error.to_string()),
    }
}

/// On a terminal, pages as they come.
fn bar() -> ProgressBar {
    if !is_shown() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} granules, {elapsed}") {
        bar.set_style(style);
    }
    bar
}

/// What a reader of the result should know, on standard error.
fn remarks(found: &Found) {
    let progress = found.progress;
    if progress.left_out > 0 {
        eprintln!(
            "{} granules of which less than half lies in the season were left out (--touching \
             keeps them)",
            progress.left_out
        );
    }
    if found.missing > 0 {
        eprintln!(
            "warning: CMR counts {} granules more than came: records were added meanwhile, search \
             again",
            found.missing
        );
    }
}

/// That there is no granule, and what the collections have.
pub(crate) fn nothing(found: &Found) -> Failure {
    let of = |range: TimeRange| match (range.start, range.end) {
        (Some(start), Some(end)) => format!("from {start} to {end}"),
        (Some(start), None) => format!("from {start} on"),
        (None, Some(end)) => format!("until {end}"),
        (None, None) => "of no known time".to_owned(),
    };
    let collections = found.collections.iter().map(|one| {
        let data = one.temporal.map(|range| format!(" has data {}", of(range)));
        format!("{one}{}", data.unwrap_or_default())
    });
    let collections: Vec<_> = collections.collect();
    let known = if collections.is_empty() {
        "check the concept id and the other options".to_owned()
    } else {
        format!(
            "{}; widen time, place or the other options",
            collections.join("; ")
        )
    };
    Failure::new(format!("no granule fits: {known}"))
}

/// One granule a line.
fn table(granules: &[Granule], choice: &FileChoice) -> String {
    let mut rows = vec![["granule", "start", "end", "size, MB", "file"].map(str::to_owned)];
    let mut unfit = Vec::new();
    for granule in granules {
        let (start, end) = granule
            .temporal
            .map_or((None, None), |at| (at.start, at.end));
        let time = |time: Option<_>| time.map_or_else(|| "-".to_owned(), |time| format!("{time}"));
        let (file, size) = match granule.choose(choice) {
            Ok(files) => {
                let names: Vec<_> = files.iter().map(|file| one_line(&file.name)).collect();
                // Sizes are what the record says, whatever that is.
                let add = |all: u64, file: &DataFile| Some(all.saturating_add(file.size?));
                let size = files.iter().try_fold(0, add).or(granule.size);
                (names.join(", "), size)
            }
            Err(reason) => {
                let word = word(&reason);
                unfit.push(reason);
                (word, granule.size)
            }
        };
        rows.push([
            one_line(&granule.native_id),
            time(start),
            time(end),
            megabytes(size),
            file,
        ]);
    }
    unfit_remarks(&unfit);
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let [name, start, end, size, _] = widths;
    let mut text = String::new();
    for [a, b, c, d, e] in &rows {
        let _ = writeln!(text, "{a:name$}  {b:start$}  {c:end$}  {d:>size$}  {e}");
    }
    text
}

/// In units of 1,000,000 bytes, with one digit behind the point.
fn megabytes(size: Option<u64>) -> String {
    let Some(size) = size else {
        return "-".to_owned();
    };
    let tenths = size.saturating_add(50_000) / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Why a granule has no file, in the table.
fn word(unfit: &Unfit) -> String {
    match unfit {
        Unfit::NoDataLink { .. } => "(no link to data)".to_owned(),
        Unfit::Several { names, .. } => format!("({} files)", names.len()),
        Unfit::NoneFits { .. } => "(none fits)".to_owned(),
        Unfit::Format { format, .. } => format!("({format})"),
        _ => "(no file)".to_owned(),
    }
}

/// How many granules have no file that is read, and why; the first of each kind in full.
fn unfit_remarks(unfit: &[Unfit]) {
    let kinds: [fn(&Unfit) -> bool; 6] = [
        |one| matches!(one, Unfit::NoDataLink { .. }),
        |one| matches!(one, Unfit::Several { .. }),
        |one| matches!(one, Unfit::NoneFits { .. }),
        |one| {
            matches!(
                one,
                Unfit::Format {
                    format: Format::Hdf4,
                    ..
                }
            )
        },
        |one| {
            matches!(
                one,
                Unfit::Format {
                    format: Format::NetCdf3,
                    ..
                }
            )
        },
        |one| {
            matches!(
                one,
                Unfit::Format {
                    format: Format::Other,
                    ..
                }
            )
        },
    ];
    for kind in kinds {
        let of_kind: Vec<_> = unfit.iter().filter(|one| kind(one)).collect();
        match of_kind.as_slice() {
            [] => {}
            [one] => eprintln!("warning: {}", one_line(&one.to_string())),
            [first, rest @ ..] => eprintln!(
                "warning: {} (and {} more granules like it)",
                one_line(&first.to_string()),
                rest.len()
            ),
        }
    }
}

/// Links of a kind, one a line. Links to data are those of the files that are chosen.
fn links_of(granules: &[Granule], kind: LinkKind, choice: &FileChoice) -> Result<String, Failure> {
    let mut text = String::new();
    let mut unfit = Vec::new();
    let mut without: u64 = 0;
    for granule in granules {
        let before = text.len();
        if matches!(kind, LinkKind::Data | LinkKind::DirectData) {
            let files = match granule.choose(choice) {
                Ok(files) => files,
                Err(several @ Unfit::Several { .. }) => {
                    return Err(Failure::new(several.to_string()));
                }
                Err(reason) => {
                    unfit.push(reason);
                    continue;
                }
            };
            for file in &files {
                let url = if kind == LinkKind::Data {
                    file.https()
                } else {
                    file.s3()
                };
                if let Some(url) = url {
                    text.extend([url, "\n"]);
                } else {
                    without = without.saturating_add(1);
                }
            }
            continue;
        }
        for url in granule.links_of(kind) {
            text.extend([url, "\n"]);
        }
        if text.len() == before {
            without = without.saturating_add(1);
        }
    }
    unfit_remarks(&unfit);
    if text.is_empty() {
        return Err(Failure::new(format!(
            "none of {} granules has a link of kind {kind}: --json shows all links",
            granules.len()
        )));
    }
    if without > 0 {
        eprintln!("warning: {without} granules or files have no link of kind {kind}");
    }
    Ok(text)
}

/// The search for collections that the options name.
fn collection_search(arguments: &Search) -> CollectionSearch {
    let what = arguments.asked.collection();
    let mut search = Collections::search();
    for name in &what.short_names {
        search = search.short_name(name);
    }
    for version in &what.versions {
        search = search.version(version);
    }
    for doi in &what.dois {
        search = search.doi(doi);
    }
    for id in &what.concept_ids {
        search = search.concept_id(id);
    }
    for provider in &what.providers {
        search = search.provider(provider);
    }
    if let Some(cloud_hosted) = what.cloud_hosted {
        search = search.cloud_hosted(cloud_hosted);
    }
    if let Some(words) = &arguments.keyword {
        search = search.keyword(words);
    }
    let (ranges, boxes) = arguments.asked.ranges_and_boxes();
    search = ranges
        .iter()
        .fold(search, |search, range| search.temporal(*range));
    search = boxes
        .iter()
        .fold(search, |search, edges| search.bounding_box(*edges));
    match arguments.asked.limit.map(usize::try_from) {
        Some(Ok(limit)) => search.limit(limit),
        _ => search,
    }
}

async fn collections(arguments: &Search, cmr: &Cmr) -> Result<String, Failure> {
    let found = collection_search(arguments)
        .run(cmr)
        .await
        .map_err(failure)?;
    if found.is_empty() {
        return Err(Failure::new(
            "no collection fits: check the spelling of short name, version and provider, or use \
             --keyword",
        ));
    }
    let mut text = String::new();
    for one in &found {
        let line = format!("{one}: {}", one.title);
        text.extend([one_line(&line).as_str(), "\n"]);
    }
    Ok(text)
}

async fn virtual_stores(arguments: &Search, cmr: &Cmr) -> Result<String, Failure> {
    let found = collection_search(arguments)
        .run(cmr)
        .await
        .map_err(failure)?;
    let mut text = String::new();
    for one in &found {
        for store in one.virtual_stores() {
            let opens = if store.format.can_be_opened() {
                ""
            } else {
                ", which chunkref does not open"
            };
            let line = format!("{}  {}{opens}  {}", store.url, store.format, one);
            text.extend([one_line(&line).as_str(), "\n"]);
        }
    }
    if text.is_empty() {
        return Err(Failure::new(match found.as_slice() {
            [] => "no collection fits: check the spelling of short name, version and provider"
                .to_owned(),
            found => format!(
                "none of {} collections advertises a virtual store: make one with `chunkref scan` \
                 of its granules",
                found.len()
            ),
        }));
    }
    Ok(text)
}
