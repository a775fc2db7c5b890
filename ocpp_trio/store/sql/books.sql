-- name: find_impossible_ids
-- Transactions whose id no charge point can hold (OCPP 1.6: an integer, 32 bits in practice).
SELECT id FROM transactions WHERE id < 1 OR id > 2147483647 ORDER BY id LIMIT 10;

-- name: find_doubled
-- Starts that were stored more than once.
SELECT charge_point_id, replay_key, count(*) AS times FROM transactions
GROUP BY charge_point_id, replay_key HAVING count(*) > 1
ORDER BY charge_point_id, replay_key LIMIT 10;

-- name: find_without_stop
-- Transactions that are complete but say not how they ended.
SELECT id FROM transactions
WHERE is_complete = 1 AND (meter_stop IS NULL OR stopped_at IS NULL)
ORDER BY id LIMIT 10;

-- name: newest
-- The transaction that began last.
SELECT id, charge_point_id, started_at, is_complete FROM transactions ORDER BY id DESC LIMIT 1;
