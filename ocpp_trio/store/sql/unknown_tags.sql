-- name: put
-- An unknown tag was seen, for the first time or again.
INSERT INTO unknown_tags (tag_key, id_tag, charge_point_id, times, first_seen, last_seen)
VALUES (:tag_key, :id_tag, :charge_point_id, 1, :now, :now)
ON CONFLICT (tag_key) DO UPDATE
SET id_tag = excluded.id_tag, charge_point_id = excluded.charge_point_id,
    times = unknown_tags.times + 1, last_seen = excluded.last_seen
RETURNING times;

-- name: trim
-- Let go of those seen longest ago. One comes in at a time, so few are ever too many.
DELETE FROM unknown_tags WHERE tag_key IN (
    SELECT tag_key FROM unknown_tags ORDER BY last_seen DESC, tag_key DESC LIMIT 1000 OFFSET :limit
);

-- name: forget
-- A tag that is registered now.
DELETE FROM unknown_tags WHERE tag_key = :tag_key;

-- name: forget_registered
-- Every tag that is registered now.
DELETE FROM unknown_tags WHERE tag_key IN (SELECT tag_key FROM id_tags);

-- name: page
-- Unknown tags, seen last first, filtered, from a place on.
SELECT * FROM unknown_tags
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:since AS BIGINT) IS NULL OR last_seen >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR last_seen < :until)
  AND (CAST(:seen AS BIGINT) IS NULL OR last_seen < :seen
       OR (last_seen = :seen AND tag_key < :tag_key))
ORDER BY last_seen DESC, tag_key DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many unknown tags `page` has in all.
SELECT count(*) AS total FROM unknown_tags
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:since AS BIGINT) IS NULL OR last_seen >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR last_seen < :until);
