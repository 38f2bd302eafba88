-- Apart from the tables, so that a bulk load can make them once at its end. Each ends with its lists' order: without
-- it SQLite would rather walk through every object of the type.
create unique index if not exists objects_by_id on objects (id);
create index if not exists objects_by_age on objects (type, created, seq);
create index if not exists objects_by_customer on objects (customer, type, created, seq) where customer is not null;
create index if not exists objects_by_parent on objects (parent, type, created, seq) where parent is not null;
create index if not exists objects_by_sibling on objects (sibling, type, created, seq) where sibling is not null;
create index if not exists objects_by_status on objects (type, status, created, seq);
create index if not exists due_by_time on due (at, seq);
create index if not exists due_by_ref on due (ref, kind);
create unique index if not exists events_by_id on events (id);
create index if not exists events_by_age on events (created, seq);
create index if not exists deliveries_by_time on deliveries (due_at);
