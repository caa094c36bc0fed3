//! What `wit-bindgen` makes of the contract's types and imports.
//!
//! The types live here, once, for providers of every level. Exports cannot: their macros and the section that tells
//! the componentiser which world a module implements belong to the crate that is the component. So
//! [`provider!`](crate::provider) makes them there and maps them to these types.

#![expect(missing_docs, reason = "generated; the documentation is in wit/")]

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package chronus:sdk;
        world sdk {
            include chronus:calendar/imports@0.1.0;
            import chronus:calendar/types@0.1.0;
            import chronus:calendar/descriptions@0.1.0;
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
