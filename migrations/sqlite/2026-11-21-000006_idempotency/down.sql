-- Why: back to requests that are done as often as they are sent, for whoever develops this migration.
DROP TABLE idempotency_records;
