-- Tables some of whose rows a policy may hide from this role.
-- $1 tables, quoted.
-- Rights: none.
SELECT wanted.name
FROM unnest($1::text[]) AS wanted(name)
WHERE to_regclass(wanted.name) IS NOT NULL AND row_security_active(to_regclass(wanted.name)::oid)
ORDER BY 1
