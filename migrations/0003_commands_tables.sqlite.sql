-- One command for many stations, and what was asked for under an idempotency key.

CREATE TABLE command_batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    action TEXT NOT NULL,
    payload TEXT NOT NULL,
    actor TEXT NOT NULL,
    concurrency BIGINT NOT NULL,
    total BIGINT NOT NULL,
    idempotency_id BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX command_batches_idempotency ON command_batches (idempotency_id)
    WHERE idempotency_id IS NOT NULL;

CREATE TABLE idempotency_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    actor TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    -- SHA-256 of what was asked: path, query and body.
    fingerprint TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- The first answer; NULL while there is none.
    status BIGINT,
    content_type TEXT,
    location TEXT,
    body TEXT,
    UNIQUE (actor, idempotency_key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
