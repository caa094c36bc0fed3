//! From a core module to the component that is shipped, without any other program.
//!
//! 1. **Slim.** Of the custom sections only the functions' names stay, shortened ([`names`]), and the description of the
//!    interface that wit-component consumes. Debugging sections would double the file. What would free a call's result
//!    is left out ([`post_return`]).
//! 2. **Componentise** with wit-component: no adapter, so the import list is what the provider's own code asks for. The
//!    names that it gives to its own parts are left out again; no report shows them.
//! 3. **Metadata.** Which compiler and which builder made it; no path and no time, for the bytes must be the same
//!    wherever and whenever the same compiler makes them.
//! 4. **Check** against [`FEATURES`], so that an author hears here and not at an operator's what the host would refuse.
//!
//! Rejected: `wasm-opt` (another program to fetch; after LTO it saves little).

use std::ops::Range;

use wasm_metadata::AddMetadata;
use wasmparser::{BinaryReader, BinaryReaderError, CustomSectionReader, Parser, Payload, Validator, WasmFeatures};
use wit_component::ComponentEncoder;

use crate::{names, post_return};

/// What a provider's code may use, exactly what the host's engine runs: the second release of WebAssembly without
/// reference-counted types (`externref`), which need a collector. So no 64-bit or several memories, no threads, garbage
/// collection, exceptions, tail calls or relaxed SIMD, and nothing of the component model that is not final.
pub const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::COMPONENT_MODEL);

/// What a component asks for and offers, by name, in the order of the component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Surface {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

/// Makes the component. `compiler` is the compiler's own name for itself, `1.96.0 (…)`.
pub(crate) fn componentise(core: &[u8], compiler: &str) -> Result<Vec<u8>, String> {
    let refused = |error: BinaryReaderError| error.to_string();
    let core = post_return::removed(core).map_err(refused)?;
    let core = slim(&core).map_err(refused)?;
    let component = ComponentEncoder::default()
        .validate(true)
        .module(&core)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| format!("{error:#}"))?;
    let component = slim(&component).map_err(refused)?;
    let mut metadata = AddMetadata::default();
    metadata.language = vec![("Rust".to_owned(), String::new())];
    metadata.processed_by = vec![
        ("rustc".to_owned(), compiler.to_owned()),
        ("chronus-plugins-build".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
    ];
    metadata.to_wasm(&component).map_err(|error| format!("{error:#}"))
}

/// Of a custom section what is shipped, if anything: names for a report, and what wit-component reads.
fn essential(custom: &CustomSectionReader<'_>) -> Result<Option<Vec<u8>>, BinaryReaderError> {
    Ok(match custom.name() {
        "name" => Some(names::section(custom.data())?),
        name if name.starts_with("component-type") => Some(custom.data().to_owned()),
        _ => None,
    })
}

/// A module or component with what is [`essential`] of its own custom sections, not of those of what is in it.
fn slim(binary: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut written = Vec::with_capacity(binary.len());
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(binary) {
        let payload = payload?;
        if let Payload::End(_) = &payload {
            depth = depth.saturating_sub(1);
            continue;
        }
        if depth == 0 {
            if let Payload::Version { range, .. } = &payload {
                written.extend_from_slice(slice(binary, range.clone())?);
            }
            if let Payload::CustomSection(custom) = &payload {
                if let Some(contents) = essential(custom)? {
                    push_custom(&mut written, custom.name(), &contents);
                }
            } else if let Some((id, range)) = payload.as_section() {
                push_section(&mut written, id, slice(binary, range)?);
            }
        }
        if let Payload::ModuleSection { .. } | Payload::ComponentSection { .. } = &payload {
            depth += 1;
        }
    }
    Ok(written)
}

pub(crate) fn push_section(binary: &mut Vec<u8>, id: u8, contents: &[u8]) {
    binary.push(id);
    push_length(binary, contents.len());
    binary.extend_from_slice(contents);
}

fn push_custom(binary: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut contents = Vec::with_capacity(data.len() + name.len() + 1);
    push_length(&mut contents, name.len());
    contents.extend_from_slice(name.as_bytes());
    contents.extend_from_slice(data);
    push_section(binary, 0, &contents);
}

pub(crate) fn slice(bytes: &[u8], range: Range<usize>) -> Result<&[u8], BinaryReaderError> {
    let mut reader = BinaryReader::new(bytes, 0);
    reader.read_bytes(range.start)?;
    reader.read_bytes(range.len())
}

/// A length as WebAssembly writes it: unsigned LEB128.
pub(crate) fn push_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}

/// Validates the component against [`FEATURES`] and lists its names.
pub(crate) fn check(component: &[u8]) -> Result<Surface, String> {
    let refused = |error: BinaryReaderError| {
        format!("{error}. A component may use WebAssembly 2.0 only; look for target features in its build")
    };
    Validator::new_with_features(FEATURES).validate_all(component).map_err(refused)?;
    let mut surface = Surface::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(refused)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    surface.imports.push(import.map_err(refused)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    surface.exports.push(export.map_err(refused)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(surface)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A section: id, length, contents.
    fn section(id: u8, contents: &[u8]) -> Vec<u8> {
        let mut bytes = vec![id];
        push_length(&mut bytes, contents.len());
        bytes.extend_from_slice(contents);
        bytes
    }

    fn custom(name: &str, contents: &[u8]) -> Vec<u8> {
        let mut bytes = vec![name.len() as u8];
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(contents);
        section(0, &bytes)
    }

    fn module(sections: &[Vec<u8>]) -> Vec<u8> {
        [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
    }

    fn component(sections: &[Vec<u8>]) -> Vec<u8> {
        [b"\0asm\x0d\0\x01\0".to_vec(), sections.concat()].concat()
    }

    /// A component that asks for the (empty) instances of these names and gives the first of them out again.
    fn importing(names: &[&str]) -> Vec<u8> {
        let mut sections = vec![section(7, &[1, 0x42, 0])];
        for name in names {
            let mut import = vec![1, 0, name.len() as u8];
            import.extend_from_slice(name.as_bytes());
            import.extend_from_slice(&[5, 0]);
            sections.push(section(10, &import));
        }
        sections.push(section(11, b"\x01\x00\x07a:b/out\x05\x00\x00"));
        component(&sections)
    }

    /// `world w { import log: func(n: u32); export run: func(); }` with a body that calls `log(7)`.
    fn guest() -> Vec<u8> {
        let sections = [
            section(1, &[2, 0x60, 1, 0x7f, 0, 0x60, 0, 0]),
            section(2, b"\x01\x05$root\x03log\x00\x00"),
            section(3, &[1, 1]),
            section(7, b"\x01\x03run\x00\x01"),
            section(10, &[1, 6, 0, 0x41, 7, 0x10, 0, 0x0b]),
            custom("name", &[1, 6, 1, 1, 3, b'r', b'u', b'n']),
            custom(".debug_info", b"/home/somebody/checkout"),
            custom("producers", &[0]),
        ];
        let mut module = module(&sections);
        let mut resolve = wit_parser::Resolve::default();
        let wit = "package a:b; world w { import log: func(n: u32); export run: func(); }";
        let package = resolve.push_str("w.wit", wit).unwrap();
        let world = resolve.select_world(&[package], Some("w")).unwrap();
        wit_component::embed_component_metadata(&mut module, &resolve, world, wit_component::StringEncoding::UTF8)
            .unwrap();
        module
    }

    fn contains(bytes: &[u8], text: &str) -> bool {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    #[test]
    fn a_guest_becomes_a_component_with_the_imports_of_its_code() {
        let component = componentise(&guest(), "1.2.3 (abc)").unwrap();
        let surface = check(&component).unwrap();
        assert_eq!((surface.imports, surface.exports), (vec!["log".to_owned()], vec!["run".to_owned()]));
    }

    #[test]
    fn names_of_functions_stay_and_debugging_sections_go() {
        let component = componentise(&guest(), "1.2.3 (abc)").unwrap();
        assert!(!contains(&component, "/home/somebody"));
        assert!(!contains(&component, ".debug_info"));
        let inner = Parser::new(0).parse_all(&component).find_map(|payload| match payload.unwrap() {
            Payload::ModuleSection { unchecked_range, .. } => component.get(unchecked_range),
            _ => None,
        });
        let names: Vec<_> = Parser::new(0)
            .parse_all(inner.unwrap())
            .filter_map(|payload| match payload.unwrap() {
                Payload::CustomSection(custom) => Some(custom.name().to_owned()),
                _ => None,
            })
            .collect();
        assert!(names.iter().any(|name| name == "name"), "{names:?}");
        assert!(contains(inner.unwrap(), "\u{1}\u{6}\u{1}\u{1}\u{3}run"));
    }

    #[test]
    fn the_compiler_stands_in_the_metadata_and_the_bytes_are_always_the_same() {
        let component = componentise(&guest(), "1.2.3 (abc)").unwrap();
        assert_eq!(component, componentise(&guest(), "1.2.3 (abc)").unwrap());
        let producers = wasm_metadata::Producers::from_wasm(&component).unwrap().unwrap();
        let processed: Vec<_> = producers.get("processed-by").unwrap().iter().collect();
        assert!(processed.iter().any(|(name, version)| (name.as_str(), version.as_str()) == ("rustc", "1.2.3 (abc)")));
    }

    #[test]
    fn slimming_keeps_every_other_section() {
        let slimmed = slim(&guest()).unwrap();
        let ids = |bytes: &[u8]| -> Vec<u8> {
            let payloads = Parser::new(0).parse_all(bytes);
            payloads
                .filter_map(|payload| payload.unwrap().as_section())
                .map(|(id, _)| id)
                .filter(|id| *id != 0)
                .collect()
        };
        assert_eq!(ids(&slimmed), ids(&guest()));
        assert_eq!(slim(&slimmed).unwrap(), slimmed);
    }

    #[test]
    fn a_module_without_an_interface_is_refused() {
        let error = componentise(&module(&[section(1, &[1, 0x60, 0, 0])]), "x");
        // Without a world nothing is imported or exported: it is the host that misses the exports.
        assert_eq!(check(&error.unwrap()).unwrap(), Surface::default());
        assert!(componentise(b"\0asm\x01\0\0\0\xff", "x").is_err());
        assert!(componentise(b"not wasm", "x").is_err());
    }

    #[test]
    fn imports_are_listed_in_their_order() {
        let surface = check(&importing(&["wasi:http/types@0.2.12", "chronus:calendar/log@0.1.0"])).unwrap();
        assert_eq!(surface.imports, ["wasi:http/types@0.2.12", "chronus:calendar/log@0.1.0"]);
        assert_eq!(surface.exports, ["a:b/out"]);
    }

    /// Whatever the host's engine has switched off is refused here already.
    #[test]
    fn features_that_the_host_does_not_run_are_refused() {
        let cases: [(&str, Vec<Vec<u8>>); 8] = [
            ("memory64", vec![section(5, &[1, 4, 1])]),
            ("multi-memory", vec![section(5, &[2, 0, 1, 0, 1])]),
            ("threads", vec![section(5, &[1, 3, 1, 1])]),
            ("gc", vec![section(1, &[1, 0x5f, 0])]),
            ("externref", vec![section(4, &[1, 0x6f, 0, 0])]),
            ("exceptions", vec![section(1, &[1, 0x60, 0, 0]), section(13, &[1, 0, 0])]),
            ("tail calls", body(&[0x12, 0, 0x0b])),
            // f32x4.relaxed_madd of three zero vectors.
            ("relaxed simd", {
                let zero = [vec![0xfd, 12], vec![0; 16]].concat();
                body(&[zero.repeat(3), vec![0xfd, 0x85, 2, 0x1a, 0x0b]].concat())
            }),
        ];
        for (feature, sections) in cases {
            let core = module(&sections);
            Validator::new_with_features(WasmFeatures::all() - WasmFeatures::LEGACY_EXCEPTIONS)
                .validate_all(&core)
                .unwrap_or_else(|error| panic!("the case for {feature} is itself malformed: {error}"));
            let refused = check(&component(&[section(1, &core)]));
            assert!(refused.is_err(), "{feature} passed");
        }
        let plain = module(&[section(5, &[1, 0, 1])]);
        check(&component(&[section(1, &plain)])).unwrap();
    }

    /// One function without parameters and results.
    fn body(instructions: &[u8]) -> Vec<Vec<u8>> {
        let mut code = vec![1];
        push_length(&mut code, instructions.len() + 1);
        code.push(0);
        code.extend_from_slice(instructions);
        vec![section(1, &[1, 0x60, 0, 0]), section(3, &[1, 0]), section(10, &code)]
    }
}
