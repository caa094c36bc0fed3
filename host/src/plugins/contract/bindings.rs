//! What wasmtime makes of the contract: its types, the exports, and the one import that is not WASI's.
//!
//! One world that exports everything; which interfaces a component really has is looked up once, at admission. A
//! `bindgen!` for each level was rejected: it gives three copies of every type and of every call. The WASI imports
//! are not listed, because `wasmtime-wasi` and `wasmtime-wasi-http` bring their own bindings.

/// What a component says of itself. Made by itself, because it is kept as JSON when an operator accepts it.
mod described {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package chronus:host;
            world described {
                import chronus:calendar/descriptions@0.1.0;
            }
        ",
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
    });
}

wasmtime::component::bindgen!({
    path: "../wit",
    inline: "
        package chronus:host;
        world provider {
            import chronus:calendar/log@0.1.0;
            export chronus:calendar/plugin@0.1.0;
            export chronus:calendar/account@0.1.0;
            export chronus:calendar/busy@0.1.0;
            export chronus:calendar/events@0.1.0;
            export chronus:calendar/changes@0.1.0;
            export chronus:calendar/push@0.1.0;
        }
    ",
    with: { "chronus:calendar/descriptions": described::chronus::calendar::descriptions },
    imports: { default: trappable },
    exports: { default: async },
    additional_derives: [PartialEq],
});
