-- name: remember
-- The fingerprint of a message; nothing if it is known.
INSERT INTO meter_messages (transaction_id, digest) VALUES (:transaction_id, :digest)
ON CONFLICT (transaction_id, digest) DO NOTHING;

-- name: insert
-- One sampled value.
INSERT INTO meter_values
    (charge_point_id, connector_id, transaction_id, source, timestamp, value, number, unit,
     measurand, phase, context, location, format)
VALUES
    (:charge_point_id, :connector_id, :transaction_id, :source, :timestamp, :value, :number, :unit,
     :measurand, :phase, :context, :location, :format);

-- name: of_transaction
-- The sampled values of one transaction, in the order they came.
SELECT * FROM meter_values WHERE transaction_id = :transaction_id ORDER BY id;
