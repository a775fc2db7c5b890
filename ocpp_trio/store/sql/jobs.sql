-- name: insert
-- A job that was asked for.
INSERT INTO jobs
    (charge_point_id, kind, request_id, command_id, actor, location, state, requested_at, updated_at)
VALUES
    (:charge_point_id, :kind, :request_id, :command_id, :actor, :location, 'requested', :now, :now);

-- name: of_command
-- The job that a command began.
SELECT * FROM jobs WHERE command_id = :command_id;

-- name: of_request
-- The newest job with a requestId that its station knows of: stations start again from any number.
SELECT * FROM jobs
WHERE charge_point_id = :charge_point_id AND kind = :kind AND request_id = :request_id
  AND NOT EXISTS (
      SELECT 1 FROM commands WHERE commands.id = jobs.command_id AND commands.sent_at IS NULL)
ORDER BY id DESC LIMIT 1;

-- name: newest_open
-- The newest job of a kind that its station knows of and that has not ended; before one whose
-- command is on its way, one that goes on.
SELECT * FROM jobs
WHERE charge_point_id = :charge_point_id AND kind = :kind AND state IN ('requested', 'running')
  AND NOT EXISTS (
      SELECT 1 FROM commands WHERE commands.id = jobs.command_id AND commands.sent_at IS NULL)
ORDER BY
    CASE WHEN state = 'requested' AND EXISTS (
        SELECT 1 FROM commands WHERE commands.id = jobs.command_id AND commands.state = 'sent')
    THEN 1 ELSE 0 END,
    id DESC
LIMIT 1;

-- name: set_answer
-- What the station answered to the request.
UPDATE jobs
SET state = :state, file_name = coalesce(:file_name, file_name), status = :status,
    ended_at = :ended_at, updated_at = :now
WHERE id = :id;

-- name: cancel_before
-- The jobs that the station gave up for a newer one.
UPDATE jobs SET state = 'cancelled', ended_at = :now, updated_at = :now
WHERE charge_point_id = :charge_point_id AND kind = :kind AND id < :id
  AND state IN ('requested', 'running');

-- name: set_status
-- A notification about a job.
UPDATE jobs SET state = :state, status = :status, ended_at = :ended_at, updated_at = :now
WHERE id = :id
RETURNING *;

-- name: insert_report
-- A status notification as it came.
INSERT INTO charge_point_reports
    (charge_point_id, action, status, request_id, job_id, received_at)
VALUES
    (:charge_point_id, :action, :status, :request_id, :job_id, :now);

-- name: find
-- One job.
SELECT * FROM jobs WHERE id = :id;

-- name: reports
-- The notifications about a job, in the order they came.
SELECT * FROM charge_point_reports WHERE job_id = :job_id ORDER BY id;

-- name: page
-- Jobs, newest first, filtered.
SELECT * FROM jobs
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:kind AS TEXT) IS NULL OR kind = :kind)
  AND (CAST(:state AS TEXT) IS NULL OR state = :state)
  AND (CAST(:since AS BIGINT) IS NULL OR requested_at >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR requested_at < :until)
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many jobs the filters leave.
SELECT count(*) AS total FROM jobs
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:kind AS TEXT) IS NULL OR kind = :kind)
  AND (CAST(:state AS TEXT) IS NULL OR state = :state)
  AND (CAST(:since AS BIGINT) IS NULL OR requested_at >= :since)
  AND (CAST(:until AS BIGINT) IS NULL OR requested_at < :until);
