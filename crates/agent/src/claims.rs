//! Who may use a volume at the same time, as its file in the ledger says it.
//!
//! ```text
//!   writer    one     nobody beside it
//!   sharers   many    nobody beside them: they write, and agreed to others that do
//!   readers   many    nobody beside them: what they see does not change
//! ```
//!
//! Several writers are safe for the filesystem because there is only one: the volume is mounted once on its host, and each
//! instance sees a clone of that mount. They are to each other as the processes of one machine, with one page cache, one
//! journal, and file locks that work. What must never be is a second mount of the image; the image's own lock forbids it.
//!
//! A claim is an attachment of an instance: two instances that name the same attachment have two claims.

use miosa_domain::spec::AttachmentSpec;
use miosa_domain::{AttachmentId, InstanceId};
use serde::{Deserialize, Serialize};

use crate::kind::VolumeRecord;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) attachment: AttachmentId,
    pub(crate) instance: InstanceId,
}

/// What a claim is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Writing,
    Sharing,
    Reading,
}

impl Access {
    pub(crate) fn of(attachment: &AttachmentSpec) -> Self {
        match (attachment.read_only, attachment.shared) {
            (true, _) => Self::Reading,
            (false, true) => Self::Sharing,
            (false, false) => Self::Writing,
        }
    }
}

impl VolumeRecord {
    pub(crate) fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.writing_claims().chain(&self.readers)
    }

    /// Of those who may write, oldest first.
    pub(crate) fn writing_claims(&self) -> impl Iterator<Item = &Claim> {
        self.writer.iter().chain(&self.sharers)
    }

    pub(crate) fn is_claimed(&self) -> bool {
        self.claims().next().is_some()
    }

    /// The claims that `claim` cannot stand beside.
    pub(crate) fn in_the_way_of(&self, claim: Claim, access: Access) -> impl Iterator<Item = &Claim> {
        let sharers = if access == Access::Sharing { &[][..] } else { &self.sharers };
        let readers = if access == Access::Reading { &[][..] } else { &self.readers };
        self.writer.iter().chain(sharers).chain(readers).filter(move |held| **held != claim)
    }

    /// Writes a claim down that nothing is in the way of.
    pub(crate) fn take(&mut self, claim: Claim, access: Access) {
        match access {
            Access::Writing => self.writer = Some(claim),
            Access::Sharing => self.sharers.push(claim),
            Access::Reading => self.readers.push(claim),
        }
    }

    pub(crate) fn give_back(&mut self, claim: Claim) {
        self.writer.take_if(|held| *held == claim);
        self.sharers.retain(|held| *held != claim);
        self.readers.retain(|held| *held != claim);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tests::volume;

    fn claim(n: u128) -> Claim {
        let id = uuid::Uuid::from_u128;
        Claim { attachment: AttachmentId::from_uuid(id(n)), instance: InstanceId::from_uuid(id(n + 100)) }
    }

    /// One line for each pair: who has the volume, who asks for it, whether it is given.
    #[test]
    fn who_may_stand_beside_whom() {
        use Access::{Reading, Sharing, Writing};
        for (held, asked, is_given) in [
            (Writing, Writing, false),
            (Writing, Sharing, false),
            (Writing, Reading, false),
            (Sharing, Writing, false),
            (Sharing, Sharing, true),
            (Sharing, Reading, false),
            (Reading, Writing, false),
            (Reading, Sharing, false),
            (Reading, Reading, true),
        ] {
            let mut record = VolumeRecord::new(volume(1, 1), true);
            record.take(claim(1), held);
            let in_the_way: Vec<_> = record.in_the_way_of(claim(2), asked).copied().collect();
            assert_eq!(
                in_the_way,
                if is_given { vec![] } else { vec![claim(1)] },
                "{asked:?} beside {held:?}"
            );
            assert_eq!(record.in_the_way_of(claim(1), held).count(), 0, "nobody is in one's own way");
            // The same attachment in another instance is somebody else.
            let other = Claim { instance: claim(9).instance, ..claim(1) };
            assert_eq!(record.in_the_way_of(other, asked).count(), usize::from(!is_given));
            record.give_back(other);
            assert!(record.is_claimed());
            record.give_back(claim(1));
            assert!(!record.is_claimed(), "{record:?}");
        }
    }
}
