-- A year and a month of an ordinary clinic before %(until)s, in which nothing is wrong: every rule has enough to judge.
-- Times follow the day: busy at noon, quiet at night.
create temporary table calm as
select n, moment, random() as which, random() as luck, random() as place
from (
  select n, %(until)s::timestamptz - interval '393 days' * random() as moment from generate_series(1, 60000) as n
  union all
  -- Each day a reminder brings many at once.
  select 60000 + row_number() over (), d + interval '16 minutes' + interval '10 minutes' * random()
  from
    generate_series(%(until)s::timestamptz - interval '393 days', %(until)s::timestamptz, interval '1 day') as d,
    generate_series(1, 30)
) as p
where n > 60000
  or random() < 0.25 + 0.75 * sin(pi() * extract(hour from moment at time zone 'America/New_York') / 24);

-- 4%% of the payments fail, of four codes; one card in ten is from abroad.
insert into payops.payment_facts (
  payment_intent_id, created_day, created, currency, amount_minor, first_attempt_at, day, state, decline_code, card_country
)
select
  'pi_' || n, moment::date, moment, 'usd', 4900, moment, moment::date,
  case when luck < 0.04 then 'failed' else 'succeeded' end,
  (array['insufficient_funds', 'do_not_honor', 'generic_decline', 'expired_card'])[1 + floor(which * 4)::int],
  case when place < 0.9 then 'US' when place < 0.95 then 'CA' when place < 0.98 then 'GB' else 'FR' end
from calm
where n %% 2 = 0;

-- Events come within seconds and are applied in 25 ms, most in 80; one in five hundred takes seconds, and one in a thousand
-- is applied at its second attempt.
insert into payops.events (id, type, created, received_at, livemode, payload, body_sha256)
select 'evt_' || n, 'charge.succeeded', moment, moment + interval '2 seconds', true, '{}', '' from calm;
insert into payops.event_handlings (event_id, outcome, attempts, handled_at)
select
  'evt_' || n, 'applied', case when luck < 0.001 then 2 else 1 end,
  moment + interval '2 seconds' + case
    when luck < 0.001 then interval '3 minutes' * which
    when luck < 0.003 then interval '3 seconds' * which
    else interval '1 millisecond' * exp(3.2 + 0.35 * (which + place + luck - 1.5) * 4)
  end
from calm;

-- Of the patients 3%% wait for a provider, for four minutes in the mean.
insert into payops.providers (id, name, email, specialties, capacity, active, created_at, updated_at)
values ('prov_1', 'Ann', 'ann@clinic.org', '{}', 5, true, '2020-01-01', '2020-01-01');
insert into payops.consultations (
  id, submission_id, body_sha256, patient_id, state, specialty, received_at, status, provider_id, reason, assigned_at,
  ended_at, first_answer
)
select
  'cons_' || n, 's_' || n, '', 'p_' || n, (array['TX', 'CA', 'NY', 'FL'])[1 + floor(place * 4)::int], 'dermatology', moment,
  'completed', 'prov_1', '', moment + case when luck < 0.03 then -interval '4 minutes' * ln(1 - which) else interval '0' end,
  moment + interval '1 day', jsonb_build_object('status', case when luck < 0.03 then 'waiting' else 'assigned' end)
from calm
where n %% 2 = 1;
insert into payops.assignment_decisions (consultation_id, at, kind, actor, reason, candidates, took_us)
select 'cons_' || n, moment, 'intake', 'system:intake', '', '[]', 1000 * exp(2 + 0.5 * (which + place + luck - 1.5) * 4)
from calm
where n %% 2 = 1;

-- Two payments in a thousand are disputed and answered within the week; the evidence was due in two.
insert into payops.disputes (
  id, livemode, created, as_of, state_rank, event_id, status, amount_minor, currency, card_brand, evidence_due_by
)
select
  'dp_' || n, true, moment, moment + interval '7 days' * which, 1, 'evt_' || n, 'under_review', 4900, 'usd', 'visa',
  moment + interval '14 days'
from calm
where n %% 2 = 0 and place < 0.002;
insert into payops.daily_captures (day, currency, captured, captured_visa, captured_mastercard)
select first_attempt_at::date, 'usd', count(*), count(*), 0 from payops.payment_facts where state = 'succeeded' group by 1;

-- A payout a day is paid on its day, and every night the mirror is as Stripe is.
insert into payops.payouts (id, livemode, created, as_of, state_rank, event_id, amount_minor, currency, status, arrival_date)
select 'po_' || d::date, true, d, d + interval '2 days', 1, 'evt_1', 500000, 'usd', 'paid', (d + interval '2 days')::date
from generate_series(%(until)s::timestamptz - interval '393 days', %(until)s::timestamptz, interval '1 day') as d;
insert into payops.comparisons (since, until, older_since, older_until, days_a_part, begun_at, done_at, equal, wrong, healed)
select d - interval '1 day', d, d, d, 1, d, d, 1000, 0, 0
from generate_series(%(until)s::timestamptz - interval '393 days', %(until)s::timestamptz, interval '1 day') as d;

-- A licence that ends in years, a warning a week, and bookings of another period.
insert into payops.licences (provider_id, state, number, status, expires_on, valid_from, valid_until)
values ('prov_1', 'TX', 'A1', 'active', '2099-12-31', '2020-01-01', '2100-01-01');
insert into payops.incidents (kind, fingerprint, title, severity, first_seen, last_seen, resolved_at)
select 'webhook_delayed', d::text, 'Late.', 'warning', d, d, d + interval '1 hour'
from generate_series(%(until)s::timestamptz - interval '393 days', %(until)s::timestamptz, interval '7 days') as d;

analyze payops.payment_facts, payops.events, payops.event_handlings, payops.consultations, payops.assignment_decisions;
drop table calm;
