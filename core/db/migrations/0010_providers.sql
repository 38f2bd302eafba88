-- Who may see which patient: states and specialties, providers and their licences, consultations and how each was decided.

-- A licence ends with its last day in its state's time; where a state has two zones, its capital's counts.
create table payops.states (
  code text primary key check (code ~ '^[A-Z]{2}$'),
  name text not null unique,
  zone text not null
);
insert into payops.states (code, name, zone) values
('AK', 'Alaska', 'America/Anchorage'), ('AL', 'Alabama', 'America/Chicago'), ('AR', 'Arkansas', 'America/Chicago'),
('AS', 'American Samoa', 'Pacific/Pago_Pago'), ('AZ', 'Arizona', 'America/Phoenix'),
('CA', 'California', 'America/Los_Angeles'), ('CO', 'Colorado', 'America/Denver'),
('CT', 'Connecticut', 'America/New_York'), ('DC', 'District of Columbia', 'America/New_York'),
('DE', 'Delaware', 'America/New_York'), ('FL', 'Florida', 'America/New_York'), ('GA', 'Georgia', 'America/New_York'),
('GU', 'Guam', 'Pacific/Guam'), ('HI', 'Hawaii', 'Pacific/Honolulu'), ('IA', 'Iowa', 'America/Chicago'),
('ID', 'Idaho', 'America/Boise'), ('IL', 'Illinois', 'America/Chicago'),
('IN', 'Indiana', 'America/Indiana/Indianapolis'), ('KS', 'Kansas', 'America/Chicago'),
('KY', 'Kentucky', 'America/New_York'), ('LA', 'Louisiana', 'America/Chicago'),
('MA', 'Massachusetts', 'America/New_York'), ('MD', 'Maryland', 'America/New_York'),
('ME', 'Maine', 'America/New_York'), ('MI', 'Michigan', 'America/Detroit'), ('MN', 'Minnesota', 'America/Chicago'),
('MO', 'Missouri', 'America/Chicago'), ('MP', 'Northern Mariana Islands', 'Pacific/Saipan'),
('MS', 'Mississippi', 'America/Chicago'), ('MT', 'Montana', 'America/Denver'),
('NC', 'North Carolina', 'America/New_York'), ('ND', 'North Dakota', 'America/Chicago'),
('NE', 'Nebraska', 'America/Chicago'), ('NH', 'New Hampshire', 'America/New_York'),
('NJ', 'New Jersey', 'America/New_York'), ('NM', 'New Mexico', 'America/Denver'),
('NV', 'Nevada', 'America/Los_Angeles'), ('NY', 'New York', 'America/New_York'), ('OH', 'Ohio', 'America/New_York'),
('OK', 'Oklahoma', 'America/Chicago'), ('OR', 'Oregon', 'America/Los_Angeles'),
('PA', 'Pennsylvania', 'America/New_York'), ('PR', 'Puerto Rico', 'America/Puerto_Rico'),
('RI', 'Rhode Island', 'America/New_York'), ('SC', 'South Carolina', 'America/New_York'),
('SD', 'South Dakota', 'America/Chicago'), ('TN', 'Tennessee', 'America/Chicago'), ('TX', 'Texas', 'America/Chicago'),
('UT', 'Utah', 'America/Denver'), ('VA', 'Virginia', 'America/New_York'),
('VI', 'U.S. Virgin Islands', 'America/St_Thomas'), ('VT', 'Vermont', 'America/New_York'),
('WA', 'Washington', 'America/Los_Angeles'), ('WI', 'Wisconsin', 'America/Chicago'),
('WV', 'West Virginia', 'America/New_York'), ('WY', 'Wyoming', 'America/Denver');

create table payops.specialties (
  code text primary key check (code ~ '^[a-z][a-z0-9_]{1,39}$')
);
insert into payops.specialties (code) values
('general_practice'), ('dermatology'), ('mental_health'), ('womens_health'), ('mens_health'), ('weight_management'),
('urgent_care');

-- `pending` is how many open consultations the provider has; only whoever holds this row's lock changes it.
create table payops.providers (
  id text collate "C" primary key default 'prov_' || replace(gen_random_uuid()::text, '-', ''),
  name text not null check (name <> ''),
  email text,
  npi text unique check (npi ~ '^[0-9]{10}$'),
  active boolean not null,
  capacity integer not null check (capacity > 0),
  specialties text[] not null,
  notes text,
  pending integer not null default 0 check (pending >= 0),
  last_assigned_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null
) with (fillfactor = 80);

-- valid_from and valid_until are the days as instants in the state's time, so that choosing compares moments alone.
create table payops.licences (
  id bigint generated always as identity primary key,
  provider_id text collate "C" not null references payops.providers (id),
  state text not null references payops.states (code),
  number text,
  type text,
  status text not null check (status in ('active', 'pending', 'suspended', 'revoked', 'lapsed')),
  issued_on date,
  expires_on date,
  verified_on date,
  verified_by text,
  valid_from timestamptz not null,
  valid_until timestamptz not null,
  check (expires_on >= issued_on),
  unique nulls not distinct (provider_id, state, number)
);
create index licences_state on payops.licences (state, provider_id);
create index licences_expires_on on payops.licences (expires_on) where status = 'active';

-- One row an active licence and specialty of an active provider, in the order in which they are chosen. A provider's
-- rows are written only under the lock on the provider's row.
create table payops.openings (
  provider_id text collate "C" not null,
  licence_id bigint not null,
  specialty text not null,
  state text not null,
  load double precision not null,
  idle_since timestamptz not null,
  valid_from timestamptz not null,
  valid_until timestamptz not null,
  primary key (provider_id, licence_id, specialty)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
create index openings_order on payops.openings (state, specialty, load, idle_since, provider_id) where load < 1;

create table payops.consultations (
  id text primary key default 'cons_' || replace(gen_random_uuid()::text, '-', ''),
  submission_id text not null unique,
  body_sha256 text not null,
  patient_id text not null,
  state text not null references payops.states (code),
  specialty text not null references payops.specialties (code),
  order_id text,
  preferred_provider_id text,
  submitted_at timestamptz,
  received_at timestamptz not null,
  status text not null check (status in ('waiting', 'assigned', 'completed', 'cancelled')),
  provider_id text collate "C" references payops.providers (id),
  match text check (match in ('specialty', 'fallback')),
  reason text not null,
  assigned_at timestamptz,
  ended_at timestamptz,
  declined_by text[] not null default '{}',
  first_answer jsonb,
  check ((status = 'assigned') <= (provider_id is not null)),
  check ((status = 'waiting') <= (provider_id is null)),
  check ((status in ('completed', 'cancelled')) = (ended_at is not null))
);
create index consultations_waiting on payops.consultations (state, received_at, id) where status = 'waiting';
create index consultations_open on payops.consultations (provider_id) where status = 'assigned';
create index consultations_received_at on payops.consultations (received_at);
create index consultations_order on payops.consultations (order_id);
create index consultations_patient on payops.consultations (patient_id);
create index if not exists payment_intents_order on payops.payment_intents (order_id);

-- How a consultation got its provider, or none: who was considered and why each was in or out, at that moment.
create table payops.assignment_decisions (
  id bigint generated always as identity primary key,
  consultation_id text not null,
  at timestamptz not null,
  kind text not null check (kind in ('intake', 'queue', 'manual', 'release')),
  actor text not null,
  provider_id text,
  match text,
  reason text not null,
  candidates jsonb not null,
  took_us integer not null
);
create index assignment_decisions_consultation on payops.assignment_decisions (consultation_id, id);
create index assignment_decisions_at on payops.assignment_decisions (at);
create trigger assignment_decisions_append_only
before update or delete on payops.assignment_decisions
for each row execute function payops.refuse_change();
create trigger assignment_decisions_no_truncate
before truncate on payops.assignment_decisions
for each statement execute function payops.refuse_change();
