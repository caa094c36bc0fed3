//! Responses that repeat the credential.
//!
//! Threat: a service (or its debugging page) that echoes the headers of a request shows the provider the credential that
//! the host attached. Decision: every response is searched while it streams, for the secret in the encodings that servers
//! commonly use. Bytes that could be the beginning of a secret are held back until the next bytes decide. A response that
//! holds a secret is cut off. This guards against accidents: a service that wants to tell a provider the secret can use an
//! encoding that nobody expects.
//!
//! A short password is also a word that may stand in a calendar: `summer2026` in the title of an event is no leak, and
//! cutting off that response would hide the calendar. So a short secret is searched for where services echo requests
//! (headers, and bodies of anything but success), and in the body of a success only as the `Authorization` header that was
//! sent. Rejected: replacing the secret by blanks, which hides from the operator that a service discloses secrets.

use base64::{
    Engine,
    engine::GeneralPurpose,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use memchr::memmem::Finder;
use std::{collections::BTreeSet, fmt::Write as _, sync::Arc};

/// Secrets, and encoded forms of secrets, that are shorter than this many bytes are not searched for: they would be found
/// everywhere.
const MIN_LENGTH: usize = 6;

/// Secrets of at least this many bytes are not found in a calendar by accident. Passwords that services generate for
/// programs, tokens, and secret addresses are this long.
const LONG: usize = 16;

/// The secrets of one connection, in all forms that are searched for.
#[derive(Clone, Default)]
pub(in crate::plugins) struct Secrets {
    /// Searched for in every response.
    long: Arc<[Finder<'static>]>,
    /// Also searched for where services echo requests.
    short: Arc<[Finder<'static>]>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({} forms)", self.long.len() + self.short.len())
    }
}

impl Secrets {
    /// All forms of these texts.
    pub(super) fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let (long, short) = secrets.into_iter().partition::<Vec<_>, _>(|secret| secret.len() >= LONG);
        Self { long: finders(long), short: finders(short) }
    }

    /// Whether a header, or another text in which services echo requests, holds one of the secrets.
    #[must_use]
    pub(in crate::plugins) fn are_in(&self, text: &[u8]) -> bool {
        self.all().any(|form| form.find(text).is_some())
    }

    fn all(&self) -> impl Iterator<Item = &Finder<'static>> {
        self.long.iter().chain(&*self.short)
    }
}

fn finders(secrets: Vec<&str>) -> Arc<[Finder<'static>]> {
    let searched = secrets.into_iter().filter(|secret| secret.len() >= MIN_LENGTH);
    let forms: BTreeSet<String> = searched.flat_map(forms).filter(|form| form.len() >= MIN_LENGTH).collect();
    forms.iter().map(|form| Finder::new(form).into_owned()).collect()
}

/// A text unchanged, in base64, percent-encoded, and escaped in JSON and in HTML, each as common libraries do it.
fn forms(secret: &str) -> Vec<String> {
    let query: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let path = query.replace('+', "%20");
    let json = serde_json::Value::from(secret).to_string();
    let json = json.trim_start_matches('"').strip_suffix('"').unwrap_or_default();
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut forms = vec![
        secret.to_owned(),
        lower_hex(&query),
        lower_hex(&path),
        query,
        path,
        ascii(json),
        json.replace('/', "\\/"),
        json.to_owned(),
        html.replace('"', "&quot;").replace('\'', "&#39;"),
        html.replace('"', "&#34;").replace('\'', "&#x27;"),
        html,
    ];
    for alphabet in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
        forms.extend((0..3).map(|before| inside_base64(&alphabet, secret, before)));
    }
    forms
}

/// The part of a base64 text that depends on the secret alone, if this many bytes (modulo 3) precede the secret, for
/// example a user name and a colon as in Basic authentication.
fn inside_base64(alphabet: &GeneralPurpose, secret: &str, before: usize) -> String {
    let mut text = vec![0; before];
    text.extend_from_slice(secret.as_bytes());
    let mut coded = alphabet.encode(&text);
    // A character encodes six bits: the characters at the edges also encode bits of the neighbouring bytes.
    coded.truncate(text.len() * 8 / 6);
    coded.split_off((before * 8).div_ceil(6))
}

/// Percent escapes (`%C3`) in lower case.
fn lower_hex(percent: &str) -> String {
    let mut from_escape = 3;
    let mut lower = |c: char| {
        from_escape = if c == '%' { 0 } else { from_escape + 1 };
        if from_escape < 3 { c.to_ascii_lowercase() } else { c }
    };
    percent.chars().map(&mut lower).collect()
}

/// A JSON text with every character beyond ASCII escaped.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

/// Searches a stream for secrets, also across the borders of its chunks.
#[derive(Debug)]
pub(super) struct LeakScan {
    secrets: Secrets,
    held: BytesMut,
}

/// A stream holds a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LeakedSecret;

impl LeakScan {
    /// The search of the body of a response with this status.
    #[must_use]
    pub(super) fn of_body(status: StatusCode, secrets: &Secrets) -> Self {
        let mut secrets = secrets.clone();
        if status.is_success() {
            secrets.short = Arc::default();
        }
        Self { secrets, held: BytesMut::new() }
    }

    /// Takes a chunk and returns the bytes that are known to be clean.
    ///
    /// # Errors
    /// If a secret was found. No byte of it has been returned.
    pub(super) fn pass(&mut self, chunk: Bytes) -> Result<Bytes, LeakedSecret> {
        let mut text = chunk;
        if !self.held.is_empty() {
            self.held.extend_from_slice(&text);
            text = self.held.split().freeze();
        }
        if self.secrets.are_in(&text) {
            return Err(LeakedSecret);
        }
        let keep = self.secrets.all().map(|form| beginning(&text, form.needle())).max().unwrap_or(0);
        self.held.extend_from_slice(&text.split_off(text.len() - keep));
        Ok(text)
    }

    /// Returns the bytes that were held back, at the end of the stream.
    pub(super) fn finish(&mut self) -> Bytes {
        self.held.split().freeze()
    }
}

/// The number of bytes at the end of `text` with which `form` begins.
fn beginning(text: &[u8], form: &[u8]) -> usize {
    let most = text.len().min(form.len().saturating_sub(1));
    (1..=most).rev().find(|&n| text.ends_with(&form[..n])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
    use proptest::prelude::*;

    fn run(secret: &str, chunks: &[&[u8]]) -> Result<Vec<u8>, LeakedSecret> {
        let mut scan = LeakScan::of_body(StatusCode::BAD_REQUEST, &Secrets::of([secret]));
        let mut out = Vec::new();
        for chunk in chunks {
            out.extend(scan.pass(Bytes::copy_from_slice(chunk))?);
        }
        out.extend(scan.finish());
        Ok(out)
    }

    #[test]
    fn all_forms_are_known() {
        let secret = "pa\"ss/wörd&'<>";
        let secrets = Secrets::of([secret]);
        for text in [
            secret,
            "pa%22ss%2Fw%C3%B6rd%26%27%3C%3E",
            "pa%22ss%2fw%c3%b6rd%26%27%3c%3e",
            r#"{"a":"pa\"ss/wörd&'<>"}"#,
            r#"{"a":"pa\"ss\/wörd&'<>"}"#,
            r#"{"a":"pa\"ss/w\u00f6rd&'<>"}"#,
            "<td>pa&quot;ss/wörd&amp;&#39;&lt;&gt;</td>",
            "<td>pa&#34;ss/wörd&amp;&#x27;&lt;&gt;</td>",
            "<td>pa\"ss/wörd&amp;'&lt;&gt;</td>",
        ] {
            assert!(secrets.are_in(text.as_bytes()), "{text}");
        }
        assert!(Secrets::of(["a b c d e"]).are_in(b"q=a+b+c+d+e"));
        assert!(Secrets::of(["a b c d e"]).are_in(b"q=a%20b%20c%20d%20e"));
        assert!(!format!("{secrets:?}").contains("pa"));
    }

    #[test]
    fn short_secrets_are_not_looked_for() {
        assert!(!Secrets::of(["12345"]).are_in(b"12345"));
        assert!(Secrets::of(["123456"]).are_in(b"123456"));
    }

    /// F10 of the review of calendar servers: a short password that stands in an event hid the calendar.
    #[test]
    fn a_short_secret_may_stand_in_the_body_of_a_success() {
        let found = |status: StatusCode, secret: &str| {
            LeakScan::of_body(status, &Secrets::of([secret])).pass(format!("SUMMARY:{secret}\r\n").into()).is_err()
        };
        for status in [StatusCode::OK, StatusCode::MULTI_STATUS] {
            assert!(!found(status, "summer2026") && !found(status, "fifteen--------"), "{status}");
            assert!(found(status, "abcd-efgh-ijkl-mnop") && found(status, "sixteen---------"), "{status}");
        }
        for status in [StatusCode::FOUND, StatusCode::UNAUTHORIZED, StatusCode::INTERNAL_SERVER_ERROR] {
            assert!(found(status, "summer2026"), "{status}");
        }
        assert!(Secrets::of(["summer2026"]).are_in(b"Basic realm=\"summer2026\""));
    }

    proptest! {
        #[test]
        fn base64_is_seen_through_wherever_the_secret_stands(
            before in ".{0,12}", secret in "[ -~é]{6,20}", after in ".{0,12}",
        ) {
            let secrets = Secrets::of([&*secret]);
            let text = format!("{before}{secret}{after}");
            prop_assert!(secrets.are_in(BASE64_STANDARD.encode(&text).as_bytes()));
            prop_assert!(secrets.are_in(BASE64_URL_SAFE.encode(&text).as_bytes()));
        }

        #[test]
        fn a_secret_is_found_however_the_text_is_cut(text in "[ab]{0,40}", cuts in proptest::collection::vec(0_usize..40, 0..6)) {
            let secret = "abbaabab";
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|ends| &text.as_bytes()[ends[0]..ends[1]]).collect();
            let expected = if text.contains(secret) { Err(LeakedSecret) } else { Ok(text.clone().into_bytes()) };
            prop_assert_eq!(run(secret, &chunks), expected);
        }
    }

    #[test]
    fn nothing_of_a_secret_is_given_back() {
        let mut scan = LeakScan::of_body(StatusCode::FORBIDDEN, &Secrets::of(["hunter22"]));
        assert_eq!(scan.pass(Bytes::from_static(b"abc hunter2")).unwrap(), "abc ");
        assert_eq!(scan.pass(Bytes::from_static(b"2")), Err(LeakedSecret));
    }
}
