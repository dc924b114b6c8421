-- How often the data was replaced as a whole, and what the present data was made from.
ALTER TABLE volumes ADD COLUMN incarnation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE volumes ADD COLUMN origin_json TEXT;
-- Number of the compaction that was asked for last.
ALTER TABLE volumes ADD COLUMN compaction BIGINT NOT NULL DEFAULT 0;
ALTER TABLE volumes ADD COLUMN snapshot_schedule TEXT;
ALTER TABLE volumes ADD COLUMN schedule_due BIGINT;
ALTER TABLE volumes ADD COLUMN schedule_run_at BIGINT;
ALTER TABLE volumes ADD COLUMN schedule_failures BIGINT NOT NULL DEFAULT 0;
-- NULL while all is well.
ALTER TABLE volumes ADD COLUMN schedule_state_json TEXT;
-- When the scheduler looks at it: the run, less the time that its preparation needs. NULL in the trash. It follows from
-- other columns and is written with them, always.
ALTER TABLE volumes ADD COLUMN schedule_wake_at BIGINT;
ALTER TABLE volumes ADD COLUMN snapshot_retention_days BIGINT NOT NULL DEFAULT 7;
ALTER TABLE volumes ADD COLUMN hooks_json TEXT NOT NULL DEFAULT '{}';
ALTER TABLE volumes ADD COLUMN expires_at BIGINT;
ALTER TABLE volumes ADD COLUMN restore_json TEXT;
ALTER TABLE volumes ADD COLUMN space_json TEXT;
ALTER TABLE volumes ADD COLUMN compaction_json TEXT;
CREATE INDEX volumes_by_schedule ON volumes (schedule_wake_at);
CREATE INDEX volumes_by_expiry ON volumes (expires_at);
CREATE INDEX volumes_being_restored ON volumes (host_id) WHERE restore_json IS NOT NULL;
CREATE INDEX volumes_being_made ON volumes (host_id) WHERE lifecycle = 'creating';

-- A snapshot outlives its volume, so it does not refer to the volume's row.
CREATE TABLE snapshots (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    project_id TEXT NOT NULL REFERENCES projects (id),
    volume_id TEXT NOT NULL,
    volume_name TEXT NOT NULL,
    host_id TEXT NOT NULL REFERENCES hosts (id),
    name TEXT,
    metadata_json TEXT NOT NULL,
    -- Why it was taken.
    cause TEXT NOT NULL,
    state TEXT NOT NULL,
    protected BOOLEAN NOT NULL,
    size_bytes BIGINT NOT NULL,
    take_json TEXT NOT NULL,
    presence TEXT NOT NULL,
    verification BIGINT NOT NULL,
    -- Reported ready once: from then on it is never taken again.
    was_ready BOOLEAN NOT NULL,
    generation BIGINT NOT NULL,
    -- What the host last said, the instant of the snapshot in it, and whether that was, in answer to the present
    -- generation, that nothing is left: written together, always.
    reported_json TEXT,
    taken_at BIGINT,
    is_gone BOOLEAN NOT NULL,
    error_json TEXT,
    asked_expiry BIGINT,
    expires_at BIGINT,
    -- Set from the accepted delete on: the snapshot answers 404.
    deleted_at BIGINT,
    is_tombstone BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX snapshots_by_volume ON snapshots (volume_id, state, taken_at);
CREATE INDEX snapshots_by_host ON snapshots (host_id, generation);
CREATE INDEX snapshots_by_tenant ON snapshots (tenant_id, created_at, id);
CREATE INDEX snapshots_by_expiry ON snapshots (expires_at);

CREATE TABLE events (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    volume_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    snapshot_id TEXT,
    other_volume_id TEXT,
    size_bytes BIGINT
);
CREATE INDEX events_by_volume ON events (volume_id, at, id);
CREATE INDEX events_by_time ON events (at);
