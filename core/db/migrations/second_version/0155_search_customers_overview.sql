-- What the console's search, its customers page and its overview keep.

-- Staff's notes on a customer at Stripe, or on a patient who has none. As with a payment's notes, the text may be
-- withdrawn; who wrote it, when, and who withdrew it stays.
create table payops.customer_notes (
  id bigint generated always as identity primary key,
  subject text not null,
  at timestamptz not null,
  written_by text not null,
  role text not null,
  note text check (length(note) between 1 and 2000),
  withdrawn_by text,
  withdrawn_at timestamptz,
  check ((note is null) = (withdrawn_at is not null))
);
create index customer_notes_subject on payops.customer_notes (subject, at);

-- What each user of the console last opened; ids only, names and amounts are read when the list is shown.
create table payops.recent_views (
  user_name text not null references payops.staff (name) on delete cascade,
  kind text not null,
  object_id text not null,
  seen_at timestamptz not null,
  primary key (user_name, kind, object_id)
);

-- What a user of the console chose for themselves, such as the figures on their overview.
create table payops.user_choices (
  user_name text not null references payops.staff (name) on delete cascade,
  name text not null,
  value jsonb not null,
  changed_at timestamptz not null,
  primary key (user_name, name)
);

-- The search finds by index: subscriptions by order and patient, providers by the beginning of their name or any word.
create index subscriptions_order on payops.subscriptions (order_id) where order_id is not null;
create index subscriptions_patient on payops.subscriptions (patient_id) where patient_id is not null;
create index providers_name_start on payops.providers (lower(name) text_pattern_ops);
create index providers_name_words on payops.providers using gin (string_to_array(lower(name), ' '));
create index customers_newest on payops.customers (created desc, id);
