-- Why: a run belongs to the trace of the request that started it, whichever process carries it out.
ALTER TABLE executions ADD COLUMN trace_parent text;
