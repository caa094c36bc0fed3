//! The rules of the house, applied to this checkout. Each test is named by an invariant in `host/ARCHITECTURE.md`; the
//! rules themselves, and the proof that each finds what breaks it, are in `tests/src/tidy`.

use chronus_tests::tidy::{self, Findings, Tree};

#[track_caller]
fn check(rule: fn(&Tree) -> Findings) {
    let tree = Tree::tracked().unwrap_or_else(|error| panic!("{error:#}"));
    let findings = rule(&tree);
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn top_level_names() {
    check(tidy::top_level_names);
}

#[test]
fn rust_files_are_short() {
    check(tidy::rust_files_are_short);
}

#[test]
fn modules_have_headers() {
    check(tidy::modules_have_headers);
}

#[test]
fn modules_have_one_place() {
    check(tidy::modules_have_one_place);
}

#[test]
fn nothing_is_silenced() {
    check(tidy::nothing_is_silenced);
}

#[test]
fn nothing_is_left_to_do() {
    check(tidy::nothing_is_left_to_do);
}

#[test]
fn nothing_names_a_machine() {
    check(tidy::nothing_names_a_machine);
}

#[test]
fn dependencies_have_reasons() {
    check(tidy::dependencies_have_reasons);
}

#[test]
fn advisories_are_answered() {
    check(tidy::advisories_are_answered);
}

#[test]
fn every_table_names_its_data() {
    check(tidy::every_table_names_its_data);
}

#[test]
fn english_is_plain() {
    check(tidy::english_is_plain);
}

#[test]
fn layers() {
    check(tidy::layers);
}

#[test]
fn inner_layers() {
    check(tidy::inner_layers);
}

#[test]
fn no_import_circles() {
    check(tidy::no_import_circles);
}

#[test]
fn map_is_whole() {
    check(tidy::map_is_whole);
}

#[test]
fn databases_are_tried_on_both() {
    check(tidy::databases_are_tried_on_both);
}

#[test]
fn wasmtime_only_in_plugins() {
    check(tidy::wasmtime_only_in_plugins);
}

#[test]
fn audit_entries_are_only_added() {
    check(tidy::audit_entries_are_only_added);
}

#[test]
fn sql_only_in_stores() {
    check(tidy::sql_only_in_stores);
}

#[test]
fn axum_only_in_http() {
    check(tidy::axum_only_in_http);
}

#[test]
fn host_names_no_service() {
    check(tidy::host_names_no_service);
}

#[test]
fn tests_do_not_sleep() {
    check(tidy::tests_do_not_sleep);
}

#[test]
fn contract_is_frozen() {
    check(tidy::contract_is_frozen);
}

#[test]
fn labels_are_unique() {
    check(tidy::labels_are_unique);
}

#[test]
fn invariants_are_tests() {
    check(tidy::invariants_are_tests);
}

#[test]
fn stored_enums_are_strict() {
    check(tidy::stored_enums_are_strict);
}
