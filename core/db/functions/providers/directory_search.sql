-- search_providers: the directory by name from `p_skip` on, at most 1,000 providers, and the total number. Filters, if
-- given: a part of the name, e-mail or NPI, a licence in a state, a specialty, active or not, and those after the
-- provider `p_after_id`.
create function payops_api.search_providers(
  p_search text default null, p_state text default null, p_specialty text default null, p_active boolean default null,
  p_skip integer default 0, p_limit integer default 200, p_after_id text default null
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with fitting as (
    select p.*
    from payops.providers as p
    where (p_search is null or strpos(lower(concat_ws(' ', p.id, p.name, p.email, p.npi)), lower(p_search)) > 0)
      and (p_specialty is null or p_specialty = any(p.specialties)) and (p_active is null or p.active = p_active)
      and (p_state is null or exists (
        select from payops.licences as l where l.provider_id = p.id and l.state = p_state
      ))
  )
  select jsonb_build_object(
    'total', (select count(*) from fitting as f),
    'items', (
      select coalesce(jsonb_agg(payops.provider_as_json(p) order by x.place), '[]')
      from (
        select f.id, row_number() over (order by lower(f.name), f.id) as place
        from fitting as f
        where p_after_id is null or (lower(f.name), f.id) > (
          select lower(a.name), a.id from payops.providers as a where a.id = p_after_id
        )
        order by lower(f.name), f.id
        offset p_skip
        limit least(p_limit, 1000)
      ) as x
      inner join payops.providers as p on x.id = p.id
    )
  )
$$;

-- directory_summary: how many providers there are, how many are active, their free slots, and how many active licences
-- end within 30, 60 and 90 days or have ended.
create function payops_api.directory_summary(p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select (
    select jsonb_build_object(
      'providers', count(*), 'active', count(*) filter (where payops.may_be_assigned(p)),
      'capacity', coalesce(sum(p.capacity) filter (where payops.may_be_assigned(p)), 0),
      'free_slots', coalesce(sum(payops.free_slots(p, d)) filter (where payops.may_be_assigned(p)), 0)
    )
    from payops.providers as p
    left join payops.provider_schedules as d on p.id = d.provider_id
  ) || (
    select jsonb_build_object(
      'ended', count(*) filter (where l.valid_until <= p_now),
      'ending', jsonb_build_object(
        '30', count(*) filter (where l.valid_until > p_now and l.valid_until <= p_now + interval '30 days'),
        '60', count(*) filter (where l.valid_until > p_now and l.valid_until <= p_now + interval '60 days'),
        '90', count(*) filter (where l.valid_until > p_now and l.valid_until <= p_now + interval '90 days')
      )
    )
    from payops.licences as l
    inner join payops.providers as p on l.provider_id = p.id
    where l.status = 'active' and p.active and l.home_licence_id is null
      and l.valid_until > '-infinity' and l.valid_until < 'infinity' and l.valid_until <= p_now + interval '90 days'
  )
$$;
