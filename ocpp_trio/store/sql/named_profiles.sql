-- name: insert
-- A new profile; nothing if the name is taken.
INSERT INTO named_profiles (name, note, purpose, profile, created_at, updated_at)
VALUES (:name, :note, :purpose, :profile, :now, :now)
ON CONFLICT (name) DO NOTHING
RETURNING *;

-- name: update
-- Another content for a profile; nothing if another one has the name.
UPDATE named_profiles
SET name = :name, note = :note, purpose = :purpose, profile = :profile, updated_at = :now
WHERE id = :id
  AND NOT EXISTS (SELECT 1 FROM named_profiles AS other WHERE other.name = :name AND other.id <> :id)
RETURNING *;

-- name: delete
-- A profile goes; stations keep what they have.
DELETE FROM named_profiles WHERE id = :id;

-- name: find
-- One profile.
SELECT * FROM named_profiles WHERE id = :id;

-- name: page
-- Profiles, newest first, filtered.
SELECT * FROM named_profiles
WHERE (CAST(:name AS TEXT) IS NULL OR name = :name)
  AND (CAST(:purpose AS TEXT) IS NULL OR purpose = :purpose)
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many profiles the filters leave.
SELECT count(*) AS total FROM named_profiles
WHERE (CAST(:name AS TEXT) IS NULL OR name = :name)
  AND (CAST(:purpose AS TEXT) IS NULL OR purpose = :purpose);

-- name: find_assignment
-- Under which id a profile goes to a connector.
SELECT * FROM profile_assignments
WHERE charge_point_id = :charge_point_id AND connector_id = :connector_id
  AND named_profile_id = :named_profile_id;

-- name: assign
-- Decide under which id a profile goes to a connector.
INSERT INTO profile_assignments
    (charge_point_id, connector_id, named_profile_id, charging_profile_id)
VALUES (:charge_point_id, :connector_id, :named_profile_id, :charging_profile_id);

-- name: assigned
-- Which profile went to a connector under an id.
SELECT named_profile_id FROM profile_assignments
WHERE charge_point_id = :charge_point_id AND charging_profile_id = :charging_profile_id
  AND connector_id = :connector_id;

-- name: in_use
-- Whether a profile on a station has this id.
SELECT 1 AS in_use FROM charging_profiles
WHERE charge_point_id = :charge_point_id AND state <> 'removed'
  AND charging_profile_id = :charging_profile_id LIMIT 1;
