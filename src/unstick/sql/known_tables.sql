-- Which of the named tables exist on the search path, with their columns.
-- $1 table names, quoted.
-- Rights: USAGE on the schemas of the tables.
SELECT wanted.name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
FROM unnest($1::text[]) AS wanted(name)
JOIN pg_attribute AS a ON a.attrelid = to_regclass(wanted.name) AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY wanted.name
