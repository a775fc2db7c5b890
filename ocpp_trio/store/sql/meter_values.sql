-- name: insert
-- One sampled value; nothing if its message was stored before.
INSERT INTO meter_values
    (charge_point_id, connector_id, transaction_id, source, digest, position, timestamp, value,
     number, unit, measurand, phase, context, location, format)
VALUES
    (:charge_point_id, :connector_id, :transaction_id, :source, :digest, :position, :timestamp,
     :value, :number, :unit, :measurand, :phase, :context, :location, :format)
ON CONFLICT (transaction_id, digest, position) DO NOTHING;

-- name: set_checksum
-- The checksum of one sampled value that is signed data.
UPDATE meter_values SET checksum = :checksum
WHERE transaction_id = :transaction_id AND digest = :digest AND position = :position;

-- name: of_transaction
-- The sampled values of one transaction, in the order they came.
SELECT * FROM meter_values WHERE transaction_id = :transaction_id ORDER BY id;

-- name: add_interval
-- What one moment's interval readings add to a transaction. Of two that differ the larger counts,
-- whichever came first.
INSERT INTO interval_readings (transaction_id, is_aligned, moment, mwh)
VALUES (:transaction_id, :is_aligned, :moment, :mwh)
ON CONFLICT (transaction_id, is_aligned, moment) DO UPDATE SET mwh = excluded.mwh
WHERE excluded.mwh > interval_readings.mwh;

-- name: sum_intervals
-- The sums of a transaction's interval readings, of each kind.
SELECT is_aligned, sum(mwh) AS mwh FROM interval_readings
WHERE transaction_id = :id GROUP BY is_aligned;

-- name: of_message
-- Whether a message of a transaction is stored, by its fingerprint.
SELECT 1 AS is_stored FROM meter_values
WHERE transaction_id = :transaction_id AND digest = :digest LIMIT 1;

-- name: of_source
-- The sampled values of a transaction that came in one kind of message.
SELECT timestamp, value, number, unit, measurand, phase, context, location, format
FROM meter_values WHERE transaction_id = :transaction_id AND source = :source;
