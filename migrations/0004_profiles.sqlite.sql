-- What stations hold for us: reservations, charging profiles, local authorization lists; and the
-- composite schedules that they answered with.

-- One row per ReserveNow; reservation_id is its number on the wire, which a later request may take
-- over (OCPP 1.6 section 5.13).
CREATE TABLE reservations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    -- 0: any connector.
    connector_id BIGINT NOT NULL,
    reservation_id BIGINT NOT NULL,
    id_tag TEXT NOT NULL,
    tag_key TEXT NOT NULL,
    parent_id_tag TEXT,
    expires_at BIGINT,
    state TEXT NOT NULL
        CHECK (state IN ('requested', 'accepted', 'used', 'cancelled', 'expired', 'refused')),
    -- The station's word in answer to ReserveNow.
    status TEXT,
    transaction_id BIGINT,
    command_id BIGINT NOT NULL UNIQUE,
    actor TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX reservations_charge_point ON reservations (charge_point_id, reservation_id, id);
CREATE INDEX reservations_expiry ON reservations (expires_at)
    WHERE state IN ('requested', 'accepted');

CREATE TABLE reservation_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- reservations.id
    reservation BIGINT NOT NULL,
    state TEXT NOT NULL,
    actor TEXT,
    note TEXT,
    changed_at BIGINT NOT NULL
);
CREATE INDEX reservation_changes_reservation ON reservation_changes (reservation, id);

-- Charging profiles with a name, to be sent to any station.
CREATE TABLE named_profiles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    note TEXT,
    purpose TEXT NOT NULL,
    -- JSON as OCPP spells it, without chargingProfileId and transactionId.
    profile TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Under which chargingProfileId a named profile goes to a connector.
CREATE TABLE profile_assignments (
    charge_point_id TEXT NOT NULL,
    connector_id BIGINT NOT NULL,
    named_profile_id BIGINT NOT NULL,
    charging_profile_id BIGINT NOT NULL,
    PRIMARY KEY (charge_point_id, connector_id, named_profile_id),
    UNIQUE (charge_point_id, charging_profile_id)
);

-- Profiles that stations accepted, also those that are gone.
CREATE TABLE charging_profiles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    -- NULL: that of the transaction to which a remote start leads.
    connector_id BIGINT,
    charging_profile_id BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    stack_level BIGINT NOT NULL,
    transaction_id BIGINT,
    named_profile_id BIGINT,
    -- JSON as it was sent.
    profile TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'installed', 'removed')),
    command_id BIGINT NOT NULL UNIQUE,
    actor TEXT NOT NULL,
    installed_at BIGINT NOT NULL,
    removed_at BIGINT,
    removal TEXT
);
CREATE INDEX charging_profiles_charge_point ON charging_profiles (charge_point_id, id);
CREATE INDEX charging_profiles_installed ON charging_profiles (charge_point_id)
    WHERE state = 'installed';
CREATE INDEX charging_profiles_waiting ON charging_profiles (charge_point_id)
    WHERE state = 'waiting';

CREATE TABLE composite_schedules (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    connector_id BIGINT NOT NULL,
    requested_duration BIGINT NOT NULL,
    requested_unit TEXT,
    schedule_start BIGINT,
    schedule_start_text TEXT,
    -- JSON as it was answered.
    schedule TEXT,
    command_id BIGINT NOT NULL UNIQUE,
    received_at BIGINT NOT NULL
);
CREATE INDEX composite_schedules_connector
    ON composite_schedules (charge_point_id, connector_id, id);

CREATE TABLE local_lists (
    charge_point_id TEXT PRIMARY KEY,
    -- What the station has, as far as it said; NULL: not known.
    version BIGINT,
    -- The highest version ever sent; versions only go up.
    last_version BIGINT NOT NULL DEFAULT 0,
    state TEXT NOT NULL
        CHECK (state IN ('unknown', 'accepted', 'mismatch', 'failed', 'not-supported')),
    status TEXT,
    command_id BIGINT,
    synchronised_at BIGINT,
    checked_at BIGINT,
    updated_at BIGINT NOT NULL
);

-- What a station's list holds: the entries that it accepted.
CREATE TABLE local_list_entries (
    charge_point_id TEXT NOT NULL,
    tag_key TEXT NOT NULL,
    id_tag TEXT NOT NULL,
    status TEXT NOT NULL,
    parent_id_tag TEXT,
    expiry_date BIGINT,
    PRIMARY KEY (charge_point_id, tag_key)
);
