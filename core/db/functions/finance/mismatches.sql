-- Mismatches: finding them, and what staff do about one: assign, note, accept, and ask Stripe again.

-- mismatch_row: a mismatch with its notes, and how old it is at this moment.
create function payops.mismatch_row(p_mismatch payops.mismatches, p_now timestamptz) returns jsonb
language sql stable
set search_path = '' as $$
  select to_jsonb(p_mismatch) - 'net_effect_minor' || jsonb_build_object(
    'age_days', greatest(payops.business_day(p_now) - p_mismatch.day, 0),
    'notes', (
      select coalesce(jsonb_agg(jsonb_build_object('at', n.at, 'written_by', n.written_by, 'note', n.note)
        order by n.at), '[]')
      from payops.mismatch_notes as n
      where n.mismatch_key = p_mismatch.key
    )
  )
$$;

-- list_mismatches: the mismatches of a period, or of one payout, largest first, up to a limit; `p_states` has any of
-- open, accepted and fixed.
create function payops_api.list_mismatches(
  p_since date, p_until date, p_states jsonb, p_now timestamptz, p_currency text default null,
  p_payout_id text default null, p_most integer default 1000
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(payops.mismatch_row(m, p_now)
    order by array_position('{open,accepted,fixed}', m.state), abs(m.difference_minor) desc, m.key), '[]')
  from (
    select x.* from payops.mismatches as x
    where x.state = any(payops.text_array(p_states)) and (p_currency is null or x.currency = p_currency)
      and case when p_payout_id is null then x.day between p_since and p_until
        else x.payout_id = p_payout_id or exists (
          select from payops.payout_contents as k
          where k.payout_id = p_payout_id and k.balance_transaction_id in (x.subject, x.facts ->> 'movement')
        )
      end
    order by array_position('{open,accepted,fixed}', x.state), abs(x.difference_minor) desc, x.key
    limit least(p_most, 100000)
  ) as m
$$;

-- one_mismatch: this mismatch, or null.
create function payops_api.one_mismatch(p_key text, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select payops.mismatch_row(m, p_now) from payops.mismatches as m where m.key = p_key
$$;

-- require_mismatch: this mismatch, locked; refused if it does not exist.
create function payops.require_mismatch(p_key text) returns payops.mismatches
language plpgsql
set search_path = '' as $$
declare
  found_row payops.mismatches;
begin
  select m.* into found_row from payops.mismatches as m where m.key = p_key for update;
  if not found then
    perform payops.refuse('no_such_mismatch', 'There is no such mismatch.');
  end if;
  return found_row;
end
$$;

-- require_acceptable_reason: refuses a text that cannot count as a reason.
create function payops.require_acceptable_reason(p_reason text) returns void
language plpgsql
set search_path = '' as $$
begin
  if length(trim(coalesce(p_reason, ''))) not between 3 and 500 then
    perform payops.refuse('reason_missing', 'Write a reason of 3 to 500 characters. Nothing was changed.');
  end if;
end
$$;

-- accept_mismatch: accepts the mismatch for this reason, until its facts change.
create function payops_api.accept_mismatch(
  p_actor text, p_actor_role text, p_key text, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before payops.mismatches := payops.require_mismatch(p_key);
begin
  perform payops.require_acceptable_reason(p_reason);
  if before.state <> 'open' then
    perform payops.refuse('not_open', 'This mismatch is not open. Nothing was changed.');
  end if;
  update payops.mismatches set
    state = 'accepted', accepted_by = p_actor, accepted_at = p_now, accepted_reason = trim(p_reason)
  where key = p_key;
  perform payops.record_audit(
    p_actor, p_actor_role, 'finance:mismatch:accepted', 'mismatch:' || p_key, p_now,
    jsonb_build_object('state', before.state), before.facts || jsonb_build_object(
      'state', 'accepted', 'difference_minor', before.difference_minor, 'currency', before.currency
    ), trim(p_reason)
  );
  perform payops.report_mismatches('{}', p_now);
  return 'true'::jsonb;
end
$$;

-- reopen_mismatch: reopens an accepted mismatch.
create function payops_api.reopen_mismatch(
  p_actor text, p_actor_role text, p_key text, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before payops.mismatches := payops.require_mismatch(p_key);
begin
  perform payops.require_acceptable_reason(p_reason);
  if before.state <> 'accepted' then
    perform payops.refuse('not_accepted', 'This mismatch was not accepted. Nothing was changed.');
  end if;
  update payops.mismatches set state = 'open', accepted_by = null, accepted_at = null, accepted_reason = null
  where key = p_key;
  perform payops.record_audit(
    p_actor, p_actor_role, 'finance:mismatch:reopened', 'mismatch:' || p_key, p_now,
    jsonb_build_object('state', 'accepted', 'reason', before.accepted_reason), jsonb_build_object('state', 'open'),
    trim(p_reason)
  );
  return 'true'::jsonb;
end
$$;

-- assign_mismatch: assigns the mismatch to this user; without a user it becomes unassigned.
create function payops_api.assign_mismatch(
  p_actor text, p_actor_role text, p_key text, p_assignee text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before payops.mismatches := payops.require_mismatch(p_key);
begin
  update payops.mismatches set assignee = p_assignee where key = p_key;
  perform payops.record_audit(
    p_actor, p_actor_role, 'finance:mismatch:assigned', 'mismatch:' || p_key, p_now,
    jsonb_build_object('assignee', before.assignee), jsonb_build_object('assignee', p_assignee)
  );
  return 'true'::jsonb;
end
$$;

-- note_mismatch: adds a note to the mismatch.
create function payops_api.note_mismatch(
  p_actor text, p_actor_role text, p_key text, p_note text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.require_mismatch(p_key);
  if length(trim(coalesce(p_note, ''))) not between 1 and 2000 then
    perform payops.refuse('note_missing', 'Write a note of up to 2,000 characters. Nothing was changed.');
  end if;
  insert into payops.mismatch_notes (mismatch_key, at, written_by, note) values (p_key, p_now, p_actor, trim(p_note));
  perform payops.record_audit(p_actor, p_actor_role, 'finance:mismatch:noted', 'mismatch:' || p_key, p_now);
  return 'true'::jsonb;
end
$$;

-- replace_records: stores these records in the mirror as Stripe shows them, even over one that was fetched in the same
-- second.
create function payops.replace_records(p_records jsonb, p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
declare
  shown record;
begin
  for shown in select e.key as name, e.value as rows from jsonb_each(p_records) as e order by e.key
  loop
    perform payops.require_mirror_table(shown.name);
    perform payops.forget_objects(shown.name, array(
      select d.id from payops.doubtful_rows(shown.name, shown.rows, p_now, p_again => true) as d where not d.is_missing
    ));
    perform payops.apply_records(jsonb_build_object(shown.name, shown.rows));
  end loop;
end
$$;

-- replace_contents: replaces the contents of each of these payouts by what Stripe lists.
create function payops.replace_contents(p_contents jsonb) returns void
language sql
set search_path = '' as $$
  delete from payops.payout_contents
  where payout_id in (select c ->> 'payout' from jsonb_array_elements(p_contents) as c);
  select payops_api.record_contents_of_payouts(p_contents);
$$;

-- record_part_of_mismatch_fetch: stores these records, a part of a long answer, in the mirror as Stripe shows them; the
-- days are compared again after the last part, by record_mismatch_fetch.
create function payops_api.record_part_of_mismatch_fetch(p_key text, p_records jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.require_mismatch(p_key);
  perform payops.replace_records(p_records, p_now);
  return 'true'::jsonb;
end
$$;

-- record_mismatch_fetch: stores what Stripe showed for this mismatch in the mirror, removes what Stripe does not have,
-- writes to the audit log and compares the days again. Returns the mismatch's state.
create function payops_api.record_mismatch_fetch(
  p_actor text, p_actor_role text, p_key text, p_how text, p_asked jsonb, p_records jsonb, p_gone jsonb,
  p_contents jsonb, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  gone record;
begin
  perform payops.require_mismatch(p_key);
  perform payops.replace_records(p_records, p_now);
  for gone in
    select g ->> 'table' as name, array_agg(g ->> 'id') as ids from jsonb_array_elements(p_gone) as g group by 1
  loop
    perform payops.require_mirror_table(gone.name);
    perform payops.forget_objects(gone.name, gone.ids);
  end loop;
  perform payops.replace_contents(p_contents);
  perform payops.record_audit(
    p_actor, p_actor_role, 'finance:mismatch:' || p_how, 'mismatch:' || p_key, p_now,
    p_after => jsonb_build_object('asked', p_asked, 'gone', p_gone)
  );
  perform payops.refresh_reconciliation(p_now);
  return (select to_jsonb(m.state) from payops.mismatches as m where m.key = p_key);
end
$$;
