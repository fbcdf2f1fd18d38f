-- Whether any task waits for a worker, from the parts task_waits.sql: where none does, idle workers are no dead ones.
-- Rights: those of the parts.
SELECT {waits} AS waiting
