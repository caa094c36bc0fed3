//! The format of a sealed value.
//!
//! A version byte, the length of the key's id and the id, a nonce and the wrapped data key, a nonce and the encrypted value.
//! Nonces are random: a key of the file wraps one data key for each sealed value, far from the 2³² uses at which random
//! nonces become unsafe (NIST SP 800-38D §8.3), and a data key encrypts one value only. The associated data of each layer
//! names the layer and the place of the value. Each part follows its length, so that two places never have the same
//! associated data.

use super::{OpenError, Place};
use aes_gcm::{
    Aes256Gcm, KeyInit as _, Nonce,
    aead::{AeadInOut as _, consts::U12},
};
use std::fmt;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;
/// The nonce, the data key and its tag.
const WRAPPED: usize = NONCE + 32 + TAG;

/// A key of the key file. It wraps data keys.
pub(super) struct Key {
    pub(super) id: String,
    pub(super) cipher: Aes256Gcm,
}

/// A sealed value and the id of its key. The id has a column of its own, so that rotation finds the remaining rows.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedValue {
    /// Id of the key.
    pub key: String,
    /// The sealed value.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for SealedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedValue {{ key: {:?}, {} bytes }}", self.key, self.bytes.len())
    }
}

/// The parts of a sealed value.
pub(super) struct Parts<'a> {
    /// Id of the key that wraps the data key.
    pub(super) key: &'a str,
    wrapped: &'a [u8; WRAPPED],
    body: &'a [u8],
}

/// Parses a sealed value.
pub(super) fn parts(bytes: &[u8]) -> Result<Parts<'_>, OpenError> {
    let parse = || {
        let (_, rest) = bytes.split_first().filter(|(version, _)| **version == VERSION)?;
        let (length, rest) = rest.split_first()?;
        let (key, rest) = rest.split_at_checked(usize::from(*length))?;
        let key = std::str::from_utf8(key).ok().filter(|key| is_key_id(key))?;
        let (wrapped, body) = rest.split_first_chunk()?;
        Some(Parts { key, wrapped, body })
    };
    parse().ok_or(OpenError::Malformed)
}

/// True if a text is a valid key id.
pub(super) fn is_key_id(text: &str) -> bool {
    let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    (1..=40).contains(&text.len()) && text.bytes().all(fits)
}

/// Seals a value with a new data key, which this key wraps.
pub(super) fn seal(key: &Key, place: &Place, plain: &[u8]) -> SealedValue {
    let mut data_key = Zeroizing::new([0; 32]);
    random(&mut *data_key);
    let mut bytes = header(&key.id);
    encrypt(&key.cipher, &associated_data(Layer::Key(&key.id), place), &*data_key, &mut bytes);
    encrypt(&Aes256Gcm::new((&*data_key).into()), &associated_data(Layer::Value, place), plain, &mut bytes);
    SealedValue { key: key.id.clone(), bytes }
}

/// Opens a value with the key that [`Parts::key`] names.
pub(super) fn open(key: &Aes256Gcm, place: &Place, parts: &Parts<'_>) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let data_key = unwrap(key, place, parts)?;
    decrypt(&Aes256Gcm::new((&*data_key).into()), &associated_data(Layer::Value, place), parts.body)
}

/// Wraps the data key with another key. The encrypted value does not change.
pub(super) fn rewrap(old: &Aes256Gcm, new: &Key, place: &Place, parts: &Parts<'_>) -> Result<SealedValue, OpenError> {
    let data_key = unwrap(old, place, parts)?;
    let mut bytes = header(&new.id);
    encrypt(&new.cipher, &associated_data(Layer::Key(&new.id), place), &*data_key, &mut bytes);
    bytes.extend_from_slice(parts.body);
    Ok(SealedValue { key: new.id.clone(), bytes })
}

fn unwrap(key: &Aes256Gcm, place: &Place, parts: &Parts<'_>) -> Result<Zeroizing<[u8; 32]>, OpenError> {
    let opened = decrypt(key, &associated_data(Layer::Key(parts.key), place), parts.wrapped)?;
    let mut data_key = Zeroizing::new([0; 32]);
    data_key.copy_from_slice(opened.get(..32).ok_or(OpenError::Malformed)?);
    Ok(data_key)
}

/// The layers of a sealed value.
enum Layer<'a> {
    /// The data key, wrapped by the key with this id.
    Key(&'a str),
    Value,
}

/// The associated data of a layer.
fn associated_data(layer: Layer<'_>, place: &Place) -> Vec<u8> {
    let (kind, key) = match layer {
        Layer::Key(id) => ("data key", id),
        Layer::Value => ("value", ""),
    };
    let parts = ["chronus sealed 1", kind, key, &place.organisation, &place.table, &place.row, place.column];
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

fn header(id: &str) -> Vec<u8> {
    // `is_key_id` limits an id to 40 bytes.
    [&[VERSION, id.len() as u8], id.as_bytes()].concat()
}

/// Appends a nonce and the encrypted text.
fn encrypt(key: &Aes256Gcm, associated: &[u8], plain: &[u8], bytes: &mut Vec<u8>) {
    let mut nonce = [0; NONCE];
    random(&mut nonce);
    // Reserved before the plain text is copied, because growing would leave a copy behind.
    bytes.reserve(NONCE + plain.len() + TAG);
    bytes.extend_from_slice(&nonce);
    let begin = bytes.len();
    bytes.extend_from_slice(plain);
    let text = bytes.get_mut(begin..).unwrap_or_default();
    let tag = key.encrypt_inout_detached(&Nonce::<U12>::from(nonce), associated, text.into());
    // Encryption fails only for texts of more than 64 GiB.
    bytes.extend_from_slice(&tag.expect("a secret of less than 64 GiB"));
}

/// Decrypts the output of [`encrypt`].
fn decrypt(key: &Aes256Gcm, associated: &[u8], bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (nonce, text) = bytes.split_first_chunk::<NONCE>().ok_or(OpenError::Malformed)?;
    let mut plain = Zeroizing::new(text.to_vec());
    key.decrypt_in_place(&Nonce::<U12>::from(*nonce), associated, &mut *plain).map_err(|_| OpenError::Wrong)?;
    Ok(plain)
}

/// Fills a buffer with random bytes.
pub(super) fn random(bytes: &mut [u8]) {
    // Without random numbers the host is not safe. The system's generator does not fail on supported systems.
    getrandom::fill(bytes).expect("the system's random numbers");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(id: &str, byte: u8) -> Key {
        Key { id: id.to_owned(), cipher: Aes256Gcm::new(&[byte; 32].into()) }
    }

    fn place(organisation: &str, table: &'static str, row: &str, column: &'static str) -> Place {
        Place::new(organisation, table, row, column)
    }

    fn opened(key: &Key, place: &Place, bytes: &[u8]) -> Result<Vec<u8>, OpenError> {
        open(&key.cipher, place, &parts(bytes)?).map(|plain| plain.to_vec())
    }

    #[test]
    fn every_altered_byte_and_every_cut_is_found() {
        let here = place("o", "t", "r", "c");
        let sealed = seal(&key("a", 1), &here, b"secret").bytes;
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut altered = sealed.clone();
                altered[at] ^= 1 << bit;
                // Also when the altered id is that of another key, or of the same.
                assert!(opened(&key("a", 1), &here, &altered).is_err(), "byte {at}, bit {bit}");
            }
            assert!(opened(&key("a", 1), &here, &sealed[..at]).is_err(), "cut at {at}");
        }
        assert!(opened(&key("a", 1), &here, &[&*sealed, &[0]].concat()).is_err());
        assert_eq!(opened(&key("b", 2), &here, &sealed), Err(OpenError::Wrong));
        assert_eq!(opened(&key("a", 1), &here, &sealed).unwrap(), b"secret");
    }

    #[test]
    fn elsewhere_it_does_not_open_also_where_the_names_run_together() {
        let here = place("one", "table", "row", "column");
        let sealed = seal(&key("a", 1), &here, b"secret").bytes;
        for there in [
            place("two", "table", "row", "column"),
            place("one", "tables", "row", "column"),
            place("one", "table", "row2", "column"),
            place("one", "table", "row", "columns"),
            place("onetable", "", "row", "column"),
            place("one", "tablerow", "", "column"),
            place("", "onetable", "row", "column"),
            place("one", "table", "rowcolumn", ""),
        ] {
            assert_eq!(opened(&key("a", 1), &there, &sealed), Err(OpenError::Wrong), "{there:?}");
            let parts = parts(&sealed).unwrap();
            assert_eq!(rewrap(&key("a", 1).cipher, &key("b", 2), &there, &parts).unwrap_err(), OpenError::Wrong);
        }
    }

    #[test]
    fn a_data_key_is_no_value_and_serves_one_value_only() {
        let here = place("o", "t", "r", "c");
        let one = seal(&key("a", 1), &here, b"secret").bytes;
        let two = seal(&key("a", 1), &here, b"secret").bytes;
        assert_ne!(one, two);
        let cut = header("a").len() + WRAPPED;
        assert!(opened(&key("a", 1), &here, &[&one[..cut], &two[cut..]].concat()).is_err());
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_and_rewrapping_keeps_it(
            plain: Vec<u8>, organisation: String, row: String, id in "[a-z0-9-]{1,40}",
        ) {
            let here = place(&organisation, "t", &row, "c");
            let sealed = seal(&key(&id, 1), &here, &plain);
            prop_assert_eq!(&opened(&key("a", 1), &here, &sealed.bytes).unwrap(), &plain);
            let again = rewrap(&key("a", 1).cipher, &key("next", 2), &here, &parts(&sealed.bytes).unwrap()).unwrap();
            prop_assert_eq!(opened(&key("b", 2), &here, &again.bytes).unwrap(), plain);
            prop_assert_eq!(parts(&again.bytes).unwrap().key, "next");
            prop_assert!(opened(&key("a", 1), &here, &again.bytes).is_err());
        }

        #[test]
        fn any_bytes_are_refused_and_nothing_panics(bytes: Vec<u8>) {
            prop_assert!(opened(&key("a", 1), &place("o", "t", "r", "c"), &bytes).is_err());
        }
    }
}
