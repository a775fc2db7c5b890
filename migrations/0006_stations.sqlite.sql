-- What is known of each station beside its sessions: configuration, jobs, certificates, security
-- events, and where its messages break the schema.

CREATE TABLE configuration_keys (
    charge_point_id TEXT NOT NULL,
    -- The key in the form in which keys are compared (case does not count).
    key_folded TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT,
    is_readonly BIGINT,
    -- Taken by the station, but in force only after its next boot.
    pending_value TEXT,
    needs_reboot BIGINT NOT NULL DEFAULT 0,
    reported_at BIGINT,
    changed_at BIGINT,
    changed_by TEXT,
    PRIMARY KEY (charge_point_id, key_folded)
);

CREATE TABLE configuration_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    key TEXT NOT NULL,
    old_value TEXT,
    new_value TEXT,
    -- Who asked for it, or 'charge point' where a report showed another value than before.
    actor TEXT NOT NULL,
    status TEXT NOT NULL,
    command_id BIGINT,
    changed_at BIGINT NOT NULL
);
CREATE INDEX configuration_changes_charge_point ON configuration_changes (charge_point_id, id);

-- One row per request for diagnostics, a log, or a firmware update.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('diagnostics', 'firmware', 'log', 'signed-firmware')),
    -- The requestId of GetLog and SignedUpdateFirmware.
    request_id BIGINT,
    command_id BIGINT NOT NULL UNIQUE,
    actor TEXT NOT NULL,
    location TEXT NOT NULL,
    file_name TEXT,
    state TEXT NOT NULL
        CHECK (state IN ('requested', 'running', 'finished', 'failed', 'refused', 'cancelled')),
    -- The station's newest word about it.
    status TEXT,
    requested_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX jobs_charge_point ON jobs (charge_point_id, kind, id);

-- Status notifications, each with the job it is about, if there is one.
ALTER TABLE charge_point_reports ADD COLUMN request_id BIGINT;
ALTER TABLE charge_point_reports ADD COLUMN job_id BIGINT;
CREATE INDEX charge_point_reports_job ON charge_point_reports (job_id);

CREATE TABLE sequences (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE certificate_requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    csr TEXT NOT NULL,
    subject TEXT,
    -- What is wrong with the request; it was answered Rejected then.
    problem TEXT,
    state TEXT NOT NULL CHECK (state IN ('received', 'rejected', 'sent', 'installed', 'refused')),
    -- The CertificateSigned that answered it.
    command_id BIGINT,
    received_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX certificate_requests_charge_point ON certificate_requests (charge_point_id, id);

CREATE TABLE certificates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    certificate_type TEXT NOT NULL,
    hash_algorithm TEXT NOT NULL,
    issuer_name_hash TEXT NOT NULL,
    issuer_key_hash TEXT NOT NULL,
    serial_number TEXT NOT NULL,
    -- Known of those that were installed from here.
    subject TEXT,
    not_before BIGINT,
    not_after BIGINT,
    pem TEXT,
    installed_at BIGINT,
    listed_at BIGINT,
    removed_at BIGINT,
    UNIQUE (charge_point_id, certificate_type, issuer_name_hash, issuer_key_hash, serial_number)
);
CREATE INDEX certificates_not_after ON certificates (not_after) WHERE removed_at IS NULL;

CREATE TABLE security_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    type TEXT NOT NULL,
    is_critical BIGINT NOT NULL,
    timestamp BIGINT NOT NULL,
    timestamp_text TEXT NOT NULL,
    tech_info TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    -- Stations send an event again until it is answered.
    UNIQUE (charge_point_id, type, timestamp_text, tech_info)
);

CREATE INDEX data_transfers_charge_point ON data_transfers (charge_point_id, id);

-- How often a station's messages were taken although they break the schema.
CREATE TABLE schema_repairs (
    charge_point_id TEXT NOT NULL,
    action TEXT NOT NULL,
    repair TEXT NOT NULL,
    times BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (charge_point_id, action, repair)
);
-- strict or tolerant; NULL: as the list of quirks says.
ALTER TABLE charge_points ADD COLUMN conformance TEXT;
