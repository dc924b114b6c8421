//! Lets go of what was deleted long enough ago: volumes whose time in the trash is over, idempotency keys of yesterday, and
//! rows that only remember a deletion.
//!
//! A volume's data goes last: here its spec begins to say `Purged`, the host destroys the data and reports it gone, and only
//! then does the row become a tombstone.

use miosa_store::StoreError;

use crate::app::{App, now};

pub(super) async fn run(app: &App) -> Result<(), StoreError> {
    let reported_hosts = app.links().recovered_hosts();
    for host_id in app.store().purge_due_volumes(&reported_hosts, now()).await? {
        app.links().nudge(host_id);
    }
    app.store().remove_old_rows(now()).await?;
    Ok(())
}
