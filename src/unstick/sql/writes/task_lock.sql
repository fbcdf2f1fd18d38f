-- Lock the tasks of a plan, in the order of their ids; those that somebody is changing are left to him.
-- $1 ids.
-- Rights: SELECT (id) and UPDATE on the task table.
SELECT {id}::text AS id FROM {tasks} WHERE {id} = ANY($1::text[]::{id_type}[]) ORDER BY {id} FOR UPDATE SKIP LOCKED
