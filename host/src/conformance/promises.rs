//! The sentences of the contract by their labels, so that a report can quote the broken promise.
//!
//! They are read from the text of the contract: a label begins a line of a comment, and its sentence extends to the next label
//! or to the end of the comment. Rejected: a second copy of the sentences here.

const CONTRACT: [&str; 2] = [include_str!("../../../wit/provider.wit"), include_str!("../../../wit/values.wit")];

/// The sentence of a label such as `busy/clipped`, on one line.
#[must_use]
pub fn promise(label: &str) -> Option<String> {
    let comment = |line: &'static str| line.trim_start().strip_prefix("///").map(str::trim);
    let lines = CONTRACT.into_iter().flat_map(str::lines);
    let mut lines = lines.map(comment).skip_while(|line| line.and_then(|line| after(label, line)).is_none());
    let mut sentence = after(label, lines.next()??)?.to_owned();
    for line in lines {
        match line {
            Some(more) if !more.is_empty() && !more.starts_with('[') => {
                sentence.push(' ');
                sentence.push_str(more);
            }
            _ => break,
        }
    }
    Some(sentence)
}

fn after<'a>(label: &str, line: &'a str) -> Option<&'a str> {
    Some(line.strip_prefix('[')?.strip_prefix(label)?.strip_prefix(']')?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_with_its_last_line() {
        let sentence = promise("busy/wall-clock").unwrap();
        assert!(sentence.starts_with("An occurrence keeps its wall-clock time"), "{sentence}");
        assert!(sentence.ends_with("(RFC 5545 §3.3.5)."), "{sentence}");
        assert!(promise("failure/reconnect").is_some_and(|sentence| sentence.ends_with("is `reconnect`.")));
        assert_eq!(promise("busy/wall"), None);
    }
}
