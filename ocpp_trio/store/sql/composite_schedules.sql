-- name: insert
-- A schedule that a station answered with.
INSERT INTO composite_schedules
    (charge_point_id, connector_id, requested_duration, requested_unit, schedule_start,
     schedule_start_text, schedule, command_id, received_at)
VALUES
    (:charge_point_id, :connector_id, :requested_duration, :requested_unit, :schedule_start,
     :schedule_start_text, :schedule, :command_id, :now)
ON CONFLICT (command_id) DO NOTHING;

-- name: page
-- Schedules, newest first, filtered; `latest` 1 leaves the newest of each connector.
SELECT * FROM composite_schedules AS mine
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:connector_id AS BIGINT) IS NULL OR connector_id = :connector_id)
  AND (CAST(:since AS BIGINT) IS NULL OR received_at >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR received_at < :until)
  AND (CAST(:latest AS BIGINT) = 0 OR NOT EXISTS (
        SELECT 1 FROM composite_schedules AS newer
        WHERE newer.charge_point_id = mine.charge_point_id
          AND newer.connector_id = mine.connector_id AND newer.id > mine.id))
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many schedules the filters leave.
SELECT count(*) AS total FROM composite_schedules AS mine
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:connector_id AS BIGINT) IS NULL OR connector_id = :connector_id)
  AND (CAST(:since AS BIGINT) IS NULL OR received_at >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR received_at < :until)
  AND (CAST(:latest AS BIGINT) = 0 OR NOT EXISTS (
        SELECT 1 FROM composite_schedules AS newer
        WHERE newer.charge_point_id = mine.charge_point_id
          AND newer.connector_id = mine.connector_id AND newer.id > mine.id));
