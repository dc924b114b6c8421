ALTER TABLE projects ADD COLUMN slug TEXT NOT NULL DEFAULT 'default';
ALTER TABLE projects ADD COLUMN workspace_id TEXT;
ALTER TABLE projects ADD COLUMN description TEXT;
ALTER TABLE projects ADD COLUMN metadata_json TEXT NOT NULL DEFAULT '{}';
ALTER TABLE projects ADD COLUMN updated_at BIGINT;
-- Set from the accepted delete on: the project answers 404.
ALTER TABLE projects ADD COLUMN deleted_at BIGINT;

CREATE TABLE services (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    project_id TEXT NOT NULL REFERENCES projects (id),
    host_id TEXT NOT NULL REFERENCES hosts (id),
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    kind TEXT NOT NULL,
    source_json TEXT,
    -- What the next release will run; a release has a copy of its own.
    settings_json TEXT NOT NULL,
    replicas BIGINT NOT NULL,
    desired TEXT NOT NULL,
    lock_version BIGINT NOT NULL,
    last_number BIGINT NOT NULL,
    -- The last release that was good, and the one that is to be served: the same, except while one is deployed.
    active_release_id TEXT,
    target_release_id TEXT,
    -- Nothing is left to do until somebody asks for something or a host reports something.
    is_settled BOOLEAN NOT NULL,
    deleted_at BIGINT,
    is_tombstone BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX services_by_tenant ON services (tenant_id, created_at, id);
CREATE INDEX services_unsettled ON services (host_id) WHERE NOT is_settled;

CREATE TABLE releases (
    id TEXT NOT NULL PRIMARY KEY,
    service_id TEXT NOT NULL REFERENCES services (id),
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    number BIGINT NOT NULL,
    cause TEXT NOT NULL,
    state TEXT NOT NULL,
    reason_json TEXT,
    source_json TEXT,
    settings_json TEXT NOT NULL,
    message TEXT,
    -- The number of the release whose settings it serves again.
    serves_again BIGINT,
    snapshots_json TEXT NOT NULL,
    restores_json TEXT NOT NULL,
    handover_ms BIGINT,
    deploying_at BIGINT,
    settled_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (service_id, number)
);

-- A computer with a service is one of its replicas.
ALTER TABLE computers ADD COLUMN service_id TEXT REFERENCES services (id);
ALTER TABLE computers ADD COLUMN replica_json TEXT;
CREATE INDEX computers_by_service ON computers (service_id) WHERE service_id IS NOT NULL;

ALTER TABLE attachments ADD COLUMN shared BOOLEAN NOT NULL DEFAULT FALSE;

-- A volume of a replica's own: whose it was made for, and which replica's it is.
ALTER TABLE volumes ADD COLUMN replica_of TEXT;
ALTER TABLE volumes ADD COLUMN replica BIGINT;
CREATE INDEX volumes_by_replica_of ON volumes (replica_of, replica) WHERE replica_of IS NOT NULL;
