//! Enums and flags as the database stores them.
//!
//! Problem: an unknown word in a column (written by a newer version, or by hand) that is read as one of the known
//! values leads to actions that nobody asked for; a meeting with an unknown status was once read as cancelled, and its
//! event was deleted from the owner's calendar. Decision: every stored enum is declared by [`string_enum!`] and read by
//! [`word`]; an unknown word is an [`UnknownWord`] error that names the table, the column and the word. Each such
//! column also has a CHECK constraint with the same words in `host/migrations`, and a test compares the two lists.
//! Rejected: a default value for unknown words, and `sqlx::Type`, whose two derives (one for each database) put enums
//! into native PostgreSQL types that SQLite does not have.

use std::{fmt, str::FromStr};

/// A text is not one of an enum's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write one of {}", .0.join(", "))]
pub struct UnknownVariant(pub &'static [&'static str]);

/// A column holds a value that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{table}.{column} holds the unknown value `{word}` (known: {}); a newer version of this program may have written it",
    .known.join(", ")
)]
pub struct UnknownWord {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The stored value, escaped and cut to 64 characters.
    pub word: String,
    /// The values that this version knows.
    pub known: &'static [&'static str],
}

/// A column of a table. Errors name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub name: &'static str,
}

impl Column {
    /// `Column::of("meetings", "status")`.
    #[must_use]
    pub const fn of(table: &'static str, name: &'static str) -> Self {
        Self { table, name }
    }

    /// Decodes a word of an enum declared by [`string_enum!`].
    ///
    /// # Errors
    /// With an [`UnknownWord`] inside of [`sqlx::Error::ColumnDecode`] if the enum has no such word.
    pub fn word<T: FromStr<Err = UnknownVariant>>(self, word: &str) -> sqlx::Result<T> {
        word.parse().map_err(|UnknownVariant(known)| self.unknown(word, known))
    }

    /// Decodes a JSON list of words of an enum declared by [`string_enum!`].
    ///
    /// # Errors
    /// If the text is not a JSON list of strings, or with an [`UnknownWord`] if the enum lacks one of them.
    pub fn words<T: FromStr<Err = UnknownVariant>, C: FromIterator<T>>(self, json: &str) -> sqlx::Result<C> {
        let words: Vec<String> = self.json(json)?;
        words.iter().map(|word| self.word(word)).collect()
    }

    /// Decodes a flag, which is stored as 0 or 1.
    ///
    /// # Errors
    /// With an [`UnknownWord`] if the number is another.
    pub fn flag(self, number: i64) -> sqlx::Result<bool> {
        match number {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.unknown(&other.to_string(), &["0", "1"])),
        }
    }

    /// Decodes a value that is stored as JSON.
    ///
    /// # Errors
    /// With [`sqlx::Error::ColumnDecode`] if the text does not have the structure of `T`.
    pub fn json<T: serde::de::DeserializeOwned>(self, text: &str) -> sqlx::Result<T> {
        serde_json::from_str(text).map_err(|error| self.broken(error))
    }

    fn unknown(self, word: &str, known: &'static [&'static str]) -> sqlx::Error {
        let word = word.chars().take(64).collect::<String>().escape_debug().to_string();
        self.broken(UnknownWord { table: self.table, column: self.name, word, known })
    }

    fn broken(self, error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
        sqlx::Error::ColumnDecode { index: self.to_string(), source: Box::new(error) }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.table, self.name)
    }
}

/// The unknown word behind a database error, if that is its cause.
#[must_use]
pub fn unknown_word(error: &sqlx::Error) -> Option<&UnknownWord> {
    let sqlx::Error::ColumnDecode { source, .. } = error else { return None };
    source.downcast_ref()
}

/// Declares enums whose variants have one word each, which is the same in the database, in JSON and on the command line:
/// `string_enum! { /// Doc. pub enum Status { /// Doc. Confirmed = "confirmed", … } }`.
///
/// Each enum gets `ALL`, `WORDS`, `as_str`, `Display`, a strict `FromStr` with [`UnknownVariant`], serde and a schema for
/// the API document. A column that stores one is read by [`Column::word`].
macro_rules! string_enum {
    ($($(#[$doc:meta])* $visibility:vis enum $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $word:tt),* $(,)?
    })*) => {$(
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
            utoipa::ToSchema,
        )]
        $(#[$doc])*
        $visibility enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// All variants, in the order of their declaration.
            $visibility const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The words of all variants, in the same order.
            $visibility const WORDS: &'static [&'static str] = &[$($word),*];

            /// The variant's word.
            #[must_use]
            $visibility const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::db::UnknownVariant;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.iter().find(|variant| variant.as_str() == text);
                found.copied().ok_or($crate::db::UnknownVariant(Self::WORDS))
            }
        }
    )*};
}

pub(crate) use string_enum;

#[cfg(test)]
mod tests {
    use super::*;

    string_enum! {
        /// For this test.
        enum Light {
            /// Go.
            Green = "green",
            /// Stop.
            DeepRed = "deep-red",
        }
    }

    const COLUMN: Column = Column::of("lamps", "light");

    #[test]
    fn a_word_is_the_same_everywhere() {
        assert_eq!(Light::WORDS, ["green", "deep-red"]);
        for light in Light::ALL {
            assert_eq!(light.as_str().parse(), Ok(*light));
            assert_eq!(serde_json::to_string(light).unwrap(), format!("\"{light}\""));
            assert_eq!(serde_json::from_str::<Light>(&format!("\"{light}\"")).unwrap(), *light);
            assert_eq!(COLUMN.word::<Light>(light.as_str()).unwrap(), *light);
        }
        assert_eq!("red".parse::<Light>().unwrap_err().to_string(), "write one of green, deep-red");
        let schema = serde_json::to_value(<Light as utoipa::PartialSchema>::schema()).unwrap();
        assert_eq!(schema["enum"], serde_json::json!(Light::WORDS));
    }

    #[test]
    fn an_unknown_value_is_an_error_that_names_table_column_and_word() {
        let errors = [
            COLUMN.word::<Light>("re\nd").unwrap_err(),
            COLUMN.words::<Light, Vec<_>>(r#"["green", "re\nd"]"#).unwrap_err(),
        ];
        for error in errors {
            let unknown = unknown_word(&error).unwrap();
            assert_eq!((unknown.table, unknown.column, unknown.word.as_str()), ("lamps", "light", "re\\nd"));
            assert!(error.to_string().contains("lamps.light"), "{error}");
        }
        let error = COLUMN.flag(2).unwrap_err();
        assert_eq!(unknown_word(&error).unwrap().word, "2");
        assert_eq!((COLUMN.flag(0).unwrap(), COLUMN.flag(1).unwrap()), (false, true));
        let error = COLUMN.json::<Vec<String>>("{}").unwrap_err();
        assert!(unknown_word(&error).is_none() && error.to_string().contains("lamps.light"), "{error}");
    }
}
