//! The small model that crashes are judged by: what there is, and what each verb makes of it.
//!
//! ```text
//!              create ─► attach ─► write ─► detach ─► destroy ─► undelete ─► stop ─► attach ─► start ─► …
//!   computer   running ────────────────────────────────────────────────────► stopped ────────► running
//!   volume     present ──────────────────────────────► trash ──► present ─────────────────────────────
//!   attached   no        yes ─────────────► no ─────────────────────────────────────► yes ────────────
//!
//!              … take ─► mark ─► verify ─► compact ─► copy ─► fork ─► restore in place ─► delete snapshot
//!   snapshot     yes ─────────────────────────────────────────────────────────────────────► no
//!   marked       no      yes ─────────────────────────────────────────► no
//!   copies                                            restored, fork
//! ```

/// What is there, once everything has come to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Model {
    pub(crate) computer: Option<Power>,
    pub(crate) volume: Option<Place>,
    pub(crate) attached: bool,
    /// The snapshot that was asked for.
    pub(crate) snapshot: bool,
    /// One that a restore in place took before.
    pub(crate) safety: bool,
    /// The volume has a file that is in no snapshot but that one.
    pub(crate) marked: bool,
    pub(crate) restored: bool,
    pub(crate) fork: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    Running,
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Present,
    Trash,
}

/// What a caller can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    CreateComputer,
    Create,
    Attach,
    /// Writes data if there is none, and reads it back.
    Exec,
    Detach,
    Destroy,
    Undelete,
    Stop,
    Start,
    Restart,
    /// Refused: a process holds the volume.
    DetachBusy,
    DetachByForce,
    Take,
    Mark,
    Verify,
    /// Tears the image into pieces first.
    Compact,
    RestoreAsNew,
    Fork,
    /// Under the running computer.
    RestoreInPlace,
    DeleteSnapshot,
    DeleteComputer,
}

impl Verb {
    /// From nothing through every state of the present to a volume in the trash.
    const PRESENT: &[Verb] = &[
        Verb::CreateComputer,
        Verb::Create,
        Verb::Attach,
        Verb::Exec,
        Verb::Detach,
        Verb::Destroy,
        Verb::Undelete,
        Verb::Stop,
        Verb::Attach,
        Verb::Start,
        Verb::Exec,
        Verb::Restart,
        Verb::DetachBusy,
        Verb::DetachByForce,
        Verb::Attach,
        Verb::Exec,
        Verb::DeleteComputer,
        Verb::Destroy,
    ];

    /// What can be done with a volume that is in use, and has a past.
    const PAST: &[Verb] = &[
        Verb::CreateComputer,
        Verb::Create,
        Verb::Attach,
        Verb::Exec,
        Verb::Take,
        Verb::Mark,
        Verb::Verify,
        Verb::Compact,
        Verb::RestoreAsNew,
        Verb::Fork,
        Verb::RestoreInPlace,
        Verb::DeleteSnapshot,
        Verb::DeleteComputer,
        Verb::Destroy,
    ];

    /// The verbs among which a point is looked for. Most are met by both; to try all with all would take too long. A point that
    /// is listed wrongly is found to be met by nothing.
    pub(crate) fn around(point: &str) -> Vec<Verb> {
        const PAST_ALONE: [&str; 15] = [
            ".snapshot.",
            ".unsnapshot.",
            ".checksum.",
            ".compact.",
            ".replace.",
            ".replay.",
            ".seal.",
            ".after-fork",
            ".after-resize",
            ".after-snapshot",
            "agent.compaction.",
            "store.expire.",
            "store.prune.",
            "store.restore.",
            "store.schedule.",
        ];
        const PRESENT_ALONE: [&str; 10] = [
            "runtime.",
            "backend.pool.",
            "backend.purge.",
            "backend.restore.",
            "backend.template.",
            "backend.trash.",
            "store.attach.",
            "store.delete.",
            "store.detach.",
            "store.undelete.",
        ];
        let is_among = |names: &[&str]| names.iter().any(|name| point.contains(name));
        match (is_among(&PAST_ALONE), is_among(&PRESENT_ALONE)) {
            (true, _) => Verb::PAST.to_vec(),
            (_, true) => Verb::PRESENT.to_vec(),
            // The past before the computer is deleted.
            (false, false) => {
                let end = Verb::PRESENT.len() - 2;
                [&Verb::PRESENT[..end], &Verb::PAST[4..]].concat()
            }
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Verb::CreateComputer => "create computer",
            Verb::Create => "create",
            Verb::Attach => "attach",
            Verb::Exec => "exec",
            Verb::Detach => "detach",
            Verb::Destroy => "destroy",
            Verb::Undelete => "undelete",
            Verb::Stop => "stop computer",
            Verb::Start => "start computer",
            Verb::Restart => "restart computer",
            Verb::DetachBusy => "refused detach",
            Verb::DetachByForce => "detach by force",
            Verb::Take => "take snapshot",
            Verb::Mark => "mark",
            Verb::Verify => "verify",
            Verb::Compact => "compact",
            Verb::RestoreAsNew => "restore as new",
            Verb::Fork => "fork",
            Verb::RestoreInPlace => "restore in place",
            Verb::DeleteSnapshot => "delete snapshot",
            Verb::DeleteComputer => "delete computer",
        }
    }

    /// The world after the verb.
    pub(crate) fn after(self, before: Model) -> Model {
        match self {
            Verb::CreateComputer | Verb::Start | Verb::Restart => {
                Model { computer: Some(Power::Running), ..before }
            }
            Verb::Create | Verb::Undelete => Model { volume: Some(Place::Present), ..before },
            Verb::Attach => Model { attached: true, ..before },
            Verb::Exec | Verb::DetachBusy | Verb::Verify | Verb::Compact => before,
            Verb::Take => Model { snapshot: true, ..before },
            Verb::Mark => Model { marked: true, ..before },
            Verb::RestoreAsNew => Model { restored: true, ..before },
            Verb::Fork => Model { fork: true, ..before },
            Verb::RestoreInPlace => Model { marked: false, safety: true, ..before },
            Verb::DeleteSnapshot => Model { snapshot: false, ..before },
            Verb::Detach | Verb::DetachByForce => Model { attached: false, ..before },
            Verb::Destroy => Model { volume: Some(Place::Trash), ..before },
            Verb::Stop => Model { computer: Some(Power::Stopped), ..before },
            Verb::DeleteComputer => Model { computer: None, attached: false, ..before },
        }
    }
}
