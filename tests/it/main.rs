//! The one integration test binary: one link, and all tests run side by side.

mod peers; // The software of others that proves our work: it starts, an independent client works with it, it ends.
mod tidy; // The rules of the house, over the tracked files.
