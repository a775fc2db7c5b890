-- name: started_between
-- Transactions that began in a period, oldest first, from a place on.
SELECT id, charge_point_id, connector_id, id_tag, tag_key, parent_id_tag, started_at, stopped_at,
       is_complete, meter_start, meter_stop, register_wh, register_at, interval_wh, stopped_by
FROM transactions
WHERE started_at >= :since AND started_at < :until
  AND (started_at > :after_started_at OR (started_at = :after_started_at AND id > :after_id))
  AND (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:tag_key AS TEXT) IS NULL OR tag_key = :tag_key)
  AND (CAST(:parent_id_tag AS TEXT) IS NULL OR upper(parent_id_tag) = upper(:parent_id_tag))
ORDER BY started_at, id LIMIT :limit;

-- name: running_at
-- Transactions that began before a moment and ran on behind it, oldest first, from a place on. Three
-- ways lead to them: the short ones began within a day, the long ones and the open ones are few. The
-- plus signs keep the planner from walking through all starts since the beginning.
SELECT id, charge_point_id, connector_id, id_tag, tag_key, parent_id_tag, started_at, stopped_at,
       is_complete, meter_start, meter_stop, register_wh, register_at, interval_wh, stopped_by
FROM (
    SELECT * FROM transactions
    WHERE started_at >= :moment - 86400000 AND started_at < :moment AND stopped_at > :moment
      AND is_complete = 1 AND stopped_at - started_at <= 86400000
    UNION ALL
    SELECT * FROM transactions
    WHERE is_complete = 1 AND stopped_at - started_at > 86400000
      AND stopped_at > :moment AND +started_at < :moment
    UNION ALL
    SELECT * FROM transactions
    WHERE is_complete = 0 AND +started_at < :moment
) AS running
WHERE (+started_at > :after_started_at OR (+started_at = :after_started_at AND id > :after_id))
  AND (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:tag_key AS TEXT) IS NULL OR tag_key = :tag_key)
  AND (CAST(:parent_id_tag AS TEXT) IS NULL OR upper(parent_id_tag) = upper(:parent_id_tag))
ORDER BY +started_at, id LIMIT :limit;

-- name: registers
-- The register samples of many transactions (a JSON array of ids) that tell their courses: for each
-- transaction a JSON array of [timestamp, id, number, unit, phase].
-- sqlite:
SELECT transaction_id,
       json_group_array(json_array(timestamp, id, number, unit, phase)) AS readings
FROM meter_values
WHERE transaction_id IN (SELECT value FROM json_each(:ids))
  AND measurand = 'Energy.Active.Import.Register' AND location = 'Outlet' AND number IS NOT NULL
GROUP BY transaction_id;
-- postgres:
SELECT transaction_id,
       CAST(json_agg(json_build_array(timestamp, id, number, unit, phase)) AS TEXT) AS readings
FROM meter_values
WHERE transaction_id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:ids AS JSON)))
  AND measurand = 'Energy.Active.Import.Register' AND location = 'Outlet' AND number IS NOT NULL
GROUP BY transaction_id;

-- name: intervals
-- The interval readings of many transactions (a JSON array of ids): for each transaction a JSON array
-- of [is_aligned, moment, mwh].
-- sqlite:
SELECT transaction_id, json_group_array(json_array(is_aligned, moment, mwh)) AS readings
FROM interval_readings
WHERE transaction_id IN (SELECT value FROM json_each(:ids))
GROUP BY transaction_id;
-- postgres:
SELECT transaction_id, CAST(json_agg(json_build_array(is_aligned, moment, mwh)) AS TEXT) AS readings
FROM interval_readings
WHERE transaction_id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:ids AS JSON)))
GROUP BY transaction_id;
