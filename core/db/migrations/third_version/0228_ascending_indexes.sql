-- What is written in the order of time is put at the end of an ascending index, whose pages stay full: at the beginning of
-- a descending one each page is split in halves, so that the index takes twice the space. Both are read either way.
drop index payops.events_received_at;
create index events_received_at on payops.events (received_at);
drop index payops.events_came_by_webhook;
create index events_came_by_webhook on payops.events (received_at) where came_by = 'webhook';
drop index payops.events_type;
create index events_type on payops.events (type, received_at, id);
drop index payops.payment_intents_newest;
create index payment_intents_newest on payops.payment_intents (created, id);
drop index payops.payment_intents_currency;
create index payment_intents_currency on payops.payment_intents (currency, created, id);
