-- Why: nobody is told of anything, as before.
DROP INDEX keys_next_notice_at;
ALTER TABLE keys DROP COLUMN limit_noticed_at;
ALTER TABLE keys DROP COLUMN next_notice_at;
ALTER TABLE keys DROP COLUMN noticed_until;
ALTER TABLE organizations DROP COLUMN notice_days;
DROP TABLE deliveries;
DROP TABLE webhook_events;
DROP TABLE webhooks;
DROP TABLE events;
