-- Import of bank statements: Stripe's entries of each statement, stored once however often and in whichever file they
-- arrive.

-- bank_account_of: the account of this statement, created if its name is new; its number and column mapping are
-- completed. A statement of another account or currency is refused.
create function payops.bank_account_of(p_account jsonb) returns bigint
language plpgsql
set search_path = '' as $$
declare
  account payops.bank_accounts;
begin
  insert into payops.bank_accounts (name, last4, currency)
  select p_account ->> 'name', p_account ->> 'last4', p_account ->> 'currency'
  on conflict (name) do nothing;
  select a.* into account from payops.bank_accounts as a where a.name = p_account ->> 'name';
  if account.currency <> p_account ->> 'currency' then
    perform payops.refuse('other_currency', format(
      'The account %s is in %s, and the statement in %s. Nothing was imported.',
      account.name, upper(account.currency), upper(p_account ->> 'currency')
    ));
  end if;
  if account.last4 <> p_account ->> 'last4' then
    perform payops.refuse('other_account', format(
      'The account %s has the last four digits %s, and the statement has %s. Nothing was imported.',
      account.name, account.last4, p_account ->> 'last4'
    ));
  end if;
  update payops.bank_accounts set
    last4 = coalesce(last4, p_account ->> 'last4'),
    csv_mapping = coalesce(nullif(p_account -> 'csv_mapping', 'null'), csv_mapping)
  where id = account.id;
  return account.id;
end
$$;

-- plain_reference: a reference as it is compared: letters and digits in capitals; several spaces between them stay
-- several.
create function payops.plain_reference(p_text text) returns text
language sql immutable parallel safe
set search_path = '' as $$ select upper(regexp_replace(p_text, '[^0-9A-Za-z ]', '', 'g')) $$;

-- share_reference: whether both texts have a reference in common.
create function payops.share_reference(p_one text, p_other text) returns boolean
language sql immutable parallel safe
set search_path = '' as $$
  select string_to_array(payops.plain_reference(p_one), ' ') && string_to_array(payops.plain_reference(p_other), ' ')
$$;

-- same_bank_entry: the stored entry that is this entry of a statement, none of those in `p_taken`; null if it is new.
-- Of the same format, the bank's own number and the references tell entries of one day and amount apart; between
-- formats, only two trace ids do. A pending entry is booked up to ten days later, under whatever number. An entry that
-- the bank took back is known by its own format alone.
create function payops.same_bank_entry(p_account_id bigint, p_format text, p_entry jsonb, p_taken bigint[])
returns bigint
language sql stable
set search_path = '' as $$
  select e.id
  from jsonb_populate_record(null::payops.bank_entries, p_entry) as given
  inner join payops.bank_entries as e
    on e.account_id = p_account_id and e.amount_minor = given.amount_minor and e.currency = given.currency
  inner join payops.bank_statements as s on e.statement_id = s.id
  where e.id <> all(p_taken)
    and not (
      e.recognised_by = 'trace_id' and given.recognised_by = 'trace_id'
      and split_part(payops.plain_reference(e.reference), ' ', 1)
      <> split_part(payops.plain_reference(given.reference), ' ', 1)
    )
    and case
      when e.status = 'withdrawn' and not (given.status = 'booked' and s.format = p_format) then false
      when e.status in ('booked', 'withdrawn') and given.status = 'booked' then
        e.booked_on = given.booked_on
        and not (s.format = p_format and coalesce(e.bank_id <> given.bank_id, false))
        and (s.format <> p_format or coalesce(payops.share_reference(e.reference, given.reference), true))
      else abs(e.booked_on - given.booked_on) <= 10
    end
  order by
    coalesce(e.bank_id = given.bank_id, false) desc,
    coalesce(payops.share_reference(e.reference, given.reference), false) desc,
    e.status = given.status desc, e.status <> 'withdrawn' desc, abs(e.booked_on - given.booked_on), e.id
  limit 1
$$;

-- new_bank_entry: stores this entry and returns its ID. Entries that look alike are numbered.
create function payops.new_bank_entry(p_account_id bigint, p_statement_id bigint, p_entry jsonb) returns bigint
language sql
set search_path = '' as $$
  insert into payops.bank_entries (
    account_id, statement_id, entry_key, status, booked_on, value_on, amount_minor, currency, bank_id,
    bank_id_sha256, reference, description, recognised_by, is_return
  )
  select
    p_account_id, p_statement_id, k.start || '#' || 1 + (
      select count(*) from payops.bank_entries as e
      where e.account_id = p_account_id and left(e.entry_key, length(k.start) + 1) = k.start || '#'
    ),
    g.status, g.booked_on, g.value_on, g.amount_minor, g.currency, g.bank_id, g.bank_id_sha256, g.reference,
    g.description, g.recognised_by, g.is_return
  from jsonb_populate_record(null::payops.bank_entries, p_entry) as g
  cross join lateral (
    select concat_ws(
      '|', g.booked_on, g.amount_minor, g.currency, coalesce(g.bank_id, split_part(g.reference, ' ', 1), '')
    ) as start
  ) as k
  returning id
$$;

-- complete_bank_entry: adds to the stored entry what this later statement knows: that it is booked, or its trace ID.
-- With `p_revives`, an entry that the bank took back counts again. Returns whether the entry became a booked one.
create function payops.complete_bank_entry(p_id bigint, p_statement_id bigint, p_entry jsonb, p_revives boolean)
returns boolean
language plpgsql
set search_path = '' as $$
declare
  given payops.bank_entries := jsonb_populate_record(null::payops.bank_entries, p_entry);
  is_booked_now boolean;
begin
  update payops.bank_entries as e set
    status = 'booked', booked_on = given.booked_on, value_on = given.value_on, bank_id = given.bank_id,
    bank_id_sha256 = given.bank_id_sha256, statement_id = p_statement_id
  where e.id = p_id and given.status = 'booked'
    and (e.status in ('pending', 'dropped') or e.status = 'withdrawn' and p_revives);
  is_booked_now := found;
  update payops.bank_entries as e set
    reference = given.reference, description = given.description, recognised_by = given.recognised_by,
    is_return = e.is_return or given.is_return, bank_id = coalesce(e.bank_id, given.bank_id),
    bank_id_sha256 = coalesce(e.bank_id_sha256, given.bank_id_sha256)
  where e.id = p_id
    and array_position('{amount,descriptor,trace_id}', given.recognised_by)
    > array_position('{amount,descriptor,trace_id}', e.recognised_by);
  return is_booked_now;
end
$$;

-- import_bank_statement: stores one statement of a file and its entries; `p_taken` are the entries that earlier
-- statements of the file matched. Returns the outcome of each entry, whether the statement is new, and how many entries
-- of earlier statements it voids.
create function payops.import_bank_statement(
  p_file jsonb, p_statement jsonb, p_account_id bigint, p_taken bigint[], p_actor text, p_now timestamptz
) returns jsonb
language plpgsql
set search_path = '' as $$
declare
  statement bigint;
  is_new boolean;
  taken bigint[] := p_taken;
  given jsonb;
  entry bigint;
  fate text;
  fates jsonb := '[]';
begin
  insert into payops.bank_statements (
    account_id, format, file_name, file_sha256, statement_key, statement_ref, from_date, to_date, opening_minor,
    closing_minor, entries_read, imported_at, imported_by
  )
  select
    p_account_id, p_file ->> 'format', p_file ->> 'name', p_file ->> 'sha256', s.statement_key, s.statement_ref,
    s.from_date, s.to_date, s.opening_minor, s.closing_minor, s.entries_read, p_now, p_actor
  from jsonb_populate_record(null::payops.bank_statements, p_statement) as s
  on conflict (account_id, statement_key) do nothing
  returning id into statement;
  is_new := statement is not null;
  if not is_new then -- imported before: its entries may be stored already
    taken := '{}';
    select s.id into statement from payops.bank_statements as s
    where s.account_id = p_account_id and s.statement_key = p_statement ->> 'statement_key';
  end if;
  for given in select e.value from jsonb_array_elements(p_statement -> 'entries') as e loop
    entry := payops.same_bank_entry(p_account_id, p_file ->> 'format', given, taken);
    if entry is null then
      entry := payops.new_bank_entry(p_account_id, statement, given);
      fate := case given ->> 'status' when 'pending' then 'new_pending' else 'new' end;
    else
      fate := case
        when payops.complete_bank_entry(
          entry, statement, given, is_new and coalesce((p_statement -> 'replaces_days')::boolean, false)
        ) then 'booked_now'
        else 'known'
      end;
    end if;
    taken := taken || entry;
    fates := fates || jsonb_build_object('line', given -> 'line', 'entry_id', entry, 'fate', fate);
  end loop;
  return jsonb_build_object(
    'statement_id', statement, 'is_new', is_new, 'entries', fates,
    'withdrawn', payops.withdraw_bank_entries(p_account_id, statement, p_file ->> 'format', p_statement, is_new, taken),
    'dropped', case when is_new then payops.drop_pending_entries(p_account_id, p_statement, taken) else 0 end
  );
end
$$;

-- import_bank_file: stores the statements of a file, matches deposits to payouts, and writes to the audit log if
-- anything is new. Returns the outcome of each entry.
create function payops.import_bank_file(
  p_file jsonb, p_statements jsonb, p_actor text, p_role text, p_now timestamptz
) returns jsonb
language plpgsql
set search_path = '' as $$
declare
  given jsonb;
  account bigint;
  told jsonb;
  taken jsonb := '{}';
  answers jsonb := '[]';
  added integer;
begin
  perform pg_advisory_xact_lock(payops.advisory_lock('bank entries'));
  for given in select s.value from jsonb_array_elements(p_statements) as s loop
    account := payops.bank_account_of(given -> 'account');
    told := payops.import_bank_statement(
      p_file, given, account,
      coalesce((select array_agg(t::bigint) from jsonb_array_elements_text(taken -> account::text) as t), '{}'),
      p_actor, p_now
    );
    if (told -> 'is_new')::boolean then
      taken := taken || jsonb_build_object(
        account::text,
        coalesce(taken -> account::text, '[]') || jsonb_path_query_array(told, '$.entries[*].entry_id')
      );
    end if;
    answers := answers || (told || jsonb_build_object('account_id', account));
  end loop;
  perform payops.match_deposits(p_now, p_actor);
  select count(*) into added
  from jsonb_path_query(answers, '$[*].entries[*].fate') as f (fate) where f.fate <> '"known"';
  if added > 0 or jsonb_path_exists(answers, '$[*] ? (@.is_new == true)') then
    perform payops.record_audit(
      p_actor, p_role, 'finance:bank-statement:imported', 'bank-file:' || left(p_file ->> 'sha256', 12), p_now,
      p_after => jsonb_build_object(
        'file', p_file -> 'name', 'format', p_file -> 'format', 'statements', jsonb_array_length(answers),
        'entries_added', added,
        'entries_withdrawn', (select sum((a -> 'withdrawn')::integer) from jsonb_array_elements(answers) as a),
        'entries_dropped', (select sum((a -> 'dropped')::integer) from jsonb_array_elements(answers) as a)
      )
    );
  end if;
  return payops.with_deposits(answers);
end
$$;

-- with_deposits: the outcomes of entries, each with the payout that the entry is matched to.
create function payops.with_deposits(p_answers jsonb) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_agg(a.answer || jsonb_build_object('entries', (
    select coalesce(jsonb_agg(
      e.entry || jsonb_build_object('payout_id', d.payout_id, 'matched_by', d.matched_by) order by e.place
    ), '[]')
    from jsonb_array_elements(a.answer -> 'entries') with ordinality as e (entry, place)
    left join payops.payout_deposits as d on d.bank_entry_id = (e.entry -> 'entry_id')::bigint
  )) order by a.place)
  from jsonb_array_elements(p_answers) with ordinality as a (answer, place)
$$;

-- import_bank_statements: imports the statements of a file in one transaction; a dry run returns the same and changes
-- nothing.
create function payops_api.import_bank_statements(
  p_file jsonb, p_statements jsonb, p_dry_run boolean, p_actor text, p_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  answer jsonb;
begin
  begin
    answer := payops.import_bank_file(p_file, p_statements, p_actor, p_role, p_now);
    if p_dry_run then
      raise exception using errcode = 'TRIED', message = 'what was tried is undone';
    end if;
  exception
    when sqlstate 'TRIED' then null;
  end;
  return answer;
end
$$;

-- bank_clues: the payouts that bank entries of these days could belong to; one without a deposit is open if one is
-- expected.
create function payops_api.bank_clues(p_since date, p_until date) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', p.id, 'amount_minor', p.amount_minor, 'currency', p.currency, 'arrival_date', p.arrival_date,
    'trace_id', p.trace_id,
    'is_open', p.status not in ('failed', 'canceled')
    and not exists (select from payops.payout_deposits as d where d.payout_id = p.id),
    'is_deposited', exists (select from payops.payout_deposits as d where d.payout_id = p.id)
  ) order by p.arrival_date, p.id), '[]')
  from payops.payouts as p
  where p.arrival_date between p_since - 15 and p_until + 15
$$;
