-- name: insert
-- A new key, by its hash; nothing if the name is taken.
INSERT INTO api_keys (name, role, key_hash, created_at, created_by, expires_at)
VALUES (:name, :role, :key_hash, :now, :created_by, :expires_at)
ON CONFLICT (name) DO NOTHING
RETURNING *;

-- name: not_revoked
-- All keys that count, or will until they expire.
SELECT * FROM api_keys WHERE revoked_at IS NULL ORDER BY id;

-- name: any
-- Whether a key was ever made.
SELECT EXISTS (SELECT 1 FROM api_keys) AS made;

-- name: find
-- One key.
SELECT * FROM api_keys WHERE id = :id;

-- name: revoke
-- From now on a key does not count any more.
UPDATE api_keys SET revoked_at = :now, revoked_by = :revoked_by
WHERE id = :id AND revoked_at IS NULL
RETURNING *;

-- name: used
-- When a key was last used; never earlier than what is known.
UPDATE api_keys SET last_used_at = :last_used_at
WHERE id = :id AND (last_used_at IS NULL OR last_used_at < :last_used_again);

-- name: page
-- Keys, newest first, filtered.
SELECT * FROM api_keys
WHERE (CAST(:name AS TEXT) IS NULL OR name = :name)
  AND (CAST(:role AS TEXT) IS NULL OR role = :role)
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many keys the filters leave.
SELECT count(*) AS total FROM api_keys
WHERE (CAST(:name AS TEXT) IS NULL OR name = :name)
  AND (CAST(:role AS TEXT) IS NULL OR role = :role);
