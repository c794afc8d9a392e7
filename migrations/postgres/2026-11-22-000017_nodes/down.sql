-- Why: takes back what `up.sql` adds.
DROP TABLE roll_calls;
DROP TABLE nodes;
DROP TRIGGER organizations_note_change ON organizations;
DROP FUNCTION organizations_note_change;
DROP INDEX organizations_changed_in;
ALTER TABLE organizations DROP COLUMN changed_in;
