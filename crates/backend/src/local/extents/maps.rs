//! Where the data of sealed snapshots lies, remembered.
//!
//! XFS takes about two microseconds for each shared extent, under a lock that writers of other volumes need too. A sealed snapshot
//! never moves, so it is mapped once, and the map is kept for as long as there is room.

use std::sync::Arc;

use miosa_domain::SnapshotId;
use miosa_effects::fiemap::Extent;
use parking_lot::Mutex;

/// Kept in all: 64 MiB of memory.
const EXTENTS_MAX: usize = (64 << 20) / size_of::<Extent>();

/// The extents with data, sorted, of some snapshots; what was asked for last comes last.
#[derive(Debug, Default)]
pub(crate) struct Maps(Mutex<Vec<(SnapshotId, Arc<[Extent]>)>>);

impl Maps {
    pub(super) fn get(&self, id: SnapshotId) -> Option<Arc<[Extent]>> {
        let mut maps = self.0.lock();
        let index = maps.iter().position(|(known, _)| *known == id)?;
        let used_last = maps.remove(index);
        let map = Arc::clone(&used_last.1);
        maps.push(used_last);
        Some(map)
    }

    /// Remembers it, and forgets what there is no room for any more.
    pub(super) fn put(&self, id: SnapshotId, map: Arc<[Extent]>) {
        let mut maps = self.0.lock();
        maps.retain(|(known, _)| *known != id);
        maps.push((id, map));
        let mut room = EXTENTS_MAX;
        let fits = |(_, map): &(SnapshotId, Arc<[Extent]>)| {
            room = room.checked_sub(map.len())?;
            Some(())
        };
        let kept = maps.iter().rev().map_while(fits).count();
        let forgotten = maps.len() - kept;
        maps.drain(..forgotten);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;

    use miosa_effects::fiemap;

    use super::*;

    /// Some extent: of this very program's file.
    fn extents(count: usize) -> Vec<Extent> {
        let path = Path::new("/proc/self/exe");
        let file = File::open(path).unwrap();
        let one = fiemap::extents(&file, path, 0..u64::MAX).next().unwrap().unwrap();
        vec![one; count]
    }

    #[test]
    fn the_longest_unused_is_forgotten() {
        let maps = Maps::default();
        let id = |number| SnapshotId::from_uuid(uuid::Uuid::from_u128(number));
        let third: Arc<[Extent]> = extents(EXTENTS_MAX / 3).into();
        let known = |wanted: &[u128]| {
            assert!(
                wanted.iter().all(|number| maps.get(id(*number)).is_some()),
                "{wanted:?} are not all known"
            );
        };
        for number in [1, 2, 3] {
            maps.put(id(number), Arc::clone(&third));
        }
        known(&[2, 3, 1]);
        maps.put(id(4), Arc::clone(&third));
        known(&[3, 1, 4]);
        assert!(maps.get(id(2)).is_none());
        // Known twice, it takes the room of one.
        maps.put(id(4), Arc::clone(&third));
        known(&[3, 1, 4]);
        // One that is too large for all the room is not kept, nor a reason to keep nothing from then on.
        maps.put(id(5), extents(EXTENTS_MAX + 1).into());
        assert!(maps.get(id(5)).is_none());
        maps.put(id(1), Arc::clone(&third));
        known(&[1]);
    }
}
