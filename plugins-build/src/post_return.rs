//! Removes the code that frees the result of a call.
//!
//! wit-bindgen makes a function for each export, `cabi_post_…`, that frees the export's result after the host has read it.
//! An instance of a provider lives for one call, and then all its memory is dropped. In an iCal provider these functions are
//! 3 % of the component, and freeing a list of ten thousand changes takes time. So they are not exported and their bodies are
//! emptied. The canonical ABI of the component model has them as optional.
//!
//! Rejected: an allocator that never frees. A provider reads megabytes line by line and would keep every line. Also
//! rejected: `wasm_encoder::reencode`, which would decode and write every instruction to change a few functions.

use std::collections::BTreeSet;

use wasm_encoder::{CodeSection, ExportKind, ExportSection, Function, RawSection, Section};
use wasmparser::{BinaryReaderError, ExternalKind, Parser, Payload, TypeRef};

/// The prefix of the names of these functions.
const PREFIX: &str = "cabi_post_";

/// The core module without these functions.
pub(crate) fn removed(core: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut written = Vec::with_capacity(core.len());
    let (mut next, mut emptied) = (0_u32, BTreeSet::new());
    let mut code: Option<CodeSection> = None;
    for payload in Parser::new(0).parse_all(core) {
        let payload = payload?;
        if let Payload::Version { range, .. } = &payload {
            written.extend_from_slice(&core[range.clone()]);
        }
        if let Payload::ImportSection(imports) = &payload {
            for import in imports.clone().into_imports() {
                next += u32::from(matches!(import?.ty, TypeRef::Func(_)));
            }
        }
        match &payload {
            Payload::ExportSection(exports) => {
                let mut kept = ExportSection::new();
                for export in exports.clone() {
                    let export = export?;
                    if export.kind == ExternalKind::Func && export.name.starts_with(PREFIX) {
                        emptied.insert(export.index);
                    } else {
                        kept.export(export.name, kind(export.kind), export.index);
                    }
                }
                kept.append_to(&mut written);
            }
            Payload::CodeSectionStart { .. } => code = Some(CodeSection::new()),
            Payload::CodeSectionEntry(body) => {
                if let Some(code) = &mut code {
                    match emptied.contains(&next) {
                        true => code.function(&empty()),
                        false => code.raw(&core[body.range()]),
                    };
                }
                next += 1;
            }
            other => {
                if let Some(code) = code.take() {
                    code.append_to(&mut written);
                }
                if let Some((id, range)) = other.as_section() {
                    RawSection { id, data: &core[range] }.append_to(&mut written);
                }
            }
        }
    }
    Ok(written)
}

/// A function without locals that does nothing.
fn empty() -> Function {
    let mut function = Function::new([]);
    function.instructions().end();
    function
}

fn kind(kind: ExternalKind) -> ExportKind {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
        ExternalKind::Table => ExportKind::Table,
        ExternalKind::Memory => ExportKind::Memory,
        ExternalKind::Global => ExportKind::Global,
        ExternalKind::Tag => ExportKind::Tag,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_gone_and_all_else_is_there() {
        let module = |posts: &str, body: &str| {
            wat::parse_str(format!(
                "(module (import \"a\" \"b\" (func)) (memory (export \"memory\") 1)
                 (func (export \"f\") (result i32) i32.const 7)
                 (func {posts} (param i32) {body}) (func (export \"g\") nop)
                 (data (i32.const 0) \"x\"))"
            ))
            .unwrap()
        };
        let before = module("(export \"cabi_post_f\") (export \"cabi_post_g\")", "nop nop nop");
        assert_eq!(removed(&before).unwrap(), module("", ""));
        let without = module("(export \"cabi_postal\")", "nop");
        assert_eq!(removed(&without).unwrap(), without);
    }
}
