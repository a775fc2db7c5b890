-- name: add
-- So many more repairs of one kind.
INSERT INTO schema_repairs (charge_point_id, action, repair, times, first_at, last_at)
VALUES (:charge_point_id, :action, :repair, :times, :first_at, :last_at)
ON CONFLICT (charge_point_id, action, repair) DO UPDATE
SET times = schema_repairs.times + excluded.times, last_at = excluded.last_at;

-- name: of_charge_point
-- The repairs of one charge point, the most frequent first.
SELECT * FROM schema_repairs WHERE charge_point_id = :charge_point_id ORDER BY times DESC, action;
