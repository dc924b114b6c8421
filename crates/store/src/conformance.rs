//! For the suites that run the verbs on every engine: whether a database holds whole transactions.

use crate::error::StoreError;
use crate::sql::query;
use crate::store::Store;
use crate::view;

/// Halves of a transaction that must never be observed, and a query that counts each.
const HALVES: [(&str, &str); 4] = [
    (
        "an idempotency key without its change",
        "SELECT COUNT(*) FROM idempotency_keys k WHERE NOT EXISTS (
             SELECT 1 FROM volumes o WHERE o.id = k.object_id UNION ALL
             SELECT 1 FROM computers o WHERE o.id = k.object_id UNION ALL
             SELECT 1 FROM attachments o WHERE o.id = k.object_id UNION ALL
             SELECT 1 FROM snapshots o WHERE o.id = k.object_id)",
    ),
    (
        "a change with a generation that its host has not given",
        "SELECT COUNT(*) FROM hosts h WHERE h.generation < (
             SELECT COALESCE(MAX(v.generation), 0) FROM volumes v WHERE v.host_id = h.id)",
    ),
    (
        "an attachment whose computer has an older spec",
        "SELECT COUNT(*) FROM attachments a JOIN computers c ON c.id = a.computer_id
         WHERE a.in_spec AND c.generation < a.generation",
    ),
    (
        "a newest change of a missing object",
        "SELECT COUNT(*) FROM outbox x WHERE x.kind = 'volume' AND x.seq = (SELECT MAX(seq) FROM outbox)
           AND NOT EXISTS (SELECT 1 FROM volumes o WHERE o.id = x.object_id)",
    ),
];

impl Store {
    /// The names of the halves that the database holds; none, after any crash.
    pub async fn torn_transactions(&self) -> Result<Vec<&'static str>, StoreError> {
        let mut torn = Vec::new();
        for (what, count) in HALVES {
            let halves: u64 =
                view!(self, "look for torn transactions", |tx| query(what, count).one(tx).await)?;
            if halves > 0 {
                torn.push(what);
            }
        }
        Ok(torn)
    }
}
