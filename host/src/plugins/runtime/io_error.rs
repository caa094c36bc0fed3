//! What a provider can learn from an `error` of `wasi:io`.
//!
//! Threat: wasmtime answers `to-debug-string` with the `Debug` text of the host's error. With `RUST_BACKTRACE=1` that text
//! includes a backtrace: file names and functions of the host, which are no provider's business, and some 150 MB of debug
//! information that the process then keeps. Decision: the function is defined again and gives the messages of the error only.
//! Rejected: turning backtraces off for the whole process, which wasmtime offers for its own tests only.

use super::state::CallState;
use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource},
};

/// Replaces `to-debug-string`. To be called after WASI was added to the linker.
pub(super) fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance("wasi:io/error@0.2.12")?.func_wrap(
        "[method]error.to-debug-string",
        |store: StoreContextMut<'_, CallState>, (error,): (Resource<wasmtime::Error>,)| {
            let error = store.data().table.get(&error)?;
            Ok((format!("{error:#}"),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}
