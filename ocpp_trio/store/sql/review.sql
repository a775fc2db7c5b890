-- name: find_same
-- The item that a message is kept in already.
SELECT id, resolution FROM review_items
WHERE charge_point_id = :charge_point_id AND digest = :digest;

-- name: count_again
-- The same message again only counts.
UPDATE review_items SET times = times + 1 WHERE id = :id;

-- name: count_open_of
-- How many items of a charge point wait for a person.
SELECT count(*) AS total FROM review_items
WHERE charge_point_id = :charge_point_id AND resolution IS NULL;

-- name: count_overflow
-- One message more that is not kept.
UPDATE charge_points SET review_overflow = review_overflow + 1 WHERE id = :charge_point_id;

-- name: insert
-- Keep a message that could not be matched.
INSERT INTO review_items
    (kind, charge_point_id, action, reason, message, digest, suggestion, received_at)
VALUES
    (:kind, :charge_point_id, :action, :reason, :message, :digest, :suggestion, :now);

-- name: find
-- One item.
SELECT * FROM review_items WHERE id = :id;

-- name: of_charge_point
-- What was kept of a charge point, oldest first.
SELECT * FROM review_items WHERE charge_point_id = :charge_point_id ORDER BY id;

-- name: page
-- Items, newest first, filtered; without messages that are too long for a list.
SELECT id, kind, charge_point_id, action, reason, suggestion, times, received_at, resolution,
       resolved_at, actor, note, transaction_id, replaced,
       CASE WHEN length(message) <= :longest THEN message END AS message
FROM review_items
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:kind AS TEXT) IS NULL OR kind = :kind)
  AND (CAST(:action AS TEXT) IS NULL OR action = :action)
  AND (CAST(:is_open AS BIGINT) IS NULL
       OR CASE WHEN resolution IS NULL THEN 1 ELSE 0 END = :is_open)
  AND (CAST(:since AS BIGINT) IS NULL OR received_at >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR received_at < :until)
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many items `page` has in all.
SELECT count(*) AS total FROM review_items
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:kind AS TEXT) IS NULL OR kind = :kind)
  AND (CAST(:action AS TEXT) IS NULL OR action = :action)
  AND (CAST(:is_open AS BIGINT) IS NULL
       OR CASE WHEN resolution IS NULL THEN 1 ELSE 0 END = :is_open)
  AND (CAST(:since AS BIGINT) IS NULL OR received_at >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR received_at < :until);

-- name: count_open
-- How many items wait for a person.
SELECT count(*) AS total FROM review_items WHERE resolution IS NULL;

-- name: resolve
-- What a person decided about an open item.
UPDATE review_items
SET resolution = :resolution, resolved_at = :now, actor = :actor, note = :note,
    transaction_id = :transaction_id, replaced = :replaced
WHERE id = :id AND resolution IS NULL
RETURNING *;
