-- name: write
-- A write that changes a page, and means nothing.
INSERT INTO write_checks (id, times) VALUES (1, 1)
ON CONFLICT (id) DO UPDATE SET times = write_checks.times + 1;
