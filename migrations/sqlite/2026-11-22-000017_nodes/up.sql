-- Why: servers hear of each other's changes of keys, and tell whoever asks that they have.

-- Counts changes of keys over all organizations. There is one writer, so whoever sees a number sees every smaller one.
ALTER TABLE organizations ADD COLUMN changed_in bigint NOT NULL DEFAULT 0;
CREATE INDEX organizations_changed_in ON organizations (changed_in);

-- Here and not in the program, so that what a program of the version before changes is heard of as well.
CREATE TRIGGER organizations_note_change AFTER UPDATE OF key_changes ON organizations
BEGIN
    UPDATE organizations SET changed_in = (SELECT max(changed_in) + 1 FROM organizations) WHERE id = NEW.id;
END;

-- Servers that run, and the last roll call that each has answered. Times are microseconds by the database's clock.
CREATE TABLE nodes (
    id text NOT NULL PRIMARY KEY,
    name text NOT NULL,
    seen_at bigint NOT NULL,
    answered bigint NOT NULL
);

-- One row: how often the roll was called.
CREATE TABLE roll_calls (
    id smallint NOT NULL PRIMARY KEY CHECK (id = 1),
    number bigint NOT NULL
);
INSERT INTO roll_calls (id, number) VALUES (1, 0);
