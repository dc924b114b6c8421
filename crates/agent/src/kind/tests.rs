//! Every kind passes the same suite; so does a kind that no other code has heard of.

use std::sync::Arc;

use miosa_domain::for_each_kind;
use miosa_domain::kind::{Kind, ObjectKey};
use miosa_domain::status::Failure;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::*;
use crate::ledger::{Accepted, Batch, Shelf};

/// A kind of this test alone: what a new kind has to bring.
#[derive(Debug)]
enum Parcel {}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct ParcelId(Uuid);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ParcelSpec {
    id: ParcelId,
    generation: Generation,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ParcelStatus {
    id: ParcelId,
    generation: Generation,
    failure: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ParcelRecord {
    spec: ParcelSpec,
    must_exist: bool,
}

impl std::fmt::Display for ParcelId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl ObjectKey for ParcelId {
    type Kind = Parcel;

    fn uuid(self) -> Uuid {
        self.0
    }
}

impl Kind for Parcel {
    const NAME: &'static str = "parcel";
    type Id = ParcelId;
    type Spec = ParcelSpec;
    type Status = ParcelStatus;

    fn spec_id(spec: &ParcelSpec) -> ParcelId {
        spec.id
    }

    fn spec_generation(spec: &ParcelSpec) -> Generation {
        spec.generation
    }

    fn status_id(status: &ParcelStatus) -> ParcelId {
        status.id
    }

    fn refused(spec: &ParcelSpec, failure: Failure) -> ParcelStatus {
        ParcelStatus { id: spec.id, generation: spec.generation, failure: Some(failure.message) }
    }
}

impl Managed for Parcel {
    type Record = ParcelRecord;
    const FOLDER: &'static str = "parcels";
    const FORMAT: &'static str = "miosa-parcel";
    type Guard = ();

    fn spec(record: &ParcelRecord) -> &ParcelSpec {
        &record.spec
    }

    fn accept(spec: ParcelSpec, held: Held<ParcelRecord>) -> ParcelRecord {
        ParcelRecord { spec, must_exist: !matches!(held, Held::Nothing) }
    }

    fn failpoint(_: WritePoint) -> Result<(), Injected> {
        Ok(())
    }

    fn is_settled(_: &Host, _: &ParcelSpec) -> bool {
        false
    }

    fn nudge(_: &Arc<Host>, _: ParcelId) {}

    async fn recover(_: &Arc<Host>, _: &mut PoolListing) {}

    async fn look_again(_: &Arc<Host>, _: Option<&mut PoolListing>) {}

    fn found(_: &Contents) -> Vec<ParcelId> {
        Vec::new()
    }

    fn is_gone(_: &ParcelRecord, status: &ParcelStatus) -> bool {
        status.failure.is_none()
    }

    async fn enter(_: &Arc<Host>, _: ParcelId) {}

    async fn forgotten(_: &Arc<Host>, _: ParcelId) {}
}

/// A kind of which the suite can make specs.
trait Sample: Managed {
    fn sample(n: u128, generation: u64) -> Self::Spec;
}

impl Sample for Parcel {
    fn sample(n: u128, generation: u64) -> ParcelSpec {
        ParcelSpec { id: ParcelId(Uuid::from_u128(n)), generation: Generation(generation) }
    }
}

impl Sample for Volume {
    fn sample(n: u128, generation: u64) -> <Self as Kind>::Spec {
        crate::ledger::tests::volume(n, generation)
    }
}

impl Sample for Snapshot {
    fn sample(n: u128, generation: u64) -> <Self as Kind>::Spec {
        let id = Uuid::from_u128(n);
        serde_json::from_value(serde_json::json!({
            "id": id, "volume_id": id, "generation": generation, "presence": "kept",
            "take": { "not_before": null, "stall": null, "hooks": {} },
        }))
        .unwrap()
    }
}

impl Sample for Instance {
    fn sample(n: u128, generation: u64) -> <Self as Kind>::Spec {
        serde_json::from_value(serde_json::json!({
            "id": Uuid::from_u128(n), "generation": generation, "desired": "running", "run": 1,
            "stop_grace_seconds": 1, "hostname": "box", "template": "default", "network": "isolated",
            "resources": { "vcpus": 1, "memory_mb": 64, "pids_max": 10 },
            "env": {}, "command": null, "attachments": [],
        }))
        .unwrap()
    }
}

fn open<K: Managed>(dir: &tempfile::TempDir) -> (Shelf<K>, Vec<String>) {
    let mut damaged = Vec::new();
    let shelf = Shelf::open(&Dir::open(dir.path()).unwrap(), &mut damaged).unwrap();
    (shelf, damaged)
}

fn accept<K: Managed>(shelf: &Shelf<K>, spec: &K::Spec) -> Accepted {
    let mut batch = Batch::default();
    batch.accept(shelf, spec);
    batch.commit().unwrap()[0]
}

/// Aim: a spec survives a restart, does not go back, and is forgotten for good; a damaged file is kept.
fn passes_through_the_ledger<K: Sample>() {
    let dir = tempfile::tempdir().unwrap();
    let (shelf, _) = open::<K>(&dir);
    let (older, spec, newer) = (K::sample(1, 4), K::sample(1, 5), K::sample(1, 6));
    let id = K::spec_id(&spec);
    assert_eq!(accept(&shelf, &spec), Accepted::Yes);
    assert_eq!(accept(&shelf, &older), Accepted::Stale { held: Generation(5) });
    drop(shelf);

    let (shelf, damaged) = open::<K>(&dir);
    assert_eq!(damaged, [""; 0]);
    assert_eq!(shelf.get(id).as_ref().map(K::spec), Some(&spec));
    assert_eq!(accept(&shelf, &newer), Accepted::Yes);
    assert_eq!(shelf.highest_generation(), Generation(6));
    shelf.forget(id).unwrap();
    assert!(shelf.get(id).is_none());
    drop(shelf);

    let file = dir.path().join(K::FOLDER).join(format!("{id}.json"));
    assert!(!file.exists());
    std::fs::write(&file, "{").unwrap();
    let (shelf, damaged) = open::<K>(&dir);
    assert_eq!(damaged.len(), 1);
    assert!(shelf.get(id).is_none() && file.exists());
    // The kind is told that something was there.
    accept(&shelf, &spec);
    assert!(shelf.get(id).unwrap() == K::accept(spec, Held::Unreadable));
}

/// Aim: a status is reported once, again after a new session began, and not after it was forgotten.
fn passes_through_the_board<K: Sample>() {
    let column = Column::<K>::default();
    let take = || {
        let mut taken = Vec::new();
        assert!(column.take(&mut |status: K::Status| {
            taken.push(K::status_id(&status));
            None
        }));
        taken
    };
    let failure = |message: &str| Failure::new(FailureCode::HostError, message);
    let status = |n, message: &str| K::refused(&K::sample(n, 1), failure(message));
    let [first, second] = [1, 2].map(|n| K::spec_id(&K::sample(n, 1)));
    assert!(column.set(first, |known| {
        assert!(known.is_none());
        status(1, "a")
    }));
    assert!(!column.set(first, |_| status(1, "a")), "the same status is no change");
    assert!(column.set(second, |_| status(2, "a")));
    // A full report takes one and leaves the other.
    let mut room = 1;
    let is_all = column.take(&mut |status: K::Status| {
        room -= 1;
        (room < 0).then_some(status)
    });
    assert!(!is_all);
    assert_eq!(take(), [second]);
    assert!(column.change(first, |known| *known = status(1, "b")));
    assert_eq!(take(), [first]);
    assert!(!column.change(first, |_| {}));
    column.mark_all_unreported();
    column.forget(first);
    assert_eq!(take(), [second]);
    assert!(column.get(first).is_none() && !column.change(first, |_| unreachable!()));
}

macro_rules! suite {
    ($($plural:ident: $kind:ident $types:tt $name:literal),+ $(,)?) => {
        $(mod $plural {
            use super::*;

            #[test]
            fn pass_through_the_ledger() {
                passes_through_the_ledger::<$kind>();
            }

            #[test]
            fn pass_through_the_board() {
                passes_through_the_board::<$kind>();
            }
        })+
    };
}

for_each_kind!(suite);
suite! { parcels: Parcel () "parcel" }
