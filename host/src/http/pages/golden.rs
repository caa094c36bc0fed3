//! Golden files of pages that depend on a calendar service: they are rendered with sample data.

use askama::Template;

/// Compares a page with its golden file in `tests/golden`.
pub(super) fn golden(name: &str, page: &impl Template) {
    check(name, &page.render().unwrap());
}

/// Compares a text with its golden file.
pub(super) fn check(name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    eprintln!("to accept a changed text: INSTA_UPDATE=always cargo test --workspace --lib -- golden");
    settings.bind(|| insta::assert_snapshot!(name, text));
}
