-- True when a task of one table waits for a worker; a part of tasks_waiting.sql.
-- Rights: SELECT (status) on the task table.
EXISTS (SELECT FROM {tasks} WHERE {status}::text = {pending})
