-- name: known
-- What a charge point has to prove, once for each key that was sent to it and not confirmed.
SELECT charge_points.minimum_profile, charge_points.blocked_until, charge_points.key_scheme,
    charge_points.key_salt, charge_points.key_digest, pending_keys.key_scheme AS pending_scheme,
    pending_keys.key_salt AS pending_salt, pending_keys.key_digest AS pending_digest
FROM charge_points LEFT JOIN pending_keys ON pending_keys.charge_point_id = charge_points.id
WHERE charge_points.id = :id
ORDER BY pending_keys.command_id DESC;

-- name: set_key
-- A key is in force.
UPDATE charge_points
SET key_scheme = :scheme, key_salt = :salt, key_digest = :digest, key_set_at = :now,
    key_used_at = NULL, updated_at = :now
WHERE id = :id
RETURNING *;

-- name: delete_key
-- No key is in force any more.
UPDATE charge_points
SET key_scheme = NULL, key_salt = NULL, key_digest = NULL, key_set_at = NULL, key_used_at = NULL,
    updated_at = :now
WHERE id = :id
RETURNING *;

-- name: propose
-- A key that goes to the charge point.
INSERT INTO pending_keys (command_id, charge_point_id, key_scheme, key_salt, key_digest, created_at)
VALUES (:command_id, :charge_point_id, :scheme, :salt, :digest, :now);

-- name: pending
-- The keys that were sent to a charge point, oldest first.
SELECT * FROM pending_keys WHERE charge_point_id = :charge_point_id ORDER BY command_id;

-- name: find_pending
-- The key that a command sent.
SELECT * FROM pending_keys WHERE command_id = :command_id;

-- name: mark_outlived
-- The charge point still came with the key in force, or with none.
UPDATE pending_keys SET is_outlived = 1
WHERE charge_point_id = :charge_point_id AND needs_reboot = 0;

-- name: mark_needs_reboot
-- The charge point took the key for after its next boot.
UPDATE pending_keys SET needs_reboot = 1 WHERE command_id = :command_id;

-- name: drop_outlived
-- Keys that the charge point did not take, as it seems.
DELETE FROM pending_keys WHERE charge_point_id = :charge_point_id AND is_outlived = 1;

-- name: drop_pending
-- A key that the charge point refused, or never got.
DELETE FROM pending_keys WHERE command_id = :command_id;

-- name: drop_until
-- What was sent before a key that the charge point has, and that key itself.
DELETE FROM pending_keys
WHERE charge_point_id = :charge_point_id AND command_id <= :command_id;

-- name: drop_all
-- What was sent to a charge point no longer counts.
DELETE FROM pending_keys WHERE charge_point_id = :charge_point_id;

-- name: set_next_profile
-- The security profile that the charge point is to come with.
UPDATE charge_points SET next_profile = :profile, updated_at = :now WHERE id = :id;

-- name: clear_next_profile
-- It will not come with this security profile.
UPDATE charge_points SET next_profile = NULL, updated_at = :now
WHERE id = :id AND next_profile = :profile;

-- name: block
-- The charge point is turned away for a while.
UPDATE charge_points SET blocked_until = :until, updated_at = :now WHERE id = :id;
