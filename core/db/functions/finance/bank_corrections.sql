-- Entries that a bank corrects: one by its number, all entries of a day, or pending ones that were never booked. They
-- stay as history and no longer count.

-- replace_bank_entry: the entry that replaces one of Stripe's entries counts as Stripe's too, and keeps the text of the
-- old one.
create function payops.replace_bank_entry(
  p_account_id bigint, p_statement_id bigint, p_format text, p_correction jsonb, p_taken bigint[]
) returns void
language plpgsql
set search_path = '' as $$
declare
  given jsonb;
begin
  select (p_correction -> 'replacement') || jsonb_build_object(
    'reference', e.reference, 'description', e.description, 'recognised_by', e.recognised_by
  ) into given
  from payops.bank_entries as e
  where e.account_id = p_account_id and e.bank_id_sha256 = p_correction ->> 'bank_id_sha256'
  order by e.id
  limit 1;
  if given is not null and payops.same_bank_entry(p_account_id, p_format, given, p_taken) is null then
    perform payops.new_bank_entry(p_account_id, p_statement_id, given);
  end if;
end
$$;

-- withdraw_bank_entries: withdraws the entries that this statement corrects by number, and those of its days that it
-- does not repeat if it replaces these days; they lose their payout. Returns how many.
create function payops.withdraw_bank_entries(
  p_account_id bigint, p_statement_id bigint, p_format text, p_statement jsonb, p_is_new boolean, p_taken bigint[]
) returns integer
language plpgsql
set search_path = '' as $$
declare
  correction jsonb;
  withdrawn bigint[];
begin
  for correction in select c.value from jsonb_array_elements(p_statement -> 'corrections') as c loop
    insert into payops.bank_corrections (account_id, bank_id_sha256, statement_id)
    values (p_account_id, correction ->> 'bank_id_sha256', p_statement_id)
    on conflict (account_id, bank_id_sha256) do nothing;
    if jsonb_typeof(correction -> 'replacement') = 'object' then
      perform payops.replace_bank_entry(p_account_id, p_statement_id, p_format, correction, p_taken);
    end if;
  end loop;
  with void as (
    update payops.bank_entries as e set status = 'withdrawn'
    from payops.bank_statements as s
    where e.account_id = p_account_id and e.status <> 'withdrawn' and e.statement_id = s.id
      and (
        exists (
          select from payops.bank_corrections as c
          where c.account_id = p_account_id and c.bank_id_sha256 = e.bank_id_sha256
        )
        or p_is_new and (p_statement -> 'replaces_days')::boolean and s.format = p_format and e.id <> all(p_taken)
        and e.booked_on between (p_statement ->> 'from_date')::date and (p_statement ->> 'to_date')::date
      )
    returning e.id
  )
  select array_agg(v.id) into withdrawn from void as v;
  delete from payops.payout_deposits as d where d.bank_entry_id = any(withdrawn);
  return coalesce(cardinality(withdrawn), 0);
end
$$;

-- drop_pending_entries: drops pending entries that this later statement would list if they were still pending, or that
-- were not booked within ten days. Returns how many. An entry that is booked after all counts again.
create function payops.drop_pending_entries(p_account_id bigint, p_statement jsonb, p_taken bigint[]) returns integer
language sql
set search_path = '' as $$
  with dropped as (
    update payops.bank_entries as e set status = 'dropped'
    from payops.bank_statements as s
    where e.account_id = p_account_id and e.status = 'pending' and e.statement_id = s.id and e.id <> all(p_taken)
      and (
        e.booked_on + 10 < (p_statement ->> 'to_date')::date
        or (p_statement -> 'lists_pending')::boolean
        and (p_statement ->> 'to_date')::date >= s.to_date
      )
    returning e.id
  )
  select count(*)::integer from dropped
$$;

-- void_bank_entries: entries that the bank withdrew or never booked, newest first.
create function payops_api.void_bank_entries(p_most integer default 100) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(v) order by v.booked_on desc, v.id desc), '[]')
  from (
    select
      e.id, a.name as account, a.last4, e.status, e.booked_on, e.amount_minor, e.currency, e.reference, e.description
    from payops.bank_entries as e
    inner join payops.bank_accounts as a on e.account_id = a.id
    where e.status in ('dropped', 'withdrawn')
    order by e.booked_on desc, e.id desc
    limit least(p_most, 100000)
  ) as v
$$;
