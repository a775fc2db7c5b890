-- name: find
-- One charge point.
SELECT * FROM charge_points WHERE id = :id;

-- name: page
-- Charge points by id, optionally only those of one registration.
SELECT * FROM charge_points
WHERE CAST(:registration AS TEXT) IS NULL OR registration = :registration
ORDER BY id LIMIT :limit OFFSET :offset;

-- name: behind
-- Charge points by id that follow one, optionally only those of one registration.
SELECT * FROM charge_points
WHERE id > :id AND (CAST(:registration AS TEXT) IS NULL OR registration = :registration)
ORDER BY id LIMIT :limit;

-- name: count
-- How many charge points `page` has in all.
SELECT count(*) AS total FROM charge_points
WHERE CAST(:registration AS TEXT) IS NULL OR registration = :registration;

-- name: count_connected
-- All charge points, and those with a connection.
SELECT count(*) AS total, coalesce(sum(is_connected), 0) AS connected FROM charge_points;

-- name: marked_connected
-- Who is said to be connected to a node, and which connection of theirs it is.
SELECT id, connection FROM charge_points
WHERE node_id = :node_id AND is_connected = 1 ORDER BY id;

-- name: insert
-- A new charge point; nothing if the id is taken.
INSERT INTO charge_points
    (id, name, location, note, registration, heartbeat_interval, minimum_profile, created_at, updated_at)
VALUES
    (:id, :name, :location, :note, :registration, :heartbeat_interval, :minimum_profile, :now, :now)
ON CONFLICT (id) DO NOTHING;

-- name: connect
-- A connection takes the charge point over; its number counts up. The security profile that the
-- charge point was told to use is its minimum from the moment it does. The node that had it, if any,
-- is kept: it must learn of it.
UPDATE charge_points
SET connection = connection + 1, is_connected = 1, connected_at = :now, last_seen = :now,
    previous_node_id = CASE WHEN is_connected = 1 THEN node_id END, node_id = :node_id,
    remote_address = :remote_address, subprotocol = :subprotocol, security_profile = :profile,
    key_used_at = CASE WHEN :has_key = 1 THEN :now ELSE key_used_at END,
    minimum_profile = CASE WHEN next_profile <= :profile AND next_profile > minimum_profile
        THEN next_profile ELSE minimum_profile END,
    next_profile = CASE WHEN next_profile <= :profile THEN NULL ELSE next_profile END,
    updated_at = :now
WHERE id = :id
RETURNING *;

-- name: kept
-- Whether a command is kept for a charge point.
SELECT 1 AS kept FROM commands
WHERE charge_point_id = :id AND state = 'queued' AND expires_at IS NOT NULL LIMIT 1;

-- name: disconnect
-- A connection ends, unless a newer one holds the charge point.
UPDATE charge_points
SET is_connected = 0, disconnected_at = :now, disconnect_reason = :reason, updated_at = :now
WHERE id = :id AND connection = :connection AND is_connected = 1;

-- name: release
-- A node is gone, and with it all its connections.
UPDATE charge_points
SET is_connected = 0, disconnected_at = :now, disconnect_reason = :reason, updated_at = :now
WHERE node_id = :node_id AND is_connected = 1;

-- name: reclaim
-- A connection that was given up for lost is there, unless a newer one holds the charge point.
UPDATE charge_points SET is_connected = 1, node_id = :node_id
WHERE id = :id AND connection = :connection AND is_connected = 0;

-- name: lock
-- One charge point, which no other transaction changes before this one is over.
UPDATE charge_points SET connection = connection WHERE id = :id RETURNING *;

-- name: boot
-- What a BootNotification says about the station.
UPDATE charge_points
SET vendor = :vendor, model = :model, serial_number = :serial_number,
    charge_box_serial_number = :charge_box_serial_number, firmware_version = :firmware_version,
    iccid = :iccid, imsi = :imsi, meter_type = :meter_type,
    meter_serial_number = :meter_serial_number, last_boot = :now, last_seen = :now, updated_at = :now
WHERE id = :id
RETURNING *;

-- name: seen
-- When a charge point was last heard, its last heartbeat and its clock's skew, if they are known.
UPDATE charge_points
SET last_seen = :last_seen, last_heartbeat = coalesce(:last_heartbeat, last_heartbeat),
    clock_skew = coalesce(:clock_skew, clock_skew)
WHERE id = :id;

-- name: set_status
-- The status of the station itself: connector 0.
UPDATE charge_points SET status = :status, updated_at = :now WHERE id = :id;

-- name: set_registration
-- Adopt, block or put back in line; who was turned away for a while may come again.
UPDATE charge_points SET registration = :registration, blocked_until = NULL, updated_at = :now
WHERE id = :id
RETURNING *;

-- name: update
-- What an operator may change.
UPDATE charge_points
SET name = :name, location = :location, note = :note, heartbeat_interval = :heartbeat_interval,
    minimum_profile = :minimum_profile, conformance = :conformance, updated_at = :now
WHERE id = :id
RETURNING *;

-- name: set_heartbeat_interval
-- The interval that the next boot answers, in seconds.
UPDATE charge_points SET heartbeat_interval = :heartbeat_interval, updated_at = :now WHERE id = :id;

-- name: delete
-- Take a charge point off the list; its transactions stay.
DELETE FROM charge_points WHERE id = :id RETURNING *;
