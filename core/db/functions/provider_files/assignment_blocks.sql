-- may_be_assigned: whether this provider may be assigned any consultation, apart from licences and capacity: they are
-- active, not excluded, and have a valid NPI.
create function payops.may_be_assigned(p_provider payops.providers) returns boolean
language sql immutable
return p_provider.active and p_provider.blocked_reason is null;

-- refresh_blocked_reason: updates the provider's `blocked_reason`, which names each open block, and their availability.
-- The caller holds the provider's lock.
create function payops.refresh_blocked_reason(p_provider text) returns void
language sql
set search_path = '' as $$
  update payops.providers set blocked_reason = (
    select string_agg(b.reason, ' ' order by b.kind)
    from payops.assignment_blocks as b where b.provider_id = p_provider and b.lifted_at is null
  )
  where id = p_provider;
  select payops.rewrite_availability(p_provider)
$$;

-- block_assignment: takes the provider out of assignment for this reason, with an audit entry. Returns false if they
-- already are for a reason of this kind, whose day and sentence are then updated.
create function payops.block_assignment(
  p_actor text, p_actor_role text, p_provider text, p_kind text, p_since date, p_reason text, p_now timestamptz
) returns boolean
language plpgsql
set search_path = '' as $$
declare
  blocked boolean;
begin
  perform payops.lock_provider(p_provider);
  update payops.assignment_blocks set since = p_since, reason = p_reason
  where provider_id = p_provider and kind = p_kind and lifted_at is null;
  blocked := not found;
  if blocked then
    insert into payops.assignment_blocks (provider_id, kind, since, reason, blocked_at, blocked_by)
    values (p_provider, p_kind, p_since, p_reason, p_now, p_actor);
    perform payops.record_audit(
      p_actor, p_actor_role, 'providers:provider:blocked', 'provider:' || p_provider, p_now,
      jsonb_build_object('blocked_reason', null), jsonb_build_object('blocked_reason', p_reason), p_reason
    );
  end if;
  perform payops.refresh_blocked_reason(p_provider);
  return blocked;
end
$$;

-- lift_block: ends the provider's block of this kind, for this reason, with an audit entry; waiting consultations that
-- they can take again are assigned. Returns false if there was none.
create function payops.lift_block(
  p_actor text, p_actor_role text, p_provider text, p_kind text, p_reason text, p_now timestamptz
) returns boolean
language plpgsql
set search_path = '' as $$
declare
  lifted payops.assignment_blocks;
begin
  perform payops.lock_provider(p_provider);
  update payops.assignment_blocks set lifted_at = p_now, lifted_by = p_actor, lift_reason = p_reason
  where provider_id = p_provider and kind = p_kind and lifted_at is null
  returning * into lifted;
  if not found then
    return false;
  end if;
  perform payops.refresh_blocked_reason(p_provider);
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:provider:unblocked', 'provider:' || p_provider, p_now,
    jsonb_build_object('blocked_reason', lifted.reason), jsonb_build_object('blocked_reason', null), p_reason
  );
  perform payops.drain_for(array[p_provider], p_now);
  return true;
end
$$;
