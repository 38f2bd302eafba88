-- Apart from the tables, so that a bulk load can make them once at its end.
create unique index if not exists objects_by_id on objects (id);
create index if not exists objects_by_age on objects (type, created, seq);
create index if not exists objects_by_customer on objects (customer, type) where customer is not null;
create index if not exists objects_by_parent on objects (parent, type) where parent is not null;
create index if not exists objects_by_sibling on objects (sibling, type) where sibling is not null;
create index if not exists objects_by_status on objects (type, status) where type in (
    'balance_transaction', 'payout', 'subscription'
);
create index if not exists due_by_time on due (at, seq);
create index if not exists due_by_ref on due (ref, kind);
create unique index if not exists events_by_id on events (id);
create index if not exists events_by_age on events (created, seq);
create index if not exists deliveries_by_time on deliveries (due_at);
