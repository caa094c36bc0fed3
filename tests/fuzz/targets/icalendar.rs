//! Looks for a calendar that breaks the engine; see `tests/README.md`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chronus_fuzz::icalendar(input));
