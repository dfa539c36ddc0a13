//! Errors as a person reads them: one line each.

use std::process::ExitCode;

pub(crate) use chunkref::told as chain;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Empty where it has been printed before.
    message: String,
    code: u8,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 1,
        }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 2,
        }
    }

    /// The same, with this exit code.
    pub(crate) fn with_code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What went wrong has been printed.
    pub(crate) fn printed() -> Self {
        Self::new("")
    }

    /// What a scan of `file` says.
    pub(crate) fn scan(file: &str, error: &chunkref::ScanError) -> Self {
        let text = chain(error);
        // Errors of io name the file themselves.
        if matches!(error, chunkref::ScanError::Io(_)) {
            return Self::new(text);
        }
        Self::new(format!("{file}: {text}"))
    }

    pub(crate) fn print(&self) {
        if !self.message.is_empty() {
            eprintln!("error: {}", one_line(&self.message));
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl From<chunkref::WriteError> for Failure {
    fn from(error: chunkref::WriteError) -> Self {
        Self::new(chain(&error))
    }
}

/// Names from a file may hold anything; a terminal gets none of it.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .flat_map(|character| {
            let escaped = character.is_control();
            let plain = (!escaped).then_some(character);
            let escape = escaped.then(|| character.escape_default());
            plain.into_iter().chain(escape.into_iter().flatten())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(one_line("a\nb\u{1b}[2Jc é"), "a\\nb\\u{1b}[2Jc é");
    }
}
