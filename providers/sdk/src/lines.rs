//! Memos and cursors as lines of text.
//!
//! A note is a list of entries, each a letter and a value: `s https://dav.example.org`. A malformed entry makes the whole note
//! unreadable, which costs requests and nothing else.
//!
//! Rejected: JSON, whose parser is larger than all the code that reads notes.

/// Writes a note.
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
}

impl Writer {
    /// Adds an entry. The value may be any text.
    pub fn push(&mut self, key: char, value: &str) {
        self.out.push(key);
        for character in value.chars() {
            match character {
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                character => self.out.push(character),
            }
        }
        self.out.push('\n');
    }

    /// The note.
    pub fn into_bytes(self) -> Vec<u8> {
        self.out.into_bytes()
    }
}

/// The entries of a note, in their order; `None` if the bytes are not a note.
pub fn read(bytes: &[u8]) -> Option<impl Iterator<Item = (char, String)>> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let whole = text.split('\n').all(|line| !line.is_empty());
    let entry = |line: &str| {
        let mut characters = line.chars();
        characters.next().map(|key| (key, unescape(characters.as_str())))
    };
    whole.then(|| text.split('\n').filter_map(entry).collect::<Vec<_>>().into_iter())
}

fn unescape(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, true) => value.push(if characters.next() == Some('n') { '\n' } else { '\\' }),
            (character, false) => value.push(character),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn what_was_written_is_read(entries in proptest::collection::vec(("[a-z]", "(?s).{0,20}"), 1..5)) {
            let mut writer = Writer::default();
            let entries: Vec<(char, String)> =
                entries.into_iter().filter_map(|(key, value)| Some((key.chars().next()?, value))).collect();
            entries.iter().for_each(|(key, value)| writer.push(*key, value));
            let read: Vec<_> = read(&writer.into_bytes()).expect("a note").collect();
            proptest::prop_assert_eq!(read, entries);
        }

        #[test]
        fn garbage_is_no_trouble(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..50)) {
            let _ = read(&bytes).map(Iterator::count);
        }
    }
}
