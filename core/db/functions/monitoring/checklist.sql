-- access_findings: a sentence for each permission beyond what payops grants: none at all for outsiders; for the app's
-- login the functions of payops_api; and no app login owns a table.
create function payops.access_findings() returns setof text
language sql stable
set search_path = '' as $$
  with outsiders as (
    select r.rolname::text as name, r.oid as id
    from pg_catalog.pg_roles as r where r.rolname in ('anon', 'authenticated')
    union all
    select 'public', 0::oid
  )
  select format('%s may run %s', o.name, string_agg(p.proname::text, ', ' order by p.proname))
  from outsiders as o, pg_catalog.pg_proc as p
  where
    p.pronamespace = 'payops_api'::regnamespace
    and case
      when o.name = 'public' then exists (
        select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a where a.grantee = 0
      )
      else has_function_privilege(o.name, p.oid, 'execute')
    end
  group by o.name
  union all
  select format('%s may reach the table %s', o.name, c.relname)
  from outsiders as o, pg_catalog.pg_class as c
  where
    c.relnamespace = 'payops'::regnamespace and c.relkind in ('r', 'p')
    and exists (select from aclexplode(c.relacl) as a where a.grantee = o.id)
  union all
  select format('the table %s has no row security', c.relname)
  from pg_catalog.pg_class as c
  where c.relnamespace = 'payops'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
  union all
  select 'the login of the app owns its tables or may do anything'
  where exists (
    select from pg_catalog.pg_roles as r
    inner join pg_catalog.pg_class as c on c.oid = 'payops.staff'::regclass
    where r.rolname = session_user and (r.rolsuper or pg_has_role(r.oid, c.relowner, 'member'))
  )
$$;

-- reserved_address: whether the address belongs to a domain that nobody can own (RFC 2606), like the demo's.
create function payops.reserved_address(p_email text) returns boolean
language sql immutable
set search_path = '' as $$
  select lower(p_email) ~ '[@.](example|test|invalid|localhost)$' or lower(p_email) ~ '[@.]example[.](com|net|org)$'
$$;

-- checklist_facts: the facts about the database that the deployment checklist needs.
create function payops_api.checklist_facts(p_roles jsonb, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'prices', (
      select coalesce(jsonb_agg(distinct i ->> 'price_id'), '[]')
      from payops.subscriptions as s, jsonb_array_elements(s.items) as i
      where s.status not in ('canceled', 'incomplete_expired') and i ->> 'price_id' is not null
    ),
    'active_providers', (select count(*) from payops.providers as p where p.active),
    'licensed_providers', (
      select count(distinct a.provider_id) from payops.availability as a
      where payops.is_within(a.valid_from, a.valid_until, p_now)
    ),
    'demo_providers', (
      select coalesce(jsonb_agg(p.name order by p.name), '[]')
      from payops.providers as p where p.active and payops.reserved_address(p.email)
    ),
    'demo_users', (
      select coalesce(jsonb_agg(s.name order by s.name), '[]')
      from payops.staff as s where s.active and payops.reserved_address(s.email)
    ),
    'admins', (select count(*) from payops.staff as s where s.active and s.role = 'admin'),
    'without_second_factor', (
      select coalesce(jsonb_agg(s.name order by s.name), '[]')
      from payops.staff as s
      where s.active and s.second_factor_sealed is null and s.role in (select jsonb_array_elements_text(p_roles))
    ),
    'access', (select coalesce(jsonb_agg(f order by f), '[]') from payops.access_findings() as f),
    'background_work_seconds', (
      select floor(extract(epoch from clock_timestamp() - max(least(j.held_until, clock_timestamp()))))::bigint
      from payops.jobs as j where j.held_until > '-infinity'
    ),
    'api_calls', (
      select coalesce(jsonb_object_agg(c.operation, c.n), '{}')
      from (
        select a.operation, count(*) as n from payops.api_calls as a
        where a.at > p_now - interval '5 minutes'
        group by a.operation
      ) as c
    ),
    'secrets_since', (
      select coalesce(jsonb_object_agg(u.fingerprint, u.since), '{}')
      from (
        select w.fingerprint, min(w.day) as since from payops.webhook_secret_uses as w group by w.fingerprint
      ) as u
    )
  )
$$;
