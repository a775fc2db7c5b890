-- How charge points prove who they are.

-- The key in force, only as a salted hash; NULL: none, the charge point is not checked.
ALTER TABLE charge_points ADD COLUMN key_scheme TEXT;
ALTER TABLE charge_points ADD COLUMN key_salt TEXT;
ALTER TABLE charge_points ADD COLUMN key_digest TEXT;
ALTER TABLE charge_points ADD COLUMN key_set_at BIGINT;
ALTER TABLE charge_points ADD COLUMN key_used_at BIGINT;
-- The security profile that it was told to use; the minimum once it connects with it.
ALTER TABLE charge_points ADD COLUMN next_profile BIGINT;
-- Turned away until then.
ALTER TABLE charge_points ADD COLUMN blocked_until BIGINT;

-- Keys that were sent to a charge point, of which nobody knows yet whether it took them.
CREATE TABLE pending_keys (
    command_id BIGINT PRIMARY KEY,
    charge_point_id TEXT NOT NULL,
    key_scheme TEXT NOT NULL,
    key_salt TEXT NOT NULL,
    key_digest TEXT NOT NULL,
    -- The charge point took it, but uses it only after its next boot.
    needs_reboot BIGINT NOT NULL DEFAULT 0,
    -- The charge point came with the key in force after this one was sent to it.
    is_outlived BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);
CREATE INDEX pending_keys_charge_point ON pending_keys (charge_point_id, command_id);
