-- Indexes for what is looked up or listed, so that its cost follows the rows shown; and sums for what was counted by
-- reading all rows.

-- Payments: a status that few have, a currency, and failed attempts.
create index payment_intents_status on payops.payment_intents (status, created desc, id desc) where status <> 'succeeded';
create index payment_intents_incomplete on payops.payment_intents (created desc, id desc)
where status = 'requires_confirmation' or status = 'requires_payment_method' and error_code is null;
create index payment_intents_currency on payops.payment_intents (currency, created desc, id desc);
create index charges_failed on payops.charges (created) include (payment_intent_id) where status = 'failed';
create index recovery_facts_saved on payops.recovery_facts (payment_intent_id) where card_saved;

-- Disputes and fraud warnings.
create index disputes_status on payops.disputes (status, created desc, id);
create index disputes_reason on payops.disputes (reason, status);
create index dispute_closings_created on payops.dispute_closings (created);
create index early_fraud_warnings_created on payops.early_fraud_warnings (created);
create index early_fraud_warnings_actionable on payops.early_fraud_warnings (created desc, id) where actionable;
create index balance_transactions_dispute_fees on payops.balance_transactions (currency, created desc)
where reporting_category = 'dispute' and fee_minor > 0;

-- The patients that a provider saw in a state, newest first.
create index consultations_seen on payops.consultations (provider_id, state, ended_at)
where status in ('assigned', 'completed');

-- Whether a captured charge was ever disputed, and how many of a day's were.
alter table payops.capture_facts add column disputed boolean not null default false;
alter table payops.daily_captures add column disputed integer not null default 0;
update payops.capture_facts as f set disputed = true
where f.charge_id in (select d.charge_id from payops.disputes as d);
update payops.daily_captures as k set disputed = f.n
from (
  select c.day, c.currency, count(*) as n from payops.capture_facts as c where c.disputed group by c.day, c.currency
) as f
where k.day = f.day and k.currency = f.currency;

-- How long the day's payments took, in buckets (see payops.time_bucket), beside every single time.
alter table payops.daily_payments add column processing_buckets smallint[], add column processing_counts integer[];
update payops.daily_payments as d set processing_buckets = b.buckets, processing_counts = b.counts
from (
  select k.day, k.currency, array_agg(k.bucket) as buckets, array_agg(k.n) as counts
  from (
    select p.day, p.currency, floor(ln(greatest(t.ms, 0.01)) / ln(1.04::double precision))::smallint as bucket, count(*)::integer as n
    from payops.daily_payments as p, unnest(p.processing_ms) as t (ms)
    group by 1, 2, 3
  ) as k
  group by k.day, k.currency
) as b
where d.day = b.day and d.currency = b.currency;

-- Queues that are filled and emptied all the time are vacuumed by the number of rows, not by their share.
alter table payops.stale_payments set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
alter table payops.stale_charges set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
alter table payops.stale_balance_days set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
alter table payops.stale_reconciliation_days set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
alter table payops.stale_revenue_days set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
alter table payops.stale_subscriptions set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
-- Tables that only grow: their newest part must be known to the planner and visible to index-only scans.
alter table payops.events set (autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
alter table payops.event_handlings set (autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
alter table payops.payment_intents set (autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.05);
alter table payops.charges set (autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.05);
