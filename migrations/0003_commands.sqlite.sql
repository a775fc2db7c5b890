-- Commands that outlive a request: kept until their station is back, until they expire.

-- From now on only a command that is kept for its station expires; before, the column said until
-- when its caller would wait.
UPDATE commands SET expires_at = NULL;
-- How long its station may take to answer, in milliseconds from the send.
ALTER TABLE commands ADD COLUMN answer_timeout BIGINT NOT NULL DEFAULT 30000;
-- The batch it belongs to, and the request under an idempotency key that asked for it.
ALTER TABLE commands ADD COLUMN batch_id BIGINT;
ALTER TABLE commands ADD COLUMN idempotency_id BIGINT;
CREATE INDEX commands_queued ON commands (charge_point_id, id) WHERE state = 'queued';
CREATE INDEX commands_batch ON commands (batch_id, state, id) WHERE batch_id IS NOT NULL;
CREATE INDEX commands_idempotency ON commands (idempotency_id) WHERE idempotency_id IS NOT NULL;

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
