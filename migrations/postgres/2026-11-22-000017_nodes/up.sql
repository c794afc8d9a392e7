-- Why: servers hear of each other's changes of keys, and tell whoever asks that they have.

-- The transaction of the organization's last change of keys. What began before the oldest one that is still under way is
-- there to be seen, or never will be: so whoever goes on from that one misses none.
ALTER TABLE organizations ADD COLUMN changed_in bigint NOT NULL DEFAULT 0;
CREATE INDEX organizations_changed_in ON organizations (changed_in);

-- Here and not in the program, so that what servers of the version before change during an upgrade is heard of as well.
CREATE FUNCTION organizations_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_in := txid_current();
    RETURN NEW;
END
$$;
CREATE TRIGGER organizations_note_change BEFORE UPDATE OF key_changes ON organizations
    FOR EACH ROW EXECUTE FUNCTION organizations_note_change();

-- Servers that run, and the last roll call that each has answered. Times are microseconds by the database's clock.
CREATE TABLE nodes (
    id text PRIMARY KEY,
    name text NOT NULL,
    seen_at bigint NOT NULL,
    answered bigint NOT NULL
);

-- One row: how often the roll was called.
CREATE TABLE roll_calls (
    id smallint PRIMARY KEY CHECK (id = 1),
    number bigint NOT NULL
);
INSERT INTO roll_calls (id, number) VALUES (1, 0);
