//! Reading files and values of arguments.
//!
//! Threat: a path that names an endless stream, or the wrong file. Decision: every file is read up to the largest size
//! that its content can have, and an error names the file and what was expected in it.

use super::output::CliError;
use jiff::Timestamp;
use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

/// Reads a file of at most `most` bytes. `what` names its content, with an article.
pub(super) fn read(path: &Path, what: &'static str, most: u64) -> Result<Vec<u8>, CliError> {
    let error = |why: String| CliError::input("file", format!("cannot read {what}: {}: {why}", path.display()));
    let file = File::open(path).map_err(|failed| error(failed.to_string()))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(error("it is a folder; name a file".into()));
    }
    up_to(file, most).map_err(|failed| error(failed.to_string()))
}

/// Reads a UTF-8 text file.
pub(super) fn read_text(path: &Path, what: &'static str, most: u64) -> Result<String, CliError> {
    let bytes = read(path, what, most)?;
    String::from_utf8(bytes)
        .map_err(|_| CliError::input("file", format!("cannot read {what}: {}: it is not UTF-8 text", path.display())))
}

/// Reads a stream of at most `most` bytes.
pub(super) fn up_to(stream: impl io::Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it has more than {most} bytes")));
    }
    Ok(bytes)
}

/// Writes a file.
pub(super) fn write(path: &Path, what: &'static str, bytes: &[u8]) -> Result<(), CliError> {
    let error =
        |failed: io::Error| CliError::machine("file", format!("cannot write {what}: {}: {failed}", path.display()));
    std::fs::write(path, bytes).map_err(error)
}

/// Parses an instant, in whole seconds.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    let hint = "use RFC 3339 with an offset or Z, for example 2026-03-29T09:00:00Z";
    let parsed: Timestamp = text.parse().map_err(|_| hint.to_owned())?;
    Timestamp::from_second(parsed.as_second()).map_err(|_| hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_has_an_offset_and_whole_seconds() {
        for text in ["2026-03-29T09:00:00Z", "2026-03-29T11:00:00+02:00", "2026-03-29 09:00:00.9Z"] {
            assert_eq!(instant(text).unwrap().to_string(), "2026-03-29T09:00:00Z", "{text}");
        }
        for text in ["", "tomorrow", "2026-03-29", "2026-03-29T09:00:00", "2026-02-30T09:00:00Z", "1774774800"] {
            assert!(instant(text).unwrap_err().contains("RFC 3339"), "{text}");
        }
    }

    #[test]
    fn a_stream_that_is_too_long_is_refused() {
        assert_eq!(up_to(&b"abc"[..], 3).unwrap(), b"abc");
        assert!(up_to(io::repeat(0), 3).unwrap_err().to_string().contains("more than 3 bytes"));
    }
}
