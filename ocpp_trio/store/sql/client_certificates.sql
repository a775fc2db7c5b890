-- name: find
-- One certificate, by its number.
SELECT * FROM client_certificates WHERE id = :id;

-- name: of_fingerprint
-- One certificate, by what it is.
SELECT * FROM client_certificates WHERE fingerprint = :fingerprint;

-- name: of_request
-- The certificate that was signed for a request.
SELECT * FROM client_certificates WHERE request_id = :request_id;

-- name: put_issued
-- A certificate signed here; one for each request.
INSERT INTO client_certificates
    (charge_point_id, fingerprint, subject, issuer, serial_number, not_before, not_after, pem,
     issued_at, request_id)
VALUES
    (:charge_point_id, :fingerprint, :subject, :issuer, :serial_number, :not_before, :not_after,
     :pem, :now, :request_id)
ON CONFLICT (request_id) DO NOTHING;

-- name: put_used
-- A charge point proved itself with it.
INSERT INTO client_certificates
    (charge_point_id, fingerprint, subject, issuer, serial_number, not_before, not_after, pem,
     last_used)
VALUES
    (:charge_point_id, :fingerprint, :subject, :issuer, :serial_number, :not_before, :not_after,
     :pem, :now)
ON CONFLICT (fingerprint)
DO UPDATE SET charge_point_id = excluded.charge_point_id, last_used = excluded.last_used;

-- name: to_renew
-- Connected charge points whose newest certificate expires soon: of those that they have used, or
-- were sent and took.
SELECT c.charge_point_id, max(c.not_after) AS not_after, p.last_boot
FROM client_certificates c
JOIN charge_points p ON p.id = c.charge_point_id AND p.is_connected = 1
LEFT JOIN certificate_requests r ON r.id = c.request_id
WHERE c.revoked_at IS NULL AND (c.last_used IS NOT NULL OR r.state = 'installed')
GROUP BY c.charge_point_id, p.last_boot
HAVING max(c.not_after) < :expires_before
ORDER BY max(c.not_after) LIMIT 1000;

-- name: revoke
-- It is no longer good.
UPDATE client_certificates
SET revoked_at = :now, revoked_by = :actor, revoked_reason = :reason
WHERE id = :id AND revoked_at IS NULL;

-- name: page
-- Certificates, newest first, filtered.
SELECT * FROM client_certificates
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:expires_before AS BIGINT) IS NULL OR not_after < :expires_before)
  AND (CAST(:is_revoked AS BIGINT) IS NULL OR (revoked_at IS NOT NULL) = (CAST(:is_revoked AS BIGINT) = 1))
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many certificates the filters leave.
SELECT count(*) AS total FROM client_certificates
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:expires_before AS BIGINT) IS NULL OR not_after < :expires_before)
  AND (CAST(:is_revoked AS BIGINT) IS NULL OR (revoked_at IS NOT NULL) = (CAST(:is_revoked AS BIGINT) = 1));
