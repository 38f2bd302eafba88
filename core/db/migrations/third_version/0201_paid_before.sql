-- Whether a customer has paid before, which a code for a first payment asks: otherwise every charge is read.
create index charges_paid on payops.charges (customer_id) where status = 'succeeded';
