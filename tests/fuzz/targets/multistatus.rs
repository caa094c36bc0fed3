//! Looks for an answer of a server that breaks the iCal provider; see `tests/README.md`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chronus_fuzz::multistatus(input));
