-- name: find
-- One tag, compared without case.
SELECT * FROM id_tags WHERE tag_key = :tag_key;

-- name: page
-- Tags, newest first, filtered.
SELECT * FROM id_tags
WHERE (CAST(:status AS TEXT) IS NULL OR status = :status)
  AND (CAST(:parent_id_tag AS TEXT) IS NULL OR lower(parent_id_tag) = lower(:parent_id_tag))
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many tags `page` has in all.
SELECT count(*) AS total FROM id_tags
WHERE (CAST(:status AS TEXT) IS NULL OR status = :status)
  AND (CAST(:parent_id_tag AS TEXT) IS NULL OR lower(parent_id_tag) = lower(:parent_id_tag));

-- name: after
-- Tags by number that follow one.
SELECT * FROM id_tags WHERE id > :id ORDER BY id LIMIT :limit;

-- name: put
-- Create a tag or change it.
INSERT INTO id_tags
    (id_tag, tag_key, parent_id_tag, status, expiry_date, max_active_transactions, note,
     created_at, updated_at)
VALUES
    (:id_tag, :tag_key, :parent_id_tag, :status, :expiry_date, :max_active_transactions, :note,
     :now, :now)
ON CONFLICT (tag_key) DO UPDATE
SET id_tag = excluded.id_tag, parent_id_tag = excluded.parent_id_tag, status = excluded.status,
    expiry_date = excluded.expiry_date,
    max_active_transactions = excluded.max_active_transactions, note = excluded.note,
    updated_at = excluded.updated_at
RETURNING *;

-- name: insert
-- A new tag of a file.
INSERT INTO id_tags
    (id_tag, tag_key, parent_id_tag, status, expiry_date, max_active_transactions, note,
     created_at, updated_at)
VALUES
    (:id_tag, :tag_key, :parent_id_tag, :status, :expiry_date, :max_active_transactions, :note,
     :created_at, :updated_at);

-- name: change
-- A tag of a file that is known already.
UPDATE id_tags
SET id_tag = :id_tag, parent_id_tag = :parent_id_tag, status = :status,
    expiry_date = :expiry_date, max_active_transactions = :max_active_transactions, note = :note,
    updated_at = :now
WHERE tag_key = :tag_key;

-- name: delete
-- Remove a tag; transactions keep its text.
DELETE FROM id_tags WHERE tag_key = :tag_key;
