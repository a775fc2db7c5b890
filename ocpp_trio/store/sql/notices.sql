-- name: insert_report
-- A status the station sent of its own: diagnostics or firmware.
INSERT INTO charge_point_reports (charge_point_id, action, status, received_at)
VALUES (:charge_point_id, :action, :status, :now);

-- name: insert_transfer
-- A DataTransfer as it came, and how it was answered.
INSERT INTO data_transfers (charge_point_id, vendor_id, message_id, data, answer, received_at)
VALUES (:charge_point_id, :vendor_id, :message_id, :data, :answer, :now);
