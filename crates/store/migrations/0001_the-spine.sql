-- Times are milliseconds since 1970 (UTC), ids are UUIDs in lower case, columns called *_json hold JSON.

CREATE TABLE tenants (
    id TEXT NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE projects (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    is_default BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX projects_one_default ON projects (tenant_id) WHERE is_default;

CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    key_type TEXT NOT NULL,
    -- SHA-256 in hex; the key itself is nowhere.
    key_hash TEXT NOT NULL UNIQUE,
    scopes_json TEXT NOT NULL,
    rate_limit_rpm BIGINT NOT NULL,
    -- The one key that stands in the data directory's credentials file.
    is_bootstrap BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE UNIQUE INDEX api_keys_one_bootstrap ON api_keys (is_bootstrap) WHERE is_bootstrap;

CREATE TABLE hosts (
    id TEXT NOT NULL PRIMARY KEY,
    hostname TEXT NOT NULL,
    agent_version TEXT NOT NULL,
    templates_json TEXT NOT NULL,
    -- The last number given to a change of this host's specs.
    generation BIGINT NOT NULL,
    pool_capacity_bytes BIGINT,
    pool_used_bytes BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE volumes (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    project_id TEXT NOT NULL REFERENCES projects (id),
    workspace_id TEXT,
    host_id TEXT NOT NULL REFERENCES hosts (id),
    name TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    metadata_json TEXT NOT NULL,
    delete_protection BOOLEAN NOT NULL,
    lifecycle TEXT NOT NULL,
    presence TEXT NOT NULL,
    -- Reported ready once: from then on missing data is missing, and never made anew.
    was_ready BOOLEAN NOT NULL,
    generation BIGINT NOT NULL,
    reported_generation BIGINT NOT NULL,
    error_json TEXT,
    used_bytes BIGINT NOT NULL,
    -- Set from the accepted delete on: the volume answers 404.
    deleted_at BIGINT,
    purge_after BIGINT,
    -- Nothing is left of it on the host; the row only remembers when it was deleted.
    is_tombstone BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX volumes_by_host ON volumes (host_id, generation);
CREATE INDEX volumes_by_tenant ON volumes (tenant_id, created_at, id);
CREATE INDEX volumes_by_project ON volumes (project_id, deleted_at);
CREATE INDEX volumes_by_purge_time ON volumes (purge_after);

CREATE TABLE computers (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    project_id TEXT NOT NULL REFERENCES projects (id),
    workspace_id TEXT,
    host_id TEXT NOT NULL REFERENCES hosts (id),
    name TEXT NOT NULL,
    template_type TEXT NOT NULL,
    size TEXT NOT NULL,
    network TEXT NOT NULL,
    env_json TEXT NOT NULL,
    command_json TEXT,
    visibility TEXT,
    metadata_json TEXT NOT NULL,
    external_workspace_id TEXT,
    external_user_id TEXT,
    external_project_id TEXT,
    desired TEXT NOT NULL,
    run BIGINT NOT NULL,
    stop_grace_seconds BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    -- What the host last said, and the status that follows from it and from what is desired: written together, always.
    reported_json TEXT,
    status TEXT NOT NULL,
    deleted_at BIGINT,
    is_tombstone BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX computers_by_host ON computers (host_id, generation);
CREATE INDEX computers_by_tenant ON computers (tenant_id, created_at, id);

CREATE TABLE attachments (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    project_id TEXT NOT NULL REFERENCES projects (id),
    volume_id TEXT NOT NULL REFERENCES volumes (id),
    computer_id TEXT NOT NULL REFERENCES computers (id),
    mount_path TEXT NOT NULL,
    read_only BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    desired_json TEXT NOT NULL,
    -- Of the change that wrote desired_json.
    generation BIGINT NOT NULL,
    device TEXT,
    error_json TEXT,
    -- The last detach that the host gave up, with its generation and the reason.
    refused_detach_json TEXT,
    -- Set when it is over for clients; the host's spec may go on naming it until the host said that it is gone.
    deleted_at BIGINT,
    in_spec BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX attachments_by_volume ON attachments (volume_id, deleted_at);
CREATE INDEX attachments_by_computer ON attachments (computer_id, in_spec);

CREATE TABLE idempotency_keys (
    -- SHA-256 of tenant, method, path and key, in hex.
    scope TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    body_hash TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    status BIGINT,
    body TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_by_object ON idempotency_keys (object_id);
