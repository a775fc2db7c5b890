-- name: insert
-- A DataTransfer as it came, and how it was answered.
INSERT INTO data_transfers (charge_point_id, vendor_id, message_id, data, answer, received_at)
VALUES (:charge_point_id, :vendor_id, :message_id, :data, :answer, :now);

-- name: page
-- DataTransfers, newest first, filtered.
SELECT * FROM data_transfers
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:vendor_id AS TEXT) IS NULL OR vendor_id = :vendor_id)
  AND (CAST(:message_id AS TEXT) IS NULL OR message_id = :message_id)
  AND (CAST(:since AS BIGINT) IS NULL OR received_at >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR received_at < :until)
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many DataTransfers the filters leave.
SELECT count(*) AS total FROM data_transfers
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:vendor_id AS TEXT) IS NULL OR vendor_id = :vendor_id)
  AND (CAST(:message_id AS TEXT) IS NULL OR message_id = :message_id)
  AND (CAST(:since AS BIGINT) IS NULL OR received_at >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR received_at < :until);
