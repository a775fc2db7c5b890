-- name: insert
-- A remote start that waits for its transaction.
INSERT INTO remote_starts
    (command_id, charge_point_id, connector_id, id_tag, tag_key, state, requested_at, expires_at)
VALUES
    (:command_id, :charge_point_id, :connector_id, :id_tag, :tag_key, 'pending', :now, :expires_at);

-- name: accept
-- The station will start: it has the whole time from now on.
UPDATE remote_starts SET expires_at = :now + (expires_at - requested_at)
WHERE command_id = :command_id AND state = 'pending';

-- name: send
-- Its command goes out: the time in which a transaction may follow begins.
UPDATE remote_starts SET expires_at = :now + (expires_at - requested_at), requested_at = :now
WHERE command_id = :command_id AND state = 'pending';

-- name: refuse
-- The station will not start, so a transaction that seemed to follow does not belong to it.
UPDATE remote_starts SET state = 'refused', transaction_id = NULL
WHERE command_id = :command_id AND state IN ('pending', 'started');

-- name: join
-- The remote start that a new transaction follows: sent already, same tag, same connector if it
-- names one, asked for before the start by the station's clock. The oldest of several.
UPDATE remote_starts SET state = 'started', transaction_id = :transaction_id
WHERE state = 'pending' AND command_id = (
    SELECT waiting.command_id FROM remote_starts AS waiting
    WHERE waiting.charge_point_id = :charge_point_id AND waiting.tag_key = :tag_key
      AND waiting.state = 'pending' AND waiting.expires_at > :now
      AND (waiting.connector_id IS NULL OR waiting.connector_id = :connector_id)
      AND EXISTS (SELECT 1 FROM commands
                  WHERE commands.id = waiting.command_id AND commands.state <> 'queued')
      AND (CAST(:started_at AS BIGINT) IS NULL
           OR :started_at - coalesce(
                  (SELECT clock_skew FROM charge_points
                   WHERE charge_points.id = waiting.charge_point_id), 0)
              >= waiting.requested_at - CAST(:tolerance AS BIGINT))
    ORDER BY CASE WHEN waiting.connector_id IS NULL THEN 1 ELSE 0 END, waiting.command_id
    LIMIT 1)
RETURNING command_id;

-- name: mark_transaction
-- Which remote start led to a transaction; NULL for none.
UPDATE transactions SET remote_start_command_id = :command_id WHERE id = :id;

-- name: unmark_transaction
-- The transaction that seemed to follow a remote start does not.
UPDATE transactions SET remote_start_command_id = NULL
WHERE id = (SELECT transaction_id FROM remote_starts WHERE command_id = :command_id)
  AND remote_start_command_id = :command_id;

-- name: expire
-- Remote starts that no transaction followed in time.
UPDATE remote_starts SET state = 'expired'
WHERE state = 'pending' AND expires_at <= :now
  AND NOT EXISTS (SELECT 1 FROM commands
                  WHERE commands.id = remote_starts.command_id AND commands.state = 'queued')
RETURNING command_id, charge_point_id, id_tag;

-- name: page
-- Remote starts, newest first, filtered; with `before` only those of older commands.
SELECT * FROM remote_starts
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:state AS TEXT) IS NULL OR state = :state)
  AND (CAST(:before AS BIGINT) IS NULL OR command_id < :before)
ORDER BY command_id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many remote starts `page` has in all.
SELECT count(*) AS total FROM remote_starts
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:state AS TEXT) IS NULL OR state = :state);
