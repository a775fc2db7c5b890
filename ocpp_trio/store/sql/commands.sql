-- name: insert
-- A command that waits to be sent.
INSERT INTO commands
    (charge_point_id, action, payload, actor, reason, state, created_at, expires_at, answer_timeout,
     batch_id, idempotency_id, node_id, from_node_id, sealed)
VALUES
    (:charge_point_id, :action, :payload, :actor, :reason, 'queued', :now, :expires_at,
     :answer_timeout, :batch_id, :idempotency_id, :node_id, :from_node_id, :sealed)
RETURNING *;

-- name: mark_sent
-- Claim a command for the wire, once: nobody else can send it afterwards. Only for the connection
-- that holds the charge point: another node may have the station already.
UPDATE commands SET state = 'sent', sent_at = :now, node_id = :node_id, sealed = NULL
WHERE id = :id AND state = 'queued' AND (expires_at IS NULL OR expires_at > :now)
    AND (CAST(:connection AS BIGINT) IS NULL OR EXISTS (
        SELECT 1 FROM charge_points
        WHERE charge_points.id = commands.charge_point_id AND connection = :connection))
RETURNING *;

-- name: finish
-- What became of a command. A late answer may follow a timeout, nothing else changes an end.
UPDATE commands
SET state = :state, answered_at = :now, response = :response, error = :error,
    error_kind = :error_kind, sealed = NULL
WHERE id = :id AND (state IN ('queued', 'sent') OR (:state_again = 'late' AND state = 'timeout'))
RETURNING *;

-- name: abandon
-- A node is gone: what it sent is unknown; what it was to send, and was not to be kept, will never
-- be sent.
UPDATE commands
SET state = CASE state WHEN 'sent' THEN 'unknown' ELSE 'expired' END,
    error = :error, answered_at = :now, sealed = NULL
WHERE node_id = :node_id AND state IN ('queued', 'sent')
    AND (state = 'sent' OR expires_at IS NULL)
RETURNING *;

-- name: due
-- Whether a kept command has expired.
SELECT 1 AS due FROM commands WHERE state = 'queued' AND expires_at <= :now LIMIT 1;

-- name: expire
-- Commands whose station did not come back in time.
UPDATE commands
SET state = 'expired', error = 'the charge point was not there in time', answered_at = :now
WHERE state = 'queued' AND expires_at <= :now
RETURNING *;

-- name: cancel
-- A command that was not sent yet never will be.
UPDATE commands SET state = 'cancelled', error = :error, answered_at = :now
WHERE id = :id AND state = 'queued'
RETURNING *, CAST(NULL AS BIGINT) AS transaction_id;

-- name: cancel_batch
-- What a batch has not sent yet.
UPDATE commands SET state = 'cancelled', error = :error, answered_at = :now
WHERE batch_id = :batch_id AND state = 'queued'
RETURNING *;

-- name: find
-- One command, with the transaction that followed it, if it is a remote start.
SELECT commands.*, remote_starts.transaction_id
FROM commands LEFT JOIN remote_starts ON remote_starts.command_id = commands.id
WHERE commands.id = :id;

-- name: find_by_key
-- The command that a request under an idempotency key asked for.
SELECT commands.*,
    (SELECT transaction_id FROM remote_starts WHERE command_id = commands.id) AS transaction_id
FROM commands WHERE idempotency_id = :idempotency_id ORDER BY id DESC LIMIT 1;

-- name: page
-- Commands, newest first, with the filters that are given; `before` is the id behind which to go on.
SELECT commands.*,
    (SELECT transaction_id FROM remote_starts WHERE command_id = commands.id) AS transaction_id
FROM commands
WHERE (CAST(:before AS BIGINT) IS NULL OR id < :before)
    AND (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
    AND (CAST(:action AS TEXT) IS NULL OR action = :action)
    AND (CAST(:state AS TEXT) IS NULL OR state = :state)
    AND (CAST(:actor AS TEXT) IS NULL OR actor = :actor)
    AND (CAST(:batch_id AS BIGINT) IS NULL OR batch_id = :batch_id)
    AND (CAST(:since AS BIGINT) IS NULL OR created_at >= :since)
    AND (CAST(:until AS BIGINT) IS NULL OR created_at < :until)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many commands `page` has in all.
SELECT count(*) AS total FROM commands
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
    AND (CAST(:action AS TEXT) IS NULL OR action = :action)
    AND (CAST(:state AS TEXT) IS NULL OR state = :state)
    AND (CAST(:actor AS TEXT) IS NULL OR actor = :actor)
    AND (CAST(:batch_id AS BIGINT) IS NULL OR batch_id = :batch_id)
    AND (CAST(:since AS BIGINT) IS NULL OR created_at >= :since)
    AND (CAST(:until AS BIGINT) IS NULL OR created_at < :until);

-- name: count_kept
-- Commands that are kept for a charge point.
SELECT count(*) AS kept FROM commands
WHERE charge_point_id = :charge_point_id AND state = 'queued' AND expires_at IS NOT NULL;

-- name: next_kept
-- The oldest command behind `after` that is kept for a charge point.
SELECT * FROM commands
WHERE charge_point_id = :charge_point_id AND state = 'queued' AND expires_at IS NOT NULL
    AND id > :after
ORDER BY id LIMIT 1;

-- name: next_of_batch
-- What a batch has still to send, behind `after`.
SELECT * FROM commands
WHERE batch_id = :batch_id AND state = 'queued' AND id > :after
ORDER BY id LIMIT :limit;

-- name: forget_secrets
-- The payload of a command that is over, without its secrets.
UPDATE commands SET payload = :payload WHERE id = :id;
