-- name: find
-- One transaction, of whatever charge point.
SELECT * FROM transactions WHERE id = :id;

-- name: find_of
-- One transaction of one charge point: an id alone never reaches another station's session.
SELECT * FROM transactions WHERE id = :id AND charge_point_id = :charge_point_id;

-- name: find_replay
-- The transaction that an equal start began.
SELECT * FROM transactions
WHERE charge_point_id = :charge_point_id AND replay_key = :replay_key;

-- name: find_open
-- The newest running transaction of a connector.
SELECT * FROM transactions
WHERE charge_point_id = :charge_point_id AND connector_id = :connector_id AND is_complete = 0
ORDER BY id DESC LIMIT 1;

-- name: find_ended_since
-- The transaction that ran on a connector at a moment and has ended since, among a station's last.
SELECT * FROM (
    SELECT * FROM transactions
    WHERE charge_point_id = :charge_point_id ORDER BY id DESC LIMIT :searched
) AS last
WHERE connector_id = :connector_id AND is_complete = 1
  AND received_at <= :moment AND stop_received_at > :moment
ORDER BY id DESC LIMIT 1;

-- name: suggest_open
-- The newest running transaction that a stray message may belong to. Ordered by `id + 0`: by id, all
-- transactions of the station would be looked through.
SELECT id FROM transactions
WHERE charge_point_id = :charge_point_id AND is_complete = 0
  AND (CAST(:connector_id AS BIGINT) IS NULL OR connector_id = :connector_id)
  AND (CAST(:latest_start AS BIGINT) IS NULL OR started_at <= :latest_start)
ORDER BY id + 0 DESC LIMIT 1;

-- name: suggest_by_time
-- The newest of a station's last transactions whose time includes a moment.
SELECT id FROM (
    SELECT id, started_at, stopped_at FROM transactions
    WHERE charge_point_id = :charge_point_id ORDER BY id DESC LIMIT :searched
) AS last
WHERE started_at <= :moment AND stopped_at >= :moment
ORDER BY id DESC LIMIT 1;

-- name: count_active
-- Running transactions of a tag that were allowed to start.
SELECT count(*) AS active FROM transactions
WHERE tag_key = :tag_key AND is_complete = 0 AND authorization_status = 'Accepted';

-- name: insert
-- A new transaction; its id.
INSERT INTO transactions
    (charge_point_id, connector_id, id_tag, tag_key, parent_id_tag, authorization_status,
     authorization_expiry, reservation_id, meter_start, started_at, start_text, replay_key,
     received_at, flags)
VALUES
    (:charge_point_id, :connector_id, :id_tag, :tag_key, :parent_id_tag, :authorization_status,
     :authorization_expiry, :reservation_id, :meter_start, :started_at, :start_text, :replay_key,
     :now, :flags)
RETURNING id;

-- name: complete
-- The end of a transaction, by the station or by hand; of one that is over, another end.
UPDATE transactions
SET is_complete = 1, meter_stop = :meter_stop, stopped_at = :stopped_at, stop_text = :stop_text,
    stop_received_at = :now, stop_reason = :stop_reason, stop_id_tag = :stop_id_tag,
    stopped_by = :stopped_by, flags = :flags, replay_key = :replay_key
WHERE id = :id AND is_complete = :was_complete;

-- name: keep_late_stop
-- The first stop that comes after a transaction was closed by hand.
UPDATE transactions
SET late_meter_stop = :meter_stop, late_stopped_at = :stopped_at, late_stop_text = :stop_text,
    late_stop_reason = :stop_reason, late_stop_id_tag = :stop_id_tag, late_stop_received_at = :now
WHERE id = :id AND late_stop_received_at IS NULL;

-- name: set_register
-- The newest energy register of many transactions; an older one changes nothing, and of two of the
-- same moment the larger counts, whichever came first. A reading that only has the time of its arrival
-- may be a late repeat, so it never turns the register back.
UPDATE transactions SET register_wh = newer.column2, register_at = newer.column3
FROM (VALUES (
    CAST(:id AS BIGINT), CAST(:register_wh AS BIGINT), CAST(:register_at AS BIGINT),
    CAST(:is_timed AS BIGINT)
)) AS newer
WHERE transactions.id = newer.column1
  AND (register_at IS NULL OR register_at < newer.column3
       OR (register_at = newer.column3 AND register_wh <= newer.column2))
  AND (newer.column4 = 1 OR register_wh IS NULL OR register_wh <= newer.column2);

-- name: set_intervals
-- The sum of a transaction's interval readings.
UPDATE transactions SET interval_wh = :interval_wh WHERE id = :id;

-- name: set_remote_stop_reason
-- Why an operator asked for the end.
UPDATE transactions SET remote_stop_reason = :reason
WHERE id = :id AND charge_point_id = :charge_point_id;

-- name: page
-- Transactions, newest first, with ids below a number. All, or only those that are over or not.
SELECT * FROM transactions
WHERE id < :before AND (CAST(:is_complete AS BIGINT) IS NULL OR is_complete = :is_complete)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: page_of
-- The same of one charge point.
SELECT * FROM transactions
WHERE charge_point_id = :charge_point_id AND id < :before
  AND (CAST(:is_complete AS BIGINT) IS NULL OR is_complete = :is_complete)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: page_of_open
-- The running ones, of one charge point or all: few among very many. The plus signs keep the planner
-- from walking through all transactions, newest first.
SELECT * FROM transactions
WHERE is_complete = 0 AND +id < :before
  AND (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
ORDER BY +id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many transactions there are: without a condition, for only so SQLite counts without reading.
SELECT count(*) AS total FROM transactions;

-- name: count_of
-- How many transactions a charge point has.
SELECT count(*) AS total FROM transactions WHERE charge_point_id = :charge_point_id;

-- name: count_open
-- How many transactions run, of one charge point or all.
SELECT count(*) AS total FROM transactions
WHERE is_complete = 0
  AND (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id);
