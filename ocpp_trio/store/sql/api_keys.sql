-- name: insert
-- A new key, by its hash.
INSERT INTO api_keys (name, role, key_hash, created_at) VALUES (:name, :role, :key_hash, :now)
ON CONFLICT (name) DO NOTHING;

-- name: valid
-- All keys that count.
SELECT * FROM api_keys WHERE revoked_at IS NULL ORDER BY id;
