-- review_notes: who signed off the checks of this day or week, and the comments of staff on them.
create function payops_api.review_notes(p_cadence text, p_day date) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'signatures', (
      select coalesce(jsonb_object_agg(s.item, jsonb_build_object(
        'signed_by', s.signed_by, 'signed_at', s.signed_at, 'finding', s.finding ->> 'finding'
      )), '{}')
      from payops.review_signatures as s where s.cadence = p_cadence and s.day = p_day
    ),
    'comments', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'item', c.item, 'comment', c.comment, 'written_by', c.written_by, 'written_at', c.written_at
      ) order by c.id), '[]')
      from payops.review_comments as c where c.cadence = p_cadence and c.day = p_day
    )
  )
$$;

-- reviews_signed: the number of checks signed off, for each day or week of the period that has any.
create function payops_api.reviews_signed(p_cadence text, p_since date, p_until date) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_object_agg(d.day, d.signed), '{}')
  from (
    select s.day, count(*) as signed
    from payops.review_signatures as s
    where s.cadence = p_cadence and s.day between p_since and p_until
    group by s.day
  ) as d
$$;

-- sign_review: signs off this check with its findings; the first signature stays.
create function payops_api.sign_review(
  p_cadence text, p_day date, p_item text, p_finding jsonb, p_actor text, p_actor_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  insert into payops.review_signatures (cadence, day, item, finding, signed_by, signed_at)
  values (p_cadence, p_day, p_item, p_finding, p_actor, p_now)
  on conflict do nothing;
  if not found then
    perform payops.refuse('signed_already', 'Somebody signed this off already.');
  end if;
  perform payops.record_audit(
    p_actor, p_actor_role, 'reviews:check:signed', 'review:' || p_cadence || '-' || p_day || '-' || p_item, p_now, null,
    p_finding
  );
  return 'true'::jsonb;
end
$$;

-- withdraw_signature: withdraws the signature for this reason, so that the check is open again.
create function payops_api.withdraw_signature(
  p_cadence text, p_day date, p_item text, p_reason text, p_actor text, p_actor_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before jsonb;
begin
  perform payops.require_reason(p_reason);
  delete from payops.review_signatures as s
  where s.cadence = p_cadence and s.day = p_day and s.item = p_item
  returning to_jsonb(s) into before;
  if before is null then
    perform payops.refuse('not_signed', 'Nobody signed this off.');
  end if;
  perform payops.record_audit(
    p_actor, p_actor_role, 'reviews:check:withdrawn', 'review:' || p_cadence || '-' || p_day || '-' || p_item, p_now,
    before, null, p_reason
  );
  return 'true'::jsonb;
end
$$;

-- comment_on_review: adds a comment to this check.
create function payops_api.comment_on_review(
  p_cadence text, p_day date, p_item text, p_comment text, p_actor text, p_actor_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  written bigint;
begin
  if p_comment = '' then
    perform payops.refuse('comment_missing', 'Enter a comment.');
  end if;
  insert into payops.review_comments (cadence, day, item, comment, written_by, written_at)
  values (p_cadence, p_day, p_item, p_comment, p_actor, p_now)
  returning id into written;
  perform payops.record_audit(
    p_actor, p_actor_role, 'reviews:check:commented', 'review:' || p_cadence || '-' || p_day || '-' || p_item, p_now,
    null, jsonb_build_object('comment', written)
  );
  return to_jsonb(written);
end
$$;

-- review_is_sent: whether this review has been sent.
create function payops_api.review_is_sent(p_cadence text, p_day date) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select to_jsonb(exists (select from payops.review_sendings as s where s.cadence = p_cadence and s.day = p_day))
$$;

-- record_review_sent: records that this review has been sent, so that it is not written again, and queues a message
-- about it to every target.
create function payops_api.record_review_sent(
  p_cadence text, p_day date, p_now timestamptz, p_title text default null, p_body text default null,
  p_targets jsonb default '[]'
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  message_id bigint;
begin
  insert into payops.review_sendings (cadence, day, sent_at) values (p_cadence, p_day, p_now) on conflict do nothing;
  if not found or jsonb_array_length(p_targets) = 0 then
    return to_jsonb(found);
  end if;
  insert into payops.alert_messages (rule, kind, alert_ids, severity, title, body, written_at, review_cadence, review_day)
  values ('review', 'review', '{}', 'warning', p_title, p_body, p_now, p_cadence, p_day)
  returning id into message_id;
  insert into payops.alert_deliveries (message_id, target, next_attempt_at)
  select message_id, t.target, p_now from jsonb_array_elements_text(p_targets) as t (target);
  return 'true'::jsonb;
end
$$;
