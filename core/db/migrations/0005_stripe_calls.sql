-- How each call to Stripe went: what was asked, how long it took, and the class of the error where there was one.
create table payops.stripe_calls (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  operation text not null,
  duration_ms double precision not null,
  request_id text,
  error text
);
create index stripe_calls_at on payops.stripe_calls (at);
