-- name: get_object
select body from objects where id = :id;
-- name: get_position
select created, seq from objects where id = :id;
-- name: add_object
insert into objects (id, type, created, customer, parent, sibling, status, body)
values (:id, :type, :created, :customer, :parent, :sibling, :status, :body);
-- name: change_object
update objects set customer = :customer, parent = :parent, sibling = coalesce(:sibling, sibling),
    status = :status, body = :body where id = :id;
-- name: set_sibling
update objects set sibling = :sibling where id = :id;

-- name: older_all
select body from objects where type = :type and created between :low and :high and (created, seq) < (:at, :seq)
    and status is not 'deleted' order by created desc, seq desc;
-- name: newer_all
select body from objects where type = :type and created between :low and :high and (created, seq) > (:at, :seq)
    and status is not 'deleted' order by created, seq;
-- name: older_customer
select body from objects where customer = :value and type = :type and created between :low and :high
    and (created, seq) < (:at, :seq) and status is not 'deleted' order by created desc, seq desc;
-- name: newer_customer
select body from objects where customer = :value and type = :type and created between :low and :high
    and (created, seq) > (:at, :seq) and status is not 'deleted' order by created, seq;
-- name: older_parent
select body from objects where parent = :value and type = :type and created between :low and :high
    and (created, seq) < (:at, :seq) and status is not 'deleted' order by created desc, seq desc;
-- name: newer_parent
select body from objects where parent = :value and type = :type and created between :low and :high
    and (created, seq) > (:at, :seq) and status is not 'deleted' order by created, seq;
-- name: older_sibling
select body from objects where sibling = :value and type = :type and created between :low and :high
    and (created, seq) < (:at, :seq) and status is not 'deleted' order by created desc, seq desc;
-- name: newer_sibling
select body from objects where sibling = :value and type = :type and created between :low and :high
    and (created, seq) > (:at, :seq) and status is not 'deleted' order by created, seq;
-- name: containing
select body from objects where type = :type and instr(body, :part) > 0 and status is not 'deleted'
    order by created desc, seq desc;
-- name: with_status
select body from objects where type = :type and status = :status order by created, seq;
-- name: unpaid_transactions
select body from objects where type = 'balance_transaction' and status = 'available' and sibling is null
    order by created, seq;
-- name: random_objects
select body from objects where seq >= :seq and +type = :type and +status = :status order by seq limit 20;
-- name: sequence_range
select coalesce(min(seq), 0), coalesce(max(seq), 0) from objects where type = :type;
-- name: count_objects
select count(*) from objects;

-- name: get_hidden
select body from hidden where id = :id;
-- name: set_hidden
insert into hidden (id, body) values (:id, :body) on conflict (id) do update set body = excluded.body;

-- name: add_due
insert into due (at, kind, ref) values (:at, :kind, :ref);
-- name: drop_due
delete from due where ref = :ref and kind = :kind;
-- name: next_due
select seq, at, kind, ref from due where at <= :until order by at, seq limit 1;
-- name: done_due
delete from due where seq = :seq;
-- name: has_due
select 1 from due where kind = :kind limit 1;

-- name: add_event
insert into events (id, type, created, body) values (:id, :type, :created, :body);
-- name: get_event
select body from events where id = :id;
-- name: event_position
select created, seq from events where id = :id;
-- name: older_events
select body from events where created between :low and :high and (created, seq) < (:at, :seq)
    order by created desc, seq desc;
-- name: newer_events
select body from events where created between :low and :high and (created, seq) > (:at, :seq) order by created, seq;

-- name: put_endpoint
insert into endpoints (id, url, duplicate, reorder, paused) values (:id, :url, :duplicate, :reorder, :paused)
    on conflict (url) do update set duplicate = excluded.duplicate, reorder = excluded.reorder,
    paused = excluded.paused;
-- name: change_endpoint
update endpoints set url = :url, paused = :paused where id = :id;
-- name: list_endpoints
select id, url, duplicate, reorder, paused from endpoints order by rowid;
-- name: drop_endpoint
delete from endpoints where id = :id;
-- name: drop_deliveries_of
delete from deliveries where endpoint_id = :id;

-- name: add_delivery
insert into deliveries (event_id, endpoint_id, first_at, due_at) values (:event_id, :endpoint_id, :now, :due_at);
-- name: due_deliveries
select d.seq, d.event_id, d.endpoint_id, d.attempts, d.first_at, e.url, e.duplicate, e.reorder, v.body
    from deliveries d join endpoints e on e.id = d.endpoint_id join events v on v.id = d.event_id
    where d.due_at <= :now and not e.paused order by d.due_at, d.seq limit :limit;
-- name: delivered
delete from deliveries where seq = :seq;
-- name: delivery_failed
update deliveries set attempts = attempts + 1, due_at = :due_at, last_outcome = :outcome where seq = :seq;
-- name: pending_deliveries
select d.event_id, v.type, e.url, d.attempts, d.due_at, d.last_outcome
    from deliveries d join endpoints e on e.id = d.endpoint_id join events v on v.id = d.event_id
    order by d.due_at, d.seq limit 1000;
-- name: pending_by_event
select event_id, count(*) from deliveries group by event_id;
-- name: count_pending
select count(*), coalesce(sum(d.due_at <= :now and not e.paused), 0)
    from deliveries d join endpoints e on e.id = d.endpoint_id;

-- name: add_form
insert into forms (path, body, due_at) values (:path, :body, :due_at);
-- name: due_forms
select seq, path, body from forms where due_at <= :now order by due_at, seq limit :limit;
-- name: postpone_form
update forms set due_at = :due_at where seq = :seq;
-- name: drop_form
delete from forms where seq = :seq;

-- name: get_answer
select fingerprint, status, body, request_id from answers where key = :key and created > :since;
-- name: put_answer
insert or replace into answers (key, fingerprint, status, body, request_id, created)
values (:key, :fingerprint, :status, :body, :request_id, :created);

-- name: drop_old_answers
delete from answers where created < :before;
-- name: latest_event
select coalesce(max(created), 0) from events;

-- name: history_objects
select body from objects where type = :type and status is not 'deleted'
    and (type <> 'payment_method' or customer is not null) order by created, seq;
-- name: history_payout_contents
select cast(json_object('payout', p.id, 'balance_transactions', json_group_array(t.id)) as blob)
    from objects as p inner join objects as t on t.sibling = p.id and t.type = 'balance_transaction'
    where p.type = 'payout' and json_extract(p.body, '$.reconciliation_status') = 'completed' group by p.id;
-- name: history_events
select body from events order by created, seq;
-- name: history_events_of
select body from events where type = :type order by created, seq;
-- name: bulk_objects
insert into objects (id, type, created, customer, parent, sibling, status, body) values (?, ?, ?, ?, ?, ?, ?, ?);
-- name: bulk_events
insert into events (id, type, created, body) values (?, ?, ?, ?);
-- name: bulk_due
insert into due (at, kind, ref) values (?, ?, ?);
-- name: bulk_hidden
insert into hidden (id, body) values (?, ?);
-- name: drop_indexes
select 'drop index ' || name from sqlite_master where type = 'index' and sql is not null;
