-- Providers and their licences, consultations, and how each consultation was assigned.

-- A licence ends with its last day in its state's time; a state with two time zones has its capital's.
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
  code text primary key check (code ~ '^[a-z][a-z0-9_]{1,39}$'),
  name text not null
);
insert into payops.specialties (code, name) values
('general_practice', 'General practice'), ('dermatology', 'Dermatology'), ('mental_health', 'Mental health'),
('womens_health', 'Women''s health'), ('mens_health', 'Men''s health'), ('weight_management', 'Weight management'),
('urgent_care', 'Urgent care');

-- `pending` is the provider's number of open consultations; only the holder of this row's lock changes it.
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
create index providers_name on payops.providers (lower(name), id);

-- `valid_from` and `valid_until` are the licence's days as instants in its state's time.
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

-- One row per active licence and specialty of an active provider, in the order in which providers are chosen, with the
-- provider's load after one more consultation. Written only under the lock on the provider's row.
create table payops.openings (
  provider_id text collate "C" not null,
  licence_id bigint not null,
  specialty text not null,
  state text not null,
  load double precision not null,
  idle_since timestamptz not null,
  valid_from timestamptz not null,
  valid_until timestamptz not null,
  capacity integer not null,
  primary key (provider_id, licence_id, specialty)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
create index openings_order on payops.openings (state, specialty, load, idle_since, provider_id) where load < 1;

-- Where the search for a provider begins: nothing available in this state and specialty comes before the first of these
-- positions in the order of choice. Choosing a provider leaves a dead entry at the head of the index above; a search
-- that begins here skips those. Whoever gains capacity adds a position; whoever moves the start leaves only one.
create table payops.fronts (
  state text not null,
  specialty text not null,
  load double precision not null,
  idle_since timestamptz not null,
  moved_at timestamptz
) with (autovacuum_vacuum_threshold = 1000);
create index fronts_order on payops.fronts (state, specialty, load, idle_since);

-- Numbers the assignments, so that they take their slots in turn. Its value may be lost with a crash.
create unlogged sequence payops.seats_taken minvalue 0;

-- State and specialty have no foreign keys: submissions that arrive together would wait for each other at the same few
-- rows; `check_submission` refuses unknown ones. The rules of `status` are one check, since each costs time per row.
create table payops.consultations (
  id text primary key default 'cons_' || replace(gen_random_uuid()::text, '-', ''),
  submission_id text not null unique,
  body_sha256 text not null,
  patient_id text not null,
  state text not null,
  specialty text not null,
  order_id text,
  preferred_provider_id text,
  submitted_at timestamptz,
  received_at timestamptz not null,
  status text not null,
  provider_id text collate "C" references payops.providers (id),
  match text check (match in ('specialty', 'fallback')),
  reason text not null,
  assigned_at timestamptz,
  ended_at timestamptz,
  declined_by text[] not null default '{}',
  first_answer jsonb,
  constraint consultations_status_check check (
    case status
      when 'waiting' then provider_id is null and ended_at is null
      when 'assigned' then provider_id is not null and ended_at is null
      when 'completed' then ended_at is not null
      when 'cancelled' then ended_at is not null
      else false
    end
  )
);
create index consultations_waiting on payops.consultations (state, received_at, id) where status = 'waiting';
create index consultations_open on payops.consultations (provider_id) where status = 'assigned';
create index consultations_received_at on payops.consultations (received_at);
create index consultations_order on payops.consultations (order_id);
create index consultations_patient on payops.consultations (patient_id);
create index consultations_ended on payops.consultations (ended_at desc) where ended_at is not null;

-- How a consultation was assigned, or why not: who was considered, and why each was accepted or passed over.
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
