-- name: insert
-- One sampled value; nothing if its message was stored before.
INSERT INTO meter_values
    (charge_point_id, connector_id, transaction_id, source, digest, position, timestamp, value,
     number, unit, measurand, phase, context, location, format)
VALUES
    (:charge_point_id, :connector_id, :transaction_id, :source, :digest, :position, :timestamp,
     :value, :number, :unit, :measurand, :phase, :context, :location, :format)
ON CONFLICT (transaction_id, digest, position) DO NOTHING;

-- name: of_transaction
-- The sampled values of one transaction, in the order they came.
SELECT * FROM meter_values WHERE transaction_id = :transaction_id ORDER BY id;
