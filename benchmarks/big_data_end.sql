-- After the last part of `big_data.sql`: payouts of each day, and everything that is counted from the rows is stale.
insert into payops.payouts
  (id, livemode, created, as_of, state_rank, event_id, amount_minor, currency, status, arrival_date, automatic,
   reconciliation_status, trace_id_status)
select
  'po_' || d, false, timestamptz '2025-06-07' + d * interval '1 day', timestamptz '2025-06-07' + d * interval '1 day', 0, 'fetch',
  100000, 'usd', 'paid', date '2025-06-09' + d, true, 'completed', 'unsupported'
from generate_series(1, 538) as d
on conflict do nothing;
set session_replication_role = origin;
select payops.mark_all_stale();
insert into payops.stale_subscriptions (kind, object_id) select 'subscription', s.id from payops.subscriptions as s;
insert into payops.stale_recovery (invoice_id) select n.id from payops.invoices as n where n.status <> 'paid' or n.attempt_count > 0;
insert into payops.stale_observation_days (day)
select distinct payops.business_day(e.received_at) from payops.events as e;
