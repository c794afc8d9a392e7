-- Why: takes back the invitations and the times of memberships.
DROP TABLE invitations;
ALTER TABLE memberships DROP COLUMN created_at;
