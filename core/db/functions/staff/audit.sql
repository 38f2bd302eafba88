-- audit_entries_matching: the newest matching entries between two moments, at most `p_most`, those before an ID if one
-- is given; only entries of `p_people` if given. Texts match anywhere in the field; in an action, a space matches
-- colons and dashes.
create function payops.audit_entries_matching(
  p_since timestamptz, p_until timestamptz, p_actor text, p_action text, p_subject text, p_outcome text,
  p_before_id bigint, p_limit integer, p_people boolean default false
) returns setof payops.audit_log
language sql stable
set search_path = '' as $$
  select a.* from payops.audit_log as a
  where
    a.at >= p_since and a.at < p_until
    and (a.id < p_before_id or p_before_id is null)
    and (a.outcome = p_outcome or p_outcome is null)
    and (p_actor is null or strpos(lower(a.actor), lower(p_actor)) > 0)
    and (not p_people or a.actor like 'staff:%' or a.actor like 'cli:%')
    and (
      p_action is null
      or strpos(translate(lower(a.action), ':-', '  '), translate(lower(p_action), ':-', '  ')) > 0
    )
    and (p_subject is null or strpos(lower(a.subject), lower(p_subject)) > 0)
  order by a.id desc
  limit p_limit
$$;

-- list_audit: the matching entries, newest first, at most 1,000, each with its place in the chain, and the ID to
-- continue before (null at the end).
create function payops_api.list_audit(
  p_since timestamptz, p_until timestamptz, p_actor text default null, p_action text default null,
  p_subject text default null, p_outcome text default null, p_before_id bigint default null,
  p_limit integer default 100, p_people boolean default false
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with found as (
    select f.* from payops.audit_entries_matching(
      p_since, p_until, p_actor, p_action, p_subject, p_outcome, p_before_id, least(p_limit, 1000) + 1, p_people
    ) as f
  ),
  page as (
    select f.*, c.position from found as f left join payops.audit_chain as c on f.id = c.audit_id
    order by f.id desc limit least(p_limit, 1000)
  )
  select jsonb_build_object(
    'items', coalesce((select jsonb_agg(to_jsonb(p) order by p.id desc) from page as p), '[]'),
    'next', case when (select count(*) from found) > (select count(*) from page) then (select min(id) from page) end
  )
$$;

-- count_audit: how many entries match, counted up to `p_most`.
create function payops_api.count_audit(
  p_since timestamptz, p_until timestamptz, p_most integer, p_actor text default null, p_action text default null,
  p_subject text default null, p_outcome text default null, p_people boolean default false
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select to_jsonb(count(*))
  from payops.audit_entries_matching(
    p_since, p_until, p_actor, p_action, p_subject, p_outcome, null, p_most, p_people
  ) as f
$$;
