-- name: unread
-- Running transactions without a reading since a moment, or with one that a clock ahead of ours has
-- dated into the future. The longest unread first.
SELECT transactions.id, transactions.charge_point_id, transactions.connector_id,
       transactions.register_at, transactions.received_at, charge_points.last_boot
FROM transactions JOIN charge_points ON charge_points.id = transactions.charge_point_id
WHERE transactions.is_complete = 0
  AND (coalesce(transactions.register_at, transactions.received_at) < :before
       OR transactions.register_at > :now)
ORDER BY coalesce(transactions.register_at, transactions.received_at), transactions.id;

-- name: back_up
-- The newest register of each running transaction as a meter value, once for each reading. Digests
-- of messages are positive, so the negative moment of the reading is nobody else's.
INSERT INTO meter_values
    (charge_point_id, connector_id, transaction_id, digest, position, timestamp, value, number, unit,
     measurand, context, location, format, source)
SELECT charge_point_id, connector_id, id, -register_at, 0, register_at,
       CAST(register_wh AS TEXT), register_wh, 'Wh', 'Energy.Active.Import.Register', 'Other',
       'Outlet', 'Raw', 'Backup'
FROM transactions
WHERE is_complete = 0 AND register_wh IS NOT NULL AND register_at IS NOT NULL
ON CONFLICT (transaction_id, digest, position) DO NOTHING;

-- name: offline
-- Running transactions of charge points that have been offline since a moment, or are on the list no
-- more. The longest offline first.
SELECT transactions.id, transactions.charge_point_id, transactions.connector_id,
       coalesce(charge_points.disconnected_at, transactions.received_at) AS since
FROM transactions LEFT JOIN charge_points ON charge_points.id = transactions.charge_point_id
WHERE transactions.is_complete = 0 AND coalesce(charge_points.is_connected, 0) = 0
  AND coalesce(charge_points.disconnected_at, transactions.received_at) <= :before
ORDER BY coalesce(charge_points.disconnected_at, transactions.received_at), transactions.id;

-- name: charging_without
-- Connectors that say they charge although no transaction runs on them.
SELECT charge_point_id, connector_id, status FROM connectors
WHERE connector_id > 0 AND status IN ('Charging', 'SuspendedEV', 'SuspendedEVSE')
  AND NOT EXISTS (
      SELECT 1 FROM transactions
      WHERE transactions.charge_point_id = connectors.charge_point_id
        AND transactions.connector_id = connectors.connector_id
        AND transactions.is_complete = 0)
ORDER BY charge_point_id, connector_id;

-- name: running_on_available
-- Running transactions whose connector says it is free. In no order: by id, SQLite would look through
-- all transactions there ever were.
SELECT transactions.id, transactions.charge_point_id, transactions.connector_id
FROM transactions
JOIN connectors ON connectors.charge_point_id = transactions.charge_point_id
    AND connectors.connector_id = transactions.connector_id
WHERE transactions.is_complete = 0 AND connectors.status = 'Available';
