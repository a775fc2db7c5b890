-- name: insert_request
-- A certificate request as it came.
INSERT INTO certificate_requests
    (charge_point_id, csr, subject, problem, state, security_profile, received_at, updated_at)
VALUES
    (:charge_point_id, :csr, :subject, :problem, :state, :security_profile, :now, :now);

-- name: find_request
-- One request.
SELECT * FROM certificate_requests WHERE id = :id;

-- name: waiting
-- The newest requests of a station that nobody answered, newest first.
SELECT id, csr FROM certificate_requests
WHERE charge_point_id = :charge_point_id AND state = 'received'
ORDER BY id DESC LIMIT 10;

-- name: to_sign
-- The newest unanswered request of each station, if its connection had this security profile.
SELECT * FROM certificate_requests
WHERE id IN (
        SELECT max(id) FROM certificate_requests WHERE state = 'received' GROUP BY charge_point_id)
  AND security_profile >= :least_profile
ORDER BY id LIMIT 1000;

-- name: reject_request
-- It will not be signed.
UPDATE certificate_requests SET state = 'rejected', problem = :problem, updated_at = :now
WHERE id = :id AND state = 'received'
RETURNING *;

-- name: other_of_name
-- Whether another station is called so, or says that it is.
SELECT id FROM charge_points
WHERE id <> :id AND :name IN (id, serial_number, charge_box_serial_number) LIMIT 1;

-- name: newest_installed
-- The newest request of a station whose certificate it took.
SELECT id FROM certificate_requests
WHERE charge_point_id = :charge_point_id AND state = 'installed'
ORDER BY id DESC LIMIT 1;

-- name: send_request
-- A certificate for it is on its way.
UPDATE certificate_requests SET state = 'sent', command_id = :command_id, updated_at = :now
WHERE id = :id;

-- name: end_request
-- What the station said to the certificate.
UPDATE certificate_requests SET state = :state, updated_at = :now
WHERE command_id = :command_id AND state = 'sent';

-- name: requests
-- Certificate requests, newest first, filtered.
SELECT * FROM certificate_requests
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:state AS TEXT) IS NULL OR state = :state)
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count_requests
-- How many requests the filters leave.
SELECT count(*) AS total FROM certificate_requests
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:state AS TEXT) IS NULL OR state = :state);

-- name: put_installed
-- A certificate that was installed from here, for the first time or again.
INSERT INTO certificates
    (charge_point_id, certificate_type, hash_algorithm, issuer_name_hash, issuer_key_hash,
     serial_number, subject, not_before, not_after, pem, installed_at)
VALUES
    (:charge_point_id, :certificate_type, :hash_algorithm, :issuer_name_hash, :issuer_key_hash,
     :serial_number, :subject, :not_before, :not_after, :pem, :now)
ON CONFLICT (charge_point_id, certificate_type, issuer_name_hash, issuer_key_hash, serial_number)
DO UPDATE SET subject = excluded.subject, not_before = excluded.not_before,
    not_after = excluded.not_after, pem = excluded.pem, installed_at = excluded.installed_at,
    removed_at = NULL;

-- name: put_listed
-- A certificate that the station has, and that did not come from here.
INSERT INTO certificates
    (charge_point_id, certificate_type, hash_algorithm, issuer_name_hash, issuer_key_hash,
     serial_number, listed_at)
VALUES
    (:charge_point_id, :certificate_type, :hash_algorithm, :issuer_name_hash, :issuer_key_hash,
     :serial_number, :now)
ON CONFLICT (charge_point_id, certificate_type, issuer_name_hash, issuer_key_hash, serial_number)
DO UPDATE SET listed_at = excluded.listed_at, removed_at = NULL
RETURNING id;

-- name: list_again
-- A certificate that the station still has.
UPDATE certificates SET listed_at = :now WHERE id = :id;

-- name: present
-- The certificates of a station.
SELECT * FROM certificates WHERE charge_point_id = :charge_point_id AND removed_at IS NULL
ORDER BY id;

-- name: present_of_kind
-- The certificates of a station of one type.
SELECT id, installed_at FROM certificates
WHERE charge_point_id = :charge_point_id AND certificate_type = :certificate_type
  AND removed_at IS NULL;

-- name: remove
-- A certificate is no longer there.
UPDATE certificates SET removed_at = :now WHERE id = :id;

-- name: page
-- Installed certificates, newest first, filtered.
SELECT * FROM certificates
WHERE removed_at IS NULL
  AND (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:expires_before AS BIGINT) IS NULL OR not_after < :expires_before)
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many installed certificates the filters leave.
SELECT count(*) AS total FROM certificates
WHERE removed_at IS NULL
  AND (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:expires_before AS BIGINT) IS NULL OR not_after < :expires_before);
