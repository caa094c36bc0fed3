//! The contract as text: which promises it makes, and what it says apart from its comments.
//!
//! Promises are the labelled sentences in its comments (`[busy/clipped]`); conformance cases and tests refer to them
//! by label. The normal form is the sequence of the tokens, so that better words and other line breaks are not a new
//! version, and everything else is. Rejected: parsing with wit-parser and printing. It resolves and reorders, so it
//! answers whether two packages mean the same; here they must be the same.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::checkout::repo_root;

/// One promise of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// `busy/clipped`
    pub name: String,
    /// What is promised, without line breaks.
    pub sentence: String,
    /// The file below `wit/` and the line, for messages.
    pub place: String,
}

/// All labels of the present contract, in the order of the files' names and lines.
pub fn wit_labels() -> anyhow::Result<Vec<Label>> {
    let files = read_folder(&repo_root().join("wit"))?;
    Ok(files.iter().flat_map(|(name, text)| labels(name, text)).collect())
}

/// The `.wit` files directly in a folder, by name.
fn read_folder(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| name.ends_with(".wit")) {
            files.insert(name.to_owned(), fs::read_to_string(&path).with_context(|| path.display().to_string())?);
        }
    }
    Ok(files)
}

/// The labels of one file. A label stands at the start of a comment line; its sentence goes on to the next label or
/// to the end of the comment.
pub(crate) fn labels(file: &str, text: &str) -> Vec<Label> {
    let mut labels: Vec<Label> = Vec::new();
    let mut open = false;
    for (number, line) in (1..).zip(text.lines()) {
        let comment = line.trim_start().strip_prefix("///").map(str::trim);
        match comment.map(|comment| (comment, label_at_start(comment))) {
            Some((_, Some((name, sentence)))) => {
                let place = format!("{file}:{number}");
                labels.push(Label { name: name.to_owned(), sentence: sentence.to_owned(), place });
                open = true;
            }
            Some((comment, None)) if open && !comment.is_empty() => {
                if let Some(label) = labels.last_mut() {
                    label.sentence.push(' ');
                    label.sentence.push_str(comment);
                }
            }
            _ => open = false,
        }
    }
    labels
}

fn label_at_start(comment: &str) -> Option<(&str, &str)> {
    let (name, sentence) = comment.strip_prefix('[')?.split_once(']')?;
    let (subject, promise) = name.split_once('/')?;
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    (is_word(subject) && is_word(promise)).then_some((name, sentence.trim()))
}

/// The version that a file of the contract gives its package.
pub(crate) fn package_version(text: &str) -> Option<&str> {
    let declared = text.lines().find_map(|line| line.trim().strip_prefix("package ")?.strip_suffix(';'))?;
    Some(declared.split_once('@')?.1.trim())
}

/// What the files say, without comments, one token after the other, and the sha256 of that text in lower-case
/// hexadecimal. Files go by name, so moving something to another file is a change.
pub(crate) fn normal_form<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> (String, String) {
    let mut text = String::new();
    let sorted: BTreeMap<_, _> = files.into_iter().collect();
    for (name, content) in sorted {
        text.push_str(name);
        for token in tokens(content) {
            text.push(' ');
            text.push_str(&token);
        }
        text.push('\n');
    }
    let mut digest = String::new();
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing into a string cannot fail.
        let _ = write!(digest, "{byte:02x}");
    }
    (text, digest)
}

/// Words and single marks. A comma before a closing bracket says nothing and is dropped.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut in_word = false;
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let end_of_comment = match rest.get(..2) {
            Some("//") => Some(rest.find('\n').unwrap_or(rest.len())),
            Some("/*") => Some(rest.find("*/").map_or(rest.len(), |at| at + 2)),
            _ => None,
        };
        if let Some(end) = end_of_comment {
            rest = rest.get(end..).unwrap_or_default();
            in_word = false;
            continue;
        }
        rest = rest.get(next.len_utf8()..).unwrap_or_default();
        let is_word = !next.is_whitespace() && !"{}()<>,;:=*".contains(next);
        if "})>".contains(next) && tokens.last().is_some_and(|last| last == ",") {
            tokens.pop();
        }
        match tokens.last_mut() {
            Some(word) if is_word && in_word => word.push(next),
            _ if !next.is_whitespace() => tokens.push(next.to_string()),
            _ => {}
        }
        in_word = is_word;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::{Label, labels, normal_form, package_version};

    #[test]
    fn a_label_takes_its_sentence_along() {
        let text = "\
            /// Gives it; see [busy/clipped] below.\n\
            ///\n\
            /// [busy/clipped] An interval is\n\
            /// cut to the window.\n\
            /// [busy/sorted] By start [not-a-label].\n\
            ///\n\
            /// Something else.\n\
            query: func();\n\
            // [busy/plain] Not documentation.\n";
        let label = |name: &str, sentence: &str, line: u32| Label {
            name: name.to_owned(),
            sentence: sentence.to_owned(),
            place: format!("a.wit:{line}"),
        };
        let expected = [
            label("busy/clipped", "An interval is cut to the window.", 3),
            label("busy/sorted", "By start [not-a-label].", 5),
        ];
        assert_eq!(labels("a.wit", text), expected);
    }

    #[test]
    fn comments_and_layout_are_no_change_and_all_else_is() {
        let form = |text: &str| normal_form([("a.wit", text)]);
        let plain = form("package a:b@0.1.0;\nrecord r { a: list<u8>, b: u32 }\nf: func() -> result<r, string>;");
        assert_eq!(
            form(
                "/// R.\npackage a:b@0.1.0; /* x\n y */\nrecord r {\n  a : list< u8 >, // bytes\n  b: u32,\n}\nf: func()->result<r,string>;"
            ),
            plain
        );
        for other in [
            "package a:b@0.1.1;\nrecord r { a: list<u8>, b: u32 }\nf: func() -> result<r, string>;",
            "package a:b@0.1.0;\nrecord r { b: u32, a: list<u8> }\nf: func() -> result<r, string>;",
            "package a:b@0.1.0;\nrecord r { a: list<u8>, b: u3 2 }\nf: func() -> result<r, string>;",
            "package a:b@0.1.0;\nrecord r { a: list<u8>, b: u32 }",
        ] {
            assert_ne!(form(other), plain, "{other}");
        }
        assert_ne!(normal_form([("b.wit", "x")]), normal_form([("a.wit", "x")]));
    }

    #[test]
    fn the_version_is_the_packages() {
        assert_eq!(package_version("/// x\npackage chronus:calendar@0.1.0;\n"), Some("0.1.0"));
        assert_eq!(package_version("interface a {}"), None);
    }
}
