-- Types of mapped columns as SQL writes them, without a length that would cut values off, and whether NULL may stand
-- in them.
-- $1 tables, quoted, $2 columns; arrays of one length.
-- Rights: USAGE on the schemas of the tables.
SELECT format_type(a.atttypid, -1) AS type, a.attnotnull AS filled
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted(name, col, place)
LEFT JOIN pg_attribute AS a ON a.attrelid = to_regclass(wanted.name) AND a.attname = wanted.col AND NOT a.attisdropped
ORDER BY wanted.place
