-- clinical_words: all words on the list of clinical words, in alphabetical order.
create function payops_api.clinical_words() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('word', w.word, 'added_by', w.added_by) order by w.word), '[]')
  from payops.clinical_words as w where w.listed
$$;

-- change_clinical_word: adds the word to the list or removes it; the audit log says who changed it and why.
create function payops_api.change_clinical_word(
  p_word text, p_listed boolean, p_reason text, p_actor text, p_actor_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  listed_before boolean := coalesce((select w.listed from payops.clinical_words as w where w.word = p_word), false);
begin
  perform payops.require_reason(p_reason);
  if listed_before = p_listed then
    perform payops.refuse(
      'unchanged', case when p_listed then 'This word is on the list already.' else 'This word is not on the list.' end
    );
  end if;
  insert into payops.clinical_words as w (word, listed, added_by, changed_at)
  values (p_word, p_listed, p_actor, p_now)
  on conflict (word) do update set
    listed = excluded.listed, added_by = excluded.added_by, changed_at = excluded.changed_at;
  perform payops.record_audit(
    p_actor, p_actor_role, 'privacy:word:' || case when p_listed then 'added' else 'removed' end, 'word:' || p_word,
    p_now, p_reason => p_reason
  );
  return 'true'::jsonb;
end
$$;

-- record_private_text_scan: stores the result of a scan of Stripe's older objects, by field and kind.
create function payops_api.record_private_text_scan(
  p_since date, p_objects bigint, p_findings jsonb, p_actor text, p_actor_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  scan bigint;
begin
  insert into payops.private_text_scans (scanned_at, scanned_by, since, objects, findings)
  values (p_now, p_actor, p_since, p_objects, p_findings)
  returning id into scan;
  perform payops.record_audit(
    p_actor, p_actor_role, 'privacy:history:scanned', 'scan:' || scan, p_now, null,
    jsonb_build_object('since', p_since, 'objects', p_objects, 'fields', jsonb_array_length(p_findings))
  );
  return to_jsonb(scan);
end
$$;

-- last_private_text_scan: the latest scan of Stripe's older objects; null before the first.
create function payops_api.last_private_text_scan() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select to_jsonb(s) from payops.private_text_scans as s order by s.id desc limit 1
$$;
