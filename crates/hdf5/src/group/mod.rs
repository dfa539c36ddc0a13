//! Groups: what holds their links, and the attributes of any object, when these are not
//! messages in the object header.

mod dense_attributes;
mod dense_links;
mod symbol_table;

pub(crate) use dense_attributes::DenseAttributes;
pub(crate) use dense_links::DenseLinks;
pub(crate) use symbol_table::SymbolTable;

use crate::error::{Place, Result};
use crate::link::Link;

/// Sorts by name (bytewise), so that the order in which nodes arrived doesn't show. A name that
/// is there twice would leave it to chance which object is meant.
fn sort_by_name(place: Place, links: &mut [Link]) -> Result<()> {
    links.sort_by(|a, b| a.name.cmp(&b.name));
    for pair in links.windows(2) {
        if let [first, second] = pair
            && first.name == second.name
        {
            return Err(place.malformed(format!(
                "link \"{}\" is there twice",
                first.name.escape_debug()
            )));
        }
    }
    Ok(())
}
