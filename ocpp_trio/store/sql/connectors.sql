-- name: put
-- The newest status by the station's clock wins; an older one only goes to the history.
INSERT INTO connectors
    (charge_point_id, connector_id, status, error_code, info, vendor_id, vendor_error_code,
     status_timestamp, updated_at)
VALUES
    (:charge_point_id, :connector_id, :status, :error_code, :info, :vendor_id, :vendor_error_code,
     :status_timestamp, :now)
ON CONFLICT (charge_point_id, connector_id) DO UPDATE
SET status = excluded.status, error_code = excluded.error_code, info = excluded.info,
    vendor_id = excluded.vendor_id, vendor_error_code = excluded.vendor_error_code,
    status_timestamp = excluded.status_timestamp, updated_at = excluded.updated_at
WHERE connectors.status_timestamp <= excluded.status_timestamp;

-- name: remember
-- Every status as it came.
INSERT INTO status_history
    (charge_point_id, connector_id, status, error_code, info, vendor_id, vendor_error_code,
     status_timestamp, received_at)
VALUES
    (:charge_point_id, :connector_id, :status, :error_code, :info, :vendor_id, :vendor_error_code,
     :status_timestamp, :now);

-- name: of_charge_point
-- The connectors of one charge point; 0 is the station itself.
SELECT * FROM connectors WHERE charge_point_id = :charge_point_id ORDER BY connector_id;

-- name: silent
-- Connectors without news since a moment, with the last boot of their station.
SELECT connectors.charge_point_id, connectors.connector_id, connectors.updated_at,
       charge_points.last_boot
FROM connectors JOIN charge_points ON charge_points.id = connectors.charge_point_id
WHERE connectors.connector_id > 0 AND connectors.updated_at < :before
ORDER BY connectors.updated_at, connectors.id;

-- name: history
-- Every status as it came, newest first, filtered.
SELECT * FROM status_history
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:connector_id AS BIGINT) IS NULL OR connector_id = :connector_id)
  AND (CAST(:status AS TEXT) IS NULL OR status = :status)
  AND (CAST(:since AS BIGINT) IS NULL OR received_at >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR received_at < :until)
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count_history
-- How many statuses the filters leave.
SELECT count(*) AS total FROM status_history
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:connector_id AS BIGINT) IS NULL OR connector_id = :connector_id)
  AND (CAST(:status AS TEXT) IS NULL OR status = :status)
  AND (CAST(:since AS BIGINT) IS NULL OR received_at >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR received_at < :until);
