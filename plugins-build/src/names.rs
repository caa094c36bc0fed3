//! The names of functions, short enough to ship.
//!
//! The report of a trap names the functions on the stack, so the names must be in the component: an operator has no other
//! source. The compiler's names are long: they hold every generic argument, and a hash of every crate that differs with
//! every compiler. So each name is written as in the source, without arguments, hashes and modules of the standard library:
//! `chronus_ical::dav::read`, `<jiff::error::Error as Display>::fmt`. Functions of the standard library have no name,
//! because the mistake is in their caller, and neither have those that `derive` writes. The result is a quarter of the size and readable without a demangler.
//!
//! Rejected: no names (the report would be numbers), and names in a separate file (a reader of the report would need the
//! file of exactly that build).

use rustc_demangle::try_demangle;
use wasm_encoder::{NameMap, NameSection};
use wasmparser::{BinaryReader, BinaryReaderError, Name, NameSectionReader};

/// The contents of a `name` section with readable names of functions and nothing else.
pub(crate) fn section(contents: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut functions = NameMap::new();
    for subsection in NameSectionReader::new(BinaryReader::new(contents, 0)) {
        if let Name::Function(names) = subsection? {
            for naming in names {
                let naming = naming?;
                if let Some(name) = readable(naming.name) {
                    functions.append(naming.index, &name);
                }
            }
        }
    }
    let mut section = NameSection::new();
    section.functions(&functions);
    Ok(section.as_custom().data.into_owned())
}

/// A compiler's name as in the source; `None` for functions of the standard library. Other names stay as they are.
fn readable(name: &str) -> Option<String> {
    // `{:#}` leaves the hashes out.
    let Ok(demangled) = try_demangle(name) else { return Some(name.to_owned()) };
    let name = without_arguments(&format!("{demangled:#}"));
    let is_named = !is_of_the_standard_library(&name) && !is_derived(&name);
    is_named.then(|| without_modules(&name))
}

/// Whether the function implements a trait of the standard library that is mostly derived.
fn is_derived(name: &str) -> bool {
    const TRAITS: [&str; 6] = [
        " as core::clone::Clone>::",
        " as core::cmp::PartialEq>::",
        " as core::cmp::PartialOrd>::",
        " as core::cmp::Ord>::",
        " as core::default::Default>::",
        " as core::fmt::Debug>::",
    ];
    TRAITS.iter().any(|derived| name.contains(derived))
}

/// Whether a path leads into the standard library.
fn is_library(path: &str) -> bool {
    ["core::", "alloc::", "std::"].iter().any(|library| path.starts_with(library))
}

/// Whether a name holds paths of the standard library only: `<alloc::vec::Vec as core::clone::Clone>::clone` and
/// `core::str::from_utf8`, but not `<dav::Etag as core::fmt::Display>::fmt`.
fn is_of_the_standard_library(name: &str) -> bool {
    let mut paths = name.split(|character| !is_of_path(character)).filter(|path| path.contains("::"));
    // What follows a bracket (`>::clone`) belongs to the path before it.
    paths.clone().any(is_library) && paths.all(|path| is_library(path) || path.starts_with("::"))
}

/// Leaves out the arguments of generic functions and types (`::<…>`, `Vec<…>`), but not the brackets that a path begins
/// with (`<Url as Display>::fmt`).
fn without_arguments(name: &str) -> String {
    let mut kept = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('<') {
        let is_argument = before.ends_with(|last: char| last.is_alphanumeric() || last == '_' || last == ':');
        match closing(after).filter(|_| is_argument) {
            Some(end) => {
                kept.push_str(before.trim_end_matches("::"));
                rest = after.get(end..).unwrap_or_default();
            }
            None => {
                kept.push_str(before);
                kept.push('<');
                rest = after;
            }
        }
    }
    kept.push_str(rest);
    kept
}

/// The position after the `>` that closes an opened `<`. The arrow of a function's type closes nothing.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1_usize;
    let mut previous = ' ';
    for (at, character) in text.char_indices() {
        match character {
            '<' => depth += 1,
            '>' if previous != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + character.len_utf8());
        }
        previous = character;
    }
    None
}

/// Leaves out the modules of the standard library before its types and traits (`core::fmt::Display` is `Display`) and,
/// but for the last, before its functions (`core::ptr::drop_in_place` is `ptr::drop_in_place`).
fn without_modules(name: &str) -> String {
    let mut kept = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(begin) = rest.find(is_of_path) {
        let (before, path) = rest.split_at(begin);
        let (path, after) = path.split_at(path.find(|next| !is_of_path(next)).unwrap_or(path.len()));
        kept.push_str(before);
        kept.push_str(shortened(path));
        rest = after;
    }
    kept.push_str(rest);
    kept
}

fn is_of_path(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | ':')
}

fn shortened(path: &str) -> &str {
    if !is_library(path) {
        return path;
    }
    let Some((modules, last)) = path.rsplit_once("::") else { return path };
    let last_is_type = last.starts_with(|first: char| first.is_uppercase());
    let kept =
        if last_is_type { Some(last) } else { modules.rsplit_once("::").and_then(|(at, _)| path.get(at.len() + 2..)) };
    kept.filter(|kept| !kept.is_empty()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_those_of_the_source() {
        let cases = [
            ("_RNvNtCs9gFZVMta466_12chronus_ical3dav4read", "chronus_ical::dav::read"),
            ("_RNCNvNtCs9gFZVMta466_12chronus_ical4busy4busys_0B5_", "chronus_ical::busy::busy::{closure#1}"),
            (
                "_RNvXs3_NtCsgFyG5kJ6cwD_4jiff5errorNtB5_9ErrorKindNtNtCsi0CDqs3jJv1_4core3fmt7Display3fmt",
                "<jiff::error::ErrorKind as Display>::fmt",
            ),
            (
                "_RINvNtNtNtNtNtCs9gFZVMta466_12chronus_ical9component7exports7chronus8calendar4busy18__export_query_cabiNtBa_9ComponentEBc_",
                "chronus_ical::component::exports::chronus::calendar::busy::_export_query_cabi",
            ),
            ("chronus:calendar/account@0.1.0#open", "chronus:calendar/account@0.1.0#open"),
            ("memcpy", "memcpy"),
        ];
        for (mangled, name) in cases {
            assert_eq!(readable(mangled).as_deref(), Some(name));
        }
    }

    #[test]
    fn arguments_are_left_out_and_nothing_else() {
        let cases = [
            ("a::f::<b::C<d::E>>", "a::f"),
            ("a::f::<fn(u8) -> b::C>::{closure#0}", "a::f::{closure#0}"),
            ("<a::B<c::D> as e::F<g::H>>::i::<j::K>", "<a::B as e::F>::i"),
            ("<a::B<<c::D as e::F>::G> as e::F>::i", "<a::B as e::F>::i"),
            ("<<a::B<c::D> as e::F>::G as h::I>::j", "<<a::B as e::F>::G as h::I>::j"),
            ("<[a::B<c>]>::d::<fn(e::F<g>) -> h>", "<[a::B]>::d"),
            ("a::<b::C>::d::<e::F>::g", "a::d::g"),
            ("a::<never closed", "a::<never closed"),
            ("a < b", "a < b"),
        ];
        for (name, expected) in cases {
            assert_eq!(without_arguments(name), expected);
        }
    }

    #[test]
    fn the_standard_library_has_no_names() {
        for (name, is) in [
            ("core::str::from_utf8", true),
            ("<alloc::vec::Vec as core::clone::Clone>::clone", true),
            ("<[T] as core::fmt::Debug>::fmt::{closure#0}", true),
            ("<dav::Etag as core::fmt::Display>::fmt", false),
            ("<&core::option::Option as dav::Read>::read", false),
            ("dav::read", false),
            ("memcpy", false),
            ("<T>::f", false),
        ] {
            assert_eq!(is_of_the_standard_library(name), is, "{name}");
        }
    }

    #[test]
    fn derived_functions_have_no_names() {
        for (name, is) in [
            ("<dav::Etag as core::fmt::Debug>::fmt", true),
            ("<dav::Etag as core::clone::Clone>::clone::{closure#0}", true),
            ("<dav::Etag as core::fmt::Display>::fmt", false),
            ("<dav::Etag as core::ops::Drop>::drop", false),
        ] {
            assert_eq!(is_derived(name), is, "{name}");
        }
    }

    #[test]
    fn modules_of_the_standard_library_are_left_out() {
        let cases = [
            ("<a::B as core::fmt::Display>::fmt", "<a::B as Display>::fmt"),
            ("core::ptr::drop_in_place", "ptr::drop_in_place"),
            (
                "<alloc::vec::Vec as core::iter::traits::Extend>::extend::{closure#0}",
                "<Vec as Extend>::extend::{closure#0}",
            ),
            ("<&mut [core::cell::Cell]>::core::a", "<&mut [Cell]>::core::a"),
            ("core::panic", "core::panic"),
            ("core::", "core::"),
            ("score::a::B", "score::a::B"),
        ];
        for (name, expected) in cases {
            assert_eq!(without_modules(name), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(name in "[a-z:<>\\-é]{0,24}") {
            let kept = without_arguments(&name);
            prop_assert!(kept.len() <= name.len());
        }
    }
}
