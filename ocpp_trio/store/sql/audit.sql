-- name: begin
-- Somebody asks for something.
INSERT INTO audit
    (recorded_at, request_id, actor, role, door, remote_address, action, method, route, object_id,
     request)
VALUES
    (:now, :request_id, :actor, :role, :door, :remote_address, :action, :method, :route, :object_id,
     :request)
RETURNING id;

-- name: settle
-- What became of it.
UPDATE audit SET outcome = :outcome, status = :status, finished_at = :now WHERE id = :id;

-- name: prune
-- Forget the oldest entries.
DELETE FROM audit WHERE id IN (
    SELECT id FROM audit WHERE recorded_at < :oldest ORDER BY recorded_at LIMIT :limit
);

-- name: page
-- Entries, newest first, filtered.
SELECT * FROM audit
WHERE (CAST(:actor AS TEXT) IS NULL OR actor = :actor)
  AND (CAST(:action AS TEXT) IS NULL OR action = :action)
  AND (CAST(:object_id AS TEXT) IS NULL OR object_id = :object_id)
  AND (CAST(:outcome AS TEXT) IS NULL OR outcome = :outcome)
  AND (CAST(:since AS BIGINT) IS NULL OR recorded_at >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR recorded_at < :until)
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many entries the filters leave.
SELECT count(*) AS total FROM audit
WHERE (CAST(:actor AS TEXT) IS NULL OR actor = :actor)
  AND (CAST(:action AS TEXT) IS NULL OR action = :action)
  AND (CAST(:object_id AS TEXT) IS NULL OR object_id = :object_id)
  AND (CAST(:outcome AS TEXT) IS NULL OR outcome = :outcome)
  AND (CAST(:since AS BIGINT) IS NULL OR recorded_at >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR recorded_at < :until);
