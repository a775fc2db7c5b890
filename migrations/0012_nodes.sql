-- The processes that share this database, and whose connections and commands are whose.

CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    -- The ports it listens on, and where: whoever holds them now knows that it has ended.
    place TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    heartbeat_at BIGINT NOT NULL,
    -- Goes up with each heartbeat. Whether a node lives is told by this and by no clock.
    beats BIGINT NOT NULL,
    -- What is for this node alone is encrypted with it (X25519).
    public_key TEXT NOT NULL
);

-- Charge points that a node must look at again: another node has changed something about them, or
-- taken them over.
CREATE TABLE node_messages (
    id TEXT PRIMARY KEY,
    node_id TEXT NOT NULL,
    charge_point_id TEXT NOT NULL
);
CREATE INDEX node_messages_node ON node_messages (node_id);

-- node_id is the node of the newest connection; this is the node it was taken over from.
ALTER TABLE charge_points ADD COLUMN previous_node_id TEXT;
CREATE INDEX charge_points_connected ON charge_points (node_id) WHERE is_connected = 1;

-- Who sends the command, and the node where somebody waits for it, if that is another one.
ALTER TABLE commands ADD COLUMN node_id TEXT;
ALTER TABLE commands ADD COLUMN from_node_id TEXT;
-- Which error ended it, so that it reads the same at the node where somebody waits.
ALTER TABLE commands ADD COLUMN error_kind TEXT;
-- The payload of a command with a secret in it, encrypted for the node that is to send it; until then.
ALTER TABLE commands ADD COLUMN sealed TEXT;
CREATE INDEX commands_node ON commands (node_id) WHERE state IN ('queued', 'sent');
CREATE INDEX commands_expiring ON commands (expires_at)
    WHERE state = 'queued' AND expires_at IS NOT NULL;

-- Who hands a batch out, and who works on a request.
ALTER TABLE command_batches ADD COLUMN node_id TEXT;
ALTER TABLE idempotency_keys ADD COLUMN node_id TEXT;

-- What the version before this one left open belongs to a node that will not come back.
INSERT INTO nodes (id, name, role, place, started_at, heartbeat_at, beats, public_key)
SELECT 'before', 'before', 'all', '', 0, 0, 0, ''
WHERE EXISTS (SELECT 1 FROM charge_points WHERE is_connected = 1)
    OR EXISTS (SELECT 1 FROM commands WHERE state IN ('queued', 'sent'));
UPDATE charge_points SET node_id = 'before' WHERE is_connected = 1;
UPDATE commands SET node_id = 'before'
WHERE state = 'sent' OR (state = 'queued' AND expires_at IS NULL AND batch_id IS NULL);
