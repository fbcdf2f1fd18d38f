-- What this role may change in the named tables, on any column of them.
-- $1 table names, quoted; tables that are not there are left out.
-- Rights: USAGE on the schemas of the tables.
SELECT wanted.name,
       array_remove(ARRAY[CASE WHEN has_any_column_privilege(c.oid, 'INSERT') THEN 'INSERT' END,
                          CASE WHEN has_any_column_privilege(c.oid, 'UPDATE') THEN 'UPDATE' END,
                          CASE WHEN has_table_privilege(c.oid, 'DELETE') THEN 'DELETE' END,
                          CASE WHEN has_table_privilege(c.oid, 'TRUNCATE') THEN 'TRUNCATE' END], NULL) AS rights
FROM unnest($1::text[]) AS wanted(name)
JOIN pg_class AS c ON c.oid = to_regclass(wanted.name)
