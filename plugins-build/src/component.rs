//! Makes the component that is shipped from a core module, without another program.
//!
//! 1. **Slim.** Two kinds of custom sections stay: the functions' names, shortened ([`names`]), and the description of the
//!    interface, which wit-component reads. Debugging sections would double the file. Functions that free a call's result
//!    are emptied ([`post_return`]).
//! 2. **Componentise** with wit-component. There is no adapter, so the component imports what the provider's code uses and
//!    nothing else. The names that wit-component gives to its own parts are removed again; no report shows them.
//! 3. **Metadata.** The compiler and the builder. No path and no time: the same compiler must make the same bytes everywhere.
//! 4. **Check** against [`FEATURES`], so that the author, and not an operator, learns what the host would refuse.
//!
//! Rejected: `wasm-opt` (another program to fetch; after LTO it saves little).

use wasm_encoder::{CustomSection, RawSection, Section};
use wasm_metadata::AddMetadata;
use wasmparser::{BinaryReaderError, CustomSectionReader, Parser, Payload, Validator, WasmFeatures};
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

/// The names of a component's imports and exports, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Surface {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

/// Makes the component. `compiler` is the compiler's version, `1.96.0 (…)`.
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

/// The data of a custom section as it is shipped; `None` if the section is left out.
fn essential(custom: &CustomSectionReader<'_>) -> Result<Option<Vec<u8>>, BinaryReaderError> {
    Ok(match custom.name() {
        "name" => Some(names::section(custom.data())?),
        name if name.starts_with("component-type") => Some(custom.data().to_owned()),
        _ => None,
    })
}

/// The module or component with the [`essential`] ones of its custom sections. Those of nested modules are left out.
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
                written.extend_from_slice(&binary[range.clone()]);
            }
            if let Payload::CustomSection(custom) = &payload {
                if let Some(data) = essential(custom)? {
                    CustomSection { name: custom.name().into(), data: data.into() }.append_to(&mut written);
                }
            } else if let Some((id, range)) = payload.as_section() {
                RawSection { id, data: &binary[range] }.append_to(&mut written);
            }
        }
        if let Payload::ModuleSection { .. } | Payload::ComponentSection { .. } = &payload {
            depth += 1;
        }
    }
    Ok(written)
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
    use wasm_encoder::CodeSection;

    /// A section: id, length, contents.
    fn section(id: u8, contents: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        RawSection { id, data: contents }.append_to(&mut bytes);
        bytes
    }

    fn custom(name: &str, contents: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        CustomSection { name: name.into(), data: contents.into() }.append_to(&mut bytes);
        bytes
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
        let mut code = CodeSection::new();
        code.raw(&[&[0], instructions].concat());
        let mut bytes = Vec::new();
        code.append_to(&mut bytes);
        vec![section(1, &[1, 0x60, 0, 0]), section(3, &[1, 0]), bytes]
    }
}
