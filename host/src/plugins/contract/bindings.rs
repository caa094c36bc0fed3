//! The bindings that wasmtime generates from the contract: its types, its exports, and the one import outside WASI.
//!
//! Problem: a component exports the interfaces of its level only. Decision: one world exports all interfaces, and admission
//! looks up once which of them a component has. The WASI imports are not listed, because `wasmtime-wasi` and
//! `wasmtime-wasi-http` bring their own bindings. Rejected: one `bindgen!` for each level, which generates three copies of
//! every type and call.

/// A component's description. Generated separately with serde derives, because an accepted grant is stored as JSON.
mod described {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package chronus:host;
            world described {
                import chronus:calendar/descriptions@0.2.0;
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
            import chronus:calendar/log@0.2.0;
            import chronus:calendar/zones@0.2.0;
            export chronus:calendar/plugin@0.2.0;
            export chronus:calendar/account@0.2.0;
            export chronus:calendar/busy@0.2.0;
            export chronus:calendar/events@0.2.0;
            export chronus:calendar/changes@0.2.0;
            export chronus:calendar/push@0.2.0;
        }
    ",
    with: { "chronus:calendar/descriptions": described::chronus::calendar::descriptions },
    imports: { default: trappable },
    exports: { default: async },
    additional_derives: [PartialEq],
});
