-- Stripe's own itemized reports compared with the mirror.

-- differences_from_report: each field in which a row of the report differs from the mirror's balance transaction, in
-- the order of the lines; the field `row` if the mirror has no such transaction.
create function payops_api.differences_from_report(p_rows jsonb) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'line', r.line, 'field', f.field, 'report', f.report, 'mirror', f.mirror, 'currency', b.currency
  ) order by r.line, f.place), '[]')
  from jsonb_to_recordset(p_rows) as r (
    line integer, id text, currency text, gross bigint, fee bigint, net bigint, reporting_category text,
    created timestamptz, source_id text, automatic_payout_id text
  )
  left join payops.balance_transactions as b on r.id = b.id
  left join payops.payout_contents as k on b.id = k.balance_transaction_id
  cross join lateral (values
    (1, 'row', r.id, b.id, true),
    (2, 'currency', r.currency, b.currency, b.id is not null),
    (3, 'gross', r.gross::text, b.amount_minor::text, b.id is not null),
    (4, 'fee', r.fee::text, b.fee_minor::text, b.id is not null),
    (5, 'net', r.net::text, b.net_minor::text, b.id is not null),
    (6, 'reporting_category', r.reporting_category, b.reporting_category, b.id is not null),
    (7, 'created', to_char(r.created at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
      to_char(b.created at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), b.id is not null and r.created is not null),
    (8, 'source_id', r.source_id, b.source_id, b.id is not null and r.source_id is not null),
    (9, 'automatic_payout_id', r.automatic_payout_id, k.payout_id,
      b.id is not null and r.automatic_payout_id is not null)
  ) as f (place, field, report, mirror, is_compared)
  where f.is_compared and f.report is distinct from f.mirror
$$;

-- mirrored_in_payouts: the mirror's movements in these payouts, without the payouts' own.
create function payops_api.mirrored_in_payouts(
  p_payouts jsonb, p_currencies jsonb, p_categories jsonb default null
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', b.id, 'currency', b.currency, 'net', b.net_minor) order by b.id), '[]')
  from payops.payout_contents as k
  inner join payops.balance_transactions as b on k.balance_transaction_id = b.id
  where k.payout_id = any(payops.text_array(p_payouts)) and b.currency = any(payops.text_array(p_currencies))
    and b.reporting_category <> 'payout'
    and (p_categories is null or b.reporting_category = any(payops.text_array(p_categories)))
$$;

-- mirrored_between: the movements of the balance between these moments (both included), without payouts, by id.
create function payops_api.mirrored_between(
  p_since timestamptz, p_until timestamptz, p_currencies jsonb, p_most integer, p_categories jsonb default null,
  p_after_id text default null
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', b.id, 'currency', b.currency, 'net', b.net_minor) order by b.id), '[]')
  from (
    select m.* from payops.balance_transactions as m
    where m.created between p_since and p_until and m.currency = any(payops.text_array(p_currencies))
      and m.reporting_category not in ('payout', 'payout_reversal')
      and (p_categories is null or m.reporting_category = any(payops.text_array(p_categories)))
      and (p_after_id is null or m.id > p_after_id)
    order by m.id limit p_most
  ) as b
$$;
