//! Answers that repeat the credential.
//!
//! Threat: a service (or a debugging page of one) that echoes the request's headers hands the guest what the host
//! attached. Decision: every answer is searched, while it streams, for all forms of the secret; what could be the
//! beginning of one is held back until it is known not to be. An answer that holds one is cut off. Rejected: blanking
//! it out, which hides from the operator that a service gives secrets away.

use bytes::{Bytes, BytesMut};
use memchr::memmem;

/// Searches a stream for secrets, across the borders of its chunks.
#[derive(Debug, Default)]
pub(super) struct LeakScan {
    forms: Vec<Vec<u8>>,
    held: BytesMut,
}

/// The stream holds a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leaked;

impl LeakScan {
    /// A scan for these forms, none of them empty.
    #[must_use]
    pub(super) fn new(forms: Vec<Vec<u8>>) -> Self {
        Self { forms, held: BytesMut::new() }
    }

    /// Whether a text that is at hand as a whole holds a secret.
    #[must_use]
    pub(super) fn finds(&self, text: &[u8]) -> bool {
        self.forms.iter().any(|form| memmem::find(text, form).is_some())
    }

    /// Takes a chunk and gives back what is known to be clean.
    ///
    /// # Errors
    /// If a secret was found; nothing of it has been given back.
    pub(super) fn pass(&mut self, chunk: Bytes) -> Result<Bytes, Leaked> {
        let mut text = chunk;
        if !self.held.is_empty() {
            self.held.extend_from_slice(&text);
            text = self.held.split().freeze();
        }
        if self.finds(&text) {
            return Err(Leaked);
        }
        let keep = self.forms.iter().map(|form| beginning(&text, form)).max().unwrap_or(0);
        self.held.extend_from_slice(&text.split_off(text.len() - keep));
        Ok(text)
    }

    /// What was held back, once the stream has ended.
    pub(super) fn finish(&mut self) -> Bytes {
        self.held.split().freeze()
    }
}

/// How many bytes at the end of `text` are a beginning of `form`.
fn beginning(text: &[u8], form: &[u8]) -> usize {
    let most = text.len().min(form.len().saturating_sub(1));
    (1..=most).rev().find(|&n| text.ends_with(&form[..n])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(chunks: &[&str]) -> Result<String, Leaked> {
        let mut scan = LeakScan::new(vec![b"hunter22".to_vec(), b"aHVudGVyMjI".to_vec()]);
        let mut out = Vec::new();
        for chunk in chunks {
            out.extend(scan.pass(Bytes::copy_from_slice(chunk.as_bytes()))?);
        }
        out.extend(scan.finish());
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn clean_text_passes_unchanged_however_it_is_cut() {
        let text = "hunter2 hunhunter hunter21 aHVudGVyMj";
        for cut in 0..=text.len() {
            assert_eq!(run(&[&text[..cut], &text[cut..]]).as_deref(), Ok(text));
        }
        let letters: Vec<String> = text.chars().map(String::from).collect();
        assert_eq!(run(&letters.iter().map(String::as_str).collect::<Vec<_>>()).as_deref(), Ok(text));
    }

    #[test]
    fn a_secret_is_found_however_it_is_cut() {
        for text in ["x hunter22 y", "hunter22", "Basic aHVudGVyMjI="] {
            for cut in 0..=text.len() {
                assert_eq!(run(&[&text[..cut], &text[cut..]]), Err(Leaked), "{text} cut at {cut}");
            }
        }
    }

    #[test]
    fn nothing_of_a_secret_is_given_back() {
        let mut scan = LeakScan::new(vec![b"hunter22".to_vec()]);
        assert_eq!(scan.pass(Bytes::from_static(b"abc hunter2")).unwrap(), "abc ");
        assert_eq!(scan.pass(Bytes::from_static(b"2")), Err(Leaked));
    }
}
