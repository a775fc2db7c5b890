-- name: put
-- Keep a message that could not be matched; the same message again only counts.
INSERT INTO review_items
    (kind, charge_point_id, action, reason, message, digest, suggestion, received_at)
VALUES
    (:kind, :charge_point_id, :action, :reason, :message, :digest, :suggestion, :now)
ON CONFLICT (charge_point_id, digest) DO UPDATE SET times = review_items.times + 1;

-- name: of_charge_point
-- What waits for a person, oldest first.
SELECT * FROM review_items WHERE charge_point_id = :charge_point_id ORDER BY id;

-- name: count_of
-- How many items a charge point has.
SELECT count(*) AS total FROM review_items WHERE charge_point_id = :charge_point_id;
