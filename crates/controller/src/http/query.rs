//! Query parameters and ids in the path. Unknown parameters are ignored, and an empty one is an absent one.

use std::marker::PhantomData;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query as AxumQuery, RawPathParams};
use axum::http::StatusCode;
use axum::http::request::Parts;
use miosa_control::SnapshotPath;
use miosa_domain::{AttachmentId, ComputerId, ReleaseId, ServiceId, SnapshotId, VolumeId};
use utoipa::PartialSchema;
use utoipa::openapi::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use super::ApiError;
use super::route::{Docs, Input};

/// The parameters behind the question mark, which are those of `P`.
#[derive(Debug)]
pub(super) struct Query<P>(Vec<(String, String)>, PhantomData<P>);

impl<P> Query<P> {
    /// The first value of a parameter.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A switch: `true` or `1`, `false` or `0`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.text(name) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(ApiError::invalid(name, "must be true or false")),
        }
    }

    /// A whole number, not less than `min`.
    pub(super) fn number(&self, name: &str, min: u64) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.parse::<u64>() {
            Ok(number) if number >= min => Ok(Some(number)),
            _ => Err(ApiError::invalid(name, format!("must be a whole number, {min} or more"))),
        }
    }

    /// An id; `T` is one of the domain's.
    pub(super) fn id<T: FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        self.text(name)
            .map(|text| text.parse().map_err(|_| ApiError::invalid(name, "must be a UUID")))
            .transpose()
    }
}

impl<S: Send + Sync, P> FromRequestParts<S> for Query<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        AxumQuery::try_from_uri(&parts.uri)
            .map(|AxumQuery(pairs)| Query(pairs, PhantomData))
            .map_err(|error| ApiError::invalid("query", format!("cannot be read: {error}")))
    }
}

/// An id in a path, as the document describes it.
pub(super) trait PathId: FromStr {
    const NOUN: &'static str;

    fn describe(docs: &mut Docs) {
        let uuid = SchemaFormat::KnownFormat(KnownFormat::Uuid);
        let schema = ObjectBuilder::new().schema_type(Type::String).format(Some(uuid));
        docs.path_parameter(Self::NOUN, schema.into());
    }
}

macro_rules! path_ids {
    ($($id:ty: $noun:literal)*) => {$(
        impl PathId for $id {
            const NOUN: &'static str = $noun;
        }
    )*};
}

path_ids! {
    VolumeId: "Volume"
    SnapshotId: "Snapshot"
    AttachmentId: "Attachment"
    ComputerId: "Computer"
    ServiceId: "Service"
    ReleaseId: "Release"
}

/// The one id in the path.
pub(super) struct Id<T>(pub(super) T);

impl<T: PathId> Input for Id<T> {
    fn describe(docs: &mut Docs) {
        T::describe(docs);
    }
}

impl<A: PathId, B: PathId> Input for Ids<A, B> {
    fn describe(docs: &mut Docs) {
        A::describe(docs);
        B::describe(docs);
    }
}

impl<T: PathId, N: Text> Input for IdAnd<T, N> {
    fn describe(docs: &mut Docs) {
        T::describe(docs);
        docs.path_parameter(N::DESCRIPTION, <String as PartialSchema>::schema());
    }
}

impl Input for SnapshotInPath {
    fn describe(docs: &mut Docs) {
        if docs.path.starts_with("/volumes/") {
            VolumeId::describe(docs);
        }
        SnapshotId::describe(docs);
    }
}

/// The two ids in the path.
pub(super) struct Ids<A, B>(pub(super) A, pub(super) B);

/// The id in the path, and a text after it, which is an `N`.
pub(super) struct IdAnd<T, N>(pub(super) T, pub(super) String, pub(super) PhantomData<N>);

/// What a text in a path is.
pub(super) trait Text {
    const DESCRIPTION: &'static str;
}

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = path_params(parts, state).await?;
        Ok(Id(path_id(&params, 0)?))
    }
}

impl<S: Send + Sync, A: FromStr, B: FromStr> FromRequestParts<S> for Ids<A, B> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = path_params(parts, state).await?;
        Ok(Ids(path_id(&params, 0)?, path_id(&params, 1)?))
    }
}

impl<S: Send + Sync, T: FromStr, N> FromRequestParts<S> for IdAnd<T, N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = path_params(parts, state).await?;
        let text = params.iter().nth(1).map(|(_, text)| text.to_owned()).unwrap_or_default();
        Ok(IdAnd(path_id(&params, 0)?, text, PhantomData))
    }
}

/// `/volumes/{id}/snapshots/{snapshot_id}…` or `/volume-snapshots/{snapshot_id}…`.
pub(super) struct SnapshotInPath(pub(super) SnapshotPath);

impl<S: Send + Sync> FromRequestParts<S> for SnapshotInPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = path_params(parts, state).await?;
        Ok(SnapshotInPath(match params.iter().count() {
            1 => SnapshotPath { of: None, id: path_id(&params, 0)? },
            _ => SnapshotPath { of: Some(path_id(&params, 0)?), id: path_id(&params, 1)? },
        }))
    }
}

async fn path_params<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<RawPathParams, ApiError> {
    RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, "INVALID_ID", "the id in the path is not a UUID"))
}

fn path_id<T: FromStr>(params: &RawPathParams, index: usize) -> Result<T, ApiError> {
    let (name, value) =
        params.iter().nth(index).expect("the route table gives each handler the ids it reads");
    value.parse().map_err(|_| {
        let message = format!("{name} in the path is not a UUID; look it up by listing");
        ApiError::new(StatusCode::BAD_REQUEST, "INVALID_ID", message)
    })
}
