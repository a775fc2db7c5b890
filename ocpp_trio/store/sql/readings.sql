-- name: page_of_transactions
-- Sampled values of a charge point's transactions, from one to another: those of the newest
-- transaction first, and of each the newest value first, from a place on.
SELECT meter_values.* FROM transactions CROSS JOIN meter_values
WHERE transactions.charge_point_id = :charge_point_id
  AND transactions.id >= :first_transaction AND transactions.id <= :last_transaction
  AND meter_values.transaction_id = transactions.id
  AND (transactions.id < :last_transaction OR timestamp < :before
       OR (timestamp = :before AND meter_values.id < :before_id))
  AND (CAST(:connector_id AS BIGINT) IS NULL OR meter_values.connector_id = :connector_id)
  AND (CAST(:measurand AS TEXT) IS NULL OR measurand = :measurand)
  AND (CAST(:phase AS TEXT) IS NULL OR phase = :phase)
  AND (CAST(:context AS TEXT) IS NULL OR context = :context)
  AND (CAST(:location AS TEXT) IS NULL OR location = :location)
  AND (CAST(:format AS TEXT) IS NULL OR format = :format)
  AND (CAST(:source AS TEXT) IS NULL OR source = :source)
  AND (CAST(:since AS BIGINT) IS NULL OR timestamp >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR timestamp < :until)
ORDER BY transactions.id DESC, timestamp DESC, meter_values.id DESC LIMIT :limit OFFSET :offset;

-- name: count_of_transactions
-- How many `page_of_transactions` has in all, but not above a limit.
SELECT count(*) AS total FROM (
    SELECT 1 FROM transactions CROSS JOIN meter_values
    WHERE transactions.charge_point_id = :charge_point_id
      AND transactions.id >= :first_transaction AND transactions.id <= :last_transaction
      AND meter_values.transaction_id = transactions.id
      AND (CAST(:connector_id AS BIGINT) IS NULL OR meter_values.connector_id = :connector_id)
      AND (CAST(:measurand AS TEXT) IS NULL OR measurand = :measurand)
      AND (CAST(:phase AS TEXT) IS NULL OR phase = :phase)
      AND (CAST(:context AS TEXT) IS NULL OR context = :context)
      AND (CAST(:location AS TEXT) IS NULL OR location = :location)
      AND (CAST(:format AS TEXT) IS NULL OR format = :format)
      AND (CAST(:source AS TEXT) IS NULL OR source = :source)
      AND (CAST(:since AS BIGINT) IS NULL OR timestamp >= :since)
      AND (CAST(:until AS BIGINT) IS NULL OR timestamp < :until)
    LIMIT :limit
) AS found;

-- name: page_loose
-- Sampled values of a charge point that belong to no transaction, newest first, from a place on.
SELECT * FROM meter_values
WHERE transaction_id = 0 AND charge_point_id = :charge_point_id
  AND timestamp <= :before AND (timestamp < :before OR id < :before_id)
  AND (CAST(:connector_id AS BIGINT) IS NULL OR connector_id = :connector_id)
  AND (CAST(:measurand AS TEXT) IS NULL OR measurand = :measurand)
  AND (CAST(:phase AS TEXT) IS NULL OR phase = :phase)
  AND (CAST(:context AS TEXT) IS NULL OR context = :context)
  AND (CAST(:location AS TEXT) IS NULL OR location = :location)
  AND (CAST(:format AS TEXT) IS NULL OR format = :format)
  AND (CAST(:source AS TEXT) IS NULL OR source = :source)
  AND (CAST(:since AS BIGINT) IS NULL OR timestamp >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR timestamp < :until)
ORDER BY timestamp DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: count_loose
-- How many `page_loose` has in all, but not above a limit.
SELECT count(*) AS total FROM (
    SELECT 1 FROM meter_values
    WHERE transaction_id = 0 AND charge_point_id = :charge_point_id
      AND (CAST(:connector_id AS BIGINT) IS NULL OR connector_id = :connector_id)
      AND (CAST(:measurand AS TEXT) IS NULL OR measurand = :measurand)
      AND (CAST(:phase AS TEXT) IS NULL OR phase = :phase)
      AND (CAST(:context AS TEXT) IS NULL OR context = :context)
      AND (CAST(:location AS TEXT) IS NULL OR location = :location)
      AND (CAST(:format AS TEXT) IS NULL OR format = :format)
      AND (CAST(:source AS TEXT) IS NULL OR source = :source)
      AND (CAST(:since AS BIGINT) IS NULL OR timestamp >= :since)
      AND (CAST(:until AS BIGINT) IS NULL OR timestamp < :until)
    LIMIT :limit
) AS found;

-- name: page_newest
-- Sampled values of all charge points, in the order they came, the newest first, from a place on down
-- to another.
SELECT * FROM meter_values
WHERE id > :floor
  AND (CAST(:transaction_id AS BIGINT) IS NULL OR transaction_id = :transaction_id)
  AND id < :before_id
  AND (CAST(:connector_id AS BIGINT) IS NULL OR connector_id = :connector_id)
  AND (CAST(:measurand AS TEXT) IS NULL OR measurand = :measurand)
  AND (CAST(:phase AS TEXT) IS NULL OR phase = :phase)
  AND (CAST(:context AS TEXT) IS NULL OR context = :context)
  AND (CAST(:location AS TEXT) IS NULL OR location = :location)
  AND (CAST(:format AS TEXT) IS NULL OR format = :format)
  AND (CAST(:source AS TEXT) IS NULL OR source = :source)
  AND (CAST(:since AS BIGINT) IS NULL OR timestamp >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR timestamp < :until)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count_newest
-- How many `page_newest` has in all, but not above a limit.
SELECT count(*) AS total FROM (
    SELECT 1 FROM meter_values
    WHERE id > :floor
      AND (CAST(:transaction_id AS BIGINT) IS NULL OR transaction_id = :transaction_id)
      AND (CAST(:connector_id AS BIGINT) IS NULL OR connector_id = :connector_id)
      AND (CAST(:measurand AS TEXT) IS NULL OR measurand = :measurand)
      AND (CAST(:phase AS TEXT) IS NULL OR phase = :phase)
      AND (CAST(:context AS TEXT) IS NULL OR context = :context)
      AND (CAST(:location AS TEXT) IS NULL OR location = :location)
      AND (CAST(:format AS TEXT) IS NULL OR format = :format)
      AND (CAST(:source AS TEXT) IS NULL OR source = :source)
      AND (CAST(:since AS BIGINT) IS NULL OR timestamp >= :since)
      AND (CAST(:until AS BIGINT) IS NULL OR timestamp < :until)
    LIMIT :limit
) AS found;

-- name: newest_id
-- The number of the value that came last.
SELECT max(id) AS id FROM meter_values;
