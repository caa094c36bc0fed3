//! Which components are accepted as providers.
//!
//! Threat: a component for another contract, one that asks for more of the system than a provider may have, or one that is
//! not what its publisher made. Decision: everything that can be checked without running the component is checked first, from
//! its bytes alone: that it is a component (never precompiled code, which would run unchecked), its imports, its contract
//! version, and the features of WebAssembly that it uses. Only then is it compiled. A refusal names the cause and its likely
//! origin, because the author of the component reads it. Rejected: relying on the linker, whose error says "matching
//! implementation was not found" without a reason.

mod description;
mod signature;

pub use description::check as check_description;
pub use signature::{Signature, SignatureError, TrustedKey};

use super::{
    contract::{CONTRACT, Level},
    limits::{LARGEST_MEMORY, MOST_MEMORIES, MOST_TABLES, features},
    runtime::{CallError, Inspection, Plugin, Sandbox},
};
use crate::ids::digest;
use wasmparser::{Encoding, Parser, Payload, Validator};

/// The maximum size of a component. A component with a Python interpreter has about half of it.
const MAX_COMPONENT_BYTES: usize = 64 << 20;

/// The interfaces that a provider gets.
const GRANTED_IMPORTS: [&str; 11] = [
    "chronus:calendar/descriptions",
    "chronus:calendar/log",
    "chronus:calendar/values",
    "chronus:calendar/zones",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
];

/// Interfaces that language runtimes import without using them. They are linked, but every access is denied.
const DENIED_STUBS: [&str; 3] = ["wasi:cli/", "wasi:filesystem/", "wasi:sockets/"];

/// Why a component is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// The file is not WebAssembly, or damaged.
    #[error(
        "this is not a WebAssembly component: {0}. Use the `.wasm` file that `cargo plugins` or your componentiser wrote"
    )]
    NotWasm(String),
    /// The file is a core module.
    #[error(
        "this is a core WebAssembly module, not a component; wrap it with `cargo plugins`, or `wasm-tools component new`"
    )]
    CoreModule,
    /// The file is precompiled code.
    #[error("this is precompiled native code, which would run unchecked; use the component that it was compiled from")]
    Precompiled,
    /// The file is too large.
    #[error("the component has {0} bytes; at most {MAX_COMPONENT_BYTES} are accepted")]
    TooLarge(usize),
    /// The component uses a feature that is off.
    #[error("the component does not validate with the features that providers may use: {0}")]
    Invalid(String),
    /// The component has an import that providers do not get.
    #[error("the component imports `{import}`, which providers do not get; {origin}")]
    Import {
        /// The interface.
        import: String,
        /// Where the import probably comes from.
        origin: &'static str,
    },
    /// The component is not a provider.
    #[error("the component exports no `chronus:calendar/plugin`: it is not a calendar provider. Its exports are: {0}")]
    NoProvider(String),
    /// The component is for another version of the contract.
    #[error("the component was made for contract {found}; this host supports {CONTRACT}. {}", advice(found))]
    Contract {
        /// The version of the component.
        found: String,
    },
    /// The exports do not match a level.
    #[error(
        "the component exports {has} but not {lacks}; a provider exports all interfaces of its level (wit/provider.wit)"
    )]
    Level {
        /// An interface that the component exports.
        has: &'static str,
        /// The interface that it does not export.
        lacks: &'static str,
    },
    /// An interface has other types than the contract.
    #[error("the component's types do not match contract {CONTRACT}: {0}")]
    Types(String),
    /// The component needs more of a resource than the pool has.
    #[error("the component needs {need} {what}; a provider gets {most}")]
    Resources {
        /// The resource.
        what: &'static str,
        /// How much the component needs.
        need: u64,
        /// How much a provider gets.
        most: u64,
    },
    /// The description is malformed.
    #[error("the component's description is wrong: {0}")]
    Description(String),
    /// The call of `describe` failed.
    #[error("the component cannot describe itself: {0}")]
    Describe(#[source] Box<CallError>),
    /// The component cannot be compiled.
    #[error("the component cannot be compiled: {0}")]
    Compile(String),
}

fn advice(found: &str) -> &'static str {
    let number = |text: &str| text.split('.').map(|part| part.parse::<u64>().unwrap_or(0)).collect::<Vec<_>>();
    if number(found) > number(CONTRACT) {
        "Update the host, or build the provider against this host's wit/ folder"
    } else {
        "Rebuild the provider against this host's wit/ folder; wit/README.md says what changed"
    }
}

impl Sandbox {
    /// Admits a component: checks it, compiles it, and asks it to describe itself.
    ///
    /// # Errors
    /// If it cannot be a provider for this host.
    pub async fn admit(&self, bytes: &[u8]) -> Result<Plugin, AdmissionError> {
        let inspection = inspect(bytes)?;
        let component = self.compile(bytes.to_vec()).await.map_err(AdmissionError::Compile)?;
        if let Some(need) = component.resources_required() {
            for (what, need, most) in
                [("memories", need.num_memories, MOST_MEMORIES), ("tables", need.num_tables, MOST_TABLES)]
            {
                let (need, most) = (u64::from(need), u64::from(most));
                if need > most {
                    return Err(AdmissionError::Resources { what, need, most });
                }
            }
        }
        let loaded = self.link(&component, inspection.level, &inspection.sha256).map_err(AdmissionError::Types)?;
        let description = loaded.describe().await.map_err(|error| AdmissionError::Describe(Box::new(error)))?;
        check_description(&description).map_err(AdmissionError::Description)?;
        Ok(Plugin::new(loaded, inspection, description))
    }
}

/// Inspects a component without running it.
///
/// # Errors
/// If it cannot be a provider for this host.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, AdmissionError> {
    if bytes.len() > MAX_COMPONENT_BYTES {
        return Err(AdmissionError::TooLarge(bytes.len()));
    }
    if wasmtime::Engine::detect_precompiled(bytes).is_some() {
        return Err(AdmissionError::Precompiled);
    }
    let (imports, exports) = surface(bytes)?;
    let contract = contract(&exports)?;
    let level = level(&exports)?;
    let mut inert = Vec::new();
    for import in &imports {
        match import_policy(import) {
            ImportPolicy::Granted => {}
            ImportPolicy::DeniedStub => inert.push(import.clone()),
            ImportPolicy::Refused(origin) => return Err(AdmissionError::Import { import: import.clone(), origin }),
        }
    }
    Validator::new_with_features(features()).validate_all(bytes).map_err(|e| AdmissionError::Invalid(e.to_string()))?;
    Ok(Inspection { sha256: digest(bytes), size: bytes.len(), contract, level, imports, inert })
}

/// The names of the component's own imports and exports.
fn surface(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), AdmissionError> {
    let not_wasm = |error: wasmparser::BinaryReaderError| AdmissionError::NotWasm(error.message().to_owned());
    let (mut imports, mut exports, mut depth) = (Vec::new(), Vec::new(), 0_u32);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(not_wasm)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(AdmissionError::CoreModule);
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::MemorySection(section) => {
                for memory in section {
                    // Pages have 64 KiB: other sizes are off.
                    let (need, most) =
                        (memory.map_err(not_wasm)?.initial.saturating_mul(64 << 10), LARGEST_MEMORY as u64);
                    if need > most {
                        return Err(AdmissionError::Resources { what: "bytes of initial memory", need, most });
                    }
                }
            }
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import.map_err(not_wasm)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export.map_err(not_wasm)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

/// How the host treats an import.
enum ImportPolicy {
    Granted,
    /// Linked to an implementation that denies every access.
    DeniedStub,
    /// Not linked; with the probable origin of the import.
    Refused(&'static str),
}

fn import_policy(import: &str) -> ImportPolicy {
    let (interface, version) = import.split_once('@').unwrap_or((import, ""));
    if interface.starts_with("wasi:") && (!version.starts_with("0.2.") || version.contains('-')) {
        return ImportPolicy::Refused(
            "providers get WASI 0.2; build with a toolchain for it (`wasm32-wasip2`, componentisers of that generation)",
        );
    }
    if interface.starts_with("chronus:calendar/") && version != CONTRACT {
        return ImportPolicy::Refused(
            "it belongs to another version of the contract; build against this host's wit/ folder",
        );
    }
    if GRANTED_IMPORTS.contains(&interface) || interface.starts_with("wasi:random/") {
        return ImportPolicy::Granted;
    }
    if DENIED_STUBS.iter().any(|prefix| interface.starts_with(prefix)) {
        return ImportPolicy::DeniedStub;
    }
    ImportPolicy::Refused(match interface {
        "wasi:http/incoming-handler" => {
            "a provider does not serve requests: notifications reach it as `push.parse-notification`"
        }
        _ if interface.starts_with("wasi:") => {
            "it comes from the language's runtime or from a library that needs more of the system than a provider gets; \
             providers/README.md lists alternatives"
        }
        _ if interface.starts_with("chronus:calendar/") => "it is an interface that providers export",
        _ => "it comes from a library or a tool for another host; providers get only the imports of wit/provider.wit",
    })
}

fn contract(exports: &[String]) -> Result<String, AdmissionError> {
    let plugin = exports.iter().find_map(|export| export.strip_prefix("chronus:calendar/plugin"));
    match plugin {
        Some(version) if version == format!("@{CONTRACT}") => Ok(CONTRACT.to_owned()),
        Some(version) => Err(AdmissionError::Contract { found: version.trim_start_matches('@').to_owned() }),
        None if exports.is_empty() => Err(AdmissionError::NoProvider("none".into())),
        None => Err(AdmissionError::NoProvider(exports.join(", "))),
    }
}

fn level(exports: &[String]) -> Result<Level, AdmissionError> {
    let has = |interface: &str| exports.contains(&format!("chronus:calendar/{interface}@{CONTRACT}"));
    let needs = |has_it: &'static str, interfaces: &[&'static str]| match interfaces.iter().find(|i| !has(i)) {
        Some(lacks) => Err(AdmissionError::Level { has: has_it, lacks }),
        None => Ok(()),
    };
    needs("plugin", &["account", "busy"])?;
    if has("push") {
        needs("push", &["events", "changes"])?;
        return Ok(Level::TwoWayPush);
    }
    if has("events") || has("changes") {
        needs(if has("events") { "events" } else { "changes" }, &["events", "changes"])?;
        return Ok(Level::TwoWay);
    }
    Ok(Level::ReadOnly)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exports(interfaces: &[&str]) -> Vec<String> {
        interfaces.iter().map(|interface| format!("chronus:calendar/{interface}@{CONTRACT}")).collect()
    }

    #[test]
    fn levels_are_whole() {
        assert_eq!(level(&exports(&["plugin", "account", "busy"])).unwrap(), Level::ReadOnly);
        assert_eq!(level(&exports(&["plugin", "account", "busy", "events", "changes"])).unwrap(), Level::TwoWay);
        let all = ["plugin", "account", "busy", "events", "changes", "push"];
        assert_eq!(level(&exports(&all)).unwrap(), Level::TwoWayPush);
        for missing in
            [["plugin", "busy", "", ""], ["plugin", "account", "busy", "events"], ["plugin", "account", "busy", "push"]]
        {
            assert!(matches!(level(&exports(&missing)), Err(AdmissionError::Level { .. })), "{missing:?}");
        }
    }

    #[test]
    fn another_contract_is_refused_by_its_number() {
        let error = contract(&["chronus:calendar/plugin@0.3.0".into()]).unwrap_err().to_string();
        assert!(error.contains("0.3.0") && error.contains(CONTRACT) && error.contains("Update the host"), "{error}");
        let error = contract(&["chronus:calendar/plugin@0.1.0".into()]).unwrap_err().to_string();
        assert!(error.contains("Rebuild the provider"), "{error}");
    }

    #[test]
    fn what_is_no_component_is_named() {
        for (bytes, part) in [
            (&b""[..], "not a WebAssembly"),
            (b"hello, world", "not a WebAssembly"),
            (b"\0asm\x01\0\0\0", "core WebAssembly module"),
            (b"\0asm\x0d\0\x01\0", "not a calendar provider"),
            (b"\0asm\x0d\0\x01\0\x07\xff", "not a WebAssembly"),
        ] {
            let error = inspect(bytes).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn the_builder_checks_the_same_features() {
        assert_eq!(features(), chronus_plugins_build::FEATURES);
    }

    #[test]
    fn imports_have_a_policy() {
        for granted in
            ["wasi:http/outgoing-handler@0.2.10", "wasi:io/streams@0.2.12", "wasi:random/insecure-seed@0.2.0"]
        {
            assert!(matches!(import_policy(granted), ImportPolicy::Granted), "{granted}");
        }
        for inert in ["wasi:cli/environment@0.2.0", "wasi:filesystem/types@0.2.3", "wasi:sockets/tcp@0.2.0"] {
            assert!(matches!(import_policy(inert), ImportPolicy::DeniedStub), "{inert}");
        }
        for refused in [
            "wasi:keyvalue/store@0.2.0",
            "wasi:http/incoming-handler@0.2.0",
            "wasi:http/outgoing-handler@0.3.0",
            "wasi:cli/environment@0.2.0-rc-2023-11-10",
            "wasi:io/streams",
            "chronus:calendar/log@0.1.0",
            "chronus:calendar/busy@0.2.0",
            "acme:db/sql",
            "env",
        ] {
            assert!(matches!(import_policy(refused), ImportPolicy::Refused(_)), "{refused}");
        }
    }
}
