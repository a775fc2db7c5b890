-- name: insert
-- An event; nothing if it was kept before.
INSERT INTO security_events
    (charge_point_id, type, is_critical, timestamp, timestamp_text, tech_info, received_at)
VALUES
    (:charge_point_id, :type, :is_critical, :timestamp, :timestamp_text, :tech_info, :now)
ON CONFLICT (charge_point_id, type, timestamp_text, tech_info) DO NOTHING;

-- name: page
-- Security events, newest first, filtered.
SELECT * FROM security_events
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:type AS TEXT) IS NULL OR type = :type)
  AND (CAST(:is_critical AS BIGINT) IS NULL OR is_critical = :is_critical)
  AND (CAST(:since AS BIGINT) IS NULL OR timestamp >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR timestamp < :until)
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many security events the filters leave.
SELECT count(*) AS total FROM security_events
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:type AS TEXT) IS NULL OR type = :type)
  AND (CAST(:is_critical AS BIGINT) IS NULL OR is_critical = :is_critical)
  AND (CAST(:since AS BIGINT) IS NULL OR timestamp >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR timestamp < :until);
