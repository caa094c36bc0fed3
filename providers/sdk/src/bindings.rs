//! The contract's types and imports, as `wit-bindgen` makes them.
//!
//! They are here once, for providers of every level; [`export`](crate::export) maps the exports to them. They come from
//! this crate's own copy of the contract (`providers/sdk/wit`), so that the packaged crate is complete. The repository's
//! `wit/` is the original, and `tests/it/frozen.rs` fails when the copy differs. A symbolic link would need no such test,
//! but a checkout on Windows has a text file in its place.

#![expect(missing_docs, reason = "generated; the documentation is in wit/")]

wit_bindgen::generate!({
    path: "wit",
    inline: "
        package chronus:sdk;
        world sdk {
            include chronus:calendar/imports@0.2.0;
            import chronus:calendar/values@0.2.0;
            import chronus:calendar/descriptions@0.2.0;
        }
    ",
    generate_all,
    additional_derives: [PartialEq],
    // Handles to things of the host, which have no equality.
    additional_derives_ignore: [
        "error", "fields", "future-incoming-response", "future-trailers", "incoming-body", "incoming-request",
        "incoming-response", "input-stream", "outgoing-body", "outgoing-request", "outgoing-response",
        "output-stream", "pollable", "request-options", "response-outparam", "stream-error",
    ],
});
