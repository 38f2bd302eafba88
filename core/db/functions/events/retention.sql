-- delete_old_events: deletes the oldest settled events that were received before then, at most so many, with their
-- handlings and attempts. Returns how many events. The mirror keeps their effects, and their days keep their sums.
create function payops_api.delete_old_events(p_before timestamptz, p_most integer) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  old constant text[] := array(
    select e.id
    from payops.events as e
    inner join payops.event_handlings as h on e.id = h.event_id
    where e.received_at < p_before and h.outcome <> 'failed'
    order by e.received_at
    limit p_most
  );
begin
  if cardinality(old) > 0 then
    perform set_config('payops.retention', 'on', true);
    delete from payops.event_attempts where event_id = any(old);
    delete from payops.event_handlings where event_id = any(old);
    delete from payops.events where id = any(old);
    perform set_config('payops.retention', '', true);
    perform payops.note_retention('events', p_before, cardinality(old));
  end if;
  return to_jsonb(cardinality(old));
end
$$;

-- delete_old_calls: deletes the oldest calls of the payment API and calls to Stripe from before then, at most so many.
-- Returns how many.
create function payops_api.delete_old_calls(p_before timestamptz, p_most integer) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  ours bigint;
  stripes bigint;
begin
  delete from payops.api_calls
  where id = any(array(select c.id from payops.api_calls as c where c.at < p_before order by c.at limit p_most));
  get diagnostics ours = row_count;
  delete from payops.stripe_calls
  where id = any(array(select c.id from payops.stripe_calls as c where c.at < p_before order by c.at limit p_most));
  get diagnostics stripes = row_count;
  if ours + stripes > 0 then
    perform payops.note_retention('calls', p_before, ours + stripes);
  end if;
  return to_jsonb(ours + stripes);
end
$$;

-- note_retention: records that so many more rows of this kind from before then were deleted.
create function payops.note_retention(p_subject text, p_before timestamptz, p_deleted bigint) returns void
language sql
set search_path = '' as $$
  insert into payops.retention_runs as r (subject, deleted_before, deleted) values (p_subject, p_before, p_deleted)
  on conflict (subject) do update set
    deleted_before = greatest(r.deleted_before, excluded.deleted_before), deleted = r.deleted + excluded.deleted
$$;
