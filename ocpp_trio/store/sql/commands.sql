-- name: insert
-- A command that waits to be sent.
INSERT INTO commands (charge_point_id, action, payload, actor, reason, state, created_at, expires_at)
VALUES (:charge_point_id, :action, :payload, :actor, :reason, 'queued', :now, :expires_at)
RETURNING *;

-- name: mark_sent
-- The command is about to go out on the wire.
UPDATE commands SET state = 'sent', sent_at = :now WHERE id = :id AND state = 'queued';

-- name: finish
-- What became of a command. A late answer may follow a timeout, nothing else changes an end.
UPDATE commands
SET state = :state, answered_at = :now, response = :response, error = :error
WHERE id = :id AND (state IN ('queued', 'sent') OR (:state_again = 'late' AND state = 'timeout'))
RETURNING *;

-- name: abandon
-- After a restart: what was sent is unknown, what was not sent never will be.
UPDATE commands
SET state = CASE state WHEN 'sent' THEN 'unknown' ELSE 'expired' END,
    error = 'the server was restarted', answered_at = :now
WHERE state IN ('queued', 'sent');

-- name: find
-- One command, with the transaction that followed it, if it is a remote start.
SELECT commands.*, remote_starts.transaction_id
FROM commands LEFT JOIN remote_starts ON remote_starts.command_id = commands.id
WHERE commands.id = :id;
