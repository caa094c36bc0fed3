//! No code to free what a call has returned.
//!
//! wit-bindgen makes a function for each export, `cabi_post_…`, that frees the export's result once the host has read
//! it. An instance of a provider lives for one call: its memory goes as a whole, right after. In an iCal provider those
//! functions are 3 % of the component, and to free a list of ten thousand changes takes time. So they are not exported,
//! and their bodies are empty; the component model does without them (they are optional in its canonical ABI).
//!
//! Rejected: an allocator that never frees. A provider reads megabytes line by line, and would keep every line.

use std::collections::BTreeSet;

use wasmparser::{BinaryReaderError, ExternalKind, Parser, Payload, TypeRef};

use crate::component::{push_length, push_section, slice};

/// What the names of those functions begin with.
const PREFIX: &str = "cabi_post_";

/// A body without locals that does nothing: its length, no locals, `end`.
const EMPTY: [u8; 3] = [2, 0, 0x0b];

/// The core module without them.
pub(crate) fn removed(core: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut written = Vec::with_capacity(core.len());
    let (mut next, mut emptied) = (0_u32, BTreeSet::new());
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(core) {
        let payload = payload?;
        if let Payload::Version { range, .. } = &payload {
            written.extend_from_slice(slice(core, range.clone())?);
        }
        if let Payload::ImportSection(imports) = &payload {
            for import in imports.clone().into_imports() {
                next += u32::from(matches!(import?.ty, TypeRef::Func(_)));
            }
        }
        match &payload {
            Payload::ExportSection(exports) => {
                let (mut kept, mut count) = (Vec::new(), 0);
                for export in exports.clone() {
                    let export = export?;
                    if export.kind == ExternalKind::Func && export.name.starts_with(PREFIX) {
                        emptied.insert(export.index);
                        continue;
                    }
                    count += 1;
                    push_length(&mut kept, export.name.len());
                    kept.extend_from_slice(export.name.as_bytes());
                    kept.push(kind(export.kind));
                    push_length(&mut kept, export.index as usize);
                }
                let mut contents = Vec::new();
                push_length(&mut contents, count);
                contents.extend_from_slice(&kept);
                push_section(&mut written, 7, &contents);
            }
            Payload::CodeSectionStart { count, .. } => push_length(&mut bodies, *count as usize),
            Payload::CodeSectionEntry(body) => {
                if emptied.contains(&next) {
                    bodies.extend_from_slice(&EMPTY);
                } else {
                    push_length(&mut bodies, body.range().len());
                    bodies.extend_from_slice(slice(core, body.range())?);
                }
                next += 1;
            }
            other => {
                if !bodies.is_empty() {
                    push_section(&mut written, 10, &std::mem::take(&mut bodies));
                }
                if let Some((id, range)) = other.as_section() {
                    push_section(&mut written, id, slice(core, range)?);
                }
            }
        }
    }
    Ok(written)
}

/// As the binary format writes it.
fn kind(kind: ExternalKind) -> u8 {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => 0,
        ExternalKind::Table => 1,
        ExternalKind::Memory => 2,
        ExternalKind::Global => 3,
        ExternalKind::Tag => 4,
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
