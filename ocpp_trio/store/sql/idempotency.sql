-- name: drop_old
-- A key that was used before `oldest` is free again.
DELETE FROM idempotency_keys
WHERE actor = :actor AND idempotency_key = :idempotency_key AND created_at < :oldest;

-- name: claim
-- Take a key; nothing if it is in use.
INSERT INTO idempotency_keys (actor, idempotency_key, fingerprint, node_id, created_at)
VALUES (:actor, :idempotency_key, :fingerprint, :node_id, :now)
ON CONFLICT (actor, idempotency_key) DO NOTHING;

-- name: take_over
-- A request that a node left when it died.
UPDATE idempotency_keys SET node_id = :node_id
WHERE actor = :actor AND idempotency_key = :idempotency_key AND status IS NULL
    AND (node_id IS NULL OR node_id NOT IN (SELECT id FROM nodes));

-- name: find
-- What a key stands for.
SELECT * FROM idempotency_keys WHERE actor = :actor AND idempotency_key = :idempotency_key;

-- name: settle
-- The first answer.
UPDATE idempotency_keys
SET status = :status, content_type = :content_type, location = :location, body = :body
WHERE id = :id;

-- name: release
-- Free a key whose request changed nothing and sent nothing.
DELETE FROM idempotency_keys
WHERE id = :id
    AND NOT EXISTS (SELECT 1 FROM commands WHERE idempotency_id = :id AND state <> 'expired')
    AND NOT EXISTS (SELECT 1 FROM command_batches WHERE idempotency_id = :id);

-- name: prune
-- Forget the keys that were used before `oldest`.
DELETE FROM idempotency_keys WHERE created_at < :oldest;
