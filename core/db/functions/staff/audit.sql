-- list_audit: the matching entries, newest first, at most 1,000 of them, and the id to continue before (null at the
-- end). Texts match anywhere in the field; in an action, colons and dashes match spaces.
create function payops_api.list_audit(
  p_since timestamptz, p_until timestamptz, p_actor text default null, p_action text default null,
  p_subject text default null, p_outcome text default null, p_before_id bigint default null,
  p_limit integer default 100
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with found as (
    select a.* from payops.audit_log as a
    where
      a.at >= p_since and a.at < p_until
      and (a.id < p_before_id or p_before_id is null)
      and (a.outcome = p_outcome or p_outcome is null)
      and (p_actor is null or strpos(lower(a.actor), lower(p_actor)) > 0)
      and (
        p_action is null
        or strpos(translate(lower(a.action), ':-', '  '), translate(lower(p_action), ':-', '  ')) > 0
      )
      and (p_subject is null or strpos(lower(a.subject), lower(p_subject)) > 0)
    order by a.id desc
    limit least(p_limit, 1000) + 1
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
