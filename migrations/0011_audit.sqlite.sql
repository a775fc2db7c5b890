-- Who changed or commanded what, by the API or on the command line.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    recorded_at BIGINT NOT NULL,
    request_id TEXT,
    actor TEXT NOT NULL,
    role TEXT,
    -- api or command line
    door TEXT NOT NULL,
    remote_address TEXT,
    action TEXT NOT NULL,
    method TEXT,
    route TEXT,
    object_id TEXT,
    -- What was asked, as JSON, without secrets.
    request TEXT,
    -- done, refused or failed; NULL until it is over, and for ever if the server ended first.
    outcome TEXT,
    status BIGINT,
    finished_at BIGINT
);
CREATE INDEX audit_recorded ON audit (recorded_at);
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_object ON audit (object_id, id) WHERE object_id IS NOT NULL;
