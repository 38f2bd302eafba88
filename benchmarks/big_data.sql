-- A clinic's data of :days days for the payments :first to :last of :payments, made set-wise. Everything follows from the
-- payment's number, so that parts can be made one after another. Triggers stay away: what is counted from these rows is
-- marked as stale at the end by `big_data_end.sql`.
set session_replication_role = replica;
set synchronous_commit = off;
create temp table made as
select
  n, timestamptz '2026-11-27 17:00Z' - interval ':days days' * (1 - n::double precision / :payments) as at,
  1900 + n % 40 * 500 as amount, case when n % 50 = 0 then 'eur' else 'usd' end as currency,
  case when n % 20 = 0 then 'failed' when n % 60 = 1 then 'incomplete' else 'succeeded' end as state,
  n % 12 = 5 as at_second_try, n % 10 < 6 as of_invoice, 'cus_' || n % greatest(:payments / 5, 1) as customer,
  'sub_' || n % greatest(:payments / 10, 1) as subscription,
  (array['insufficient_funds', 'do_not_honor', 'expired_card', 'generic_decline'])[1 + n / 20 % 4] as decline
from generate_series(:first, :last) as n;
analyze made;

insert into payops.payment_intents
  (id, livemode, created, as_of, state_rank, event_id, amount_minor, currency, amount_received_minor, status, customer_id,
   latest_charge_id, order_id, patient_id, error_code, error_decline_code, error_charge_id)
select
  'pi_' || n, false, at, at, 0, 'evt_' || n, amount, currency, case state when 'succeeded' then amount else 0 end,
  case state when 'succeeded' then 'succeeded' else 'requires_payment_method' end, customer,
  case state when 'succeeded' then 'ch_' || n end, case when not of_invoice then 'order_' || n end,
  case when n % 2 = 0 then 'patient_' || n % greatest(:payments / 5, 1) end, case state when 'failed' then 'card_declined' end,
  case state when 'failed' then decline end, case state when 'failed' then 'ch_' || n end
from made;
insert into payops.charges
  (id, livemode, created, as_of, state_rank, event_id, payment_intent_id, customer_id, amount_minor, amount_captured_minor,
   amount_refunded_minor, currency, status, captured, disputed, decline_code, failure_code, network_status, method_type,
   card_brand, card_last4, card_exp_month, card_exp_year, card_country, balance_transaction_id)
select
  t.id, false, t.made_at, t.made_at, 0, 'evt_' || m.n, 'pi_' || m.n, m.customer, m.amount,
  case when t.paid then m.amount else 0 end, case when t.paid and m.n % 30 = 7 then m.amount else 0 end, m.currency,
  case when t.paid then 'succeeded' else 'failed' end, t.paid, t.paid and m.n % 300 = 11, case when not t.paid then m.decline end,
  case when not t.paid then 'card_declined' end,
  case when t.paid then 'approved_by_network' else 'declined_by_network' end, 'card',
  case when m.n % 10 < 6 then 'visa' when m.n % 10 < 9 then 'mastercard' else 'amex' end,
  lpad((m.n::bigint * 7919 % 10000)::text, 4, '0'), 1 + m.n % 12, 2027 + m.n % 5, 'US', case when t.paid then 'txn_' || m.n end
from made as m
cross join lateral (
  select 'ch_' || m.n as id, m.at + interval '2 seconds' as made_at, m.state = 'succeeded' as paid where m.state <> 'incomplete'
  union all
  select 'ch_' || m.n || '_0', m.at + interval '1 second', false where m.at_second_try
) as t;
insert into payops.balance_transactions
  (id, livemode, created, as_of, state_rank, event_id, amount_minor, fee_minor, net_minor, currency, type,
   reporting_category, source_id, available_on)
select
  t.id, false, t.booked_at, t.booked_at, 0, 'fetch', t.amount, t.fee, t.amount - t.fee, m.currency, t.kind, t.kind, t.source,
  (t.booked_at + interval '2 days')::date
from made as m
cross join lateral (
  select 'txn_' || m.n as id, m.at + interval '2 seconds' as booked_at, m.amount, m.amount * 3 / 100 as fee, 'charge' as kind,
    'ch_' || m.n as source
  union all
  select 'txn_r' || m.n, m.at + interval '3 days', -m.amount, 0, 'refund', 're_' || m.n where m.n % 30 = 7
  union all
  select 'txn_d' || m.n, m.at + interval '20 days', -m.amount, 1500, 'dispute', 'dp_' || m.n where m.n % 300 = 11
) as t
where m.state = 'succeeded';
insert into payops.refunds
  (id, livemode, created, as_of, state_rank, event_id, charge_id, payment_intent_id, amount_minor, currency, status, reason,
   balance_transaction_id)
select
  're_' || n, false, at + interval '3 days', at + interval '3 days', 0, 'evt_r' || n, 'ch_' || n, 'pi_' || n, amount,
  currency, 'succeeded', 'requested_by_customer', 'txn_r' || n
from made where n % 30 = 7 and state = 'succeeded';
insert into payops.disputes
  (id, livemode, created, as_of, state_rank, event_id, charge_id, payment_intent_id, amount_minor, currency, reason, status,
   card_brand, evidence_due_by)
select
  'dp_' || n, false, at + interval '20 days', at, 0, 'evt_d' || n, 'ch_' || n, 'pi_' || n, amount, currency, 'fraudulent',
  case when n % 900 = 11 then 'won' when at > timestamptz '2026-10-25' then 'needs_response' else 'lost' end, 'visa',
  at + interval '30 days'
from made where n % 300 = 11 and state = 'succeeded';
insert into payops.early_fraud_warnings
  (id, livemode, created, as_of, state_rank, event_id, charge_id, payment_intent_id, actionable, fraud_type)
select
  'issfr_' || n, false, at + interval '5 days', at, 0, 'evt_f' || n, 'ch_' || n, 'pi_' || n, n % 1000 = 2, 'made_with_stolen_card'
from made where n % 500 = 2 and state = 'succeeded';
insert into payops.customers (id, livemode, created, as_of, state_rank, event_id, patient_id, currency)
select
  'cus_' || n % greatest(:payments / 5, 1), false, min(at), min(at), 0, 'evt_c' || min(n),
  'patient_' || n % greatest(:payments / 5, 1), 'usd'
from made group by n % greatest(:payments / 5, 1)
on conflict do nothing;
insert into payops.checkout_sessions
  (id, livemode, created, as_of, state_rank, event_id, mode, status, payment_status, amount_total_minor, currency, customer_id,
   payment_intent_id, order_id)
select
  'cs_' || n, false, at - interval '2 minutes', at, 0, 'evt_s' || n, 'payment', 'complete', 'paid', amount, currency, customer,
  'pi_' || n, 'order_' || n
from made where not of_invoice;

-- A subscription begins with the first of its payments. Every third has two instead of one from the 15th day on. On the 45th
-- day every fifth ends, of customers who come back with their next one, and another fifth has one again.
create temp table begun as
select
  m.n, m.customer, m.at, m.n % 50 = 13 and m.at < timestamptz '2026-10-13' as ended, m.n % 50 = 33 as fewer,
  jsonb_build_array(jsonb_build_object(
    'id', 'si_' || m.n, 'price_id', 'price_' || m.n % 9, 'product_id', 'prod_1', 'unit_amount_minor', 1900 + m.n % 9 * 1000,
    'quantity', 1, 'interval', case m.n % 7 when 0 then 'year' else 'month' end, 'interval_count', 1,
    'usage_type', 'licensed'
  )) as items
from made as m
where m.n % 10 = 3;
insert into payops.subscriptions
  (id, livemode, created, as_of, state_rank, event_id, status, customer_id, currency, start_date, ended_at, items,
   latest_invoice_id, current_period_start, current_period_end, cancellation_reason)
select
  'sub_' || n / 10, false, at, at + interval '40 days', 0, 'evt_b' || n, case when ended then 'canceled' when
  n % 70 = 43 then 'trialing' else 'active' end, customer, 'usd', at,
  case when ended then at + interval '45 days' end, items, 'in_' || n, at, at + interval '30 days',
  case when ended then 'cancellation_requested' end
from begun
on conflict do nothing;
insert into payops.subscription_snapshots
  (id, livemode, created, as_of, state_rank, event_id, subscription_id, state)
select
  'sub_' || b.n / 10 || ' ' || k, false, b.at, b.at + k * interval '15 days', 0, 'evt_' || b.n || '_' || k, s.id,
  payops.subscription_state(to_jsonb(s)) || jsonb_build_object(
    'status', case when k = 3 and b.ended then 'canceled' when s.status = 'trialing' then 'trialing' else 'active' end,
    'ended_at', case when k = 3 and b.ended then s.ended_at end,
    'items', jsonb_set(b.items, '{0,quantity}', to_jsonb(1 + (b.n % 3 = 0 and k > 0 and not (k = 3 and b.fewer))::integer))
  )
from begun as b
inner join payops.subscriptions as s on s.id = 'sub_' || b.n / 10
cross join unnest(array[0, 1, 3]) as k
where k < 3 or b.ended or b.fewer and b.at < timestamptz '2026-10-13'
on conflict do nothing;
insert into payops.invoices
  (id, livemode, created, as_of, state_rank, event_id, status, customer_id, subscription_id, billing_reason, currency,
   amount_due_minor, amount_paid_minor, amount_remaining_minor, attempt_count, finalized_at, paid_at)
select
  'in_' || n, false, at, at, 0, 'evt_i' || n,
  case when state = 'succeeded' then 'paid' when at > timestamptz '2026-10-25' then 'open' else 'uncollectible' end, customer,
  'sub_' || n % greatest(:payments / 10, 1), 'subscription_cycle', currency, amount, case state when 'succeeded' then amount else 0 end,
  case state when 'succeeded' then 0 else amount end, 1, at, case state when 'succeeded' then at end
from made where of_invoice;
insert into payops.invoice_payments
  (id, livemode, created, as_of, state_rank, event_id, invoice_id, payment_intent_id, amount_paid_minor, currency, status,
   is_default, paid_at)
select
  'inpay_' || n, false, at, at, 0, 'evt_p' || n, 'in_' || n, 'pi_' || n, amount, currency, 'paid', true, at
from made where of_invoice and state = 'succeeded';
insert into payops.recovery_facts (payment_intent_id, invoice_id, card_saved, looked_at)
select 'pi_' || n, case when of_invoice then 'in_' || n end, of_invoice, at from made where state = 'failed';

insert into payops.events
  (id, type, created, received_at, livemode, api_version, object_id, payload, body_sha256, received_from, came_by)
select
  'evt_' || m.n || '_' || t.k, t.type, m.at, m.at + t.delay, false, '2026-10-29', t.object,
  jsonb_build_object('object', jsonb_build_object(
    'id', t.object, 'amount', m.amount, 'currency', m.currency, 'customer', m.customer, 'status', m.state,
    'created', extract(epoch from m.at)::bigint
  )), md5(m.n::text) || md5(t.k), '127.0.0.1', case when m.n % 400 = 9 then 'sweep' else 'webhook' end
from made as m
cross join lateral (
  select 'a' as k, 'payment_intent.created' as type, 'pi_' || m.n as object, interval '400 milliseconds' * (1 + m.n % 17) as delay
  union all
  select 'b', case m.state when 'failed' then 'payment_intent.payment_failed' else 'payment_intent.succeeded' end, 'pi_' || m.n,
    interval '700 milliseconds' * (1 + m.n % 11)
  where m.state <> 'incomplete'
  union all
  select 'c', case when m.n % 4 < 2 then 'charge.succeeded' when m.n % 8 = 7 then 'invoice.paid' else 'charge.updated' end, 'ch_' || m.n,
    interval '900 milliseconds' * (1 + m.n % 13)
  where m.n % 2 = 1
) as t;
insert into payops.event_handlings (event_id, outcome, attempts, handled_at, reason)
select
  e.id, case when m.n % 500000 = 77 then 'dead' when m.n % 25 = 11 then 'ignored' else 'applied' end,
  case when m.n % 100 = 31 then 2 else 1 end, e.received_at + interval '1 millisecond' * (3 + m.n % 37), null
from made as m
cross join unnest(array['a', 'b', 'c']) as k
inner join payops.events as e on e.id = 'evt_' || m.n || '_' || k;

insert into payops.stripe_calls (at, operation, duration_ms, request_id, error, subject)
select
  at, case when n % 4 = 0 then 'post /v1/payment_intents' else 'get /v1/payment_intents' end, 120 + n % 400, 'req_' || n,
  case when n % 200 = 0 then 'CardError' end, 'pi_' || n
from made where n % 2 = 0;
insert into payops.api_calls (at, operation, status, own_ms, stripe_ms)
select at, 'process-payment', case when n % 20 = 0 then 402 else 200 end, 8 + n % 60, 300 + n % 300 from made where n % 2 = 0;

-- A thousand providers with three states each; a consultation for every fourth payment, the newest still open.
insert into payops.providers (id, name, email, active, capacity, specialties, created_at, updated_at)
select
  'prov_' || n, 'Provider ' || n, 'provider' || n || '@example.com', true, 100, array['general_practice'],
  timestamptz '2025-01-01', timestamptz '2025-01-01'
from generate_series(1, 1000) as n
on conflict do nothing;
insert into payops.licences (provider_id, state, number, status, issued_on, expires_on, valid_from, valid_until)
select
  'prov_' || n, s.code, 'L' || n || s.code, 'active', date '2025-01-01', date '2026-11-01' + n % 700,
  timestamptz '2025-01-01', timestamptz '2026-11-02' + n % 700 * interval '1 day'
from generate_series(1, 1000) as n
inner join (select code, row_number() over (order by code) as place from payops.states) as s on s.place % 18 = n % 18
on conflict do nothing;
insert into payops.consultations
  (id, submission_id, body_sha256, patient_id, state, specialty, order_id, received_at, status, provider_id, match, reason,
   assigned_at, ended_at, first_answer)
select
  'cons_' || m.n, 'sm_' || m.n, md5(m.n::text), 'patient_' || m.n % greatest(:payments / 5, 1), l.state, 'general_practice',
  'order_' || m.n, m.at,
  case when m.at < timestamptz '2026-11-26' or m.n % 40 <> 0 then 'completed' when m.n % 80 = 0 then 'waiting' else 'assigned' end,
  case when m.at < timestamptz '2026-11-26' or m.n % 80 <> 0 then l.provider_id end, 'specialty', 'specialty',
  m.at + interval '1 second', case when m.at < timestamptz '2026-11-26' or m.n % 40 <> 0 then m.at + interval '1 day' end,
  jsonb_build_object('status', case when m.n % 100 = 0 then 'waiting' else 'assigned' end, 'match', 'specialty')
from made as m
inner join (
  select provider_id, min(state) as state, row_number() over (order by provider_id) - 1 as place
  from payops.licences group by provider_id
) as l on l.place = m.n / 4 % 1000
where m.n % 4 = 0;
insert into payops.assignment_decisions (consultation_id, at, kind, actor, provider_id, match, reason, candidates, took_us)
select 'cons_' || n, at, 'intake', 'system:intake', 'prov_' || 1 + n / 4 % 1000, 'specialty', 'specialty', '[]', 900 + n % 4000
from made where n % 4 = 0;
insert into payops.audit_log (at, actor, role, action, subject)
select at, 'user_' || n % 9, 'support', 'payments:refund:requested', 'payment:pi_' || n from made where n % 30 = 7;
drop table made, begun;
