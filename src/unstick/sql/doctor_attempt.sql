-- Changes no row. In a read-only transaction the server refuses it before it looks at any right (25006): that is the
-- proof which doctor wants.
-- Rights: none.
UPDATE {table} SET {column} = {column} WHERE false
