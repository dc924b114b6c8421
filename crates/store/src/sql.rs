//! One set of queries for two engines.
//!
//! A [`Query`] is a text that SQLite and PostgreSQL both understand, with typed parameters; a [`Row`] is a result of either
//! engine. A column holds TEXT, BIGINT or BOOLEAN, nothing else, and a Rust type has one form as a column: ids and words as
//! TEXT, times as BIGINT milliseconds since 1970, structs and maps as JSON in TEXT. So neither a caller nor a row type can
//! pick the wrong form.

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::Timestamp;
use miosa_domain::attachment::AttachmentState;
use miosa_domain::computer::{ComputerSize, ComputerStatus};
use miosa_domain::mount_path::MountPath;
use miosa_domain::service::{ReleaseReason, ReleaseState, RunSettings, ServiceKind};
use miosa_domain::snapshot::{SnapshotState, Trigger};
use miosa_domain::spec::{
    DesiredAttachment, DesiredRun, Hooks, Network, Origin, Presence, SnapshotPresence, TakeRules,
};
use miosa_domain::status::{CompactionStatus, Failure, InstanceStatus, SnapshotStatus, VolumeSpace};
use miosa_domain::volume::Lifecycle;
use miosa_domain::{
    ApiKeyId, AttachmentId, ComputerId, Generation, HostId, ProjectId, ReleaseId, ServiceId, SnapshotId,
    TenantId, VolumeId,
};
pub(crate) use miosa_store_macros::Row;
use serde::de::{DeserializeOwned, IntoDeserializer, value};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column as _, Row as _};
use uuid::Uuid;

use crate::attachment::RefusedDetach;
use crate::engine::{Raw, Tx};
use crate::error::{StoreError, While};
use crate::event::EventKind;
use crate::key::KeyType;
use crate::outbox::{Change, ObjectKind};
use crate::restore::RestoreInPlace;
use crate::schedule::ScheduleState;
use crate::service::{ReleaseCause, ReleaseRestore, ReleaseSnapshot, ReplicaOf, ServiceDesired, Source};

/// A parameter of a query. `None` is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Bool(Option<bool>),
}

/// A type that a column can hold.
pub(crate) trait ToValue {
    const NULL: Value;
    fn to_value(&self) -> Value;
}

/// A type that can be read from a column.
pub(crate) trait FromCell: Sized {
    /// `None` when the column is NULL.
    fn from_cell(cell: Cell<'_>) -> Result<Option<Self>, sqlx::Error>;
}

/// A type that spreads over several columns.
pub(crate) trait Columns<const N: usize>: Sized {
    fn values(&self) -> [Value; N];
    /// From the columns with these names, in the same order.
    fn read(row: &Row, names: [&'static str; N]) -> Result<Self, sqlx::Error>;
}

/// A struct that a row is read into: usually by `#[derive(Row)]`.
pub(crate) trait FromRow: Sized {
    fn from_row(row: &Row) -> Result<Self, sqlx::Error>;
}

/// A struct that is a whole row of a table, by `#[derive(Row)]`.
pub trait Table {
    /// Inserts the row, or changes what may change of the one with its key.
    const SAVE: &'static str;
    const DOING: &'static str;
    fn values(&self) -> Vec<Value>;
    /// What followers of the outbox learn; `None` for rows that nobody follows.
    fn change(&self) -> Option<Change>;
}

/// A result of either engine.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub(crate) fn get<T: FromCell>(&self, column: &str) -> Result<T, sqlx::Error> {
        let ordinal = match self {
            Row::Sqlite(row) => row.try_column(column)?.ordinal(),
            Row::Postgres(row) => row.try_column(column)?.ordinal(),
        };
        self.at(ordinal)
    }

    fn at<T: FromCell>(&self, ordinal: usize) -> Result<T, sqlx::Error> {
        let cell = Cell { row: self, ordinal };
        T::from_cell(cell)?.ok_or_else(|| cell.unreadable(sqlx::error::UnexpectedNullError))
    }
}

/// One column of a row.
#[derive(Clone, Copy)]
pub(crate) struct Cell<'a> {
    row: &'a Row,
    ordinal: usize,
}

macro_rules! cell_as {
    ($method:ident, $type:ty) => {
        fn $method(self) -> Result<Option<$type>, sqlx::Error> {
            match self.row {
                Row::Sqlite(row) => row.try_get(self.ordinal),
                Row::Postgres(row) => row.try_get(self.ordinal),
            }
        }
    };
}

impl Cell<'_> {
    cell_as!(text, String);
    cell_as!(int, i64);
    cell_as!(bool, bool);

    fn unreadable(self, why: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
        let name = match self.row {
            Row::Sqlite(row) => row.column(self.ordinal).name(),
            Row::Postgres(row) => row.column(self.ordinal).name(),
        };
        sqlx::Error::ColumnDecode { index: name.to_owned(), source: Box::new(why) }
    }

    fn parsed<T, R, E>(
        self,
        raw: Option<R>,
        parse: impl FnOnce(R) -> Result<T, E>,
    ) -> Result<Option<T>, sqlx::Error>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        raw.map(parse).transpose().map_err(|error| self.unreadable(error))
    }
}

/// A query with its parameters. `doing` says in an error what it was for.
#[must_use]
pub(crate) struct Query {
    doing: &'static str,
    text: &'static str,
    values: Vec<Value>,
}

pub(crate) fn query(doing: &'static str, text: &'static str) -> Query {
    Query { doing, text, values: Vec::new() }
}

macro_rules! bound {
    ($text:expr, $values:expr) => {
        $values.into_iter().fold(sqlx::query($text), |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Int(int) => query.bind(int),
            Value::Bool(bool) => query.bind(bool),
        })
    };
}

impl Query {
    pub(crate) fn bind(mut self, value: impl ToValue) -> Self {
        self.values.push(value.to_value());
        self
    }

    /// Binds a type of several columns to as many parameters.
    pub(crate) fn bind_columns<const N: usize>(mut self, value: &impl Columns<N>) -> Self {
        self.values.extend(value.values());
        self
    }

    /// How many rows it changed.
    pub(crate) async fn execute(self, tx: &mut Tx) -> Result<u64, StoreError> {
        let Query { doing, text, values } = self;
        macro_rules! on {
            ($connection:expr) => {
                bound!(text, values)
                    .execute(&mut *$connection)
                    .await
                    .map(|done| done.rows_affected())
                    .doing(doing)
            };
        }
        match tx.raw() {
            Raw::Sqlite(connection) => on!(connection),
            Raw::Postgres(connection) => on!(connection),
        }
    }

    pub(crate) async fn optional<T: FromRow>(self, tx: &mut Tx) -> Result<Option<T>, StoreError> {
        let Query { doing, text, values } = self;
        macro_rules! on {
            ($connection:expr, $row:path) => {
                bound!(text, values).fetch_optional(&mut *$connection).await.map(|row| row.map($row))
            };
        }
        let row = match tx.raw() {
            Raw::Sqlite(connection) => on!(connection, Row::Sqlite),
            Raw::Postgres(connection) => on!(connection, Row::Postgres),
        };
        row.and_then(|row| row.as_ref().map(T::from_row).transpose()).doing(doing)
    }

    pub(crate) async fn one<T: FromRow>(self, tx: &mut Tx) -> Result<T, StoreError> {
        let doing = self.doing;
        self.optional(tx).await?.ok_or(sqlx::Error::RowNotFound).doing(doing)
    }

    pub(crate) async fn all<T: FromRow>(self, tx: &mut Tx) -> Result<Vec<T>, StoreError> {
        let Query { doing, text, values } = self;
        macro_rules! on {
            ($connection:expr, $row:path) => {
                bound!(text, values)
                    .fetch_all(&mut *$connection)
                    .await
                    .and_then(|rows| rows.into_iter().map(|row| T::from_row(&$row(row))).collect())
                    .doing(doing)
            };
        }
        match tx.raw() {
            Raw::Sqlite(connection) => on!(connection, Row::Sqlite),
            Raw::Postgres(connection) => on!(connection, Row::Postgres),
        }
    }
}

/// Writes the whole row, new or not.
pub async fn save<T: Table>(tx: &mut Tx, row: &T) -> Result<(), StoreError> {
    Query { doing: T::DOING, text: T::SAVE, values: row.values() }.execute(tx).await?;
    if let Some(change) = row.change() {
        tx.changes.add(change);
    }
    Ok(())
}

/// A row of one column.
impl<T: FromCell> FromRow for T {
    fn from_row(row: &Row) -> Result<Self, sqlx::Error> {
        row.at(0)
    }
}

/// A row as its columns, in the order of the query.
macro_rules! tuples {
    ($(($($column:ident $ordinal:literal),+)),+) => {$(
        impl<$($column: FromCell),+> FromRow for ($($column,)+) {
            fn from_row(row: &Row) -> Result<Self, sqlx::Error> {
                Ok(($(row.at::<$column>($ordinal)?,)+))
            }
        }
    )+};
}

tuples! { (A 0, B 1), (A 0, B 1, C 2), (A 0, B 1, C 2, D 3) }

impl<T: ToValue + ?Sized> ToValue for &T {
    const NULL: Value = T::NULL;
    fn to_value(&self) -> Value {
        (**self).to_value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    const NULL: Value = T::NULL;
    fn to_value(&self) -> Value {
        self.as_ref().map_or(T::NULL, ToValue::to_value)
    }
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: Cell<'_>) -> Result<Option<Self>, sqlx::Error> {
        T::from_cell(cell).map(Some)
    }
}

impl ToValue for str {
    const NULL: Value = Value::Text(None);
    fn to_value(&self) -> Value {
        Value::Text(Some(self.to_owned()))
    }
}

/// `$type: $variant, from the type to the column, from the column ($method) to the type`.
macro_rules! columns {
    ($($type:ty: $variant:ident, $to:expr, $method:ident, $from:expr;)+) => {$(
        impl ToValue for $type {
            const NULL: Value = Value::$variant(None);
            fn to_value(&self) -> Value {
                let to: fn(&$type) -> _ = $to;
                Value::$variant(Some(to(self)))
            }
        }

        impl FromCell for $type {
            fn from_cell(cell: Cell<'_>) -> Result<Option<Self>, sqlx::Error> {
                cell.parsed(cell.$method()?, $from)
            }
        }
    )+};
}

type Never = std::convert::Infallible;

columns! {
    bool: Bool, |bool| *bool, bool, Ok::<_, Never>;
    i64: Int, |int| *int, int, Ok::<_, Never>;
    // SQL integers are signed. Sizes and counters of ours stay far below 2^63; one that does not is stored as the largest.
    u64: Int, |int| i64::try_from(*int).unwrap_or(i64::MAX), int, u64::try_from;
    u32: Int, |int| i64::from(*int), int, u32::try_from;
    u16: Int, |int| i64::from(*int), int, u16::try_from;
    Generation: Int, |generation| i64::try_from(generation.0).unwrap_or(i64::MAX), int, |int: i64| u64::try_from(int).map(Generation);
    Timestamp: Int, |time| time.as_millisecond(), int, Timestamp::from_millisecond;
    String: Text, String::clone, text, Ok::<_, Never>;
    EventKind: Text, |kind| kind.as_str().to_owned(), text, |text: String| text.parse();
}

/// Types with one spelling.
macro_rules! texts {
    ($($type:ty),+ $(,)?) => {
        columns! { $($type: Text, |text| text.to_string(), text, |text: String| <$type>::from_str(&text);)+ }
    };
}

texts! {
    Uuid, ApiKeyId, AttachmentId, ComputerId, HostId, ProjectId, ReleaseId, ServiceId, SnapshotId, TenantId, VolumeId,
}

/// Enums without data, and strings with rules, as serde spells them.
macro_rules! words {
    ($($type:ty),+ $(,)?) => {
        columns! { $($type: Text, to_word, text, from_word::<$type>;)+ }
    };
}

words! {
    AttachmentState, ComputerSize, ComputerStatus, DesiredRun, KeyType, Lifecycle, MountPath, Network, ObjectKind, Presence, ReleaseCause,
    ReleaseState, ServiceDesired, ServiceKind, SnapshotPresence, SnapshotState, Trigger,
}

/// Types with a form in JSON.
macro_rules! jsons {
    ($($type:ty),+ $(,)?) => {
        columns! { $($type: Text, to_json, text, |text: String| serde_json::from_str::<$type>(&text);)+ }
    };
}

jsons! {
    BTreeMap<String, String>, CompactionStatus, DesiredAttachment, Failure, Hooks, InstanceStatus, Origin, RefusedDetach,
    ReleaseReason, ReplicaOf, RestoreInPlace, RunSettings, ScheduleState, SnapshotStatus, Source, TakeRules,
    Vec<ReleaseRestore>, Vec<ReleaseSnapshot>, Vec<String>, VolumeSpace,
}

fn to_word<T: serde::Serialize + std::fmt::Debug>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("stored as a word, but its JSON is {other:?}"),
    }
}

fn from_word<T: DeserializeOwned>(word: String) -> Result<T, value::Error> {
    let word: value::StringDeserializer<value::Error> = word.into_deserializer();
    T::deserialize(word)
}

fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("every stored type has a JSON form")
}
