-- What each committed transaction changed, in commit order.
CREATE TABLE outbox (
    seq BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    tenant_id TEXT,
    -- This host has new specs.
    host_id TEXT,
    kind TEXT NOT NULL,
    object_id TEXT NOT NULL
);
CREATE INDEX outbox_by_time ON outbox (at);
