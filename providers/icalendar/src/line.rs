//! Content lines: folding, parameters and quoting, without the meaning of values.
//!
//! Calendars come from dozens of programs, and an update must preserve every property of an event, known or not. So a line
//! becomes a [`Property`] with its original value and all parameters in order. Only names are converted to upper case, because
//! they compare without regard to case (RFC 5545 §1.2). Lines are unfolded as bytes before they are decoded as UTF-8, because
//! some programs fold in the middle of a character. A malformed line is reported and left out.
//!
//! Rejected: typed values in the tree. A value that cannot be parsed would be lost, or each line would be stored twice.

use std::borrow::Cow;

pub use super::names::Name;
use super::names::upper;

/// The longest content line that is read, in bytes after unfolding. Inline attachments are the long ones.
pub const MAX_LINE: usize = 4 << 20;

/// One content line (RFC 5545 §3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// In upper case.
    pub name: Name,
    /// In the order written.
    pub parameters: Vec<Parameter>,
    /// As written, escapes included: for text, use [`Property::text`].
    pub value: String,
}

/// One parameter of a property, its values unquoted and decoded by RFC 6868.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// In upper case.
    pub name: Name,
    pub values: Vec<String>,
}

impl Property {
    /// A property with a value that needs no escape, such as a time, a number, a rule or an address.
    pub fn new(name: &str, value: impl Into<String>) -> Property {
        Property { name: upper(name), parameters: Vec::new(), value: value.into() }
    }

    /// A property of type TEXT (RFC 5545 §3.3.11). Line ends of any kind become `\n`.
    pub fn from_text(name: &str, text: &str) -> Property {
        Property::new(name, escape(text))
    }

    /// The value as TEXT, unescaped.
    pub fn text(&self) -> String {
        unescape(&self.value)
    }

    /// Adds a parameter, or replaces the one of this name.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Property {
        self.set_parameter(name, value);
        self
    }

    /// The first value of a parameter. `name` is in upper case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|parameter| parameter.name == name)?;
        found.values.first().map(String::as_str)
    }

    /// Sets a parameter to one value, in its old place if it was there.
    pub fn set_parameter(&mut self, name: &str, value: impl Into<String>) {
        let name = upper(name);
        let values = vec![value.into()];
        match self.parameters.iter_mut().find(|parameter| parameter.name == name) {
            Some(parameter) => parameter.values = values,
            None => self.parameters.push(Parameter { name, values }),
        }
    }

    /// Removes a parameter. `name` is in upper case.
    pub fn remove_parameter(&mut self, name: &str) {
        self.parameters.retain(|parameter| parameter.name != name);
    }

    /// Writes the line, folded and ended by CRLF.
    pub fn write(&self, out: &mut String) {
        fold(&self.line(), out);
    }

    /// The line, neither folded nor ended. No value can break out of it: line ends within become `\n`, other control
    /// characters are left out.
    pub fn line(&self) -> String {
        let mut line = String::with_capacity(self.name.len() + self.value.len() + 16);
        line.push_str(&self.name);
        for parameter in &self.parameters {
            line.push(';');
            line.push_str(&parameter.name);
            line.push('=');
            for (index, value) in parameter.values.iter().enumerate() {
                if index > 0 {
                    line.push(',');
                }
                write_parameter_value(value, &mut line);
            }
        }
        line.push(':');
        write_value(&self.value, &mut line);
        line
    }
}

/// Splits bytes into content lines: unfolds them and decodes UTF-8 (other bytes become U+FFFD). Blank lines are left out. A line
/// longer than [`MAX_LINE`] is `None`.
pub(super) fn unfold(input: &[u8]) -> Unfold<'_> {
    Unfold { rest: input.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(input) }
}

pub(super) struct Unfold<'a> {
    rest: &'a [u8],
}

impl<'a> Unfold<'a> {
    /// The next physical line without its end.
    fn physical(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let line = match line_end(self.rest) {
            Some(end) => {
                let (line, rest) = self.rest.split_at(end);
                self.rest = rest.get(1..).unwrap_or_default();
                line
            }
            None => std::mem::take(&mut self.rest),
        };
        Some(without_carriage_returns(line))
    }

    fn continues(&self) -> bool {
        matches!(self.rest.first(), Some(b' ' | b'\t'))
    }

    /// Skips lines without content, which stand between the parts of a folded line in some files.
    fn skip_blank(&mut self) {
        while let Some(b'\r' | b'\n') = self.rest.first() {
            let mut ahead = Unfold { rest: self.rest };
            match ahead.physical() {
                Some([]) => self.rest = ahead.rest,
                _ => return,
            }
        }
    }
}

/// The position of the first line feed. It tests eight bytes at once, because it reads every byte of a calendar.
fn line_end(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const FEEDS: u64 = u64::from_ne_bytes([b'\n'; 8]);
    let (words, _) = bytes.as_chunks::<8>();
    // A byte of `word ^ FEEDS` is zero where a line feed is; the subtraction then borrows into its top bit.
    let has_feed = |word: &[u8; 8]| {
        let differences = u64::from_ne_bytes(*word) ^ FEEDS;
        differences.wrapping_sub(ONES) & !differences & (ONES << 7) != 0
    };
    let skipped = words.iter().position(has_feed).unwrap_or(words.len()) * 8;
    let found = bytes.get(skipped..)?.iter().position(|&byte| byte == b'\n')?;
    Some(skipped + found)
}

fn without_carriage_returns(mut line: &[u8]) -> &[u8] {
    while let Some((b'\r', rest)) = line.split_last() {
        line = rest;
    }
    line
}

impl<'a> Iterator for Unfold<'a> {
    type Item = Option<Cow<'a, str>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_blank();
        let first = self.physical()?;
        self.skip_blank();
        if !self.continues() {
            return Some((first.len() <= MAX_LINE).then(|| decode(first)));
        }
        let mut line = first.to_vec();
        let mut fits = true;
        while self.continues() {
            let Some(more) = self.physical() else { break };
            let more = more.get(1..).unwrap_or_default();
            fits &= line.len() + more.len() <= MAX_LINE;
            if fits {
                line.extend_from_slice(more);
            }
            self.skip_blank();
        }
        Some(fits.then(|| Cow::Owned(decode(&line).into_owned())))
    }
}

/// Decodes UTF-8. Nearly every line is valid, for which this is faster than the lossy conversion alone.
fn decode(line: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(line) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(line),
    }
}

/// Why a line is not a content line. It quotes no part of the line, which may be a person's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadLine {
    Name,
    Parameter,
    NoValue,
}

impl BadLine {
    pub(super) fn what(self) -> &'static str {
        match self {
            BadLine::Name => "a line does not begin with a property name",
            BadLine::Parameter => "a line has a parameter that cannot be read",
            BadLine::NoValue => "a line has no value",
        }
    }
}

pub(super) fn parse_line(line: &str) -> Result<Property, BadLine> {
    let end = line.bytes().position(|byte| matches!(byte, b':' | b';')).ok_or(BadLine::NoValue)?;
    let (raw_name, mut rest) = line.split_at(end);
    let name = trimmed_name(raw_name).filter(|name| !name.is_empty()).ok_or(BadLine::Name)?;
    let mut parameters = Vec::new();
    while let Some(after) = rest.strip_prefix(';') {
        let (parameter, remaining) = parse_parameter(after)?;
        parameters.extend(parameter);
        rest = remaining;
    }
    let value = rest.strip_prefix(':').ok_or(BadLine::NoValue)?;
    Ok(Property { name: upper(name), parameters, value: value.to_owned() })
}

/// Reads one parameter after its semicolon. An empty one (`DTSTART;:…`) is skipped.
fn parse_parameter(text: &str) -> Result<(Option<Parameter>, &str), BadLine> {
    let end = text.bytes().position(|byte| matches!(byte, b'=' | b';' | b':')).ok_or(BadLine::Parameter)?;
    let (raw_name, mut rest) = text.split_at(end);
    let name = trimmed_name(raw_name).ok_or(BadLine::Parameter)?;
    let Some(after) = rest.strip_prefix('=') else {
        let bare = Parameter { name: upper(name), values: vec![String::new()] };
        return Ok(((!name.is_empty()).then_some(bare), rest));
    };
    if name.is_empty() {
        return Err(BadLine::Parameter);
    }
    let mut values = Vec::new();
    rest = after;
    loop {
        let (value, remaining) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, after_quote) = quoted.split_once('"').ok_or(BadLine::Parameter)?;
                // What stands between the closing quote and the next delimiter belongs to the value in some files.
                let end = after_quote.find([',', ';', ':']).ok_or(BadLine::NoValue)?;
                let (trailing, remaining) = after_quote.split_at(end);
                (decode_parameter(&[value, trailing.trim()].concat()), remaining)
            }
            None => {
                let delimiter = rest.bytes().position(|byte| matches!(byte, b',' | b';' | b':'));
                let (value, remaining) = rest.split_at(delimiter.ok_or(BadLine::NoValue)?);
                (decode_parameter(value), remaining)
            }
        };
        values.push(value);
        match remaining.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Ok((Some(Parameter { name: upper(name), values }), remaining)),
        }
    }
}

/// The name without white space around it, which few programs write; `None` if other characters are in it.
fn trimmed_name(raw: &str) -> Option<&str> {
    let is_name = |text: &str| text.bytes().all(is_name_byte);
    if is_name(raw) { Some(raw) } else { Some(raw.trim()).filter(|name| is_name(name)) }
}

pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// RFC 6868 §3.2. A circumflex before anything else stands for itself.
fn decode_parameter(value: &str) -> String {
    if !value.contains('^') {
        return value.to_owned();
    }
    let mut decoded = String::with_capacity(value.len());
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        let replaced = match (character, characters.peek()) {
            ('^', Some('n' | 'N')) => '\n',
            ('^', Some('^')) => '^',
            ('^', Some('\'')) => '"',
            _ => {
                decoded.push(character);
                continue;
            }
        };
        characters.next();
        decoded.push(replaced);
    }
    decoded
}

fn write_parameter_value(value: &str, line: &mut String) {
    let quoted = value.contains([':', ';', ',', ' ']);
    if quoted {
        line.push('"');
    }
    let mut previous_was_cr = false;
    for character in value.chars() {
        match character {
            '^' => line.push_str("^^"),
            '"' => line.push_str("^'"),
            '\n' if previous_was_cr => {}
            '\n' | '\r' => line.push_str("^n"),
            '\t' => line.push('\t'),
            character if character.is_control() => {}
            character => line.push(character),
        }
        previous_was_cr = character == '\r';
    }
    if quoted {
        line.push('"');
    }
}

fn write_value(value: &str, line: &mut String) {
    if !value.bytes().any(|byte| byte.is_ascii_control()) {
        line.push_str(value);
        return;
    }
    let mut previous_was_cr = false;
    for character in value.chars() {
        match character {
            '\n' if previous_was_cr => {}
            '\n' | '\r' => line.push_str("\\n"),
            '\t' => line.push('\t'),
            character if character.is_ascii_control() => {}
            character => line.push(character),
        }
        previous_was_cr = character == '\r';
    }
}

/// Folds at 75 octets, never inside a character (RFC 5545 §3.1).
fn fold(line: &str, out: &mut String) {
    let mut rest = line;
    let mut room = 75;
    while rest.len() > room {
        let mut end = room;
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (now, later) = rest.split_at(end);
        out.push_str(now);
        out.push_str("\r\n ");
        rest = later;
        room = 74;
    }
    out.push_str(rest);
    out.push_str("\r\n");
}

/// TEXT to value (RFC 5545 §3.3.11).
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut previous_was_cr = false;
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            ';' => escaped.push_str("\\;"),
            ',' => escaped.push_str("\\,"),
            '\n' if previous_was_cr => {}
            '\n' | '\r' => escaped.push_str("\\n"),
            character => escaped.push(character),
        }
        previous_was_cr = character == '\r';
    }
    escaped
}

/// Value to TEXT. A backslash before anything that needs none stands for what follows it.
pub fn unescape(value: &str) -> String {
    if !value.contains('\\') {
        return value.to_owned();
    }
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('n' | 'N') => text.push('\n'),
            Some(escaped) => text.push(escaped),
            None => text.push('\\'),
        }
    }
    text
}

/// Splits a list of values (`CATEGORIES`) at the commas that are not escaped.
pub fn split_list(value: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    value.split(move |character: char| {
        let cut = character == ',' && !escaped;
        escaped = character == '\\' && !escaped;
        cut
    })
}
