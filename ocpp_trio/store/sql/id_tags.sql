-- name: find
-- One tag, compared without case.
SELECT * FROM id_tags WHERE tag_key = :tag_key;

-- name: page
-- Tags, newest first.
SELECT * FROM id_tags ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: behind
-- Tags that follow one, newest first.
SELECT * FROM id_tags WHERE id < :id ORDER BY id DESC LIMIT :limit;

-- name: count
-- How many tags there are.
SELECT count(*) AS total FROM id_tags;

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

-- name: delete
-- Remove a tag; transactions keep its text.
DELETE FROM id_tags WHERE tag_key = :tag_key;
