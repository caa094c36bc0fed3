//! A value as it was given: in a file, or in the environment, where everything is text.
//!
//! What is said of a wrong value never repeats it.

use super::network;
use ipnet::IpNet;
use std::path::{Path, PathBuf};
use toml::Value;

/// A value, and what relative paths in it are relative to.
pub(super) struct RawValue<'a> {
    pub(super) value: Source<'a>,
    pub(super) beside: &'a Path,
}

/// Where it was given.
pub(super) enum Source<'a> {
    /// In the file.
    File(&'a Value),
    /// In a variable.
    Variable(&'a str),
}

impl RawValue<'_> {
    /// A text.
    pub(super) fn text(&self) -> Result<&str, String> {
        match self.value {
            Source::File(Value::String(text)) => Ok(text),
            Source::Variable(text) => Ok(text),
            Source::File(_) => Err("write a text, in quotes".into()),
        }
    }

    /// A path.
    pub(super) fn path(&self) -> Result<PathBuf, String> {
        match self.text()? {
            "" => Err("write the path of a file".into()),
            text => Ok(self.beside.join(text)),
        }
    }

    /// A path, or none if it is empty.
    pub(super) fn path_or_none(&self) -> Result<Option<PathBuf>, String> {
        if self.text()?.is_empty() { Ok(None) } else { self.path().map(Some) }
    }

    /// Yes or no.
    pub(super) fn flag(&self) -> Result<bool, String> {
        match self.value {
            Source::File(Value::Boolean(flag)) => Ok(*flag),
            Source::Variable("true") => Ok(true),
            Source::Variable("false") => Ok(false),
            Source::File(_) | Source::Variable(_) => Err("write true or false".into()),
        }
    }

    /// A whole number within bounds.
    pub(super) fn integer<T: TryFrom<u64>>(&self, least: u64, most: u64) -> Result<T, String> {
        let number = match self.value {
            Source::File(Value::Integer(number)) => u64::try_from(*number).ok(),
            Source::Variable(text) => text.parse().ok(),
            Source::File(_) => None,
        };
        let fits = number.filter(|number| (least..=most).contains(number)).and_then(|number| number.try_into().ok());
        fits.ok_or_else(|| format!("write a whole number from {least} to {most}"))
    }

    /// A list of texts.
    pub(super) fn list(&self) -> Result<Vec<String>, String> {
        let texts: Option<Vec<_>> = match self.value {
            Source::File(Value::Array(items)) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            Source::Variable(text) => Some(parts(text).map(str::to_owned).collect()),
            Source::File(_) => None,
        };
        texts.ok_or_else(|| "write a list of texts: [\"…\", \"…\"]".into())
    }

    /// A list of networks, or of single addresses.
    pub(super) fn networks(&self) -> Result<Vec<IpNet>, String> {
        let networks: Option<_> = self.list()?.iter().map(|text| network(text)).collect();
        networks.ok_or_else(|| "write a network such as 10.20.0.0/16, or an address such as 127.0.0.1".into())
    }

    /// A table of texts.
    pub(super) fn table(&self) -> Result<Vec<(String, String)>, String> {
        let pair = |(from, to): (&str, &str)| (from.trim().to_owned(), to.trim().to_owned());
        let pairs: Option<Vec<_>> = match self.value {
            Source::File(Value::Table(table)) => {
                table.iter().map(|(from, to)| Some(pair((from, to.as_str()?)))).collect()
            }
            Source::Variable(text) => parts(text).map(|part| part.split_once('=').map(pair)).collect(),
            Source::File(_) => None,
        };
        pairs.ok_or_else(|| "write a table of texts: { \"from\" = \"to\" }, or from=to,from=to in a variable".into())
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}
