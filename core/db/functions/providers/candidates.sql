-- candidates: who has a licence in the consultation's state, in the order of choice, with why each is in or out now, and
-- how many there are in all. The first in order of each tier are among them, the others by name, at most so many, or
-- those whose name has `p_search` in it. `selectable` says who may be chosen by hand, `overridable` by an admin who says
-- so.
create function payops_api.candidates(
  p_id text, p_now timestamptz, p_search text default null, p_limit integer default 100
) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
declare
  asked payops.consultations;
  named text[];
begin
  select c.* into asked from payops.consultations as c where c.id = p_id;
  if not found then
    perform payops.refuse('no_such_consultation', 'There is no consultation of this id.');
  end if;
  named := array(
    select distinct first.provider_id
    from (values
      (array[asked.specialty]), (array['general_practice']), (array(select s.code from payops.specialties as s))
    ) as t (codes)
    cross join lateral payops.next_in_order(asked.state, t.codes, asked.declined_by, p_now, 20) as first
  ) || array(
    select l.provider_id
    from payops.licences as l
    inner join payops.providers as p on l.provider_id = p.id
    where l.state = asked.state
      and (p_search is null or strpos(lower(p.name), lower(p_search)) > 0)
    group by l.provider_id, p.name
    order by lower(p.name), l.provider_id
    limit p_limit
  );
  return (
    with listed as (
      select c.*, p.name, row_number() over () as place
      from payops.candidates_of(
        asked.state, asked.specialty, p_now, array(select distinct n.id from unnest(named) as n (id)), asked.declined_by
      ) as c
      inner join payops.providers as p on c.provider_id = p.id
    ),
    best as (
      select min(b.tier) as tier from listed as b where b.eligible
    )
    select jsonb_build_object(
      'licensed', (select count(distinct l.provider_id) from payops.licences as l where l.state = asked.state),
      'items', coalesce(jsonb_agg(
        to_jsonb(l) - 'place' || jsonb_build_object(
          'has_it', l.provider_id is not distinct from asked.provider_id,
          'overridable', l.licensed and l.why <> 'Deactivated.' and l.provider_id is distinct from asked.provider_id,
          'selectable',
          l.eligible and l.provider_id is distinct from asked.provider_id
          and coalesce(l.tier <= (select b.tier from best as b), false)
        )
        order by l.eligible desc, l.tier, l.place
      ) filter (where p_search is null or strpos(lower(l.name), lower(p_search)) > 0), '[]')
    )
    from listed as l
  );
end
$$;
