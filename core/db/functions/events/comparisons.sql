-- begin_comparison: an interrupted comparison resumes, or a new one begins: the newest days, and a number of older
-- days before those that the last one reached; once it reaches the mirror's oldest day it starts again with the
-- newest. A part covers as many days as hold about ten thousand charges.
create function payops_api.begin_comparison(
  p_now timestamptz, p_until timestamptz, p_days integer, p_older_days integer
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  newest_since timestamptz := p_until - make_interval(days => p_days);
  reached timestamptz := (
    select c.older_since from payops.comparisons as c where c.done_at is not null order by c.id desc limit 1
  );
  beginning timestamptz := (select min(k.created) from payops.customers as k);
  newest_charges bigint := (select count(*) from payops.charges as k where k.created >= newest_since);
begin
  reached := least(reached, newest_since);
  if reached is null or reached <= coalesce(beginning, reached) then
    reached := newest_since;
  end if;
  insert into payops.comparisons (since, until, older_since, older_until, days_a_part, begun_at)
  values (
    newest_since, p_until, reached - make_interval(days => p_older_days), reached,
    greatest(1, least(p_days, p_days * 10000 / greatest(newest_charges, 1))), p_now
  )
  on conflict do nothing;
  return (select to_jsonb(c) from payops.comparisons as c where c.done_at is null);
end
$$;

-- mirror_content: the columns of a mirror row that describe its object, without when and by which event it was written.
create function payops.mirror_content(p_row jsonb) returns jsonb
language sql immutable
set search_path = '' as $$ select p_row - array['as_of', 'event_id', 'state_rank', 'tied'] $$;

-- doubtful_rows: of these rows as Stripe shows them, those that the mirror lacks or that differ from it. A row that is
-- newer in the mirror does not count as different, unless its time is in the future. Balance transactions never change.
-- Where Stripe is asked `p_again`, its answer is also newer than one that was fetched in the same second.
create function payops.doubtful_rows(p_table text, p_rows jsonb, p_now timestamptz, p_again boolean default false)
returns table (id text, day date, is_missing boolean)
language plpgsql stable
set search_path = '' as $$
begin
  perform payops.require_mirror_table(p_table);
  return query execute format(
    'select r.id, payops.business_day(r.created), k.id is null'
    ' from jsonb_populate_recordset(null::payops.%1$I, $1) as r'
    ' left join payops.%1$I as k on k.id = r.id'
    ' where k.id is null or (k.as_of < r.as_of or k.as_of > $2 + interval ''1 hour'' or $3'
    '   or $4 and k.as_of = r.as_of and k.event_id = r.event_id)'
    '   and payops.mirror_content(to_jsonb(k)) is distinct from payops.mirror_content(to_jsonb(r))', p_table
  ) using p_rows, p_now, p_table = 'balance_transactions', p_again;
end
$$;

-- doubtful_objects: the ids of the doubtful rows.
create function payops_api.doubtful_objects(p_table text, p_rows jsonb, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(d.id), '[]') from payops.doubtful_rows(p_table, p_rows, p_now) as d
$$;

-- surplus_objects: the ids in the mirror from this time that Stripe did not list; deleted objects are left out.
create function payops_api.surplus_objects(
  p_table text, p_since timestamptz, p_until timestamptz, p_listed jsonb
) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
declare
  found_ids jsonb;
begin
  perform payops.require_mirror_table(p_table);
  execute format(
    'select coalesce(jsonb_agg(k.id), ''[]'') from payops.%I as k where k.created >= $1 and k.created < $2 %s'
    '  and k.id not in (select l.item ->> ''id'' from jsonb_array_elements($3) as l (item))',
    p_table, case p_table
      when 'customers' then 'and not k.deleted' when 'invoices' then 'and k.status is distinct from ''deleted''' else ''
    end
  ) into found_ids using p_since, p_until, p_listed;
  return found_ids;
end
$$;

-- forget_objects: removes these objects, which Stripe does not have, from the mirror; their figures are computed again.
create function payops.forget_objects(p_table text, p_ids text[]) returns void
language plpgsql
set search_path = '' as $$
declare
  forgotten jsonb;
begin
  execute format(
    'with gone as (delete from payops.%I as k where k.id = any($1) returning k.*)'
    ' select coalesce(jsonb_agg(to_jsonb(g)), ''[]'') from gone as g', p_table
  ) into forgotten using p_ids;
  forgotten := jsonb_build_object(p_table, forgotten);
  perform payops.mark_stale_payments(forgotten);
  perform payops.mark_stale_balance_days(forgotten);
  perform payops.mark_stale_subscriptions(forgotten);
  if p_table = 'charges' then
    perform payops.recount_attempts(array(
      select distinct payops.business_day((c ->> 'created')::timestamptz)
      from jsonb_array_elements(forgotten -> p_table) as c
    ));
  end if;
end
$$;

-- text_array: a JSON list of text as an SQL array.
create function payops.text_array(p_list jsonb) returns text[]
language sql immutable
set search_path = '' as $$ select coalesce(array_agg(w), '{}') from jsonb_array_elements_text(p_list) as w $$;

-- days_of: on which business day the mirror has each of these objects.
create function payops.days_of(p_table text, p_ids text[]) returns table (id text, day date)
language plpgsql stable
set search_path = '' as $$
begin
  return query execute format(
    'select k.id, payops.business_day(k.created) from payops.%I as k where k.id = any($1)', p_table
  ) using p_ids;
end
$$;

-- record_compared_part: records that one kind of object was compared for some days. Differing rows are compared a
-- second time, now that their events have had time to arrive; what is wrong is counted by day and repaired. `p_gone`
-- are surplus rows that Stripe no longer has, `p_deleted` customers that Stripe shows as deleted, `p_left` surplus
-- rows, too many to be trusted.
create function payops_api.record_compared_part(
  p_comparison_id bigint, p_parts_done integer, p_kind text, p_table text, p_listed jsonb, p_doubtful jsonb,
  p_gone jsonb, p_deleted jsonb, p_left jsonb, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  wrong jsonb;
  wrong_ids text[];
  unlisted text[];
  wrongly_kept text[];
begin
  update payops.comparisons set parts_done = p_parts_done
  where id = p_comparison_id and done_at is null and parts_done = p_parts_done - 1;
  if not found then
    perform payops.refuse('part_already_compared', 'Another worker has compared this part.');
  end if;
  perform payops.require_mirror_table(p_table);
  execute format('select from payops.%I as k where k.id = any($1) order by k.id for update', p_table)
  using array(select d ->> 'id' from jsonb_array_elements(p_doubtful) as d);

  select coalesce(jsonb_agg(to_jsonb(d)), '[]'), coalesce(array_agg(d.id), '{}') into wrong, wrong_ids
  from payops.doubtful_rows(p_table, p_doubtful, p_now) as d;
  unlisted := array(
    select w from unnest(wrong_ids) as w where w not in (select l ->> 'id' from jsonb_array_elements(p_listed) as l)
  );
  perform payops.count_compared(
    p_comparison_id, p_kind, p_table, p_listed, wrong,
    unlisted || payops.text_array(p_gone) || payops.text_array(p_deleted), payops.text_array(p_left)
  );

  wrongly_kept := array(
    select w ->> 'id' from jsonb_array_elements(wrong) as w where not (w ->> 'is_missing')::boolean
  );
  perform payops.forget_objects(p_table, wrongly_kept || payops.text_array(p_gone));
  update payops.customers set deleted = true where id = any(payops.text_array(p_deleted)) and p_table = 'customers';
  perform payops.apply_records(jsonb_build_object(p_table, (
    select coalesce(jsonb_agg(d), '[]') from jsonb_array_elements(p_doubtful) as d where d ->> 'id' = any(wrong_ids)
  )));
  return to_jsonb(cardinality(wrong_ids) + jsonb_array_length(p_gone) + jsonb_array_length(p_deleted));
end
$$;

-- count_compared: counts, for each day of this part, the objects that matched, were missing, differed or were surplus.
create function payops.count_compared(
  p_comparison_id bigint, p_kind text, p_table text, p_listed jsonb, p_wrong jsonb, p_surplus text[], p_left text[]
) returns void
language sql
set search_path = '' as $$
  insert into payops.compared_days as c (comparison_id, kind, day, equal, missing, different, surplus, healed)
  select
    p_comparison_id, p_kind, day, sum(listed) - sum(missing) - sum(different), sum(missing), sum(different),
    sum(surplus), sum(healed)
  from (
    select payops.business_day(l.created) as day, 1 as listed, 0 as missing, 0 as different, 0 as surplus, 0 as healed
    from jsonb_to_recordset(p_listed) as l (created timestamptz)
    union all
    select w.day, 0, w.is_missing::integer, (not w.is_missing)::integer, 0, 1
    from jsonb_to_recordset(p_wrong) as w (id text, day date, is_missing boolean)
    where w.id <> all(p_surplus)
    union all
    select s.day, 0, 0, 0, 1, (s.id <> all(p_left))::integer
    from payops.days_of(p_table, p_surplus || p_left) as s
  ) as each
  group by day
  on conflict (comparison_id, kind, day) do update set
    equal = c.equal + excluded.equal, missing = c.missing + excluded.missing,
    different = c.different + excluded.different, surplus = c.surplus + excluded.surplus,
    healed = c.healed + excluded.healed
$$;

-- finish_comparison: ends the comparison. Differences are reported as an incident, a critical one if some were not
-- repaired.
create function payops_api.finish_comparison(p_id bigint, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  result jsonb;
  remaining integer;
begin
  update payops.comparisons set done_at = p_now, (equal, wrong, healed) = (
    select coalesce(sum(d.equal), 0), coalesce(sum(d.missing + d.different + d.surplus), 0), coalesce(sum(d.healed), 0)
    from payops.compared_days as d
    where d.comparison_id = p_id
  )
  where id = p_id and done_at is null;
  result := payops_api.last_comparison();
  remaining := (result ->> 'wrong')::integer - (result ->> 'healed')::integer;
  if (result ->> 'wrong')::integer > 0 then
    perform payops.record_incident(
      'mirror_differed', case when remaining > 0 then 'left' else 'healed' end,
      case
        when remaining > 0 then
          'The mirror holds many objects that Stripe does not have. They were kept: is this another account''s key?'
        else 'The mirror differed from Stripe and was repaired.'
      end,
      p_now, case when remaining > 0 then 'critical' else 'warning' end,
      jsonb_build_object('comparison', p_id, 'wrong', result -> 'wrong', 'by_kind_and_day', result -> 'wrong_days')
    );
  end if;
  delete from payops.comparisons where done_at < p_now - interval '90 days';
  return result;
end
$$;

-- last_comparison: the result of the last finished comparison, and at most 100 days with differences.
create function payops_api.last_comparison() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select to_jsonb(l) || jsonb_build_object('wrong_days', (
    select coalesce(jsonb_agg(to_jsonb(w) - 'comparison_id' order by w.day desc, w.kind), '[]')
    from (
      select d.* from payops.compared_days as d
      where d.comparison_id = l.id and l.wrong > 0 and d.missing + d.different + d.surplus > 0
      order by d.day desc, d.kind
      limit 100
    ) as w
  ))
  from (select * from payops.comparisons where done_at is not null order by id desc limit 1) as l
$$;
