-- One row about an action, in its own transaction.
-- $1 plan, $2 action, $3 actor, $4 context, $5 what was changed, as JSON.
-- Rights: INSERT on the audit table.
INSERT INTO {audit} (plan_id, action, actor, context, changed) VALUES ($1, $2, $3, $4, $5::text::jsonb)
