-- Everything that makes up our two schemas, one line each, in an order that does not depend on how they came about.
with ours as (select oid, nspname from pg_namespace where nspname in ('payops', 'payops_api'))
select format('schema %s owned by %s, granted %s', nspname, pg_get_userbyid(nspowner), nspacl)
from pg_namespace where nspname in ('payops', 'payops_api')
union all
select format(
  '%s %s: persistence %s, row security %s, options %s, granted %s, owned by %s',
  case c.relkind when 'r' then 'table' when 'i' then 'index' when 'S' then 'sequence' else c.relkind::text end,
  c.oid::regclass, c.relpersistence, c.relrowsecurity, c.reloptions, c.relacl, pg_get_userbyid(c.relowner)
)
from pg_class as c inner join ours on c.relnamespace = ours.oid
union all
select format(
  'column %s.%s number %s: %s, not null %s, default %s, identity "%s", collation %s, granted %s',
  a.attrelid::regclass, a.attname, count(*) over (partition by a.attrelid order by a.attnum),
  format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity,
  a.attcollation::regcollation, a.attacl
)
from pg_attribute as a
inner join pg_class as c on a.attrelid = c.oid
inner join ours on c.relnamespace = ours.oid
left join pg_attrdef as d on a.attrelid = d.adrelid and a.attnum = d.adnum
where c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
union all
select format('index %s: %s', i.indexrelid::regclass, pg_get_indexdef(i.indexrelid))
from pg_index as i inner join pg_class as c on i.indexrelid = c.oid inner join ours on c.relnamespace = ours.oid
union all
select format('constraint %s on %s: %s', k.conname, k.conrelid::regclass, pg_get_constraintdef(k.oid))
from pg_constraint as k inner join ours on k.connamespace = ours.oid
where k.contype <> 'n' -- Postgres 18 names these by what else is there; the columns above say "not null"
union all
select format('trigger %s: %s, enabled %s', t.tgrelid::regclass, pg_get_triggerdef(t.oid), t.tgenabled)
from pg_trigger as t
inner join pg_class as c on t.tgrelid = c.oid
inner join ours on c.relnamespace = ours.oid
where not t.tgisinternal
union all
select format('sequence %s', to_jsonb(s) - 'seqrelid' - 'seqtypid' || jsonb_build_object('name', s.seqrelid::regclass))
from pg_sequence as s inner join pg_class as c on s.seqrelid = c.oid inner join ours on c.relnamespace = ours.oid
union all
select format(
  'function %s owned by %s, granted %s: %s', p.oid::regprocedure, pg_get_userbyid(p.proowner), p.proacl,
  pg_get_functiondef(p.oid)
)
from pg_proc as p inner join ours on p.pronamespace = ours.oid where p.prokind in ('f', 'p')
union all
select format('type %s %s: %s', t.typtype, t.oid::regtype, t.typacl)
from pg_type as t inner join ours on t.typnamespace = ours.oid where t.typtype <> 'b'
union all
select format('policy %s on %s', p.polname, p.polrelid::regclass)
from pg_policy as p inner join pg_class as c on p.polrelid = c.oid inner join ours on c.relnamespace = ours.oid
union all
select format('comment on %s: %s', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description)
from pg_description as d
where pg_describe_object(d.classoid, d.objoid, d.objsubid) ~ '\mpayops(_api)?\M'
order by 1
