-- What answering disputes needs: our texts that banks ask for, and the lines that card networks draw.

create table payops.policy_texts (
  kind text primary key check (kind in ('product_description', 'refund_policy_disclosure', 'cancellation_policy_disclosure')),
  text text not null check (length(text) between 1 and 20000),
  changed_by text not null,
  changed_at timestamptz not null
);

-- From `since` on, as we apply it, a network looks at whoever reaches both the ratio and the number of events in a month.
-- Networks change these: a later line follows the one before, which stays for the months it was for.
create table payops.network_lines (
  id bigint generated always as identity primary key,
  network text not null check (network in ('visa', 'mastercard')),
  line text not null check (line in ('excessive', 'early', 'high')),
  ratio numeric not null check (ratio > 0 and ratio < 1),
  events integer not null check (events > 0),
  since date not null,
  source text not null,
  set_by text not null,
  set_at timestamptz not null default now(),
  unique (network, line, since)
);
insert into payops.network_lines (network, line, ratio, events, since, source, set_by) values
('visa', 'early', 0.005, 5, '2025-04-01', 'https://docs.stripe.com/disputes/monitoring-programs', 'system:migration'),
('visa', 'excessive', 0.015, 1500, '2025-04-01', 'https://docs.stripe.com/disputes/monitoring-programs', 'system:migration'),
('mastercard', 'excessive', 0.015, 100, '2025-04-01', 'https://docs.stripe.com/disputes/monitoring-programs', 'system:migration'),
('mastercard', 'high', 0.03, 300, '2025-04-01', 'https://docs.stripe.com/disputes/monitoring-programs', 'system:migration');
