-- name: insert
-- A command for many charge points; its id.
INSERT INTO command_batches
    (action, payload, actor, concurrency, total, idempotency_id, created_at, expires_at, node_id)
VALUES
    (:action, :payload, :actor, :concurrency, :total, :idempotency_id, :now, :expires_at, :node_id)
RETURNING id;

-- name: choose
-- The charge points that a filter names, by id.
SELECT id FROM charge_points
WHERE (CAST(:registration AS TEXT) IS NULL OR registration = :registration)
    AND (CAST(:vendor AS TEXT) IS NULL OR vendor = :vendor)
    AND (CAST(:model AS TEXT) IS NULL OR model = :model)
    AND (CAST(:firmware_version AS TEXT) IS NULL OR firmware_version = :firmware_version)
    AND (CAST(:connected AS BIGINT) IS NULL OR is_connected = :connected)
ORDER BY id;

-- name: find
-- One batch.
SELECT * FROM command_batches WHERE id = :id;

-- name: find_by_key
-- The batch that a request under an idempotency key asked for.
SELECT * FROM command_batches WHERE idempotency_id = :idempotency_id;

-- name: page
-- Batches, newest first; `before` is the id behind which to go on.
SELECT * FROM command_batches
WHERE (CAST(:before AS BIGINT) IS NULL OR id < :before)
    AND (CAST(:action AS TEXT) IS NULL OR action = :action)
    AND (CAST(:actor AS TEXT) IS NULL OR actor = :actor)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many batches `page` has in all.
SELECT count(*) AS total FROM command_batches
WHERE (CAST(:action AS TEXT) IS NULL OR action = :action)
    AND (CAST(:actor AS TEXT) IS NULL OR actor = :actor);

-- name: states
-- How many commands of the batches from `first` to `last` are in each state.
SELECT batch_id, state, count(*) AS commands FROM commands
WHERE batch_id BETWEEN :first AND :last
GROUP BY batch_id, state;

-- name: orphaned
-- Batches that have something to send, and whose node is no more.
SELECT id, concurrency FROM command_batches
WHERE (node_id IS NULL OR node_id NOT IN (SELECT id FROM nodes))
    AND EXISTS (
        SELECT 1 FROM commands WHERE commands.batch_id = command_batches.id AND state = 'queued'
    )
ORDER BY id;

-- name: take_up
-- From now on this node hands a batch out; nothing if another one was faster.
UPDATE command_batches SET node_id = :node_id
WHERE id = :id AND (node_id IS NULL OR node_id NOT IN (SELECT id FROM nodes));

-- name: extend
-- After a restart nobody is connected yet: what a batch has to send is kept for a while, and its
-- outcome is told to the node that hands it out.
UPDATE commands SET expires_at = coalesce(expires_at, :until), node_id = NULL,
    from_node_id = :node_id
WHERE batch_id = :batch_id AND state = 'queued';
