-- True for a proxy whose worker processes nothing in one task table; a part of candidates.sql.
-- NOT EXISTS, because one NULL makes NOT IN find nothing for ever.
-- Rights: SELECT (worker, status) on the task table.
NOT EXISTS (SELECT FROM {tasks} WHERE {task_worker} = {worker} AND {status} = {word})
