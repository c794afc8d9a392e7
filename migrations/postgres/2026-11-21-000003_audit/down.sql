-- Why: back to keys without a history, for whoever develops this migration.
DROP TABLE audit_totals;
DROP TABLE audit_marks;
DROP TABLE audit_heads;
DROP TABLE audit_entries;
