//! Driver information (II.B, and the message of IV.A.2.u): what a file driver that keeps a file in
//! several ones notes in it.
//!
//! | block: bytes | message: bytes | field |
//! |---|---|---|
//! | 1 + 3 | 1 | version (block 0, message 0), reserved |
//! | 4 | - | size of the driver's own information |
//! | 8 | 8 | name of the driver |
//! | - | 2 | size of the driver's own information |
//!
//! As in libhdf5, drivers that are not known are passed over.

use crate::address::Address;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::held::{Held, Step, Stop};

const STRUCTURE: &str = "driver information block";
const HEADER: u64 = 16;

/// Refuses a file that is one of several according to its driver information block.
pub(crate) fn check_block(held: &Held, address: Address, end_of_file: u64) -> Step<()> {
    let mut cursor = match held.cursor(STRUCTURE, address, HEADER) {
        Err(Stop::Error(Error::Truncated { at, file_size, .. })) if at >= file_size => {
            let place = held.place(STRUCTURE, address);
            let what = "a file that ends before it, as the stub of a subfiling set does (h5fuse joins \
                        the parts NAME.subfile_1_of_N, ... into one file),";
            return Err(place.unsupported(what).into());
        }
        other => other?,
    };
    cursor.version(0)?;
    cursor.skip(3)?;
    let size = u64::from(cursor.u32()?);
    let name = cursor.take(8)?;
    let place = cursor.place();
    held.check_size(place, size)?;
    let mut whole = held.cursor(STRUCTURE, address, HEADER.saturating_add(size))?;
    whole.skip(16)?;
    Ok(check(&name, whole, end_of_file)?)
}

/// As [`check_block`], for the driver information message of the superblock extension.
pub(crate) fn check_message(mut cursor: Cursor, end_of_file: u64) -> Result<()> {
    cursor.version(0)?;
    let name = cursor.take(8)?;
    cursor.skip(2)?;
    check(&name, cursor, end_of_file)
}

/// Refuses a file that is one of several; the cursor is at the driver's own information.
fn check(name: &[u8], mut cursor: Cursor, end_of_file: u64) -> Result<()> {
    let what = match name {
        b"NCSAfami" => {
            "one member of a file family (driver NCSAfami; h5repart joins the members into one file)"
                .to_owned()
        }
        [b'N', b'C', b'S', b'A', ..] => {
            "one part of a file split over several (driver NCSAmult; h5repack --src-vfd-name copies \
             them into one file)"
                .to_owned()
        }
        b"Subfilin" => {
            cursor.skip(12)?;
            let (stripe, parts) = (cursor.u64()?, cursor.u64()?);
            // The first part begins with the first stripe, and where there is no other it is all.
            if parts == 1 || end_of_file <= stripe {
                return Ok(());
            }
            format!("one part of a subfiling set of {parts} (h5fuse joins them into one file)")
        }
        _ => return Ok(()),
    };
    Err(cursor.place().unsupported(what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile::{cursor, never_panics};

    fn message(name: [u8; 8], information: &[u64]) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend(name);
        bytes.extend([0, 0]);
        bytes.extend([0; 12]);
        bytes.extend(information.iter().flat_map(|word| word.to_le_bytes()));
        bytes
    }

    fn error(name: [u8; 8], information: &[u64], end_of_file: u64) -> Option<String> {
        let bytes = message(name, information);
        let found = check_message(cursor(&bytes), end_of_file);
        never_panics(&bytes, |cursor| check_message(cursor.clone(), end_of_file));
        found.err().map(|error| {
            assert!(error.is_unsupported());
            error.to_string()
        })
    }

    #[test]
    fn members_of_sets_are_refused_with_what_to_do() {
        let family = error(*b"NCSAfami", &[1000], 5000).unwrap();
        assert!(family.contains("h5repart"), "{family}");
        let multi = error(*b"NCSAmult", &[], 5000).unwrap();
        assert!(multi.contains("h5repack"), "{multi}");
        let part = error(*b"Subfilin", &[1000, 3], 5000).unwrap();
        assert!(part.contains("set of 3 (h5fuse"), "{part}");
    }

    #[test]
    fn what_is_whole_is_read() {
        assert_eq!(error(*b"Subfilin", &[1000, 1], 5000), None);
        assert_eq!(error(*b"Subfilin", &[1000, 3], 1000), None);
        assert_eq!(error(*b"anything", &[], 5000), None);
    }
}
