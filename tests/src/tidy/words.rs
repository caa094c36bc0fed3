//! Words that must not stand in a file, whether as code, in a string or in a comment.

use super::{Findings, Tree};

/// Names that say which service is meant wherever they stand, even inside a longer word.
const SERVICES: [&str; 13] = [
    "apple",
    "caldav",
    "fastmail",
    "gcal",
    "gmail",
    "google",
    "icloud",
    "microsoft",
    "nextcloud",
    "office365",
    "outlook",
    "radicale",
    "xandikos",
];

/// The id of a provider of ours that is a part of ordinary words (iCalendar, identical).
const SERVICE_WORDS: [&str; 1] = ["ical"];

/// Folders that exist on one machine. They count where a path begins, not in the middle of one, and unless they are
/// those of `somebody`: an example may need a path of that kind.
const MACHINE_FOLDERS: [&str; 5] = ["work", "root", "home", "Users", "farm"];

/// Hosts that packages come from: a matter of the machine, not of the project. In two pieces each, for this file is
/// checked as well.
const PACKAGE_HOSTS: [&str; 8] = [
    concat!("artifact", "ory"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("pypi", ".org"),
    concat!("files.", "pythonhosted"),
    concat!("registry.", "npmjs"),
    concat!("deb.", "debian.org"),
    concat!("proxy.", "golang"),
];

/// Marks of work put off.
const PUT_OFF: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("HA", "CK")];

/// What the host knows about a calendar service, it knows from a component.
pub fn host_names_no_service(tree: &Tree) -> Findings {
    let named = |line: &str| {
        // `OutgoingMail` names none.
        let line = line.to_lowercase().replace("ingmail", "ing-mail");
        let inside = SERVICES.into_iter().find(|name| line.contains(name));
        inside.or_else(|| SERVICE_WORDS.into_iter().find(|name| words(&line).any(|word| word == *name)))
    };
    let files = tree.texts().filter(|(path, _)| path.starts_with("host/src/"));
    lines(files, named, |name| format!("names the service {name}; the host knows none"))
}

/// A checkout works on every machine because it knows of none.
pub fn nothing_names_a_machine(tree: &Tree) -> Findings {
    let named = |line: &str| {
        let host = PACKAGE_HOSTS.into_iter().find(|host| line.contains(host));
        host.or_else(|| MACHINE_FOLDERS.into_iter().find(|folder| names_folder(line, folder)))
    };
    lines(tree.texts(), named, |name| format!("`{name}` is a place on somebody's machine or network"))
}

/// What is worth doing later is an issue; what is not is no comment either.
pub fn nothing_is_left_to_do(tree: &Tree) -> Findings {
    let named = |line: &str| PUT_OFF.into_iter().find(|mark| words(line).any(|word| word == *mark));
    lines(tree.texts(), named, |mark| format!("{mark}: do it, or open an issue"))
}

fn lines<'a>(
    files: impl Iterator<Item = (&'a str, &'a str)>,
    named: impl Fn(&str) -> Option<&'static str>,
    say: impl Fn(&str) -> String,
) -> Findings {
    let mut findings = Findings::new();
    for (path, text) in files {
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(name) = named(line) {
                findings.push(format!("{path}:{number}: {}", say(name)));
            }
        }
    }
    findings
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character: char| !character.is_alphanumeric())
}

fn names_folder(line: &str, folder: &str) -> bool {
    let folder = format!("/{folder}/");
    let is_example = |end: usize| line.get(end..).is_some_and(|rest| rest.starts_with("somebody"));
    line.match_indices(&folder).any(|(at, _)| begins(line, at) && !is_example(at + folder.len()))
}

/// Whether a path begins at this byte: what stands before is no part of one.
fn begins(line: &str, at: usize) -> bool {
    let before = line.get(..at).and_then(|before| before.chars().next_back());
    before.is_none_or(|before| !before.is_alphanumeric() && !"/.-_~}>*%".contains(before))
}

#[cfg(test)]
mod tests {
    use super::{PACKAGE_HOSTS, Tree, host_names_no_service, nothing_is_left_to_do, nothing_names_a_machine};

    #[test]
    fn a_service_named_in_the_host_is_found() {
        let findings = |path: &str, text: &str| host_names_no_service(&Tree::of(&[(path, text)])).len();
        for text in [
            "if id == \"google\" {",
            "/// As Outlook does.",
            "struct IcloudQuirk;",
            "read_gmail()",
            "load(\"ical.wasm\")",
            "is_ical()",
        ] {
            assert_eq!(findings("host/src/sync/pull.rs", text), 1, "{text}");
        }
        assert_eq!(findings("host/src/sync/pull.rs", "//! iCalendar (RFC 5545); identical; OutgoingMail"), 0);
        assert_eq!(findings("providers/ical/src/lib.rs", "//! Google"), 0);
    }

    #[test]
    fn a_machine_named_in_a_file_is_found() {
        let findings = |text: &str| nothing_names_a_machine(&Tree::of(&[("a.md", text)])).len();
        for folder in ["work", "root", "home", "Users"] {
            assert_eq!(findings(&format!("see `/{folder}/main`")), 1, "{folder}");
            assert_eq!(findings(&format!("/{folder}/main")), 1, "{folder}");
            assert_eq!(
                findings(&format!("https://dav.example.org/{folder}/a {{}}/{folder}/ ../{folder}/")),
                0,
                "{folder}"
            );
        }
        assert_eq!(findings("`/home/somebody/checkout`"), 0);
        for host in PACKAGE_HOSTS {
            assert_eq!(findings(&format!("https://{host}/simple")), 1, "{host}");
        }
        assert_eq!(findings("registry+https://github.com/rust-lang/crates.io-index, from PyPI"), 0);
    }

    #[test]
    fn work_put_off_is_found() {
        let findings = |text: &str| nothing_is_left_to_do(&Tree::of(&[("a.py", text)])).len();
        assert_eq!(findings(concat!("# TO", "DO: later")), 1);
        assert_eq!(findings(concat!("# FIX", "ME(me) later")), 1);
        assert_eq!(findings("# VTODO components, todo lists, hackers"), 0);
    }
}
