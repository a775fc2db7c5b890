-- name: insert
-- A profile that a station accepted.
INSERT INTO charging_profiles
    (charge_point_id, connector_id, charging_profile_id, purpose, stack_level, transaction_id,
     named_profile_id, profile, state, command_id, actor, installed_at)
VALUES
    (:charge_point_id, :connector_id, :charging_profile_id, :purpose, :stack_level,
     :transaction_id, :named_profile_id, :profile, :state, :command_id, :actor, :now)
ON CONFLICT (command_id) DO NOTHING
RETURNING id;

-- name: replace
-- What a new profile puts out of its place: the same id, or the same connector, purpose and level.
UPDATE charging_profiles SET state = 'removed', removed_at = :now, removal = 'replaced'
WHERE charge_point_id = :charge_point_id AND state = 'installed' AND id <> :id
  AND installed_at <= :sent_at
  AND (charging_profile_id = :charging_profile_id
       OR (connector_id = :connector_id AND purpose = :purpose AND stack_level = :stack_level));

-- name: replaced
-- A profile of which a late answer tells, if its place was taken since it was sent.
UPDATE charging_profiles SET state = 'removed', removed_at = :now, removal = 'replaced'
WHERE id = :id AND state = 'installed' AND EXISTS (
    SELECT 1 FROM charging_profiles AS newer
    WHERE newer.charge_point_id = :charge_point_id AND newer.state = 'installed'
      AND newer.id <> :id AND newer.installed_at > :sent_at
      AND (newer.charging_profile_id = :charging_profile_id
           OR (newer.connector_id = :connector_id AND newer.purpose = :purpose
               AND newer.stack_level = :stack_level)));

-- name: give_up
-- Profiles that went with remote starts of this charge point to which no transaction belongs.
UPDATE charging_profiles
SET state = 'removed', removed_at = :now, removal = 'no transaction followed'
WHERE charge_point_id = :charge_point_id AND state = 'waiting'
  AND EXISTS (SELECT 1 FROM remote_starts
              WHERE remote_starts.command_id = charging_profiles.command_id
                AND remote_starts.state IN ('expired', 'refused'));

-- name: clear
-- What fits all criteria that are given; after a late answer only what was there when it was asked.
UPDATE charging_profiles SET state = 'removed', removed_at = :now, removal = :removal
WHERE charge_point_id = :charge_point_id AND state = 'installed'
  AND (CAST(:charging_profile_id AS BIGINT) IS NULL OR charging_profile_id = :charging_profile_id)
  AND (CAST(:connector_id AS BIGINT) IS NULL OR connector_id = :connector_id)
  AND (CAST(:purpose AS TEXT) IS NULL OR purpose = :purpose)
  AND (CAST(:stack_level AS BIGINT) IS NULL OR stack_level = :stack_level)
  AND (CAST(:sent_at AS BIGINT) IS NULL OR installed_at <= :sent_at);

-- name: waiting
-- Profiles that went with remote starts of this charge point, each with its transaction if that has
-- begun.
SELECT charging_profiles.*, transactions.id AS started, transactions.connector_id AS started_on
FROM charging_profiles
JOIN remote_starts ON remote_starts.command_id = charging_profiles.command_id
JOIN transactions ON transactions.id = remote_starts.transaction_id
WHERE charging_profiles.charge_point_id = :charge_point_id
  AND charging_profiles.state = 'waiting'
  AND transactions.charge_point_id = charging_profiles.charge_point_id
ORDER BY charging_profiles.id;

-- name: attach
-- The remote start of a waiting profile has become a transaction.
UPDATE charging_profiles
SET state = 'installed', transaction_id = :transaction_id, connector_id = :connector_id,
    installed_at = :now
WHERE id = :id AND state = 'waiting';

-- name: end_transaction
-- The profiles of a transaction end with it, those that named none with that of their connector.
UPDATE charging_profiles SET state = 'removed', removed_at = :now, removal = 'transaction ended'
WHERE charge_point_id = :charge_point_id AND state = 'installed' AND purpose = 'TxProfile'
  AND (transaction_id = :transaction_id
       OR (transaction_id IS NULL AND connector_id = :connector_id));

-- name: installed
-- What one charge point has.
SELECT * FROM charging_profiles
WHERE charge_point_id = :charge_point_id AND state = 'installed' ORDER BY id;

-- name: page
-- Profiles on stations, newest first, filtered.
SELECT * FROM charging_profiles
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:connector_id AS BIGINT) IS NULL OR connector_id = :connector_id)
  AND (CAST(:purpose AS TEXT) IS NULL OR purpose = :purpose)
  AND (CAST(:transaction_id AS BIGINT) IS NULL OR transaction_id = :transaction_id)
  AND (CAST(:named_profile_id AS BIGINT) IS NULL OR named_profile_id = :named_profile_id)
  AND (CAST(:state AS TEXT) IS NULL OR state = :state)
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many profiles on stations the filters leave.
SELECT count(*) AS total FROM charging_profiles
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:connector_id AS BIGINT) IS NULL OR connector_id = :connector_id)
  AND (CAST(:purpose AS TEXT) IS NULL OR purpose = :purpose)
  AND (CAST(:transaction_id AS BIGINT) IS NULL OR transaction_id = :transaction_id)
  AND (CAST(:named_profile_id AS BIGINT) IS NULL OR named_profile_id = :named_profile_id)
  AND (CAST(:state AS TEXT) IS NULL OR state = :state);
