-- All moments are milliseconds since 1970 in UTC, all energy is integer Wh.
-- Integers from the wire are BIGINT: charge points send what they like.

CREATE TABLE charge_points (
    id TEXT PRIMARY KEY,
    name TEXT,
    location TEXT,
    note TEXT,
    registration TEXT NOT NULL CHECK (registration IN ('Accepted', 'Pending', 'Rejected')),
    vendor TEXT,
    model TEXT,
    serial_number TEXT,
    charge_box_serial_number TEXT,
    firmware_version TEXT,
    iccid TEXT,
    imsi TEXT,
    meter_type TEXT,
    meter_serial_number TEXT,
    status TEXT,
    heartbeat_interval BIGINT,
    security_profile BIGINT NOT NULL DEFAULT 0,
    minimum_profile BIGINT NOT NULL DEFAULT 0,
    clock_skew BIGINT,
    last_boot BIGINT,
    last_heartbeat BIGINT,
    last_seen BIGINT,
    -- The connection that holds this charge point; counts up, so that a late goodbye of an older
    -- connection cannot take down a newer one.
    connection BIGINT NOT NULL DEFAULT 0,
    is_connected BIGINT NOT NULL DEFAULT 0,
    connected_at BIGINT,
    disconnected_at BIGINT,
    disconnect_reason TEXT,
    remote_address TEXT,
    subprotocol TEXT,
    node_id TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX charge_points_registration ON charge_points (registration);

CREATE TABLE connectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    connector_id BIGINT NOT NULL,
    status TEXT NOT NULL,
    error_code TEXT NOT NULL,
    info TEXT,
    vendor_id TEXT,
    vendor_error_code TEXT,
    status_timestamp BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (charge_point_id, connector_id)
);

CREATE TABLE status_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    connector_id BIGINT NOT NULL,
    status TEXT NOT NULL,
    error_code TEXT NOT NULL,
    info TEXT,
    vendor_id TEXT,
    vendor_error_code TEXT,
    status_timestamp BIGINT NOT NULL,
    received_at BIGINT NOT NULL
);
CREATE INDEX status_history_connector ON status_history (charge_point_id, connector_id, id);

CREATE TABLE id_tags (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    id_tag TEXT NOT NULL,
    -- id_tag in the form in which tags are compared (case does not count)
    tag_key TEXT NOT NULL UNIQUE,
    parent_id_tag TEXT,
    status TEXT NOT NULL,
    expiry_date BIGINT,
    max_active_transactions BIGINT,
    note TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE transactions (
    -- AUTOINCREMENT: an id is never used again, not even after the newest row is gone.
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 2147483647),
    charge_point_id TEXT NOT NULL,
    connector_id BIGINT NOT NULL,
    id_tag TEXT NOT NULL,
    tag_key TEXT NOT NULL,
    parent_id_tag TEXT,
    -- What the station was told; a replay is told the same.
    authorization_status TEXT NOT NULL,
    authorization_expiry BIGINT,
    reservation_id BIGINT,
    meter_start BIGINT NOT NULL,
    -- The moment that counts; start_text is the station's own spelling of it.
    started_at BIGINT NOT NULL,
    start_text TEXT NOT NULL,
    -- Same station, connector, tag, time and meterStart: the same start.
    replay_key TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    -- Newest energy register reading while running.
    register_wh BIGINT,
    register_at BIGINT,
    is_complete BIGINT NOT NULL DEFAULT 0,
    meter_stop BIGINT,
    stopped_at BIGINT,
    stop_text TEXT,
    stop_received_at BIGINT,
    stop_reason TEXT,
    stop_id_tag TEXT,
    stopped_by TEXT,
    remote_stop_reason TEXT,
    flags TEXT NOT NULL DEFAULT '',
    UNIQUE (charge_point_id, replay_key)
);
CREATE INDEX transactions_charge_point ON transactions (charge_point_id, id);
CREATE INDEX transactions_started ON transactions (started_at);
CREATE INDEX transactions_open ON transactions (charge_point_id, connector_id) WHERE is_complete = 0;
CREATE INDEX transactions_open_tag ON transactions (tag_key) WHERE is_complete = 0;

CREATE TABLE meter_values (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    connector_id BIGINT NOT NULL,
    -- 0 where the message named no transaction.
    transaction_id BIGINT NOT NULL,
    -- Fingerprint of the message and place in it: a repeat finds its rows taken.
    digest BIGINT NOT NULL,
    position BIGINT NOT NULL,
    timestamp BIGINT NOT NULL,
    value TEXT NOT NULL,
    number DOUBLE PRECISION,
    unit TEXT,
    measurand TEXT NOT NULL,
    phase TEXT,
    context TEXT NOT NULL,
    location TEXT NOT NULL,
    format TEXT NOT NULL,
    source TEXT NOT NULL,
    -- Also the way to the values of a transaction: the hottest table has one index more at most.
    UNIQUE (transaction_id, digest, position)
);
CREATE INDEX meter_values_loose ON meter_values (charge_point_id, timestamp)
    WHERE transaction_id = 0;

-- What could not be matched and waits for a person.
CREATE TABLE review_items (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('unmatched', 'conflict', 'absurd')),
    charge_point_id TEXT NOT NULL,
    action TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    digest BIGINT NOT NULL,
    suggestion BIGINT,
    times BIGINT NOT NULL DEFAULT 1,
    received_at BIGINT NOT NULL,
    resolution TEXT,
    UNIQUE (charge_point_id, digest)
);

CREATE TABLE commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    action TEXT NOT NULL,
    payload TEXT NOT NULL,
    actor TEXT NOT NULL,
    state TEXT NOT NULL,
    message_id TEXT,
    created_at BIGINT NOT NULL,
    sent_at BIGINT,
    answered_at BIGINT,
    expires_at BIGINT,
    response TEXT,
    error TEXT
);
CREATE INDEX commands_charge_point ON commands (charge_point_id, id);
CREATE INDEX commands_unfinished ON commands (state) WHERE state IN ('queued', 'sent');

CREATE TABLE data_transfers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    vendor_id TEXT NOT NULL,
    message_id TEXT,
    data TEXT,
    answer TEXT NOT NULL,
    received_at BIGINT NOT NULL
);

CREATE TABLE charge_point_reports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    action TEXT NOT NULL,
    status TEXT NOT NULL,
    received_at BIGINT NOT NULL
);
CREATE INDEX charge_point_reports_charge_point ON charge_point_reports (charge_point_id, action, id);

CREATE TABLE logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT,
    timestamp BIGINT NOT NULL,
    level TEXT NOT NULL,
    source TEXT NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX logs_charge_point ON logs (charge_point_id, id);
CREATE INDEX logs_level ON logs (level, id);

-- One row that is written to find out whether the database takes writes again.
CREATE TABLE write_checks (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    times BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    key_hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);
