//! The kinds of object that a host holds, each with its ID, its spec and its status.
//!
//! The controller asks for an object with a spec, the host reports it with a status, and both name it by its ID. The protocol,
//! the host's ledger and its reports handle all kinds alike, through [`Kind`] and the enums [`ObjectId`], [`Spec`] and
//! [`Status`], which have one variant per kind. [`for_each_kind!`](crate::for_each_kind) is the one list of kinds: a kind that
//! is missing something anywhere does not compile.

use std::fmt::{Debug, Display};
use std::hash::Hash;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::generation::Generation;
use crate::id::{InstanceId, SnapshotId, VolumeId};
use crate::spec::{InstanceSpec, SnapshotSpec, VolumeSpec};
use crate::status::{Failure, InstanceStatus, SnapshotStatus, VolumeStatus};

/// A kind of object. Implemented by types without values, for example [`Volume`].
pub trait Kind: Sized + Send + Sync + 'static {
    /// The noun in messages and logs, for example `volume`.
    const NAME: &'static str;
    type Id: ObjectKey<Kind = Self>;
    type Spec: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;
    type Status: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;

    fn spec_id(spec: &Self::Spec) -> Self::Id;
    fn spec_generation(spec: &Self::Spec) -> Generation;
    fn status_id(status: &Self::Status) -> Self::Id;
    /// The status of an object whose spec cannot be followed, or whose own status cannot be reported.
    fn refused(spec: &Self::Spec, failure: Failure) -> Self::Status;
}

/// The ID of an object, which implies its kind.
pub trait ObjectKey: Copy + Ord + Hash + Debug + Display + Send + Sync + 'static {
    type Kind: Kind<Id = Self>;

    fn uuid(self) -> Uuid;
}

/// Calls a macro with every kind, in the order in which specs are sent: an object comes after those that it refers to.
///
/// One line per kind: `plural: Kind (Id, Spec, Status) "name"`.
#[macro_export]
macro_rules! for_each_kind {
    ($callback:ident) => {
        $callback! {
            volumes: Volume (VolumeId, VolumeSpec, VolumeStatus) "volume",
            instances: Instance (InstanceId, InstanceSpec, InstanceStatus) "instance",
            snapshots: Snapshot (SnapshotId, SnapshotSpec, SnapshotStatus) "snapshot",
        }
    };
}

macro_rules! define_kinds {
    ($($plural:ident: $kind:ident ($id:ident, $spec:ident, $status:ident) $name:literal),+ $(,)?) => {
        $(
            #[derive(Debug)]
            pub enum $kind {}

            impl Kind for $kind {
                const NAME: &'static str = $name;
                type Id = $id;
                type Spec = $spec;
                type Status = $status;

                fn spec_id(spec: &$spec) -> $id {
                    spec.id
                }

                fn spec_generation(spec: &$spec) -> Generation {
                    spec.generation
                }

                fn status_id(status: &$status) -> $id {
                    status.id
                }

                fn refused(spec: &$spec, failure: Failure) -> $status {
                    $status::refused(spec, failure)
                }
            }

            impl ObjectKey for $id {
                type Kind = $kind;

                fn uuid(self) -> Uuid {
                    Self::uuid(self)
                }
            }

            impl From<$id> for ObjectId {
                fn from(id: $id) -> Self {
                    Self::$kind(id)
                }
            }

            impl From<$spec> for Spec {
                fn from(spec: $spec) -> Self {
                    Self::$kind(spec)
                }
            }

            impl From<$status> for Status {
                fn from(status: $status) -> Self {
                    Self::$kind(status)
                }
            }
        )+

        /// The ID of an object of any kind.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ObjectId {
            $($kind($id)),+
        }

        /// An object of any kind as it should be.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Spec {
            $($kind($spec)),+
        }

        /// An object of any kind as its host last observed it.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Status {
            $($kind($status)),+
        }

        impl Display for ObjectId {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$kind(id) => write!(f, "{} {id}", $kind::NAME)),+
                }
            }
        }

        impl Spec {
            pub fn id(&self) -> ObjectId {
                match self {
                    $(Self::$kind(spec) => spec.id.into()),+
                }
            }

            /// See [`Kind::refused`].
            pub fn refused(&self, failure: Failure) -> Status {
                match self {
                    $(Self::$kind(spec) => $kind::refused(spec, failure).into()),+
                }
            }
        }

        impl Status {
            pub fn id(&self) -> ObjectId {
                match self {
                    $(Self::$kind(status) => status.id.into()),+
                }
            }
        }

        /// Specs by kind.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct Specs {
            $(pub $plural: Vec<$spec>),+
        }

        impl FromIterator<Spec> for Specs {
            fn from_iter<I: IntoIterator<Item = Spec>>(specs: I) -> Self {
                let mut by_kind = Self::default();
                for spec in specs {
                    match spec {
                        $(Spec::$kind(spec) => by_kind.$plural.push(spec)),+
                    }
                }
                by_kind
            }
        }

        impl Specs {
            /// All of them, kind by kind in the order of [`for_each_kind!`](crate::for_each_kind).
            pub fn into_vec(self) -> Vec<Spec> {
                let mut all = Vec::new();
                $(all.extend(self.$plural.into_iter().map(Spec::from));)+
                all
            }
        }

        /// Statuses by kind.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct Statuses {
            $(pub $plural: Vec<$status>),+
        }

        impl FromIterator<Status> for Statuses {
            fn from_iter<I: IntoIterator<Item = Status>>(statuses: I) -> Self {
                let mut by_kind = Self::default();
                for status in statuses {
                    match status {
                        $(Status::$kind(status) => by_kind.$plural.push(status)),+
                    }
                }
                by_kind
            }
        }
    };
}

for_each_kind!(define_kinds);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_carries_its_kind_on_the_wire() {
        let id = ObjectId::from(VolumeId::from_uuid(Uuid::from_u128(7)));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, r#"{"volume":"00000000-0000-0000-0000-000000000007"}"#);
        assert_eq!(serde_json::from_str::<ObjectId>(&json).unwrap(), id);
        assert_eq!(id.to_string(), "volume 00000000-0000-0000-0000-000000000007");
        assert!(
            serde_json::from_str::<ObjectId>(r#"{"parcel":"00000000-0000-0000-0000-000000000007"}"#).is_err()
        );
    }
}
