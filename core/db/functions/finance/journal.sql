-- journal_by_day: what moved Stripe's balance on each business day of a period, by currency and reporting category.
create function payops_api.journal_by_day(p_since date, p_until date) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.refresh_balances();
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'entry', b.day::text, 'day', b.day, 'currency', b.currency, 'category', b.reporting_category,
      'movements', b.transactions, 'amount_minor', b.amount_minor, 'fee_minor', b.fee_minor, 'net_minor', b.net_minor
    ) order by b.day, b.currency, b.reporting_category), '[]')
    from payops.daily_balances as b
    where b.day between p_since and p_until and b.transactions > 0
  );
end
$$;

-- journal_by_payout: the payouts that left or came back in a period, each with its contents by reporting category; the
-- number of payouts whose contents are unknown, and of the period's movements that are in no payout yet.
create function payops_api.journal_by_payout(p_since date, p_until date) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with bounds as (
    select
      p_since::timestamp at time zone b.timezone as since, (p_until + 1)::timestamp at time zone b.timezone as until
    from payops.business as b
  ),
  own as (
    select t.*, t.source_id as payout_id, payops.business_day(t.created) as day
    from payops.balance_transactions as t
    cross join bounds as b
    where t.created >= b.since and t.created < b.until and t.reporting_category in ('payout', 'payout_reversal')
  ),
  parts as (
    select
      o.payout_id || case when o.reporting_category = 'payout' then '' else ' returned' end as entry,
      o.day, o.currency, o.reporting_category, o.amount_minor, o.fee_minor, o.net_minor
    from own as o
    union all
    select o.payout_id, o.day, t.currency, t.reporting_category, t.amount_minor, t.fee_minor, t.net_minor
    from own as o
    inner join payops.payout_contents as c on o.payout_id = c.payout_id
    inner join payops.balance_transactions as t on c.balance_transaction_id = t.id
    where o.reporting_category = 'payout' and t.reporting_category not in ('payout', 'payout_reversal')
  ),
  summed as (
    select
      p.entry, p.day, p.currency, p.reporting_category as category, count(*) as movements,
      sum(p.amount_minor) as amount_minor, sum(p.fee_minor) as fee_minor, sum(p.net_minor) as net_minor
    from parts as p
    group by p.entry, p.day, p.currency, p.reporting_category
  )
  select jsonb_build_object(
    'items', (
      select coalesce(jsonb_agg(to_jsonb(s) order by s.day, s.entry, s.currency, s.category), '[]') from summed as s
    ),
    'empty_payouts', (
      select count(*) from own as o
      where o.reporting_category = 'payout'
        and not exists (
          select from payops.payout_contents as c
          where c.payout_id = o.payout_id and c.balance_transaction_id <> o.id
        )
    ),
    'in_no_payout', (
      select count(*)
      from payops.balance_transactions as t
      cross join bounds as b
      where t.created >= b.since and t.created < b.until and t.reporting_category not in ('payout', 'payout_reversal')
        and not exists (select from payops.payout_contents as c where c.balance_transaction_id = t.id)
    )
  )
$$;

-- journal_accounts: the accounts set by staff, by role.
create function payops_api.journal_accounts() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(a) order by a.role), '[]') from payops.journal_accounts as a
$$;

-- set_journal_account: books this role on this account from now on; audited if that changes something.
create function payops_api.set_journal_account(
  p_actor text, p_actor_role text, p_role text, p_code text, p_name text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before jsonb;
begin
  select jsonb_build_object('code', a.code, 'name', a.name) into before
  from payops.journal_accounts as a where a.role = p_role
  for update;
  if before is distinct from jsonb_build_object('code', p_code, 'name', p_name) then
    insert into payops.journal_accounts (role, code, name, changed_at, changed_by)
    values (p_role, p_code, p_name, p_now, p_actor)
    on conflict (role) do update
    set code = excluded.code, name = excluded.name, changed_at = excluded.changed_at, changed_by = excluded.changed_by;
    perform payops.record_audit(
      p_actor, p_actor_role, 'finance:journal-account:set', 'journal-account:' || p_role, p_now,
      before, jsonb_build_object('code', p_code, 'name', p_name)
    );
  end if;
  return 'true'::jsonb;
end
$$;
