//! Plain English in whatever a person reads: comments, messages, pages, documentation.
//!
//! A private dialect costs every reader a second guess, and it spreads by imitation. `host/STYLE.md` says how to write;
//! this rule refuses the phrases by which the dialect is recognised. It reads whole lines of every text file, because a
//! message in a string is read by more people than a comment. Rejected: a list of words with percentages, which nobody
//! can act on.

use regex_lite::Regex;

use super::{Findings, Tree};

/// A phrase, and what to write in its place.
const PHRASES: [(&str, &str); 14] = [
    (r"\b(is|are) none\b", "name the thing that does not exist, or say that it is invalid"),
    (r"^\s*//[/!] (By|As|Of|At) (what|which|whom)\b", "begin with the noun: `The client id used for …`"),
    (r"^\s*/// (Who|Whose|Whom|Which|When|What)\b.{0,12}\.$", "begin with the noun: `The owning organisation.`"),
    (r"\bno more$", "say `no longer`, and where the sentence ends"),
    (r"\b(whom|whomever|whoever|whosoever)\b", "name the person, the caller or the program"),
    (r"\b[Nn]obody knows\b", "say what is unknown"),
    (r"\b(program|organisation)'s token\b", "it is called an integration token"),
    (r"^\s*/// By the database\.$", "leave the section out: every function with a transaction can fail that way"),
    (r"[Ww]riting to a string cannot fail", "leave the comment out"),
    (r"(//|--|#).*\banew\b", "say `again`, or what is new"),
    (r"\bon the wall\b", "it is called local time"),
    (r"^\s*/// (.*; )?[Nn]one (if|of|beyond)\b", "write a sentence: `None` is returned if …"),
    (r"\b[Ww]hat (came|comes) of\b", "name the result"),
    (r"\bsays of itself\b", "it is called a description"),
];

/// Files that quote the phrases, and texts that are not ours to change.
const NOT_OURS: [&str; 7] = [
    "Cargo.lock",
    "LICENSE-",
    "host/STYLE.md",
    "tests/src/tidy/phrases.rs",
    "tests/fuzz/corpus/",
    "tests/frozen/",
    "wit/frozen/",
];

/// No line holds a phrase of the dialect.
pub fn english_is_plain(tree: &Tree) -> Findings {
    let phrases = PHRASES.map(|(pattern, advice)| (Regex::new(pattern).map_err(|error| error.to_string()), advice));
    let mut findings = Findings::new();
    let is_ours = |path: &str| !NOT_OURS.iter().any(|other| path.starts_with(other));
    for (path, text) in tree.texts().filter(|(path, _)| is_ours(path)) {
        for (number, line) in (1..).zip(text.lines()) {
            // The one good use of the first phrase.
            let line = &line.replace("here is none", "").replace("here are none", "");
            for (phrase, advice) in &phrases {
                match phrase {
                    Ok(phrase) => {
                        if let Some(found) = phrase.find(line) {
                            findings.push(format!("{path}:{number}: `{}`: {advice}", found.as_str().trim()));
                        }
                    }
                    Err(error) => findings.push(format!("tests/src/tidy/phrases.rs: {error}")),
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{PHRASES, Tree, english_is_plain};

    fn findings(path: &str, line: &str) -> usize {
        english_is_plain(&Tree::of(&[(path, line)])).len()
    }

    #[test]
    fn every_phrase_is_found() {
        // In two pieces each, for this file is checked as well.
        let examples = [
            concat!("/// The zone is", " none."),
            concat!("    /// By", " what somebody asks."),
            concat!("/// Whose", " data it is."),
            concat!("// it is used no", " more"),
            concat!("Show it to who", "ever asks"),
            concat!("\"Nobody", " knows who asks\""),
            concat!("a program", "'s token"),
            concat!("    /// By the", " database."),
            concat!("// Writing to a string", " cannot fail."),
            concat!("// The list is made", " anew."),
            concat!("/// The time on the", " wall."),
            concat!("    /// The text of a path; none", " if there is nothing."),
            concat!("and stores what", " came of it"),
            concat!("What a provider says of", " itself"),
        ];
        assert_eq!(examples.len(), PHRASES.len());
        for example in examples {
            assert_eq!(findings("a.rs", example), 1, "{example}");
            assert_eq!(findings("a.html", &format!("{example}\nPlain.")), 1, "{example}");
            assert_eq!(findings("host/STYLE.md", example), 0, "{example}");
        }
    }

    #[test]
    fn plain_sentences_are_not_found() {
        for line in [
            "/// The owning organisation.",
            "/// What a call may use, and what happens when it uses more.",
            "There is none of that here.",
            "no more than five",
            "/// Which provider reads it, by id.",
            "Nobody else can read it.",
            "/// Returns the runs, none of which failed.",
            "/// `None` if it is not text.",
        ] {
            assert_eq!(findings("a.rs", line), 0, "{line}");
        }
    }
}
