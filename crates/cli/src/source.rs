//! Files and sets that are read as a whole.

use chunkref::{Client, Manifest, ScanOptions};
use clap::Args;

use crate::arguments::{Limits, Others, absolute};
use crate::connection::Connection;
use crate::failure::{Failure, one_line};
use crate::scan::NAMED;
use crate::set;

/// How a file or a set is read as a whole.
#[derive(Debug, Args)]
pub(crate) struct Source {
    #[command(flatten)]
    others: Others,
    #[command(flatten)]
    limits: Limits,
    /// Print requests, bytes, waves and seconds to standard error
    #[arg(long)]
    pub(crate) stats: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl Source {
    /// Fails where an option is given that is not for such a source.
    pub(crate) fn check(&self, name: &str) -> Result<(), Failure> {
        match self.others.unfit_for_sets() {
            Some(option) if chunkref::is_set(name) => {
                Err(Failure::usage(format!("{option}: not for reference sets")))
            }
            _ => Ok(()),
        }
    }

    /// What lies there, of a file in this group alone; and by their paths what was refused, and why.
    pub(crate) async fn open(
        &self,
        client: &Client,
        name: &str,
        group: Option<&str>,
    ) -> Result<(Manifest, Vec<(String, String)>), Failure> {
        if chunkref::is_set(name) {
            let opened = set::open(client, name, None).await?;
            let refused = opened.report.refused.into_iter();
            let refused = refused.map(|node| (node.path, node.reason)).collect();
            return Ok((opened.manifest, refused));
        }
        let mut options = self.limits.apply(self.others.apply(ScanOptions::default()));
        options.group = group.map(str::to_owned);
        let scanned = chunkref::scan(client, &absolute(name), &options)
            .await
            .map_err(|error| Failure::scan(name, &error))?;
        let refused = scanned.report.refused();
        let refused = refused.map(|dataset| {
            let reason = dataset.reason.clone().unwrap_or_default();
            (dataset.path.clone(), reason)
        });
        let refused = refused.collect();
        Ok((scanned.manifest, refused))
    }
}

/// Says on standard error what of a source was refused.
pub(crate) fn warn_of_refused(name: &str, refused: &[(String, String)]) {
    let warn = |text: String| eprintln!("warning: {}", one_line(&format!("{name}: {text}")));
    for (path, reason) in refused.iter().take(NAMED) {
        warn(format!("{path}: refused: {reason}"));
    }
    if let Some(more) = refused.len().checked_sub(NAMED).filter(|more| *more > 0) {
        warn(format!("{more} more datasets were refused"));
    }
}
