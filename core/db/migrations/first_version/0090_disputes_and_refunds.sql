-- Whether Stripe still lets the disputed charge be refunded; null for disputes that were stored before this was kept.
alter table payops.disputes add column charge_refundable boolean;
