-- Books that a person can put right: review items are resolved, a stop that comes late is kept
-- beside the one that closed the transaction, remote starts find their transactions.

ALTER TABLE review_items ADD COLUMN resolved_at BIGINT;
ALTER TABLE review_items ADD COLUMN actor TEXT;
ALTER TABLE review_items ADD COLUMN note TEXT;
-- The transaction it was attached to, and what that replaced there, as JSON.
ALTER TABLE review_items ADD COLUMN transaction_id BIGINT;
ALTER TABLE review_items ADD COLUMN replaced TEXT;
CREATE INDEX review_items_open ON review_items (charge_point_id, id) WHERE resolution IS NULL;
-- Messages not kept because the charge point had too many items open.
ALTER TABLE charge_points ADD COLUMN review_overflow BIGINT NOT NULL DEFAULT 0;

-- SHA-256 of the value of SignedData, made when it is stored.
ALTER TABLE meter_values ADD COLUMN checksum TEXT;

-- Sum of the interval readings, for stations that send no register.
ALTER TABLE transactions ADD COLUMN interval_wh BIGINT;
-- A stop that came after the transaction was closed by hand.
ALTER TABLE transactions ADD COLUMN late_meter_stop BIGINT;
ALTER TABLE transactions ADD COLUMN late_stopped_at BIGINT;
ALTER TABLE transactions ADD COLUMN late_stop_text TEXT;
ALTER TABLE transactions ADD COLUMN late_stop_reason TEXT;
ALTER TABLE transactions ADD COLUMN late_stop_id_tag TEXT;
ALTER TABLE transactions ADD COLUMN late_stop_received_at BIGINT;

-- Why an operator sent a command, where OCPP has no field for it.
ALTER TABLE commands ADD COLUMN reason TEXT;

-- Remote starts, until the StartTransaction that follows or until they expire.
CREATE TABLE remote_starts (
    command_id BIGINT PRIMARY KEY,
    charge_point_id TEXT NOT NULL,
    -- NULL: the charge point chooses.
    connector_id BIGINT,
    id_tag TEXT NOT NULL,
    tag_key TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'started', 'refused', 'expired')),
    requested_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    transaction_id BIGINT
);
CREATE INDEX remote_starts_pending ON remote_starts (charge_point_id, tag_key)
    WHERE state = 'pending';
CREATE INDEX remote_starts_transaction ON remote_starts (transaction_id);

-- Tags that charge points asked about and nobody registered.
CREATE TABLE unknown_tags (
    tag_key TEXT PRIMARY KEY,
    id_tag TEXT NOT NULL,
    charge_point_id TEXT NOT NULL,
    times BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL
);
CREATE INDEX unknown_tags_last_seen ON unknown_tags (last_seen);
