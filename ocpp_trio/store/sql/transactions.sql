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

-- name: find_open_of
-- The newest running transaction of a charge point: a guess to suggest, never to act upon.
SELECT id FROM transactions
WHERE charge_point_id = :charge_point_id AND is_complete = 0
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
-- The end of a transaction, by the station or by hand.
UPDATE transactions
SET is_complete = 1, meter_stop = :meter_stop, stopped_at = :stopped_at, stop_text = :stop_text,
    stop_received_at = :now, stop_reason = :stop_reason, stop_id_tag = :stop_id_tag,
    stopped_by = :stopped_by, flags = :flags, replay_key = :replay_key
WHERE id = :id AND is_complete = 0;

-- name: set_register
-- The newest energy register of many transactions; an older one changes nothing, and of two of the
-- same moment the larger counts, whichever came first. A reading that only has the time of its arrival
-- may be a late repeat, so it never turns the register back.
UPDATE transactions SET register_wh = newer.column2, register_at = newer.column3
FROM (VALUES (:id, :register_wh, :register_at, :is_timed)) AS newer
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
-- Transactions, newest first, filtered.
SELECT * FROM transactions
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:is_complete AS BIGINT) IS NULL OR is_complete = :is_complete)
  AND (CAST(:before AS BIGINT) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit OFFSET :offset;

-- name: count
-- How many transactions `page` has in all.
SELECT count(*) AS total FROM transactions
WHERE (CAST(:charge_point_id AS TEXT) IS NULL OR charge_point_id = :charge_point_id)
  AND (CAST(:is_complete AS BIGINT) IS NULL OR is_complete = :is_complete);
