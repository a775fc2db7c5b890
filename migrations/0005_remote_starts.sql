-- The remote start that led to a transaction: shown with it, without a look into another table.
ALTER TABLE transactions ADD COLUMN remote_start_command_id BIGINT;
