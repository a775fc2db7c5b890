-- The certificates that charge points prove themselves with: signed here, or elsewhere and shown.

CREATE TABLE client_certificates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    -- SHA-256 of its DER, in hex.
    fingerprint TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL,
    issuer TEXT NOT NULL,
    serial_number TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    pem TEXT NOT NULL,
    -- Signed here, for this request; NULL: signed elsewhere.
    issued_at BIGINT,
    request_id BIGINT,
    last_used BIGINT,
    revoked_at BIGINT,
    revoked_by TEXT,
    revoked_reason TEXT
);
CREATE INDEX client_certificates_charge_point ON client_certificates (charge_point_id, id);
CREATE UNIQUE INDEX client_certificates_request ON client_certificates (request_id);

-- The security profile of the connection that brought the request.
ALTER TABLE certificate_requests ADD COLUMN security_profile BIGINT;
