//! Short names for long texts, the same at each try.
//!
//! A write whose answer was lost is repeated in another instance. The repetition finds the first event only if both compute
//! the same name for it, in every version of the provider. So the function has a published definition that will not change
//! (FNV-1a). It does not resist deliberate collisions: verify what you find under such a name.
//!
//! Rejected: a cryptographic hash, which is larger and whose strength is not needed here.

/// FNV-1a, 128 bits.
pub fn fnv128(text: &str) -> u128 {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013B;
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    text.bytes().fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

/// FNV-1a, 64 bits.
pub fn fnv64(text: &str) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    text.bytes().fold(BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors that the authors of FNV publish.
    #[test]
    fn the_published_vectors_hold() {
        assert_eq!(fnv64(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv64("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv64("foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(fnv128("a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }
}
