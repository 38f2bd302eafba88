-- require_assignable: locks the provider and returns their tier for this consultation; refused, with the reason, if
-- staff may not assign it to them. An admin can override hours, capacity and specialty; nobody can override the
-- licence.
create function payops.require_assignable(
  p_consultation payops.consultations, p_provider text, p_actor_role text, p_override boolean, p_now timestamptz
) returns integer
language plpgsql
set search_path = '' as $$
declare
  markets constant text[] := payops.markets_of(p_consultation.state);
  asked record;
  best integer;
  blocked text;
  declined constant text[] := p_consultation.declined_by;
begin
  perform payops.lock_provider(p_provider);
  select c.* into asked from payops.candidates_of(
    p_consultation.state, p_consultation.specialty, p_now, array[p_provider]
  ) as c;
  select p.blocked_reason into blocked from payops.providers as p where p.id = p_provider;
  if blocked is not null then
    perform payops.refuse('out_of_assignment', 'This provider cannot be chosen: ' || blocked);
  elsif not asked.licensed then
    perform payops.refuse('not_licensed', 'This provider cannot be chosen: ' || asked.why);
  elsif asked.why = 'Deactivated.' then
    perform payops.refuse('not_active', 'This provider cannot be chosen: they are deactivated.');
  elsif p_override and p_actor_role <> 'admin' then
    perform payops.refuse('not_allowed', 'Only an admin may override hours, capacity or specialty.');
  elsif not p_override and asked.why = 'Away or outside their hours.' then
    perform payops.refuse('away', 'This provider is away or outside their hours. Only an admin may override that.');
  elsif not p_override and asked.pending >= asked.capacity then
    perform payops.refuse('at_capacity', 'This provider is at capacity. Only an admin may override that.');
  elsif not p_override and asked.tier > 1 then
    best := case
      when exists (
        select from payops.next_in_order(
          p_consultation.state, markets, array[p_consultation.specialty], declined, p_now, 1
        )
      ) then 1
      when exists (
        select from payops.next_in_order(p_consultation.state, markets, array['general_practice'], declined, p_now, 1)
      ) then 2
      else 3
    end;
    if asked.tier > best then
      perform payops.refuse('another_specialty', 'A provider with a better match is available. Only an admin may override that.');
    end if;
  end if;
  return asked.tier;
end
$$;

-- assign_consultation: assigns the consultation to the named provider, for the reason given, or to the provider that
-- the rules choose. Its earlier provider has one open consultation less; with `p_only_waiting` it is refused where the
-- consultation got a provider meanwhile.
create function payops_api.assign_consultation(
  p_actor text, p_actor_role text, p_id text, p_now timestamptz, p_provider text default null,
  p_reason text default null, p_override boolean default false, p_only_waiting boolean default false
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  started constant timestamptz := clock_timestamp();
  before payops.consultations := payops.lock_consultation(p_id);
  given payops.consultations;
  candidates jsonb;
  tier integer;
begin
  perform payops.require_open(before);
  if p_only_waiting and before.status = 'assigned' then
    perform payops.refuse('assigned_meanwhile', 'It got a provider meanwhile, who keeps it.');
  elsif p_provider is null and before.status = 'assigned' then
    perform payops.refuse('already_assigned', 'This consultation already has a provider. Release it first, or name another provider.');
  elsif p_provider is null then
    return payops.consultation_as_json(payops.assign(before, 'manual', p_actor, p_now, true));
  elsif p_provider = before.provider_id then
    return payops.consultation_as_json(before);
  end if;
  perform payops.require_reason(p_reason);
  perform from payops.providers as p where p.id in (p_provider, before.provider_id) order by p.id for update;
  candidates := payops.candidate_snapshot(before, p_now);
  tier := payops.require_assignable(before, p_provider, p_actor_role, p_override, p_now);
  if before.provider_id is not null then
    perform payops.change_pending(before.provider_id, -1);
  end if;
  perform payops.change_pending(p_provider, 1, p_now);
  update payops.consultations set
    status = 'assigned', provider_id = p_provider, assigned_at = p_now, reason = 'Chosen by hand: ' || btrim(p_reason),
    match = case tier when 1 then 'specialty' else 'fallback' end
  where id = p_id
  returning * into given;
  perform payops.record_decision(given, 'manual', p_actor, p_now, candidates, started);
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:consultation:assigned', 'consultation:' || p_id, p_now,
    jsonb_build_object('provider_id', before.provider_id),
    jsonb_build_object('provider_id', p_provider, 'override', p_override), p_reason
  );
  if before.provider_id is not null then
    perform payops.drain_for(array[before.provider_id], p_now);
  end if;
  return payops.consultation_as_json(given);
end
$$;

-- release: releases the consultation from its provider, who will not be chosen for it again, and assigns it to the next
-- provider or leaves it waiting.
create function payops.release(
  p_consultation payops.consultations, p_actor text, p_actor_role text, p_reason text, p_now timestamptz
) returns payops.consultations
language plpgsql
set search_path = '' as $$
declare
  released payops.consultations;
begin
  perform payops.change_pending(p_consultation.provider_id, -1);
  update payops.consultations set
    status = 'waiting', provider_id = null, match = null, assigned_at = null, preferred_provider_id = null,
    declined_by = array_append(declined_by, p_consultation.provider_id), reason = 'Released: ' || btrim(p_reason)
  where id = p_consultation.id
  returning * into released;
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:consultation:released', 'consultation:' || p_consultation.id, p_now,
    jsonb_build_object('provider_id', p_consultation.provider_id), null, p_reason
  );
  return payops.assign(released, 'release', p_actor, p_now, false);
end
$$;

-- release_consultation: releases the consultation from its provider, who gets the one waiting longest instead.
create function payops_api.release_consultation(
  p_actor text, p_actor_role text, p_id text, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before payops.consultations := payops.lock_consultation(p_id);
  released payops.consultations;
begin
  if before.status <> 'assigned' then
    perform payops.refuse('not_assigned', 'This consultation has no provider to release it from.');
  end if;
  perform payops.require_reason(p_reason);
  released := payops.release(before, p_actor, p_actor_role, p_reason, p_now);
  perform payops.drain_for(array[before.provider_id], p_now);
  return payops.consultation_as_json(released);
end
$$;

-- reassign_from_ineligible: releases consultations whose provider may not see the patient now (all, or those of one
-- provider) and assigns them to others or leaves them waiting, at most 500 at a time. Returns how many were moved and
-- how many of those wait.
create function payops_api.reassign_from_ineligible(
  p_actor text, p_actor_role text, p_reason text, p_now timestamptz, p_provider text default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  ineligible payops.consultations;
  reassigned payops.consultations;
  moved integer := 0;
  waiting integer := 0;
begin
  perform payops.require_reason(p_reason);
  for ineligible in
    select c.* from payops.consultations as c
    where c.status = 'assigned' and (p_provider is null or c.provider_id = p_provider)
      and not payops.may_see(c.provider_id, c.state, p_now)
    order by c.received_at, c.id
    limit 500
    for update skip locked
  loop
    reassigned := payops.release(ineligible, p_actor, p_actor_role, p_reason, p_now);
    moved := moved + 1;
    waiting := waiting + (reassigned.status = 'waiting')::integer;
  end loop;
  return jsonb_build_object('moved', moved, 'waiting', waiting);
end
$$;
