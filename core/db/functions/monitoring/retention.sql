-- delete_old_alerts: deletes at most so many of the alerts that were resolved before then; answers how many.
create function payops_api.delete_old_alerts(p_before timestamptz, p_most integer) returns jsonb
language sql security definer
set search_path = '' as $$
  with gone as (
    delete from payops.alerts where id in (
      select a.id from payops.alerts as a where a.resolved_at < p_before order by a.resolved_at limit p_most
    )
    returning id
  )
  select to_jsonb(count(*)) from gone
$$;

-- delete_old_alert_messages: deletes, with their deliveries, at most so many of the messages that were written before
-- then and belong to no alert that is still kept; answers how many messages.
create function payops_api.delete_old_alert_messages(p_before timestamptz, p_most integer) returns jsonb
language sql security definer
set search_path = '' as $$
  with gone as (
    delete from payops.alert_messages where id in (
      select m.id from payops.alert_messages as m
      where m.written_at < p_before and not exists (
        select from payops.alerts as a where a.id = any(m.alert_ids)
      )
      order by m.written_at
      limit p_most
    )
    returning id
  )
  select to_jsonb(count(*)) from gone
$$;

-- delete_old_samples: deletes the samples of at most so many incidents that were resolved before then; answers of how many.
create function payops_api.delete_old_samples(p_before timestamptz, p_most integer) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  old constant bigint[] := array(
    select i.id from payops.incidents as i
    where i.resolved_at < p_before and (
      i.sample <> '{}' or exists (select from payops.incident_samples as s where s.incident_id = i.id)
    )
    order by i.resolved_at
    limit p_most
    for update
  );
begin
  delete from payops.incident_samples where incident_id = any(old);
  update payops.incidents set sample = '{}' where id = any(old);
  return to_jsonb(cardinality(old));
end
$$;

-- delete_old_incidents: deletes, with their trends, at most so many of the incidents that were resolved before then;
-- answers how many. What staff did about them stays in the audit log.
create function payops_api.delete_old_incidents(p_before timestamptz, p_most integer) returns jsonb
language sql security definer
set search_path = '' as $$
  with gone as (
    delete from payops.incidents where id in (
      select i.id from payops.incidents as i where i.resolved_at < p_before order by i.resolved_at limit p_most
      for update
    )
    returning id
  )
  select to_jsonb(count(*)) from gone
$$;
