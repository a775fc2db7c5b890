-- name: forget
-- What a node will not read any more.
DELETE FROM node_messages WHERE node_id = :node_id;

-- name: insert
-- Have a node look at a charge point again.
INSERT INTO node_messages (id, node_id, charge_point_id) VALUES (:id, :node_id, :charge_point_id);

-- name: of_node
-- The charge points that a node must look at again, with what is stored of them; none of it if they
-- are on the list no more.
SELECT node_messages.id AS message_id, node_messages.charge_point_id, charge_points.*
FROM node_messages LEFT JOIN charge_points ON charge_points.id = node_messages.charge_point_id
WHERE node_messages.node_id = :node_id;

-- name: delete
-- A message that was acted upon.
DELETE FROM node_messages WHERE id = :id;
