-- What customers ask for through the payment API is written down before Stripe is asked, as what staff ask for is.
alter table payops.money_actions drop constraint money_actions_kind_check;
alter table payops.money_actions add constraint money_actions_kind_check check (
  kind in (
    'refund', 'retry', 'cancel_subscription', 'accept_dispute', 'submit_evidence', 'payment', 'create_subscription'
  )
);
create index money_actions_code on payops.money_actions ((params ->> 'promotion_code'))
where kind = 'payment' and params ? 'promotion_code';

-- How each call of the payment API went: how long we took ourselves, and how long Stripe did.
create table payops.api_calls (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  operation text not null,
  status integer not null,
  own_ms double precision not null,
  stripe_ms double precision not null
);
create index api_calls_at on payops.api_calls (at);
