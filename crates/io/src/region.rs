//! Names of regions: they become a part of a host's name.

/// Whether this may be the name of a region, as servers, records and sets give it.
pub(crate) fn is_region(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(plain)
}

/// Whether this may be the name of a region, as a user gives it: other services than AWS have names such
/// as `RegionOne`. No other host than that which is meant can be made of it.
///
/// # Errors
///
/// With what was expected.
pub fn check_region(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if (1..=64).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(());
    }
    Err("expected the name of a region: letters, digits, - and _, such as us-west-2".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{check_region, is_region};

    #[test]
    fn no_other_host_is_made_of_a_region() {
        for name in ["us-west-2", "cn-north-1"] {
            assert!(is_region(name) && check_region(name).is_ok());
        }
        assert!(!is_region("RegionOne") && check_region("RegionOne").is_ok());
        for bad in [
            "",
            "a.b",
            "evil/host",
            "x@evil",
            "a\r\nb",
            "é",
            &"a".repeat(65),
        ] {
            assert!(!is_region(bad) && check_region(bad).is_err(), "{bad}");
        }
    }
}
