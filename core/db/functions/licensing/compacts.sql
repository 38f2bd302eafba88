-- compact_holders: the providers whose licences or privileges depend on this compact.
create function payops.compact_holders(p_compact text) returns setof text
language sql stable
set search_path = '' as $$
  select distinct l.provider_id from payops.licences as l
  where l.compact = p_compact and l.home_licence_id is null
  order by l.provider_id
$$;

-- licensing_rules: the compacts with their members, the telehealth registrations, and the policy set by admins.
create function payops_api.licensing_rules() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'compacts', (
      select jsonb_agg(to_jsonb(c) || jsonb_build_object('members', (
        select coalesce(jsonb_agg(to_jsonb(m) - 'compact' order by m.state), '[]')
        from payops.compact_members as m where m.compact = c.code
      )) order by c.code)
      from payops.compacts as c
    ),
    'registrations', (
      select coalesce(jsonb_agg(to_jsonb(r) order by r.state), '[]') from payops.telehealth_registrations as r
    ),
    'policy', (select to_jsonb(p) - 'only_row' from payops.licensing_policy as p)
  )
$$;

-- put_compact: adds or changes a compact, and derives the privileges of each holder again.
create function payops_api.put_compact(
  p_actor text, p_actor_role text, p_rule jsonb, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  rule constant payops.compacts := jsonb_populate_record(null::payops.compacts, p_rule);
  before jsonb;
begin
  perform payops.require_reason(p_reason);
  select to_jsonb(c) into before from payops.compacts as c where c.code = rule.code;
  insert into payops.compacts as c select rule.*
  on conflict (code) do update set
    name = excluded.name, grants = excluded.grants, note = excluded.note, source = excluded.source,
    link = excluded.link, verified_on = excluded.verified_on;
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:compact:set', 'compact:' || rule.code, p_now, before, to_jsonb(rule), p_reason
  );
  perform payops.apply_rules(array(select payops.compact_holders(rule.code)), p_now);
  return 'true'::jsonb;
exception
  when check_violation or not_null_violation then
    perform payops.refuse('bad_rule', 'A compact needs a code of capital letters, a name, what it grants and a source.');
end
$$;

-- put_compact_member: this state takes part in the compact in this period; privileges are derived at once.
create function payops_api.put_compact_member(
  p_actor text, p_actor_role text, p_rule jsonb, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  rule constant payops.compact_members := jsonb_populate_record(null::payops.compact_members, p_rule);
  before jsonb;
begin
  perform payops.require_reason(p_reason);
  select to_jsonb(m) into before from payops.compact_members as m where m.compact = rule.compact and m.state = rule.state;
  insert into payops.compact_members select rule.*
  on conflict (compact, state) do update set
    effective_on = excluded.effective_on, ends_on = excluded.ends_on, source = excluded.source, link = excluded.link,
    verified_on = excluded.verified_on;
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:compact-member:set', 'compact:' || rule.compact, p_now, before, to_jsonb(rule),
    p_reason
  );
  perform payops.apply_rules(array(select payops.compact_holders(rule.compact)), p_now);
  return 'true'::jsonb;
exception
  when check_violation or not_null_violation or foreign_key_violation then
    perform payops.refuse('bad_rule', 'A member needs a known compact and state, a first day and a source, and ends after it starts.');
end
$$;

-- verify_compact_members: records that somebody has checked at this source that these states take part in the compact
-- as recorded here, and derives privileges at once.
create function payops_api.verify_compact_members(
  p_actor text, p_actor_role text, p_compact text, p_states jsonb, p_source jsonb, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  states constant text[] := array(select jsonb_array_elements_text(p_states));
  verified text[];
begin
  perform payops.require_reason(p_reason);
  with done as (
    update payops.compact_members set
      source = p_source ->> 'source', link = p_source ->> 'link', verified_on = payops.business_day(p_now)
    where compact = p_compact and state = any(states)
    returning state
  )
  select array_agg(d.state order by d.state) into verified from done as d;
  if not states <@ coalesce(verified, '{}') then
    perform payops.refuse('no_such_rule', 'One of these states is not a member of this compact. Set it as a member first.');
  end if;
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:compact-member:verified', 'compact:' || p_compact, p_now, null,
    p_source || jsonb_build_object('states', verified, 'verified_on', payops.business_day(p_now)), p_reason
  );
  perform payops.apply_rules(array(select payops.compact_holders(p_compact)), p_now);
  return 'true'::jsonb;
end
$$;

-- remove_compact_member: removes a state that was never a member; a state that leaves gets a last day instead.
create function payops_api.remove_compact_member(
  p_actor text, p_actor_role text, p_compact text, p_state text, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  gone payops.compact_members;
begin
  perform payops.require_reason(p_reason);
  delete from payops.compact_members as m where m.compact = p_compact and m.state = p_state returning m.* into gone;
  if gone.state is null then
    perform payops.refuse('no_such_rule', 'This state is not a member of this compact.');
  end if;
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:compact-member:removed', 'compact:' || p_compact, p_now, to_jsonb(gone), null,
    p_reason
  );
  perform payops.apply_rules(array(select payops.compact_holders(p_compact)), p_now);
  return 'true'::jsonb;
end
$$;

-- put_registration: records that this state registers clinicians of other states for telehealth in this period.
create function payops_api.put_registration(
  p_actor text, p_actor_role text, p_rule jsonb, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  rule constant payops.telehealth_registrations := jsonb_populate_record(null::payops.telehealth_registrations, p_rule);
  before jsonb;
begin
  perform payops.require_reason(p_reason);
  select to_jsonb(r) into before from payops.telehealth_registrations as r where r.state = rule.state;
  insert into payops.telehealth_registrations select rule.*
  on conflict (state) do update set
    not_allowed = excluded.not_allowed, effective_on = excluded.effective_on, ends_on = excluded.ends_on,
    source = excluded.source, link = excluded.link, verified_on = excluded.verified_on;
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:registration:set', 'registration:' || rule.state, p_now, before, to_jsonb(rule),
    p_reason
  );
  perform payops.apply_rules(array(
    select distinct l.provider_id from payops.licences as l
    where l.state = rule.state and l.kind = 'telehealth_registration' order by l.provider_id
  ), p_now);
  return 'true'::jsonb;
exception
  when check_violation or not_null_violation or foreign_key_violation then
    perform payops.refuse('bad_rule', 'A registration needs a known state, what it does not allow, a first day and a source.');
end
$$;

-- apply_rules: derives again what these providers' licences allow under the rules, and assigns waiting consultations
-- that they can take now.
create function payops.apply_rules(p_providers text[], p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
begin
  perform from payops.providers as p where p.id in (select unnest(p_providers)) order by p.id for update;
  perform payops.derive_licences(p_providers, p_now);
  perform payops.rewrite_availability(variadic p_providers);
  perform payops.drain_for(p_providers, p_now);
end
$$;

-- set_licensing_policy: sets the policy for licensing from now on.
create function payops_api.set_licensing_policy(
  p_actor text, p_actor_role text, p_policy jsonb, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before payops.licensing_policy;
  after payops.licensing_policy;
begin
  perform payops.require_reason(p_reason);
  select p.* into before from payops.licensing_policy as p for update;
  after := jsonb_populate_record(before, p_policy);
  update payops.licensing_policy set
    verification_days = after.verification_days, second_person = after.second_person,
    return_to_known = after.return_to_known, refuse_unserved = after.refuse_unserved;
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:policy:set', 'licensing', p_now, to_jsonb(before) - 'only_row',
    to_jsonb(after) - 'only_row', p_reason
  );
  return to_jsonb(after) - 'only_row';
exception
  when check_violation or not_null_violation then
    perform payops.refuse('bad_policy', 'A licence is verified again after 1 to 3,650 days.');
end
$$;
