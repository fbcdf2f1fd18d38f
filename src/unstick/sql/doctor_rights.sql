-- Which of the wanted rights this role has: on a column, or on a table where no column is named.
-- $1 tables, quoted, $2 columns, $3 privileges; arrays of one length.
-- Rights: USAGE on the schemas of the tables.
SELECT to_regclass(wanted.name) IS NOT NULL AS has_table,
       coalesce(CASE WHEN wanted.col = '' THEN has_table_privilege(to_regclass(wanted.name), wanted.privilege)
                     ELSE has_column_privilege(to_regclass(wanted.name), a.attnum, wanted.privilege) END, false) AS may
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted(name, col, privilege, place)
LEFT JOIN pg_attribute AS a ON a.attrelid = to_regclass(wanted.name) AND a.attname = wanted.col AND NOT a.attisdropped
ORDER BY wanted.place
