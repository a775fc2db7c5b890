-- name: insert
-- A process that shares the database from now on.
INSERT INTO nodes (id, name, role, place, started_at, heartbeat_at, beats, public_key)
VALUES (:id, :name, :role, :place, :now, :now, :beats, :public_key);

-- name: beat
-- A node is there; nothing if it was declared dead.
UPDATE nodes SET heartbeat_at = :now, beats = :beats WHERE id = :id;

-- name: all
-- All nodes, the one that has been there longest first.
SELECT * FROM nodes ORDER BY started_at, id;

-- name: with_connections
-- All nodes, oldest first, and how many charge points are connected to each.
SELECT nodes.*,
    (SELECT count(*) FROM charge_points
     WHERE charge_points.node_id = nodes.id AND is_connected = 1) AS connections
FROM nodes ORDER BY started_at, id;

-- name: find
-- One node.
SELECT * FROM nodes WHERE id = :id;

-- name: declare_dead
-- Take a node off the list, unless it has shown since that it lives.
DELETE FROM nodes WHERE id = :id AND beats = :beats RETURNING *;

-- name: delete
-- Take a node off the list.
DELETE FROM nodes WHERE id = :id;

-- name: address
-- Leave a command that is queued to a node.
UPDATE commands SET node_id = :node_id WHERE id = :id AND state = 'queued' RETURNING *;

-- name: addressed
-- What other nodes have left to a node, oldest first.
SELECT * FROM commands
WHERE node_id = :node_id AND state = 'queued' AND from_node_id <> :node_id
ORDER BY id;
