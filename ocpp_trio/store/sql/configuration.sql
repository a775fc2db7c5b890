-- name: find
-- One key of a charge point.
SELECT * FROM configuration_keys
WHERE charge_point_id = :charge_point_id AND key_folded = :key_folded;

-- name: report
-- What the station says is in force; what it says is no longer pending.
INSERT INTO configuration_keys
    (charge_point_id, key_folded, key, value, is_readonly, reported_at)
VALUES
    (:charge_point_id, :key_folded, :key, :value, :is_readonly, :now)
ON CONFLICT (charge_point_id, key_folded) DO UPDATE
SET key = excluded.key, value = excluded.value, is_readonly = excluded.is_readonly,
    reported_at = excluded.reported_at,
    needs_reboot = CASE WHEN configuration_keys.pending_value = excluded.value THEN 0
        ELSE configuration_keys.needs_reboot END,
    pending_value = CASE WHEN configuration_keys.pending_value = excluded.value THEN NULL
        ELSE configuration_keys.pending_value END;

-- name: change
-- A change that the station took, at once or for after its next boot.
INSERT INTO configuration_keys
    (charge_point_id, key_folded, key, value, pending_value, needs_reboot, changed_at, changed_by)
VALUES
    (:charge_point_id, :key_folded, :key, :value, :pending_value, :needs_reboot, :now, :actor)
ON CONFLICT (charge_point_id, key_folded) DO UPDATE
SET value = excluded.value, pending_value = excluded.pending_value,
    needs_reboot = excluded.needs_reboot, changed_at = excluded.changed_at,
    changed_by = excluded.changed_by;

-- name: remember
-- One change, whatever became of it.
INSERT INTO configuration_changes
    (charge_point_id, key, old_value, new_value, actor, status, command_id, changed_at)
VALUES
    (:charge_point_id, :key, :old_value, :new_value, :actor, :status, :command_id, :now);

-- name: booted
-- What waited for a boot is in force.
UPDATE configuration_keys SET value = pending_value, pending_value = NULL, needs_reboot = 0
WHERE charge_point_id = :charge_point_id AND needs_reboot = 1;

-- name: of_charge_point
-- The keys of one charge point.
SELECT * FROM configuration_keys WHERE charge_point_id = :charge_point_id ORDER BY key_folded;

-- name: changes
-- Changes, newest first, filtered.
SELECT * FROM configuration_changes
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:key AS TEXT) IS NULL OR key = :key)
  AND (CAST(:since AS BIGINT) IS NULL OR changed_at >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR changed_at < :until)
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count_changes
-- How many changes the filters leave.
SELECT count(*) AS total FROM configuration_changes
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:key AS TEXT) IS NULL OR key = :key)
  AND (CAST(:since AS BIGINT) IS NULL OR changed_at >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR changed_at < :until);
