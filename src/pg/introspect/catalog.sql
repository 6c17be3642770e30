-- One schema as one jsonb document in the shape of catalog::Catalog; no row where there is no such schema.
-- $1 text: the schema.  $2 text[]: schemas whose views and rules are not listed as dependents (the version schemas).
--
-- Lists are correlated subqueries on purpose: each is an index scan by relation, so that the time grows with
-- the schema and a misjudged join cannot make it quadratic. Columns that only newer servers have are read by
-- way of to_jsonb(row), which gives NULL where they are missing.
WITH me AS MATERIALIZED (
    SELECT n.oid, n.nspname, n.nspowner, n.nspacl FROM pg_namespace n WHERE n.nspname = $1::text
),
member AS MATERIALIZED (
    -- Named in the publication itself, or published with all tables, its schema or its root.
    SELECT u.relation, u.publication, max(u.row_filter) AS row_filter FROM (
        SELECT r.prrelid AS relation, r.prpubid AS publication, NULL AS row_filter FROM pg_publication_rel r
        UNION ALL
        SELECT c.oid, p.oid, to_jsonb(v)->>'rowfilter'
        FROM pg_publication_tables v
        JOIN me ON me.nspname = v.schemaname
        JOIN pg_publication p ON p.pubname = v.pubname
        JOIN pg_class c ON c.relname = v.tablename AND c.relnamespace = me.oid) u
    GROUP BY u.relation, u.publication
),
published AS MATERIALIZED (
    SELECT m.relation, jsonb_agg(jsonb_build_object(
        'name', p.pubname,
        'columns', (
            SELECT jsonb_agg(a.attname ORDER BY a.attname)
            FROM pg_publication_rel r
            CROSS JOIN LATERAL jsonb_array_elements_text(nullif(to_jsonb(r)->'prattrs', 'null')) AS k(number)
            JOIN pg_attribute a ON a.attrelid = r.prrelid AND a.attnum = k.number::smallint
            WHERE r.prrelid = m.relation AND r.prpubid = m.publication),
        'row_filter', m.row_filter) ORDER BY p.pubname) AS list
    FROM member m
    JOIN pg_class c ON c.oid = m.relation
    JOIN me ON me.oid = c.relnamespace
    JOIN pg_publication p ON p.oid = m.publication
    GROUP BY m.relation
)
SELECT jsonb_build_object(
'schema', me.nspname,
'server_version', current_setting('server_version_num')::integer,
'schema_owner', pg_get_userbyid(me.nspowner),
'schema_grants', (
    SELECT coalesce(jsonb_agg(jsonb_build_object('grantee', CASE WHEN g.grantee = 0 THEN '' ELSE pg_get_userbyid(g.grantee) END,
        'privilege', g.privilege_type, 'grantable', g.grantable)), '[]')
    FROM (SELECT x.grantee, x.privilege_type, bool_or(x.is_grantable) AS grantable
          FROM aclexplode(me.nspacl) x GROUP BY x.grantee, x.privilege_type) g
    WHERE NOT (g.grantee = me.nspowner AND me.nspacl @> (acldefault('n', me.nspowner))[1])),
'schema_comment', obj_description(me.oid, 'pg_namespace'),
'other_schemas', (
    SELECT coalesce(jsonb_agg(n.nspname ORDER BY n.nspname), '[]') FROM pg_namespace n
    WHERE n.oid <> me.oid AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'),

'tables', (SELECT coalesce(jsonb_object_agg(c.relname, jsonb_build_object(
    'name', c.relname,
    'kind', CASE c.relkind WHEN 'r' THEN 'ordinary' WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign' ELSE 'materialized_view' END,
    'persistence', c.relpersistence,
    'owner', pg_get_userbyid(c.relowner),
    'comment', obj_description(c.oid, 'pg_class'),
    'columns', (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', a.attname,
        'type_name', format_type(a.atttypid, a.atttypmod),
        -- From 18 on the flag is also set for a NOT NULL constraint that is not validated, which proves nothing.
        'not_null', a.attnotnull AND NOT EXISTS (
            SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'n' AND NOT k.convalidated AND k.conkey[1] = a.attnum),
        'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
        'generated', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
        'generated_kind', nullif(a.attgenerated, ''),
        'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by_default' END,
        'owned_sequence', (
            SELECT min(s.relname::text) FROM pg_depend p JOIN pg_class s ON s.oid = p.objid AND s.relkind = 'S'
            WHERE p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid AND p.refobjsubid = a.attnum
              AND p.classid = 'pg_class'::regclass AND p.deptype IN ('a', 'i')),
        'collation', CASE WHEN a.attcollation <> t.typcollation THEN (
            SELECT format('%I.%I', n.nspname, l.collname) FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
            WHERE l.oid = a.attcollation) END,
        'storage', CASE WHEN a.attstorage <> t.typstorage THEN
            CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'x' THEN 'EXTENDED' ELSE 'MAIN' END END,
        'compression', CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
        'statistics_target', nullif(a.attstattarget, -1),
        'options', (SELECT coalesce(jsonb_agg(o ORDER BY o), '[]')
                    FROM unnest(coalesce(a.attoptions, '{}') || coalesce(a.attfdwoptions, '{}')) o),
        'comment', col_description(c.oid, a.attnum),
        'grants', (
            SELECT coalesce(jsonb_agg(jsonb_build_object('grantee', CASE WHEN g.grantee = 0 THEN '' ELSE pg_get_userbyid(g.grantee) END,
                'privilege', g.privilege_type, 'grantable', g.grantable)), '[]')
            FROM (SELECT x.grantee, x.privilege_type, bool_or(x.is_grantable) AS grantable
                  FROM aclexplode(a.attacl) x GROUP BY x.grantee, x.privilege_type) g),
        'has_missing_default', a.atthasmissing
        ) ORDER BY a.attnum), '[]')
        FROM pg_attribute a
        JOIN pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),

    'constraints', (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', k.conname,
        'kind', CASE k.contype WHEN 'c' THEN 'check' WHEN 'n' THEN 'not_null' WHEN 'p' THEN 'primary_key'
                               WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign_key' ELSE 'exclude' END,
        'columns', (
            SELECT coalesce(jsonb_agg(a.attname ORDER BY u.place), '[]') FROM unnest(k.conkey) WITH ORDINALITY u(attnum, place)
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum),
        'definition', pg_get_constraintdef(k.oid),
        'expression', CASE WHEN k.contype = 'c' THEN pg_get_expr(k.conbin, k.conrelid) END,
        'validated', k.convalidated,
        'deferrable', k.condeferrable,
        'initially_deferred', k.condeferred,
        -- Set for keys as well, where it says nothing.
        'no_inherit', k.connoinherit AND k.contype IN ('c', 'n'),
        'index', CASE WHEN k.contype IN ('p', 'u', 'x') THEN (SELECT x.relname FROM pg_class x WHERE x.oid = k.conindid) END,
        'operators', (
            SELECT coalesce(jsonb_agg(format('OPERATOR(%I.%s)', s.nspname, o.oprname) ORDER BY u.place), '[]')
            FROM unnest(k.conexclop) WITH ORDINALITY u(operator, place)
            JOIN pg_operator o ON o.oid = u.operator JOIN pg_namespace s ON s.oid = o.oprnamespace),
        'parent', (SELECT o.conname FROM pg_constraint o WHERE o.oid = k.conparentid),
        'comment', obj_description(k.oid, 'pg_constraint'),
        'foreign', CASE WHEN k.contype = 'f' THEN (SELECT jsonb_build_object(
            'schema', fn.nspname,
            'table', f.relname,
            'columns', (
                SELECT coalesce(jsonb_agg(a.attname ORDER BY u.place), '[]') FROM unnest(k.confkey) WITH ORDINALITY u(attnum, place)
                JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum),
            'on_delete', CASE k.confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
                                            WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END,
            'on_update', CASE k.confupdtype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
                                            WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END,
            'on_delete_set_columns', (
                SELECT coalesce(jsonb_agg(a.attname ORDER BY u.place), '[]')
                FROM jsonb_array_elements_text(nullif(to_jsonb(k)->'confdelsetcols', 'null')) WITH ORDINALITY u(number, place)
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.number::smallint),
            'match_type', CASE k.confmatchtype WHEN 'f' THEN 'FULL' WHEN 'p' THEN 'PARTIAL' ELSE 'SIMPLE' END)
            FROM pg_class f JOIN pg_namespace fn ON fn.oid = f.relnamespace WHERE f.oid = k.confrelid) END
        ) ORDER BY k.conname), '[]')
        FROM pg_constraint k
        WHERE k.conrelid = c.oid AND k.contype IN ('c', 'n', 'p', 'u', 'f', 'x')
          -- A foreign key to a partitioned table has a shadow here for each partition it points at.
          AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.oid = k.conparentid AND o.conrelid = k.conrelid)),

    'indexes', (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', x.relname,
        'definition', pg_get_indexdef(i.indexrelid),
        'method', (SELECT m.amname FROM pg_am m WHERE m.oid = x.relam),
        'unique', i.indisunique,
        'nulls_not_distinct', coalesce((to_jsonb(i)->>'indnullsnotdistinct')::boolean, false),
        'valid', i.indisvalid,
        'constraint', (SELECT min(k.conname::text) FROM pg_constraint k
                       WHERE k.conrelid = c.oid AND k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')),
        'parent', (SELECT r.relname FROM pg_inherits h JOIN pg_class r ON r.oid = h.inhparent WHERE h.inhrelid = i.indexrelid),
        'keys', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'column', a.attname,
            'expression', pg_get_indexdef(i.indexrelid, n, false),
            -- An expression's own collation is not in the catalogs: naming the index's is then redundant, never wrong.
            'collation', CASE WHEN i.indcollation[n - 1] <> coalesce(a.attcollation, t.typcollation) THEN (
                SELECT format('%I.%I', s.nspname, l.collname) FROM pg_collation l JOIN pg_namespace s ON s.oid = l.collnamespace
                WHERE l.oid = i.indcollation[n - 1]) END,
            'opclass', (
                SELECT format('%I.%I', s.nspname, o.opcname) || coalesce(
                    (SELECT ' (' || string_agg(format('%s=%L', split_part(w, '=', 1), substr(w, strpos(w, '=') + 1)), ', ') || ')'
                     FROM unnest(y.attoptions) w), '')
                FROM pg_opclass o JOIN pg_namespace s ON s.oid = o.opcnamespace
                WHERE o.oid = i.indclass[n - 1]
                  AND (y.attoptions IS NOT NULL OR NOT o.opcdefault OR o.opcintype <> b.oid AND EXISTS (
                      SELECT FROM pg_opclass e WHERE e.opcmethod = o.opcmethod AND e.opcdefault AND e.opcintype = b.oid))),
            'descending', i.indoption[n - 1] & 1 <> 0,
            'nulls_first', i.indoption[n - 1] & 2 <> 0
            ) ORDER BY n), '[]')
            FROM generate_series(1, i.indnkeyatts::integer) n
            JOIN pg_attribute y ON y.attrelid = i.indexrelid AND y.attnum = n
            LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[n - 1] AND a.attnum > 0
            JOIN pg_type t ON t.oid = coalesce(a.atttypid, y.atttypid)
            JOIN pg_type b ON b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)),
        'include', (
            SELECT coalesce(jsonb_agg(a.attname ORDER BY n), '[]')
            FROM generate_series(i.indnkeyatts + 1, i.indnatts::integer) n
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[n - 1]),
        'predicate', pg_get_expr(i.indpred, i.indrelid),
        'columns', (
            SELECT coalesce(jsonb_agg(a.attname ORDER BY a.attname), '[]') FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              AND (a.attnum = ANY (i.indkey) OR EXISTS (
                  SELECT FROM pg_depend p WHERE p.classid = 'pg_class'::regclass AND p.objid = i.indexrelid
                    AND p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid AND p.refobjsubid = a.attnum))),
        'options', (SELECT coalesce(jsonb_agg(o ORDER BY o), '[]') FROM unnest(x.reloptions) o),
        'tablespace', (SELECT s.spcname FROM pg_tablespace s WHERE s.oid = x.reltablespace),
        'comment', obj_description(x.oid, 'pg_class'),
        'clustered', i.indisclustered,
        'statistics_targets', (
            SELECT coalesce(jsonb_agg(jsonb_build_array(y.attnum, y.attstattarget) ORDER BY y.attnum), '[]')
            FROM pg_attribute y WHERE y.attrelid = i.indexrelid AND y.attstattarget >= 0)
        ) ORDER BY x.relname), '[]')
        FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
        WHERE i.indrelid = c.oid),

    'triggers', (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', g.tgname,
        'definition', pg_get_triggerdef(g.oid),
        'enabled', g.tgenabled,
        -- Bits of tgtype: 1 row, 2 before, 4 insert, 16 update.
        'before_row', g.tgtype & 3 = 3,
        'row', g.tgtype & 1 <> 0,
        'on_update', g.tgtype & 16 <> 0,
        'on_insert', g.tgtype & 4 <> 0,
        'columns', (
            SELECT coalesce(jsonb_agg(a.attname ORDER BY a.attname), '[]') FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              AND (a.attnum = ANY (g.tgattr) OR EXISTS (
                  SELECT FROM pg_depend p WHERE p.classid = 'pg_trigger'::regclass AND p.objid = g.oid
                    AND p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid AND p.refobjsubid = a.attnum))),
        'update_of', (
            SELECT coalesce(jsonb_agg(a.attname ORDER BY a.attname), '[]') FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum = ANY (g.tgattr)),
        'conditional', g.tgqual IS NOT NULL,
        'inherited', g.tgparentid <> 0,
        'comment', obj_description(g.oid, 'pg_trigger')
        ) ORDER BY g.tgname), '[]')
        FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal),

    'policies', (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', y.polname,
        'definition', format('AS %s FOR %s TO %s',
            CASE WHEN y.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
            CASE y.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
            (SELECT string_agg(CASE WHEN r = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', '
                               ORDER BY pg_get_userbyid(r)) FROM unnest(y.polroles) r))
            || coalesce(' USING (' || pg_get_expr(y.polqual, y.polrelid) || ')', '')
            || coalesce(' WITH CHECK (' || pg_get_expr(y.polwithcheck, y.polrelid) || ')', ''),
        'columns', (
            SELECT coalesce(jsonb_agg(DISTINCT a.attname), '[]')
            FROM pg_depend p JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.refobjsubid
            WHERE p.classid = 'pg_policy'::regclass AND p.objid = y.oid
              AND p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid AND p.refobjsubid > 0),
        'comment', obj_description(y.oid, 'pg_policy')
        ) ORDER BY y.polname), '[]')
        FROM pg_policy y WHERE y.polrelid = c.oid),

    'rules', (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', w.rulename,
        'definition', pg_get_ruledef(w.oid)
            || CASE w.ev_enabled WHEN 'O' THEN '' ELSE format(' ALTER TABLE %I.%I %s RULE %I;', me.nspname, c.relname,
                CASE w.ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, w.rulename) END,
        'columns', (
            SELECT coalesce(jsonb_agg(DISTINCT a.attname), '[]')
            FROM pg_depend p JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.refobjsubid
            WHERE p.classid = 'pg_rewrite'::regclass AND p.objid = w.oid
              AND p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid AND p.refobjsubid > 0)
        ) ORDER BY w.rulename), '[]')
        FROM pg_rewrite w WHERE w.ev_class = c.oid),

    'grants', (
        SELECT coalesce(jsonb_agg(jsonb_build_object('grantee', CASE WHEN g.grantee = 0 THEN '' ELSE pg_get_userbyid(g.grantee) END,
            'privilege', g.privilege_type, 'grantable', g.grantable)), '[]')
        FROM (SELECT x.grantee, x.privilege_type, bool_or(x.is_grantable) AS grantable
              FROM aclexplode(c.relacl) x GROUP BY x.grantee, x.privilege_type) g
        WHERE NOT (g.grantee = c.relowner AND c.relacl @> (acldefault('r', c.relowner))[1])),
    'row_security', c.relrowsecurity,
    'force_row_security', c.relforcerowsecurity,
    'options', (SELECT coalesce(jsonb_agg(o ORDER BY o), '[]') FROM (
        SELECT unnest(c.reloptions)
        UNION ALL SELECT 'toast.' || unnest(x.reloptions) FROM pg_class x WHERE x.oid = c.reltoastrelid
        UNION ALL SELECT 'server=' || s.srvname FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid
        UNION ALL SELECT unnest(f.ftoptions) FROM pg_foreign_table f WHERE f.ftrelid = c.oid) AS u(o)),
    'tablespace', (SELECT s.spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace),
    'replica_identity', c.relreplident,
    'replica_identity_index', (
        SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisreplident),
    'partition_key', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
    'partition_columns', (
        SELECT coalesce(jsonb_agg(a.attname ORDER BY a.attname), '[]')
        FROM pg_partitioned_table r JOIN pg_attribute a ON a.attrelid = r.partrelid AND a.attnum > 0
        WHERE r.partrelid = c.oid AND (a.attnum = ANY (r.partattrs) OR EXISTS (
            -- A column that an expression of the key reads depends on its own table.
            SELECT FROM pg_depend p WHERE p.classid = 'pg_class'::regclass AND p.objid = c.oid AND p.objsubid = a.attnum
              AND p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid AND p.refobjsubid = 0 AND p.deptype = 'i'))),
    'partition_of', CASE WHEN c.relispartition THEN (
        SELECT jsonb_build_array(r.relname, pg_get_expr(c.relpartbound, c.oid))
        FROM pg_inherits h JOIN pg_class r ON r.oid = h.inhparent WHERE h.inhrelid = c.oid) END,
    'inherits', CASE WHEN c.relispartition THEN '[]' ELSE (
        SELECT coalesce(jsonb_agg(r.relname ORDER BY h.inhseqno), '[]')
        FROM pg_inherits h JOIN pg_class r ON r.oid = h.inhparent WHERE h.inhrelid = c.oid) END,
    'inherited_by', (
        SELECT coalesce(jsonb_agg(r.relname ORDER BY r.relname), '[]')
        FROM pg_inherits h JOIN pg_class r ON r.oid = h.inhrelid WHERE h.inhparent = c.oid AND NOT r.relispartition AND r.relkind <> 'I'),
    'publications', coalesce(published.list, '[]'),

    'dependents', (SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('column', a.attname, 'object', o.object)), '[]')
        FROM (
            SELECT p.refobjsubid AS attnum, CASE p.classid
                WHEN 'pg_rewrite'::regclass THEN (
                    SELECT CASE WHEN w.rulename <> '_RETURN' THEN format('rule %I on %I.%I', w.rulename, n.nspname, r.relname)
                                WHEN r.relkind = 'm' THEN format('materialized view %I.%I', n.nspname, r.relname)
                                ELSE format('view %I.%I', n.nspname, r.relname) END
                    FROM pg_rewrite w JOIN pg_class r ON r.oid = w.ev_class JOIN pg_namespace n ON n.oid = r.relnamespace
                    WHERE w.oid = p.objid AND n.nspname <> ALL ($2::text[]))
                WHEN 'pg_proc'::regclass THEN (
                    SELECT format('%s %I.%I(%s)', CASE f.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END,
                                  n.nspname, f.proname, oidvectortypes(f.proargtypes))
                    FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE f.oid = p.objid)
                WHEN 'pg_attrdef'::regclass THEN (
                    SELECT format('generated column %I of %I.%I', ga.attname, me.nspname, c.relname)
                    FROM pg_attrdef d JOIN pg_attribute ga ON ga.attrelid = d.adrelid AND ga.attnum = d.adnum
                    WHERE d.oid = p.objid AND d.adrelid = c.oid AND d.adnum <> p.refobjsubid)
                -- Until 14 it is the generated column itself that depends.
                WHEN 'pg_class'::regclass THEN (
                    SELECT format('generated column %I of %I.%I', ga.attname, me.nspname, c.relname)
                    FROM pg_attribute ga WHERE p.objid = c.oid AND p.objsubid > 0 AND ga.attrelid = c.oid
                      AND ga.attnum = p.objsubid AND ga.attgenerated <> '')
                WHEN 'pg_statistic_ext'::regclass THEN (
                    SELECT format('statistics %I.%I', n.nspname, s.stxname)
                    FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE s.oid = p.objid)
                WHEN 'pg_publication_rel'::regclass THEN (
                    SELECT format('publication %I', b.pubname)
                    FROM pg_publication_rel r JOIN pg_publication b ON b.oid = r.prpubid WHERE r.oid = p.objid)
                WHEN 'pg_policy'::regclass THEN (
                    SELECT format('policy %I on %I.%I', y.polname, n.nspname, r.relname)
                    FROM pg_policy y JOIN pg_class r ON r.oid = y.polrelid JOIN pg_namespace n ON n.oid = r.relnamespace
                    WHERE y.oid = p.objid AND y.polrelid <> c.oid)
                WHEN 'pg_constraint'::regclass THEN (
                    SELECT format('foreign key %I on %I.%I', k.conname, n.nspname, r.relname)
                    FROM pg_constraint k JOIN pg_class r ON r.oid = k.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
                    WHERE k.oid = p.objid AND k.contype = 'f' AND k.confrelid = c.oid AND k.conrelid <> c.oid
                      -- Not again for each partition of the table that refers.
                      AND NOT EXISTS (SELECT FROM pg_constraint q WHERE q.oid = k.conparentid AND q.confrelid = k.confrelid))
                END AS object
            FROM pg_depend p
            WHERE p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid AND p.refobjsubid > 0
            UNION ALL
            SELECT a.attnum, format('partition key of %I.%I', me.nspname, c.relname)
            FROM pg_partitioned_table r JOIN pg_attribute a ON a.attrelid = r.partrelid AND a.attnum > 0
            WHERE r.partrelid = c.oid AND (a.attnum = ANY (r.partattrs) OR EXISTS (
                SELECT FROM pg_depend p WHERE p.classid = 'pg_class'::regclass AND p.objid = c.oid AND p.objsubid = a.attnum
                  AND p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid AND p.refobjsubid = 0 AND p.deptype = 'i'))
        ) o
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.attnum
        WHERE o.object IS NOT NULL),

    -- -1 rows: never vacuumed nor analysed. Sizes are the files' own.
    'estimate', jsonb_build_object(
        'rows', CASE WHEN c.reltuples >= 0 THEN c.reltuples END,
        'pages', CASE WHEN c.relkind IN ('r', 'm') THEN coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::bigint ELSE 0 END,
        'bytes', CASE WHEN c.relkind IN ('r', 'm') THEN coalesce(pg_total_relation_size(c.oid), 0) ELSE 0 END)
    )), '{}')
    FROM pg_class c
    LEFT JOIN published ON published.relation = c.oid
    WHERE c.relnamespace = me.oid AND c.relkind IN ('r', 'p', 'f', 'm')),

'views', (SELECT coalesce(jsonb_object_agg(c.relname, jsonb_build_object(
    'name', c.relname,
    'owner', pg_get_userbyid(c.relowner),
    'definition', pg_get_viewdef(c.oid),
    'options', (SELECT coalesce(jsonb_agg(o ORDER BY o), '[]') FROM unnest(c.reloptions) o),
    'comment', obj_description(c.oid, 'pg_class'),
    'grants', (
        SELECT coalesce(jsonb_agg(jsonb_build_object('grantee', CASE WHEN g.grantee = 0 THEN '' ELSE pg_get_userbyid(g.grantee) END,
            'privilege', g.privilege_type, 'grantable', g.grantable)), '[]')
        FROM (SELECT x.grantee, x.privilege_type, bool_or(x.is_grantable) AS grantable
              FROM aclexplode(c.relacl) x GROUP BY x.grantee, x.privilege_type) g
        WHERE NOT (g.grantee = c.relowner AND c.relacl @> (acldefault('r', c.relowner))[1])),
    'columns', (SELECT coalesce(jsonb_agg(a.attname ORDER BY a.attnum), '[]') FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'reads', (
        SELECT coalesce(jsonb_agg(DISTINCT r.relname), '[]')
        FROM pg_rewrite w JOIN pg_depend p ON p.classid = 'pg_rewrite'::regclass AND p.objid = w.oid AND p.refclassid = 'pg_class'::regclass
        JOIN pg_class r ON r.oid = p.refobjid
        WHERE w.ev_class = c.oid AND r.oid <> c.oid AND r.relnamespace = me.oid AND r.relkind = 'v'),
    'held_by', (
        SELECT coalesce(jsonb_agg(DISTINCT pg_describe_object(p.classid, p.objid, 0)), '[]')
        FROM (VALUES ('pg_class'::regclass, c.oid), ('pg_type'::regclass, c.reltype),
                     ('pg_type'::regclass, (SELECT t.typarray FROM pg_type t WHERE t.oid = c.reltype))) held (class, oid)
        JOIN pg_depend p ON p.refclassid = held.class AND p.refobjid = held.oid
        LEFT JOIN pg_rewrite w ON p.classid = 'pg_rewrite'::regclass AND w.oid = p.objid
        LEFT JOIN pg_class r ON r.oid = w.ev_class
        LEFT JOIN pg_namespace n ON n.oid = r.relnamespace
        WHERE p.deptype IN ('n', 'a')
          AND NOT (p.classid = 'pg_attrdef'::regclass AND EXISTS (SELECT FROM pg_attrdef f WHERE f.oid = p.objid AND f.adrelid = c.oid))
          AND NOT (p.classid = 'pg_rewrite'::regclass AND (
                   r.oid = c.oid AND w.rulename = '_RETURN'
                   OR r.oid <> c.oid AND r.relkind = 'v' AND (r.relnamespace = me.oid OR n.nspname = ANY ($2))))),
    'column_comments', (
        SELECT coalesce(jsonb_object_agg(a.attname, col_description(c.oid, a.attnum)), '{}') FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND col_description(c.oid, a.attnum) IS NOT NULL),
    'column_defaults', (
        SELECT coalesce(jsonb_object_agg(a.attname, pg_get_expr(f.adbin, f.adrelid)), '{}') FROM pg_attribute a
        JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum WHERE a.attrelid = c.oid),
    'column_grants', (
        SELECT coalesce(jsonb_agg(jsonb_build_array(a.attname, jsonb_build_object(
            'grantee', CASE WHEN x.grantee = 0 THEN '' ELSE pg_get_userbyid(x.grantee) END,
            'privilege', x.privilege_type, 'grantable', x.is_grantable)) ORDER BY a.attnum, x.grantee, x.privilege_type), '[]')
        FROM pg_attribute a, aclexplode(a.attacl) x WHERE a.attrelid = c.oid AND a.attnum > 0)
    )), '{}')
    FROM pg_class c WHERE c.relnamespace = me.oid AND c.relkind = 'v'),

'sequences', (SELECT coalesce(jsonb_object_agg(c.relname, jsonb_build_object(
    'name', c.relname,
    'owner', pg_get_userbyid(c.relowner),
    'type_name', format_type(s.seqtypid, NULL),
    'start', s.seqstart,
    'minimum', s.seqmin,
    'maximum', s.seqmax,
    'increment', s.seqincrement,
    'cache', s.seqcache,
    'cycle', s.seqcycle,
    'owned_by', (
        SELECT jsonb_build_array(r.relname, a.attname)
        FROM pg_depend p JOIN pg_class r ON r.oid = p.refobjid
        JOIN pg_attribute a ON a.attrelid = p.refobjid AND a.attnum = p.refobjsubid
        WHERE p.classid = 'pg_class'::regclass AND p.objid = c.oid AND p.refclassid = 'pg_class'::regclass AND p.deptype IN ('a', 'i')),
    'grants', (
        SELECT coalesce(jsonb_agg(jsonb_build_object('grantee', CASE WHEN g.grantee = 0 THEN '' ELSE pg_get_userbyid(g.grantee) END,
            'privilege', g.privilege_type, 'grantable', g.grantable)), '[]')
        FROM (SELECT x.grantee, x.privilege_type, bool_or(x.is_grantable) AS grantable
              FROM aclexplode(c.relacl) x GROUP BY x.grantee, x.privilege_type) g
        WHERE NOT (g.grantee = c.relowner AND c.relacl @> (acldefault('s', c.relowner))[1])),
    'comment', obj_description(c.oid, 'pg_class')
    )), '{}')
    FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid WHERE c.relnamespace = me.oid),

-- What belongs to an extension or a range type comes and goes with it.
'functions', (SELECT coalesce(jsonb_object_agg(format('%s(%s)', f.proname, oidvectortypes(f.proargtypes)),
    CASE WHEN f.prokind = 'a' THEN (
        SELECT format('AGGREGATE %I.%I(%s) SFUNC %s STYPE %s FINALFUNC %s INITCOND %L', me.nspname, f.proname,
                      pg_get_function_arguments(f.oid), g.aggtransfn, format_type(g.aggtranstype, NULL), g.aggfinalfn, g.agginitval)
        FROM pg_aggregate g WHERE g.aggfnoid = f.oid)
    ELSE pg_get_functiondef(f.oid) END), '{}')
    FROM pg_proc f
    WHERE f.pronamespace = me.oid
      AND NOT EXISTS (SELECT FROM pg_depend p WHERE p.classid = 'pg_proc'::regclass AND p.objid = f.oid AND p.deptype IN ('e', 'i'))),

'types', (SELECT coalesce(jsonb_object_agg(t.typname, CASE t.typtype
    WHEN 'e' THEN (SELECT format('ENUM (%s)', string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder))
                   FROM pg_enum e WHERE e.enumtypid = t.oid)
    WHEN 'd' THEN 'DOMAIN ' || format_type(t.typbasetype, t.typtypmod)
        || coalesce((SELECT format(' COLLATE %I.%I', n.nspname, l.collname)
                     FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace JOIN pg_type b ON b.oid = t.typbasetype
                     WHERE l.oid = t.typcollation AND t.typcollation <> b.typcollation), '')
        || coalesce(' DEFAULT ' || pg_get_expr(t.typdefaultbin, 0), '')
        || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END
        || coalesce((SELECT string_agg(format(' CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), '' ORDER BY k.conname)
                     FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'), '')
    WHEN 'c' THEN (SELECT format('COMPOSITE (%s)', string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum))
                   FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
    ELSE (SELECT format('RANGE (%s)', format_type(r.rngsubtype, NULL)) FROM pg_range r WHERE r.rngtypid = t.oid) END), '{}')
    FROM pg_type t
    WHERE t.typnamespace = me.oid
      AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
      AND NOT EXISTS (SELECT FROM pg_depend p WHERE p.classid = 'pg_type'::regclass AND p.objid = t.oid AND p.deptype = 'e')),

-- A column of the schema's tables that is of an enum, or of an array of it, and what reads such a column, is found by the column.
'enums', (SELECT coalesce(jsonb_object_agg(t.typname, jsonb_build_object(
    'labels', (SELECT coalesce(jsonb_agg(e.enumlabel ORDER BY e.enumsortorder), '[]') FROM pg_enum e WHERE e.enumtypid = t.oid),
    'owner', pg_get_userbyid(t.typowner),
    'comment', obj_description(t.oid, 'pg_type'),
    'grants', (
        SELECT coalesce(jsonb_agg(jsonb_build_object('grantee', CASE WHEN g.grantee = 0 THEN '' ELSE pg_get_userbyid(g.grantee) END,
            'privilege', g.privilege_type, 'grantable', g.grantable)), '[]')
        FROM (SELECT x.grantee, x.privilege_type, bool_or(x.is_grantable) AS grantable
              FROM aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) x GROUP BY x.grantee, x.privilege_type) g
        WHERE g.grantee <> t.typowner),
    'used_by', (SELECT coalesce(jsonb_agg(DISTINCT u.object), '[]')
        FROM (
            SELECT CASE p.classid
                WHEN 'pg_class'::regclass THEN (
                    SELECT CASE r.relkind
                        -- They have it from what they read, which is found itself.
                        WHEN 'v' THEN NULL
                        WHEN 'm' THEN NULL
                        WHEN 'c' THEN format('type %I.%I', n.nspname, r.relname)
                        WHEN 'i' THEN format('index %I.%I', n.nspname, r.relname)
                        ELSE format('column %I of %I.%I', a.attname, n.nspname, r.relname) END
                    FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace
                    LEFT JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = p.objsubid
                    WHERE r.oid = p.objid AND n.nspname <> ALL ($2::text[])
                      AND NOT (r.relnamespace = me.oid AND r.relkind IN ('r', 'p', 'f')))
                WHEN 'pg_attrdef'::regclass THEN (
                    SELECT format('default of %I of %I.%I', a.attname, n.nspname, r.relname)
                    FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                    JOIN pg_class r ON r.oid = d.adrelid JOIN pg_namespace n ON n.oid = r.relnamespace
                    WHERE d.oid = p.objid AND n.nspname <> ALL ($2::text[]))
                WHEN 'pg_rewrite'::regclass THEN (
                    SELECT CASE WHEN w.rulename <> '_RETURN' THEN format('rule %I on %I.%I', w.rulename, n.nspname, r.relname)
                                WHEN r.relkind = 'm' THEN format('materialized view %I.%I', n.nspname, r.relname)
                                ELSE format('view %I.%I', n.nspname, r.relname) END
                    FROM pg_rewrite w JOIN pg_class r ON r.oid = w.ev_class JOIN pg_namespace n ON n.oid = r.relnamespace
                    WHERE w.oid = p.objid AND n.nspname <> ALL ($2::text[]))
                WHEN 'pg_proc'::regclass THEN (
                    SELECT format('%s %I.%I(%s)', CASE f.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END,
                                  n.nspname, f.proname, oidvectortypes(f.proargtypes))
                    FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace
                    WHERE f.oid = p.objid AND n.nspname <> ALL ($2::text[] || 'segue'::text))
                WHEN 'pg_type'::regclass THEN (
                    SELECT format('%s %s', CASE y.typtype WHEN 'd' THEN 'domain' ELSE 'type' END, format_type(y.oid, NULL))
                    FROM pg_type y WHERE y.oid = p.objid)
                ELSE pg_describe_object(p.classid, p.objid, p.objsubid) END AS object
            FROM pg_depend p
            WHERE p.refclassid = 'pg_type'::regclass AND p.refobjid IN (t.oid, t.typarray) AND p.deptype IN ('n', 'a')
              AND NOT (p.classid IN ('pg_class'::regclass, 'pg_attrdef'::regclass, 'pg_constraint'::regclass, 'pg_rewrite'::regclass, 'pg_trigger'::regclass,
                                     'pg_policy'::regclass, 'pg_statistic_ext'::regclass) AND p.objsubid = 0 AND EXISTS (
                  SELECT FROM pg_depend q
                  JOIN pg_class r ON q.refclassid = 'pg_class'::regclass AND r.oid = q.refobjid AND r.relnamespace = me.oid AND r.relkind IN ('r', 'p')
                  JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = q.refobjsubid
                  WHERE q.classid = p.classid AND q.objid = p.objid AND a.atttypid IN (t.oid, t.typarray)))
        ) u
        WHERE u.object IS NOT NULL)
    )), '{}')
    FROM pg_type t
    WHERE t.typnamespace = me.oid AND t.typtype = 'e'
      AND NOT EXISTS (SELECT FROM pg_depend p WHERE p.classid = 'pg_type'::regclass AND p.objid = t.oid AND p.deptype = 'e')),

-- pg_get_statisticsobjdef lists the columns by their physical place; here they go by name.
'statistics', (SELECT coalesce(jsonb_object_agg(s.stxname,
    format('CREATE STATISTICS %I.%I%s ON %s FROM %I.%I%s%s%s', me.nspname, s.stxname,
        (SELECT format(' (%s)', string_agg(CASE k WHEN 'd' THEN 'ndistinct' WHEN 'f' THEN 'dependencies' ELSE 'mcv' END, ', ' ORDER BY k))
         FROM unnest(s.stxkind) k WHERE k <> 'e' HAVING count(*) > 0),
        (SELECT string_agg(part, ', ' ORDER BY sort, part) FROM (
            SELECT 1 AS sort, quote_ident(a.attname) AS part
            FROM pg_attribute a WHERE a.attrelid = s.stxrelid AND a.attnum = ANY (s.stxkeys)
            UNION ALL SELECT 2, format('(%s)', e) FROM unnest(pg_get_statisticsobjdef_expressions(s.oid)) e) parts),
        n.nspname, r.relname,
        CASE WHEN coalesce(s.stxstattarget, -1) >= 0 THEN
            format('; ALTER STATISTICS %I.%I SET STATISTICS %s', me.nspname, s.stxname, s.stxstattarget) END,
        CASE WHEN s.stxowner <> r.relowner THEN
            format('; ALTER STATISTICS %I.%I OWNER TO %I', me.nspname, s.stxname, pg_get_userbyid(s.stxowner)) END,
        CASE WHEN obj_description(s.oid, 'pg_statistic_ext') IS NOT NULL THEN
            format('; COMMENT ON STATISTICS %I.%I IS %L', me.nspname, s.stxname, obj_description(s.oid, 'pg_statistic_ext')) END)), '{}')
    FROM pg_statistic_ext s JOIN pg_class r ON r.oid = s.stxrelid JOIN pg_namespace n ON n.oid = r.relnamespace
    WHERE s.stxnamespace = me.oid)
)
FROM me
