-- name: find
-- What is known of one station's list.
SELECT * FROM local_lists WHERE charge_point_id = :charge_point_id;

-- name: take_version
-- A version that was never sent.
INSERT INTO local_lists (charge_point_id, last_version, state, updated_at)
VALUES (:charge_point_id, 1, 'unknown', :now)
ON CONFLICT (charge_point_id) DO UPDATE SET last_version = local_lists.last_version + 1
RETURNING last_version;

-- name: note_sending
-- A version is about to go out: it is never used again.
INSERT INTO local_lists (charge_point_id, last_version, state, updated_at)
VALUES (:charge_point_id, :version, 'unknown', :now)
ON CONFLICT (charge_point_id) DO UPDATE
SET last_version = CASE WHEN excluded.last_version > local_lists.last_version
        THEN excluded.last_version ELSE local_lists.last_version END,
    updated_at = excluded.updated_at;

-- name: note_sent
-- Which list was sent last.
UPDATE local_lists SET command_id = :command_id, updated_at = :now
WHERE charge_point_id = :charge_point_id;

-- name: note_accepted
-- The station has a version.
UPDATE local_lists
SET version = :version, state = :state, status = 'Accepted', synchronised_at = :now,
    updated_at = :now
WHERE charge_point_id = :charge_point_id;

-- name: note_refused
-- The station did not take a list.
UPDATE local_lists SET state = :state, status = :status, updated_at = :now
WHERE charge_point_id = :charge_point_id;

-- name: note_version
-- What version a station says it has.
INSERT INTO local_lists (charge_point_id, version, last_version, state, checked_at, updated_at)
VALUES (:charge_point_id, :version, :last_version, :state, :now, :now)
ON CONFLICT (charge_point_id) DO UPDATE
SET version = excluded.version,
    last_version = CASE WHEN excluded.last_version > local_lists.last_version
        THEN excluded.last_version ELSE local_lists.last_version END,
    state = excluded.state, checked_at = excluded.checked_at, updated_at = excluded.updated_at;

-- name: put_entry
-- An entry of a station's list.
INSERT INTO local_list_entries
    (charge_point_id, tag_key, id_tag, status, parent_id_tag, expiry_date)
VALUES (:charge_point_id, :tag_key, :id_tag, :status, :parent_id_tag, :expiry_date)
ON CONFLICT (charge_point_id, tag_key) DO UPDATE
SET id_tag = excluded.id_tag, status = excluded.status, parent_id_tag = excluded.parent_id_tag,
    expiry_date = excluded.expiry_date;

-- name: delete_entry
-- An entry that is no longer in a station's list.
DELETE FROM local_list_entries WHERE charge_point_id = :charge_point_id AND tag_key = :tag_key;

-- name: delete_entries
-- A station's list is empty, or not known.
DELETE FROM local_list_entries WHERE charge_point_id = :charge_point_id;

-- name: entries
-- A station's list, by tag.
SELECT * FROM local_list_entries WHERE charge_point_id = :charge_point_id ORDER BY tag_key;

-- name: all_tags
-- Every tag, in a fixed order.
SELECT * FROM id_tags ORDER BY tag_key;

-- name: changed_tags
-- Tags that a station's list lacks or holds otherwise.
SELECT id_tags.*, entry.status AS listed_status, entry.parent_id_tag AS listed_parent,
       entry.expiry_date AS listed_expiry
FROM id_tags LEFT JOIN local_list_entries AS entry
  ON entry.tag_key = id_tags.tag_key AND entry.charge_point_id = :charge_point_id
WHERE entry.tag_key IS NULL OR entry.status <> id_tags.status
   OR COALESCE(entry.parent_id_tag, '') <> COALESCE(id_tags.parent_id_tag, '')
   OR COALESCE(entry.expiry_date, -1) <> COALESCE(id_tags.expiry_date, -1)
ORDER BY id_tags.tag_key;

-- name: removed_tags
-- Entries of a station's list whose tags are gone.
SELECT * FROM local_list_entries AS entry
WHERE charge_point_id = :charge_point_id
  AND NOT EXISTS (SELECT 1 FROM id_tags WHERE id_tags.tag_key = entry.tag_key)
ORDER BY tag_key;

-- name: page
-- Lists by station, filtered, each with the number of its entries.
SELECT local_lists.*,
       (SELECT count(*) FROM local_list_entries AS entry
        WHERE entry.charge_point_id = local_lists.charge_point_id) AS entries
FROM local_lists
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:state AS TEXT) IS NULL OR state = :state)
  AND (CAST(:after AS TEXT) IS NULL OR charge_point_id > :after)
ORDER BY charge_point_id LIMIT :limit OFFSET :offset;

-- name: count
-- How many lists the filters leave.
SELECT count(*) AS total FROM local_lists
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:state AS TEXT) IS NULL OR state = :state);

-- name: connected
-- Connected stations that may be asked about their lists.
SELECT charge_points.id FROM charge_points
LEFT JOIN local_lists ON local_lists.charge_point_id = charge_points.id
WHERE is_connected = 1 AND registration = 'Accepted'
  AND connected_at <= :before AND last_boot <= :before
  AND (local_lists.state IS NULL OR local_lists.state <> 'not-supported')
ORDER BY charge_points.id;
