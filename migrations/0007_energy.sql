-- Energy from interval readings, and reports that count only what was delivered inside a period.

-- What an interval reading adds to its transaction, each moment once. A station without a usable
-- clock has a negative number here instead of the moment, made of its message's fingerprint.
CREATE TABLE interval_readings (
    transaction_id BIGINT NOT NULL,
    -- 1: taken by the clock (every full quarter of an hour, say), 0: taken by the transaction.
    is_aligned BIGINT NOT NULL,
    moment BIGINT NOT NULL,
    -- Thousandths of a Wh: stations send fractions, and sums of integers are exact in any order.
    mwh BIGINT NOT NULL,
    PRIMARY KEY (transaction_id, is_aligned, moment)
);

-- What ran at a given moment: most transactions are over within a day, so those that began in the
-- day before it are looked through, and the few long ones stand here.
CREATE INDEX transactions_long ON transactions (stopped_at)
    WHERE is_complete = 1 AND stopped_at - started_at > 86400000;
