//! Random names.
//!
//! In a component the random bytes come from the host. Elsewhere, in tests, they come from the seeds of the standard library's
//! hash maps, which differ for each process and call.

/// A number of random bytes, as hexadecimal digits (two for each byte).
pub fn hex(bytes: usize) -> String {
    self::bytes(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(count: usize) -> Vec<u8> {
    #[cfg(target_arch = "wasm32")]
    let bytes = crate::bindings::wasi::random::random::get_random_bytes(count as u64);
    #[cfg(not(target_arch = "wasm32"))]
    let bytes = {
        use std::hash::{BuildHasher, RandomState};
        let word = |place: usize| RandomState::new().hash_one(place).to_le_bytes();
        (0..count.div_ceil(8)).flat_map(word).take(count).collect()
    };
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_alike() {
        let (one, other) = (hex(16), hex(16));
        assert_ne!(one, other);
        assert!(one.len() == 32 && one.bytes().all(|byte| byte.is_ascii_hexdigit()), "{one}");
        assert_eq!(hex(0), "");
    }
}
