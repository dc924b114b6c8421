//! Words on the wire: a closed set for this version, open for readers.
//!
//! The OpenAPI document lists the words of each set, and the server sends only those. A client may meet a newer server, so a
//! word that it does not know is kept as text instead of failing the whole response.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::VariantArray;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// An enum whose variants are words.
pub trait Words: Copy + PartialEq + Into<&'static str> + FromStr + VariantArray {
    /// The words, as an error message lists them.
    fn list() -> String {
        Self::VARIANTS.iter().map(|word| (*word).into()).collect::<Vec<&str>>().join(", ")
    }
}

impl<T: Copy + PartialEq + Into<&'static str> + FromStr + VariantArray> Words for T {}

/// A word of `T`, or one that this version does not have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Word<T> {
    Known(T),
    Unknown(String),
}

impl<T: Words> Word<T> {
    pub fn of(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Unknown(text.into()), Self::Known)
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(word) => (*word).into(),
            Self::Unknown(text) => text,
        }
    }

    pub fn known(&self) -> Option<T> {
        match self {
            Self::Known(word) => Some(*word),
            Self::Unknown(_) => None,
        }
    }
}

impl<T> From<T> for Word<T> {
    fn from(word: T) -> Self {
        Self::Known(word)
    }
}

impl<T: Default> Default for Word<T> {
    fn default() -> Self {
        Self::Known(T::default())
    }
}

impl<T: Words> PartialEq<T> for Word<T> {
    fn eq(&self, word: &T) -> bool {
        self.known() == Some(*word)
    }
}

impl<T: Words> fmt::Display for Word<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<T: Words> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de, T: Words> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(from).map(|text| Self::of(&text))
    }
}

impl<T: Words> PartialSchema for Word<T> {
    fn schema() -> RefOr<Schema> {
        let words = T::VARIANTS.iter().map(|word| (*word).into()).collect::<Vec<&str>>();
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
    }
}

impl<T: Words> ToSchema for Word<T> {
    /// The name of `T`.
    fn name() -> Cow<'static, str> {
        let name = std::any::type_name::<T>();
        Cow::Borrowed(name.rsplit_once("::").map_or(name, |(_, name)| name))
    }
}

#[cfg(test)]
mod tests {
    use miosa_domain::volume::VolumeState;

    use super::*;

    #[test]
    fn a_word_that_is_not_known_survives() {
        for (json, word) in [
            (r#""attached""#, Word::Known(VolumeState::Attached)),
            (r#""teleporting""#, Word::Unknown("teleporting".into())),
        ] {
            assert_eq!(serde_json::from_str::<Word<VolumeState>>(json).unwrap(), word);
            assert_eq!(serde_json::to_string(&word).unwrap(), json);
        }
        assert!(serde_json::from_str::<Word<VolumeState>>("7").is_err());
    }
}
