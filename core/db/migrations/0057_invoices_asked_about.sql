-- Open invoices for which Stripe had no payment when it was asked: they are asked about again, but not all the time.
create table payops.invoices_asked_about (
  invoice_id text primary key,
  asked_at timestamptz not null
);
