//! Names of sources: `%b` stands for the number of a block, `%%` for a percent sign.

use crate::data_type::Refusal;

/// A name, taken apart at each `%b`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    parts: Vec<String>,
}

impl Name {
    /// # Errors
    /// When a percent sign stands before anything else.
    pub(crate) fn parse(name: &str) -> Result<Self, Refusal> {
        let mut parts = vec![String::new()];
        let mut rest = name.chars();
        while let Some(letter) = rest.next() {
            let plain = match letter {
                '%' => match rest.next() {
                    Some('b') => {
                        parts.push(String::new());
                        continue;
                    }
                    Some('%') => '%',
                    _ => return Err(format!("the name {name:?} of a source: % without b or %")),
                },
                letter => letter,
            };
            if let Some(part) = parts.last_mut() {
                part.push(plain);
            }
        }
        Ok(Self { parts })
    }

    /// Whether it holds the number of a block.
    pub(crate) fn is_numbered(&self) -> bool {
        self.parts.len() > 1
    }

    /// The name for a block.
    pub(crate) fn of(&self, block: u64) -> String {
        self.parts.join(&block.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn numbers_take_the_place_of_their_sign() {
        let of = |name: &str, block| Name::parse(name).unwrap().of(block);
        assert_eq!(of("f-%b.h5", 12), "f-12.h5");
        assert_eq!(of("%b%b", 1), "11");
        assert_eq!(of("100%%b", 1), "100%b");
        assert_eq!(of("plain", 1), "plain");
        assert!(Name::parse("%b").unwrap().is_numbered());
        assert!(!Name::parse("%%b").unwrap().is_numbered());
        for wrong in ["%", "a%c", "%%%"] {
            assert!(Name::parse(wrong).is_err(), "{wrong}");
        }
    }
}
