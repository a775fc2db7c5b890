-- name: insert
-- One entry of the system log.
INSERT INTO logs (charge_point_id, timestamp, level, source, message)
VALUES (:charge_point_id, :timestamp, :level, :source, :message);

-- name: page
-- Log entries, newest first, filtered.
SELECT * FROM logs
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:level AS TEXT) IS NULL OR level = :level)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many entries `page` has in all.
SELECT count(*) AS total FROM logs
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:level AS TEXT) IS NULL OR level = :level);
