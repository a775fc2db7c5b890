-- name: insert
-- A reservation that is about to be asked for.
INSERT INTO reservations
    (charge_point_id, connector_id, reservation_id, id_tag, tag_key, parent_id_tag, expires_at,
     state, command_id, actor, created_at, updated_at)
VALUES
    (:charge_point_id, :connector_id, :reservation_id, :id_tag, :tag_key, :parent_id_tag,
     :expires_at, 'requested', :command_id, :actor, :now, :now)
RETURNING *;

-- name: set_state
-- A change of state.
UPDATE reservations
SET state = :state, status = COALESCE(:status, status),
    transaction_id = COALESCE(:transaction_id, transaction_id), updated_at = :now
WHERE id = :id;

-- name: remember
-- A change of state, for the history.
INSERT INTO reservation_changes (reservation, state, actor, note, changed_at)
VALUES (:reservation, :state, :actor, :note, :now);

-- name: find
-- One reservation.
SELECT * FROM reservations WHERE id = :id;

-- name: find_command
-- The reservation that a command asked for.
SELECT * FROM reservations WHERE command_id = :command_id;

-- name: taken
-- Whether a number was ever used for a reservation of this charge point.
SELECT 1 AS taken FROM reservations
WHERE charge_point_id = :charge_point_id AND reservation_id = :reservation_id LIMIT 1;

-- name: active
-- What may still hold of a number at a charge point that was told of it, oldest first.
SELECT reservations.*, commands.sent_at FROM reservations
LEFT JOIN commands ON commands.id = reservations.command_id
WHERE reservations.charge_point_id = :charge_point_id AND reservation_id = :reservation_id
  AND reservations.state IN ('requested', 'accepted')
  AND (commands.id IS NULL OR commands.sent_at IS NOT NULL)
ORDER BY reservations.id;

-- name: usable
-- The reservation that a start with this number has used: the newest that was sent, but a refused
-- one.
SELECT * FROM reservations
WHERE charge_point_id = :charge_point_id AND reservation_id = :reservation_id
  AND state <> 'refused'
  AND NOT EXISTS (SELECT 1 FROM commands
                  WHERE commands.id = reservations.command_id AND commands.sent_at IS NULL)
ORDER BY id DESC LIMIT 1;

-- name: standing
-- Accepted reservations of a connector, with 0 of the whole charge point.
SELECT * FROM reservations
WHERE charge_point_id = :charge_point_id AND state = 'accepted'
  AND (CAST(:connector_id AS BIGINT) = 0 OR connector_id = :connector_id)
ORDER BY id;

-- name: due
-- Reservations whose time is over.
SELECT * FROM reservations
WHERE state IN ('requested', 'accepted') AND expires_at <= :now
ORDER BY expires_at LIMIT :limit;

-- name: history
-- The states of one reservation, oldest first.
SELECT * FROM reservation_changes WHERE reservation = :reservation ORDER BY id;

-- name: page
-- Reservations, newest first, filtered.
SELECT * FROM reservations
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:connector_id AS BIGINT) IS NULL OR connector_id = :connector_id)
  AND (CAST(:tag_key AS TEXT) IS NULL OR tag_key = :tag_key)
  AND (CAST(:state AS TEXT) IS NULL OR state = :state)
  AND (CAST(:since AS BIGINT) IS NULL OR created_at >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR created_at < :until)
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many reservations the filters leave.
SELECT count(*) AS total FROM reservations
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:connector_id AS BIGINT) IS NULL OR connector_id = :connector_id)
  AND (CAST(:tag_key AS TEXT) IS NULL OR tag_key = :tag_key)
  AND (CAST(:state AS TEXT) IS NULL OR state = :state)
  AND (CAST(:since AS BIGINT) IS NULL OR created_at >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR created_at < :until);
