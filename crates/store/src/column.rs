//! Columns as domain types and back. A value that cannot be read is an error that names its column.

use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::{DeserializeOwned, IntoDeserializer, value};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

fn unreadable(column: &str, why: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(why) }
}

/// An id or another type with one spelling.
pub(crate) fn id<T>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.try_get::<String, _>(column)?.parse().map_err(|error| unreadable(column, error))
}

pub(crate) fn optional_id<T>(row: &SqliteRow, column: &str) -> Result<Option<T>, sqlx::Error>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.try_get::<Option<String>, _>(column)?
        .map(|text| text.parse())
        .transpose()
        .map_err(|error| unreadable(column, error))
}

/// One of an enum's words, as serde spells it.
pub(crate) fn word<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error> {
    let text: String = row.try_get(column)?;
    let words: value::StringDeserializer<value::Error> = text.into_deserializer();
    T::deserialize(words).map_err(|error| unreadable(column, error))
}

pub(crate) fn json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(&row.try_get::<String, _>(column)?).map_err(|error| unreadable(column, error))
}

pub(crate) fn optional_json<T: DeserializeOwned>(
    row: &SqliteRow,
    column: &str,
) -> Result<Option<T>, sqlx::Error> {
    row.try_get::<Option<String>, _>(column)?
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|error| unreadable(column, error))
}

pub(crate) fn number<T>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error>
where
    T: TryFrom<i64, Error: std::error::Error + Send + Sync + 'static>,
{
    T::try_from(row.try_get::<i64, _>(column)?).map_err(|error| unreadable(column, error))
}

pub(crate) fn optional_number<T>(row: &SqliteRow, column: &str) -> Result<Option<T>, sqlx::Error>
where
    T: TryFrom<i64, Error: std::error::Error + Send + Sync + 'static>,
{
    row.try_get::<Option<i64>, _>(column)?
        .map(T::try_from)
        .transpose()
        .map_err(|error| unreadable(column, error))
}

pub(crate) fn time(row: &SqliteRow, column: &str) -> Result<Timestamp, sqlx::Error> {
    Timestamp::from_millisecond(row.try_get(column)?).map_err(|error| unreadable(column, error))
}

pub(crate) fn optional_time(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>, sqlx::Error> {
    row.try_get::<Option<i64>, _>(column)?
        .map(Timestamp::from_millisecond)
        .transpose()
        .map_err(|error| unreadable(column, error))
}

/// JSON of a type that always has one: maps with text keys, lists, our own enums and structs.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("every stored type has a JSON form")
}

/// The word that serde spells for a unit variant.
pub(crate) fn to_word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("stored as a word, but its JSON is {other:?}"),
    }
}

/// SQL integers are signed. Sizes and counters of ours stay far below 2^63; one that does not is stored as the largest.
pub(crate) fn to_bigint(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
