//! Names that nobody can guess and nobody has used.
//!
//! An instance has no randomness of its own: the host's is asked. Natively, in tests, it is the seed of the standard
//! library's hash maps, which differs from one process and one call to the next.

/// So many random bytes, as twice as many hexadecimal digits.
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
