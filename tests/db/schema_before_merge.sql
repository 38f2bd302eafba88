-- A dump (pg_dump 18 --inserts) of an installation at the last schema before the migrations were merged, with two made-up
-- rows in each table. Comments and blank lines of the dump are left out.
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA payops;
CREATE SCHEMA payops_api;
CREATE FUNCTION payops.notice_failed_refund() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  if new.as_of > now() - interval '14 days' then
    perform payops.record_incident(
      'refund_failed', new.id, 'A refund failed after it was made: the customer does not have the money.', new.as_of,
      'error', jsonb_build_object(
        'refund', new.id, 'payment', new.payment_intent_id, 'failure_reason', new.failure_reason,
        'amount_minor', new.amount_minor, 'currency', new.currency
      )
    );
  end if;
  return null;
end
$$;
CREATE FUNCTION payops.plainly(p_row jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$ select p_row - array['as_of', 'event_id', 'state_rank', 'tied'] $$;
CREATE FUNCTION payops.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  raise exception 'append_only' using hint = 'What was recorded here is never changed or removed.';
end
$$;
CREATE FUNCTION payops_api.schema_fingerprint() RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$ select jsonb_build_object('fingerprint', fingerprint, 'deployed_at', deployed_at) from payops.deployment $$;
CREATE FUNCTION payops_api.tied_objects(p_tables jsonb, p_before timestamp with time zone, p_most integer) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$ select '[]'::jsonb $$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE payops.api_calls (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    operation text NOT NULL,
    status integer NOT NULL,
    own_ms double precision NOT NULL,
    stripe_ms double precision NOT NULL
);
ALTER TABLE payops.api_calls ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME payops.api_calls_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE payops.api_requests (
    caller text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    state text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    status integer,
    answer jsonb,
    CONSTRAINT api_requests_state_check CHECK ((state = ANY (ARRAY['in_progress'::text, 'answered'::text])))
);
CREATE TABLE payops.api_turns (
    caller text NOT NULL,
    minute timestamp with time zone NOT NULL,
    taken integer NOT NULL
);
CREATE TABLE payops.assignment_decisions (
    id bigint NOT NULL,
    consultation_id text NOT NULL,
    at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    provider_id text,
    match text,
    reason text NOT NULL,
    candidates jsonb NOT NULL,
    took_us integer NOT NULL,
    CONSTRAINT assignment_decisions_kind_check CHECK ((kind = ANY (ARRAY['intake'::text, 'queue'::text, 'manual'::text, 'release'::text])))
);
ALTER TABLE payops.assignment_decisions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME payops.assignment_decisions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE payops.audit_chain (
    "position" bigint NOT NULL,
    audit_id bigint NOT NULL,
    hash bytea NOT NULL,
    chained_at timestamp with time zone NOT NULL
);
CREATE TABLE payops.audit_chain_head (
    only_row boolean DEFAULT true NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL,
    hash bytea DEFAULT '\x'::bytea NOT NULL,
    verified_position bigint DEFAULT 0 NOT NULL,
    verified_hash bytea DEFAULT '\x'::bytea NOT NULL,
    round_ended_at timestamp with time zone,
    CONSTRAINT audit_chain_head_only_row_check CHECK (only_row)
);
CREATE TABLE payops.audit_log (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    role text,
    action text NOT NULL,
    subject text NOT NULL,
    outcome text DEFAULT 'done'::text NOT NULL,
    reason text,
    before jsonb,
    after jsonb,
    request_id text,
    CONSTRAINT audit_log_outcome_check CHECK ((outcome = ANY (ARRAY['done'::text, 'refused'::text])))
);
ALTER TABLE payops.audit_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME payops.audit_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE payops.backfill_places (
    source text NOT NULL,
    since timestamp with time zone NOT NULL,
    last_id text,
    objects integer NOT NULL,
    done boolean NOT NULL,
    at timestamp with time zone NOT NULL
);
CREATE TABLE payops.balance_transactions (
    id text CONSTRAINT mirrored_id_not_null NOT NULL,
    livemode boolean CONSTRAINT mirrored_livemode_not_null NOT NULL,
    created timestamp with time zone CONSTRAINT mirrored_created_not_null NOT NULL,
    as_of timestamp with time zone CONSTRAINT mirrored_as_of_not_null NOT NULL,
    state_rank integer CONSTRAINT mirrored_state_rank_not_null NOT NULL,
    event_id text CONSTRAINT mirrored_event_id_not_null NOT NULL,
    tied boolean DEFAULT false CONSTRAINT mirrored_tied_not_null NOT NULL,
    amount_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    net_minor bigint NOT NULL,
    currency text NOT NULL,
    type text NOT NULL,
    reporting_category text NOT NULL,
    source_id text,
    available_on timestamp with time zone
);
CREATE TABLE payops.business (
    only_row boolean DEFAULT true NOT NULL,
    timezone text DEFAULT 'America/New_York'::text NOT NULL,
    livemode boolean DEFAULT false NOT NULL,
    CONSTRAINT business_only_row_check CHECK (only_row)
);
CREATE TABLE payops.charges (
    id text CONSTRAINT mirrored_id_not_null NOT NULL,
    livemode boolean CONSTRAINT mirrored_livemode_not_null NOT NULL,
    created timestamp with time zone CONSTRAINT mirrored_created_not_null NOT NULL,
    as_of timestamp with time zone CONSTRAINT mirrored_as_of_not_null NOT NULL,
    state_rank integer CONSTRAINT mirrored_state_rank_not_null NOT NULL,
    event_id text CONSTRAINT mirrored_event_id_not_null NOT NULL,
    tied boolean DEFAULT false CONSTRAINT mirrored_tied_not_null NOT NULL,
    payment_intent_id text,
    customer_id text,
    amount_minor bigint NOT NULL,
    amount_captured_minor bigint DEFAULT 0 NOT NULL,
    amount_refunded_minor bigint DEFAULT 0 NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    captured boolean DEFAULT false NOT NULL,
    disputed boolean DEFAULT false NOT NULL,
    failure_code text,
    decline_code text,
    network_status text,
    outcome_reason text,
    advice_code text,
    method_type text,
    card_brand text,
    card_last4 text,
    card_exp_month integer,
    card_exp_year integer,
    card_country text,
    balance_transaction_id text
);
CREATE TABLE payops.checkout_sessions (
    id text CONSTRAINT mirrored_id_not_null NOT NULL,
    livemode boolean CONSTRAINT mirrored_livemode_not_null NOT NULL,
    created timestamp with time zone CONSTRAINT mirrored_created_not_null NOT NULL,
    as_of timestamp with time zone CONSTRAINT mirrored_as_of_not_null NOT NULL,
    state_rank integer CONSTRAINT mirrored_state_rank_not_null NOT NULL,
    event_id text CONSTRAINT mirrored_event_id_not_null NOT NULL,
    tied boolean DEFAULT false CONSTRAINT mirrored_tied_not_null NOT NULL,
    mode text NOT NULL,
    status text,
    payment_status text,
    amount_total_minor bigint,
    currency text,
    customer_id text,
    payment_intent_id text,
    subscription_id text,
    order_id text,
    patient_id text,
    expires_at timestamp with time zone
);
CREATE TABLE payops.compared_days (
    comparison_id bigint NOT NULL,
    kind text NOT NULL,
    day date NOT NULL,
    equal integer NOT NULL,
    missing integer NOT NULL,
    different integer NOT NULL,
    surplus integer NOT NULL,
    healed integer NOT NULL
);
CREATE TABLE payops.comparisons (
    id bigint NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    older_since timestamp with time zone NOT NULL,
    older_until timestamp with time zone NOT NULL,
    days_a_part integer NOT NULL,
    parts_done integer DEFAULT 0 NOT NULL,
    begun_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone,
    equal integer,
    wrong integer,
    healed integer
);
ALTER TABLE payops.comparisons ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME payops.comparisons_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE payops.consultations (
    id text DEFAULT ('cons_'::text || replace((gen_random_uuid())::text, '-'::text, ''::text)) NOT NULL,
    submission_id text NOT NULL,
    body_sha256 text NOT NULL,
    patient_id text NOT NULL,
    state text NOT NULL,
    specialty text NOT NULL,
    order_id text,
    preferred_provider_id text,
    submitted_at timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    status text NOT NULL,
    provider_id text COLLATE pg_catalog."C",
    match text,
    reason text NOT NULL,
    assigned_at timestamp with time zone,
    ended_at timestamp with time zone,
    declined_by text[] DEFAULT '{}'::text[] NOT NULL,
    first_answer jsonb,
    CONSTRAINT consultations_match_check CHECK ((match = ANY (ARRAY['specialty'::text, 'fallback'::text]))),
    CONSTRAINT consultations_status_check CHECK (
CASE status
    WHEN 'waiting'::text THEN ((provider_id IS NULL) AND (ended_at IS NULL))
    WHEN 'assigned'::text THEN ((provider_id IS NOT NULL) AND (ended_at IS NULL))
    WHEN 'completed'::text THEN (ended_at IS NOT NULL)
    WHEN 'cancelled'::text THEN (ended_at IS NOT NULL)
    ELSE false
END)
);
CREATE TABLE payops.customers (
    id text CONSTRAINT mirrored_id_not_null NOT NULL,
    livemode boolean CONSTRAINT mirrored_livemode_not_null NOT NULL,
    created timestamp with time zone CONSTRAINT mirrored_created_not_null NOT NULL,
    as_of timestamp with time zone CONSTRAINT mirrored_as_of_not_null NOT NULL,
    state_rank integer CONSTRAINT mirrored_state_rank_not_null NOT NULL,
    event_id text CONSTRAINT mirrored_event_id_not_null NOT NULL,
    tied boolean DEFAULT false CONSTRAINT mirrored_tied_not_null NOT NULL,
    patient_id text,
    currency text,
    delinquent boolean DEFAULT false NOT NULL,
    deleted boolean DEFAULT false NOT NULL
);
CREATE TABLE payops.daily_attempts (
    day date NOT NULL,
    currency text NOT NULL,
    attempts integer NOT NULL,
    succeeded integer NOT NULL,
    reached_network integer NOT NULL,
    captured integer NOT NULL,
    captured_visa integer NOT NULL
);
CREATE TABLE payops.daily_balances (
    day date NOT NULL,
    currency text NOT NULL,
    reporting_category text NOT NULL,
    transactions integer NOT NULL,
    amount_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    net_minor bigint NOT NULL
);
CREATE TABLE payops.daily_failures (
    day date NOT NULL,
    currency text NOT NULL,
    code text NOT NULL,
    failures integer NOT NULL,
    amount_minor bigint NOT NULL
);
CREATE TABLE payops.daily_intents (
    day date NOT NULL,
    currency text NOT NULL,
    created integer NOT NULL,
    unconfirmed integer NOT NULL
);
CREATE TABLE payops.daily_payments (
    day date NOT NULL,
    currency text NOT NULL,
    succeeded integer NOT NULL,
    failed integer NOT NULL,
    pending integer NOT NULL,
    amount_succeeded_minor bigint NOT NULL,
    processing_ms integer[] NOT NULL
);
CREATE TABLE payops.database_errors (
    code text NOT NULL,
    times bigint NOT NULL,
    last_at timestamp with time zone NOT NULL
);
CREATE TABLE payops.deployment (
    only_row boolean DEFAULT true NOT NULL,
    fingerprint text DEFAULT ''::text NOT NULL,
    deployed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT deployment_only_row_check CHECK (only_row)
);
CREATE TABLE payops.disputes (
    id text CONSTRAINT mirrored_id_not_null NOT NULL,
    livemode boolean CONSTRAINT mirrored_livemode_not_null NOT NULL,
    created timestamp with time zone CONSTRAINT mirrored_created_not_null NOT NULL,
    as_of timestamp with time zone CONSTRAINT mirrored_as_of_not_null NOT NULL,
    state_rank integer CONSTRAINT mirrored_state_rank_not_null NOT NULL,
    event_id text CONSTRAINT mirrored_event_id_not_null NOT NULL,
    tied boolean DEFAULT false CONSTRAINT mirrored_tied_not_null NOT NULL,
    charge_id text,
    payment_intent_id text,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    reason text,
    network_reason_code text,
    card_brand text,
    evidence_due_by timestamp with time zone,
    has_evidence boolean DEFAULT false NOT NULL,
    submission_count integer DEFAULT 0 NOT NULL
);
CREATE TABLE payops.early_fraud_warnings (
    id text CONSTRAINT mirrored_id_not_null NOT NULL,
    livemode boolean CONSTRAINT mirrored_livemode_not_null NOT NULL,
    created timestamp with time zone CONSTRAINT mirrored_created_not_null NOT NULL,
    as_of timestamp with time zone CONSTRAINT mirrored_as_of_not_null NOT NULL,
    state_rank integer CONSTRAINT mirrored_state_rank_not_null NOT NULL,
    event_id text CONSTRAINT mirrored_event_id_not_null NOT NULL,
    tied boolean DEFAULT false CONSTRAINT mirrored_tied_not_null NOT NULL,
    charge_id text,
    payment_intent_id text,
    actionable boolean NOT NULL,
    fraud_type text
);
CREATE TABLE payops.event_attempts (
    id bigint NOT NULL,
    event_id text NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    outcome text NOT NULL,
    reason text
);
ALTER TABLE payops.event_attempts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME payops.event_attempts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE payops.event_handlings (
    event_id text NOT NULL,
    outcome text NOT NULL,
    attempts integer DEFAULT 1 NOT NULL,
    handled_at timestamp with time zone NOT NULL,
    next_attempt_at timestamp with time zone,
    reason text,
    CONSTRAINT event_handlings_outcome_check CHECK ((outcome = ANY (ARRAY['applied'::text, 'ignored'::text, 'quarantined'::text, 'failed'::text, 'dead'::text])))
);
CREATE TABLE payops.event_sweeps (
    id bigint NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    last_id text,
    listed integer DEFAULT 0 NOT NULL,
    found integer DEFAULT 0 NOT NULL,
    begun_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone
);
ALTER TABLE payops.event_sweeps ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME payops.event_sweeps_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE payops.events (
    id text NOT NULL,
    type text NOT NULL,
    created timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    livemode boolean NOT NULL,
    api_version text,
    object_id text,
    payload jsonb NOT NULL,
    body_sha256 text NOT NULL,
    received_from text,
    came_by text DEFAULT 'webhook'::text NOT NULL,
    CONSTRAINT events_came_by_check CHECK ((came_by = ANY (ARRAY['webhook'::text, 'sweep'::text])))
);
CREATE TABLE payops.failed_confirmations (
    id text CONSTRAINT mirrored_id_not_null NOT NULL,
    livemode boolean CONSTRAINT mirrored_livemode_not_null NOT NULL,
    created timestamp with time zone CONSTRAINT mirrored_created_not_null NOT NULL,
    as_of timestamp with time zone CONSTRAINT mirrored_as_of_not_null NOT NULL,
    state_rank integer CONSTRAINT mirrored_state_rank_not_null NOT NULL,
    event_id text CONSTRAINT mirrored_event_id_not_null NOT NULL,
    tied boolean DEFAULT false CONSTRAINT mirrored_tied_not_null NOT NULL,
    payment_intent_id text NOT NULL,
    currency text NOT NULL,
    code text,
    decline_code text
);
CREATE TABLE payops.flags (
    flow text NOT NULL,
    open boolean NOT NULL,
    sentence text NOT NULL,
    reason text NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT flags_flow_check CHECK ((flow = ANY (ARRAY['checkout'::text, 'one_time'::text, 'subscriptions'::text, 'discounts'::text, 'retries'::text, 'refunds'::text])))
);
CREATE TABLE payops.fronts (
    state text NOT NULL,
    specialty text NOT NULL,
    load double precision NOT NULL,
    idle_since timestamp with time zone NOT NULL,
    moved_at timestamp with time zone
)
WITH (autovacuum_vacuum_threshold='1000');
CREATE TABLE payops.incidents (
    id bigint NOT NULL,
    kind text NOT NULL,
    fingerprint text NOT NULL,
    title text NOT NULL,
    severity text DEFAULT 'error'::text NOT NULL,
    occurrences bigint DEFAULT 1 NOT NULL,
    first_seen timestamp with time zone NOT NULL,
    last_seen timestamp with time zone NOT NULL,
    sample jsonb DEFAULT '{}'::jsonb NOT NULL,
    request_id text,
    resolved_at timestamp with time zone,
    resolved_by text,
    resolution text,
    CONSTRAINT incidents_occurrences_check CHECK ((occurrences > 0)),
    CONSTRAINT incidents_severity_check CHECK ((severity = ANY (ARRAY['info'::text, 'warning'::text, 'error'::text, 'critical'::text])))
);
ALTER TABLE payops.incidents ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME payops.incidents_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE payops.invoice_payments (
    id text CONSTRAINT mirrored_id_not_null NOT NULL,
    livemode boolean CONSTRAINT mirrored_livemode_not_null NOT NULL,
    created timestamp with time zone CONSTRAINT mirrored_created_not_null NOT NULL,
    as_of timestamp with time zone CONSTRAINT mirrored_as_of_not_null NOT NULL,
    state_rank integer CONSTRAINT mirrored_state_rank_not_null NOT NULL,
    event_id text CONSTRAINT mirrored_event_id_not_null NOT NULL,
    tied boolean DEFAULT false CONSTRAINT mirrored_tied_not_null NOT NULL,
    invoice_id text,
    payment_intent_id text,
    charge_id text,
    amount_paid_minor bigint,
    amount_requested_minor bigint,
    currency text,
    status text NOT NULL,
    is_default boolean DEFAULT false NOT NULL,
    paid_at timestamp with time zone
);
CREATE TABLE payops.invoices (
    id text CONSTRAINT mirrored_id_not_null NOT NULL,
    livemode boolean CONSTRAINT mirrored_livemode_not_null NOT NULL,
    created timestamp with time zone CONSTRAINT mirrored_created_not_null NOT NULL,
    as_of timestamp with time zone CONSTRAINT mirrored_as_of_not_null NOT NULL,
    state_rank integer CONSTRAINT mirrored_state_rank_not_null NOT NULL,
    event_id text CONSTRAINT mirrored_event_id_not_null NOT NULL,
    tied boolean DEFAULT false CONSTRAINT mirrored_tied_not_null NOT NULL,
    status text,
    customer_id text,
    subscription_id text,
    billing_reason text,
    currency text NOT NULL,
    amount_due_minor bigint DEFAULT 0 NOT NULL,
    amount_paid_minor bigint DEFAULT 0 NOT NULL,
    amount_remaining_minor bigint DEFAULT 0 NOT NULL,
    attempt_count integer DEFAULT 0 NOT NULL,
    next_payment_attempt timestamp with time zone,
    due_date timestamp with time zone,
    finalized_at timestamp with time zone,
    paid_at timestamp with time zone,
    voided_at timestamp with time zone,
    marked_uncollectible_at timestamp with time zone
);
CREATE TABLE payops.invoices_asked_about (
    invoice_id text NOT NULL,
    asked_at timestamp with time zone NOT NULL
);
CREATE TABLE payops.jobs (
    name text NOT NULL,
    holder text,
    held_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    done_at timestamp with time zone
);
CREATE TABLE payops.licences (
    id bigint NOT NULL,
    provider_id text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL,
    number text,
    type text,
    status text NOT NULL,
    issued_on date,
    expires_on date,
    verified_on date,
    verified_by text,
    valid_from timestamp with time zone NOT NULL,
    valid_until timestamp with time zone NOT NULL,
    CONSTRAINT licences_check CHECK ((expires_on >= issued_on)),
    CONSTRAINT licences_status_check CHECK ((status = ANY (ARRAY['active'::text, 'pending'::text, 'suspended'::text, 'revoked'::text, 'lapsed'::text])))
);
ALTER TABLE payops.licences ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME payops.licences_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE payops.metric_clock (
    only_row boolean DEFAULT true NOT NULL,
    counted_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT metric_clock_only_row_check CHECK (only_row)
);
CREATE TABLE payops.metric_totals (
    name text NOT NULL,
    labels jsonb DEFAULT '{}'::jsonb NOT NULL,
    value double precision NOT NULL
);
CREATE TABLE payops.migrations (
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE payops.mirrored (
    id text NOT NULL,
    livemode boolean NOT NULL,
    created timestamp with time zone NOT NULL,
    as_of timestamp with time zone NOT NULL,
    state_rank integer NOT NULL,
    event_id text NOT NULL,
    tied boolean DEFAULT false NOT NULL
);
CREATE TABLE payops.money_actions (
    id text NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    payment_intent_id text,
    amount_minor bigint,
    currency text,
    method text NOT NULL,
    path text NOT NULL,
    params jsonb DEFAULT '{}'::jsonb NOT NULL,
    state text NOT NULL,
    reason text,
    requested_by text NOT NULL,
    requested_role text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    decided_by text,
    decided_at timestamp with time zone,
    sent_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone,
    settled_at timestamp with time zone,
    result_id text,
    problem_code text,
    problem text,
    CONSTRAINT money_actions_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT money_actions_check CHECK ((decided_by <> requested_by)),
    CONSTRAINT money_actions_id_check CHECK ((id ~ '^[a-zA-Z0-9_-]{8,64}$'::text)),
    CONSTRAINT money_actions_kind_check CHECK ((kind = ANY (ARRAY['refund'::text, 'retry'::text, 'cancel_subscription'::text, 'accept_dispute'::text, 'submit_evidence'::text, 'payment'::text, 'create_subscription'::text, 'recovery_link'::text, 'stop_collection'::text]))),
    CONSTRAINT money_actions_method_check CHECK ((method = ANY (ARRAY['post'::text, 'delete'::text]))),
    CONSTRAINT money_actions_state_check CHECK ((state = ANY (ARRAY['awaiting_approval'::text, 'sending'::text, 'unknown'::text, 'done'::text, 'refused'::text, 'rejected'::text])))
);
CREATE TABLE payops.network_lines (
    id bigint NOT NULL,
    network text NOT NULL,
    line text NOT NULL,
    ratio numeric NOT NULL,
    events integer NOT NULL,
    since date NOT NULL,
    source text NOT NULL,
    set_by text NOT NULL,
    set_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT network_lines_events_check CHECK ((events > 0)),
    CONSTRAINT network_lines_line_check CHECK ((line = ANY (ARRAY['excessive'::text, 'early'::text, 'high'::text]))),
    CONSTRAINT network_lines_network_check CHECK ((network = ANY (ARRAY['visa'::text, 'mastercard'::text]))),
    CONSTRAINT network_lines_ratio_check CHECK (((ratio > (0)::numeric) AND (ratio < (1)::numeric)))
);
ALTER TABLE payops.network_lines ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME payops.network_lines_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE payops.openings (
    provider_id text NOT NULL COLLATE pg_catalog."C",
    licence_id bigint NOT NULL,
    specialty text NOT NULL,
    state text NOT NULL,
    load double precision NOT NULL,
    idle_since timestamp with time zone NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    valid_until timestamp with time zone NOT NULL,
    capacity integer NOT NULL
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.02');
CREATE TABLE payops.payment_facts (
    payment_intent_id text NOT NULL,
    created_day date NOT NULL,
    created timestamp with time zone NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    first_attempt_at timestamp with time zone,
    day date,
    state text NOT NULL,
    decline_code text,
    processing_ms integer,
    CONSTRAINT payment_facts_state_check CHECK ((state = ANY (ARRAY['none'::text, 'succeeded'::text, 'failed'::text, 'pending'::text])))
);
CREATE TABLE payops.payment_intents (
    id text CONSTRAINT mirrored_id_not_null NOT NULL,
    livemode boolean CONSTRAINT mirrored_livemode_not_null NOT NULL,
    created timestamp with time zone CONSTRAINT mirrored_created_not_null NOT NULL,
    as_of timestamp with time zone CONSTRAINT mirrored_as_of_not_null NOT NULL,
    state_rank integer CONSTRAINT mirrored_state_rank_not_null NOT NULL,
    event_id text CONSTRAINT mirrored_event_id_not_null NOT NULL,
    tied boolean DEFAULT false CONSTRAINT mirrored_tied_not_null NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    amount_received_minor bigint DEFAULT 0 NOT NULL,
    status text NOT NULL,
    customer_id text,
    payment_method_id text,
    latest_charge_id text,
    order_id text,
    patient_id text,
    capture_method text,
    cancellation_reason text,
    canceled_at timestamp with time zone,
    error_code text,
    error_decline_code text,
    error_charge_id text
);
CREATE TABLE payops.payment_notes (
    id bigint NOT NULL,
    payment_intent_id text NOT NULL,
    at timestamp with time zone NOT NULL,
    written_by text NOT NULL,
    role text NOT NULL,
    note text,
    withdrawn_by text,
    withdrawn_at timestamp with time zone,
    CONSTRAINT payment_notes_check CHECK (((note IS NULL) = (withdrawn_at IS NOT NULL))),
    CONSTRAINT payment_notes_note_check CHECK (((length(note) >= 1) AND (length(note) <= 2000)))
);
ALTER TABLE payops.payment_notes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME payops.payment_notes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE payops.payout_contents (
    balance_transaction_id text NOT NULL,
    payout_id text NOT NULL
);
CREATE TABLE payops.payouts (
    id text CONSTRAINT mirrored_id_not_null NOT NULL,
    livemode boolean CONSTRAINT mirrored_livemode_not_null NOT NULL,
    created timestamp with time zone CONSTRAINT mirrored_created_not_null NOT NULL,
    as_of timestamp with time zone CONSTRAINT mirrored_as_of_not_null NOT NULL,
    state_rank integer CONSTRAINT mirrored_state_rank_not_null NOT NULL,
    event_id text CONSTRAINT mirrored_event_id_not_null NOT NULL,
    tied boolean DEFAULT false CONSTRAINT mirrored_tied_not_null NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    arrival_date timestamp with time zone,
    automatic boolean,
    reconciliation_status text,
    failure_code text,
    balance_transaction_id text
);
CREATE TABLE payops.policy_texts (
    kind text NOT NULL,
    text text NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT policy_texts_kind_check CHECK ((kind = ANY (ARRAY['product_description'::text, 'refund_policy_disclosure'::text, 'cancellation_policy_disclosure'::text]))),
    CONSTRAINT policy_texts_text_check CHECK (((length(text) >= 1) AND (length(text) <= 20000)))
);
CREATE TABLE payops.promotion_codes (
    id text CONSTRAINT mirrored_id_not_null NOT NULL,
    livemode boolean CONSTRAINT mirrored_livemode_not_null NOT NULL,
    created timestamp with time zone CONSTRAINT mirrored_created_not_null NOT NULL,
    as_of timestamp with time zone CONSTRAINT mirrored_as_of_not_null NOT NULL,
    state_rank integer CONSTRAINT mirrored_state_rank_not_null NOT NULL,
    event_id text CONSTRAINT mirrored_event_id_not_null NOT NULL,
    tied boolean DEFAULT false CONSTRAINT mirrored_tied_not_null NOT NULL,
    coupon_id text,
    customer_id text,
    active boolean NOT NULL,
    expires_at timestamp with time zone,
    max_redemptions integer,
    times_redeemed integer DEFAULT 0 NOT NULL
);
CREATE TABLE payops.providers (
    id text DEFAULT ('prov_'::text || replace((gen_random_uuid())::text, '-'::text, ''::text)) NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    email text,
    npi text,
    active boolean NOT NULL,
    capacity integer NOT NULL,
    specialties text[] NOT NULL,
    notes text,
    pending integer DEFAULT 0 NOT NULL,
    last_assigned_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT providers_capacity_check CHECK ((capacity > 0)),
    CONSTRAINT providers_name_check CHECK ((name <> ''::text)),
    CONSTRAINT providers_npi_check CHECK ((npi ~ '^[0-9]{10}$'::text)),
    CONSTRAINT providers_pending_check CHECK ((pending >= 0))
)
WITH (fillfactor='80');
CREATE TABLE payops.recovery_cases (
    payment_intent_id text NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    scheduled_at timestamp with time zone,
    payment_method_id text,
    changed_by text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    reason text,
    CONSTRAINT recovery_cases_check CHECK (((state = 'scheduled'::text) = (scheduled_at IS NOT NULL))),
    CONSTRAINT recovery_cases_state_check CHECK ((state = ANY (ARRAY['open'::text, 'scheduled'::text, 'stopped'::text])))
);
CREATE TABLE payops.recovery_facts (
    payment_intent_id text NOT NULL,
    invoice_id text,
    card_saved boolean,
    looked_at timestamp with time zone
);
CREATE TABLE payops.refunds (
    id text CONSTRAINT mirrored_id_not_null NOT NULL,
    livemode boolean CONSTRAINT mirrored_livemode_not_null NOT NULL,
    created timestamp with time zone CONSTRAINT mirrored_created_not_null NOT NULL,
    as_of timestamp with time zone CONSTRAINT mirrored_as_of_not_null NOT NULL,
    state_rank integer CONSTRAINT mirrored_state_rank_not_null NOT NULL,
    event_id text CONSTRAINT mirrored_event_id_not_null NOT NULL,
    tied boolean DEFAULT false CONSTRAINT mirrored_tied_not_null NOT NULL,
    charge_id text,
    payment_intent_id text,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    reason text,
    failure_reason text,
    balance_transaction_id text
);
CREATE UNLOGGED SEQUENCE payops.seats_taken
    START WITH 0
    INCREMENT BY 1
    MINVALUE 0
    NO MAXVALUE
    CACHE 1;
CREATE TABLE payops.sign_in_attempts (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    subject text NOT NULL,
    address text NOT NULL,
    outcome text DEFAULT 'failed'::text NOT NULL,
    CONSTRAINT sign_in_attempts_outcome_check CHECK ((outcome = ANY (ARRAY['failed'::text, 'succeeded'::text, 'forgiven'::text])))
);
ALTER TABLE payops.sign_in_attempts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME payops.sign_in_attempts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE payops.specialties (
    code text NOT NULL,
    name text NOT NULL,
    CONSTRAINT specialties_code_check CHECK ((code ~ '^[a-z][a-z0-9_]{1,39}$'::text))
);
CREATE TABLE payops.staff (
    name text NOT NULL,
    role text NOT NULL,
    email text NOT NULL,
    password_hash text NOT NULL,
    active boolean DEFAULT true NOT NULL,
    must_change_password boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    password_changed_at timestamp with time zone NOT NULL,
    second_factor_sealed text,
    second_factor_step bigint DEFAULT 0 NOT NULL,
    recovery_hashes text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT staff_email_check CHECK ((email ~~ '_%@_%'::text)),
    CONSTRAINT staff_name_check CHECK ((name ~ '^[a-z][a-z0-9._-]{0,31}$'::text)),
    CONSTRAINT staff_role_check CHECK ((role = ANY (ARRAY['ops'::text, 'support'::text, 'finance'::text, 'admin'::text])))
);
CREATE TABLE payops.staff_sessions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    ticket_hash text,
    ticket_expires_at timestamp with time zone,
    token_hash text,
    opened_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    address text NOT NULL,
    device text NOT NULL,
    revoked_at timestamp with time zone,
    revoked_by text,
    second_factor_at timestamp with time zone,
    confirmed_at timestamp with time zone
);
CREATE TABLE payops.states (
    code text NOT NULL,
    name text NOT NULL,
    zone text NOT NULL,
    CONSTRAINT states_code_check CHECK ((code ~ '^[A-Z]{2}$'::text))
);
CREATE TABLE payops.stripe_calls (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    operation text NOT NULL,
    duration_ms double precision NOT NULL,
    request_id text,
    error text,
    subject text
);
ALTER TABLE payops.stripe_calls ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME payops.stripe_calls_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE payops.subscription_changes (
    id text CONSTRAINT mirrored_id_not_null NOT NULL,
    livemode boolean CONSTRAINT mirrored_livemode_not_null NOT NULL,
    created timestamp with time zone CONSTRAINT mirrored_created_not_null NOT NULL,
    as_of timestamp with time zone CONSTRAINT mirrored_as_of_not_null NOT NULL,
    state_rank integer CONSTRAINT mirrored_state_rank_not_null NOT NULL,
    event_id text CONSTRAINT mirrored_event_id_not_null NOT NULL,
    tied boolean DEFAULT false CONSTRAINT mirrored_tied_not_null NOT NULL,
    subscription_id text NOT NULL,
    items jsonb NOT NULL
);
CREATE TABLE payops.subscriptions (
    id text CONSTRAINT mirrored_id_not_null NOT NULL,
    livemode boolean CONSTRAINT mirrored_livemode_not_null NOT NULL,
    created timestamp with time zone CONSTRAINT mirrored_created_not_null NOT NULL,
    as_of timestamp with time zone CONSTRAINT mirrored_as_of_not_null NOT NULL,
    state_rank integer CONSTRAINT mirrored_state_rank_not_null NOT NULL,
    event_id text CONSTRAINT mirrored_event_id_not_null NOT NULL,
    tied boolean DEFAULT false CONSTRAINT mirrored_tied_not_null NOT NULL,
    status text NOT NULL,
    customer_id text,
    currency text,
    start_date timestamp with time zone,
    trial_start timestamp with time zone,
    trial_end timestamp with time zone,
    current_period_start timestamp with time zone,
    current_period_end timestamp with time zone,
    cancel_at timestamp with time zone,
    cancel_at_period_end boolean DEFAULT false NOT NULL,
    canceled_at timestamp with time zone,
    ended_at timestamp with time zone,
    cancellation_reason text,
    items jsonb DEFAULT '[]'::jsonb NOT NULL,
    latest_invoice_id text,
    order_id text,
    patient_id text
);
CREATE TABLE payops.touched_days (
    id bigint NOT NULL,
    day date NOT NULL
);
ALTER TABLE payops.touched_days ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME payops.touched_days_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE payops.touched_payments (
    id bigint NOT NULL,
    payment_intent_id text NOT NULL
);
ALTER TABLE payops.touched_payments ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME payops.touched_payments_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE payops.webhook_rejections (
    minute timestamp with time zone NOT NULL,
    address text NOT NULL,
    reason text NOT NULL,
    times bigint NOT NULL
);
CREATE TABLE payops.webhook_secret_uses (
    fingerprint text NOT NULL,
    day date NOT NULL,
    times bigint NOT NULL,
    last_used_at timestamp with time zone NOT NULL
);
INSERT INTO payops.api_calls OVERRIDING SYSTEM VALUE VALUES
	(1, '2026-03-01 12:00:00+00', 'refunds.create', 1, 12.5, 12.5),
	(2, '2026-03-02 12:00:00+00', 'refunds.create', 2, 25, 25);
INSERT INTO payops.api_requests VALUES
	('caller_1', 'key_1', 'fingerprint_1', 'answered', '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 200, '{"paymentIntentId": "pi_1"}'),
	('caller_2', 'key_2', 'fingerprint_2', 'in_progress', '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', NULL, NULL);
INSERT INTO payops.api_turns VALUES
	('caller_1', '2026-03-01 12:00:00+00', 1),
	('caller_2', '2026-03-02 12:00:00+00', 2);
INSERT INTO payops.assignment_decisions OVERRIDING SYSTEM VALUE VALUES
	(1, 'cons_1', '2026-03-01 12:00:00+00', 'intake', 'staff:ops', 'prov_1', 'specialty', 'requested_by_customer', '{}', 1),
	(2, 'cons_2', '2026-03-02 12:00:00+00', 'queue', 'staff:ops', 'prov_2', NULL, 'requested_by_customer', '{}', 2);
INSERT INTO payops.audit_chain VALUES
	(1, 1, '\x00', '2026-03-01 12:00:00+00'),
	(2, 2, '\x01', '2026-03-02 12:00:00+00');
INSERT INTO payops.audit_chain_head VALUES
	(true, 2, '\x01', 0, '\x', NULL);
INSERT INTO payops.audit_log OVERRIDING SYSTEM VALUE VALUES
	(1, '2026-03-01 12:00:00+00', 'staff:ops', 'support', 'payment:refund:begin', 'pi_1', 'done', 'requested_by_customer', NULL, '{"amount_minor": 500}', 'request_id_1'),
	(2, '2026-03-02 12:00:00+00', 'staff:ops', 'support', 'payment:refund:refused', 're_1', 'refused', 'requested_by_customer', NULL, NULL, 'request_id_2');
INSERT INTO payops.backfill_places VALUES
	('charges', '2026-03-01 12:00:00+00', 'last_id_1', 1, true, '2026-03-01 12:00:00+00'),
	('history', '2026-03-02 12:00:00+00', 'last_id_2', 2, false, '2026-03-02 12:00:00+00');
INSERT INTO payops.balance_transactions VALUES
	('txn_1', false, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, 'evt_1', true, 1000, 1000, 1000, 'usd', 'charge', 'charge', 'ch_1', '2026-03-05 00:00:00+00'),
	('txn_2', false, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, 'evt_2', false, 2000, 2000, 2000, 'usd', 'charge', 'charge', 'ch_2', '2026-03-06 00:00:00+00');
INSERT INTO payops.business VALUES
	(true, 'America/New_York', false);
INSERT INTO payops.charges VALUES
	('ch_1', false, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, 'evt_1', true, 'pi_1', 'cus_1', 1000, 1000, 1000, 'usd', 'succeeded', true, true, 'failure_code_1', 'decline_code_1', 'network_status_1', 'outcome_reason_1', 'advice_code_1', 'card', 'visa', '4242', 12, 2030, 'US', 'txn_1'),
	('ch_2', false, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, 'evt_2', false, 'pi_2', 'cus_2', 2000, 2000, 2000, 'usd', 'failed', false, false, 'failure_code_2', 'decline_code_2', 'network_status_2', 'outcome_reason_2', 'advice_code_2', 'card', 'visa', '4242', 12, 2030, 'US', 'txn_2');
INSERT INTO payops.checkout_sessions VALUES
	('cs_1', false, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, 'evt_1', true, 'payment', 'complete', 'paid', 1000, 'usd', 'cus_1', 'pi_1', 'sub_1', 'order_1', 'patient_1', '2026-03-02 12:00:00+00'),
	('cs_2', false, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, 'evt_2', false, 'subscription', 'expired', 'unpaid', 2000, 'usd', 'cus_2', 'pi_2', 'sub_2', 'order_2', 'patient_2', '2026-03-02 12:00:00+00');
INSERT INTO payops.compared_days VALUES
	(1, 'charges', '2026-03-01', 1, 1, 1, 1, 1),
	(1, 'refunds', '2026-03-02', 2, 2, 2, 2, 2);
INSERT INTO payops.comparisons OVERRIDING SYSTEM VALUE VALUES
	(1, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, 1, '2026-03-01 12:00:00+00', '2026-03-01 13:00:00+00', 1, 1, 1),
	(2, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, 2, '2026-03-02 12:00:00+00', NULL, 2, 2, 2);
INSERT INTO payops.consultations VALUES
	('cons_1', 'form_1', 'body_sha256_1', 'patient_1', 'NY', 'dermatology', 'order_1', 'prov_1', '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 'assigned', 'prov_1', 'specialty', 'requested_by_customer', '2026-03-01 12:00:00+00', NULL, '{}', '{"status": "assigned"}'),
	('cons_2', 'form_2', 'body_sha256_2', 'patient_2', 'CA', 'urgent_care', 'order_2', 'prov_2', '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 'waiting', NULL, NULL, 'requested_by_customer', '2026-03-02 12:00:00+00', NULL, '{}', NULL);
INSERT INTO payops.customers VALUES
	('cus_1', false, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, 'evt_1', true, 'patient_1', 'usd', true, true),
	('cus_2', false, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, 'evt_2', false, 'patient_2', 'usd', false, false);
INSERT INTO payops.daily_attempts VALUES
	('2026-03-01', 'usd', 1, 1, 1, 1, 1),
	('2026-03-02', 'usd', 2, 2, 2, 2, 2);
INSERT INTO payops.daily_balances VALUES
	('2026-03-01', 'usd', 'charge', 1, 1000, 1000, 1000),
	('2026-03-02', 'usd', 'charge', 2, 2000, 2000, 2000);
INSERT INTO payops.daily_failures VALUES
	('2026-03-01', 'usd', 'insufficient_funds', 1, 1000),
	('2026-03-02', 'usd', 'do_not_honor', 2, 2000);
INSERT INTO payops.daily_intents VALUES
	('2026-03-01', 'usd', 1, 1),
	('2026-03-02', 'usd', 2, 2);
INSERT INTO payops.daily_payments VALUES
	('2026-03-01', 'usd', 1, 1, 1, 1000, '{120,340}'),
	('2026-03-02', 'usd', 2, 2, 2, 2000, '{}');
INSERT INTO payops.database_errors VALUES
	('database_unavailable', 1, '2026-03-01 12:00:00+00'),
	('database_fault', 2, '2026-03-02 12:00:00+00');
INSERT INTO payops.deployment VALUES
	(true, 'of the version before', '2026-03-01 12:00:00+00');
INSERT INTO payops.disputes VALUES
	('dp_1', false, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, 'evt_1', true, 'ch_1', 'pi_1', 1000, 'usd', 'needs_response', 'requested_by_customer', 'network_reason_code_1', 'visa', '2026-03-01 12:00:00+00', true, 1),
	('dp_2', false, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, 'evt_2', false, 'ch_2', 'pi_2', 2000, 'usd', 'won', 'requested_by_customer', 'network_reason_code_2', 'visa', '2026-03-02 12:00:00+00', false, 2);
INSERT INTO payops.early_fraud_warnings VALUES
	('issfr_1', false, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, 'evt_1', true, 'ch_1', 'pi_1', true, 'fraud_type_1'),
	('issfr_2', false, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, 'evt_2', false, 'ch_2', 'pi_2', false, 'fraud_type_2');
INSERT INTO payops.event_attempts OVERRIDING SYSTEM VALUE VALUES
	(1, 'evt_1', '2026-03-01 12:00:00+00', 'staff:ops', 'failed', 'requested_by_customer'),
	(2, 'evt_2', '2026-03-02 12:00:00+00', 'staff:ops', 'applied', 'requested_by_customer');
INSERT INTO payops.event_handlings VALUES
	('evt_1', 'applied', 1, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 'requested_by_customer'),
	('evt_2', 'failed', 2, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 'requested_by_customer');
INSERT INTO payops.event_sweeps OVERRIDING SYSTEM VALUE VALUES
	(1, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 'last_id_1', 1, 1, '2026-03-01 12:00:00+00', '2026-03-01 13:00:00+00'),
	(2, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 'last_id_2', 2, 2, '2026-03-02 12:00:00+00', NULL);
INSERT INTO payops.events VALUES
	('evt_1', 'payment_intent.succeeded', '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', false, 'api_version_1', 'pi_1', '{"id": "pi_1", "amount": 1000, "object": "payment_intent"}', 'body_sha256_1', 'received_from_1', 'webhook'),
	('evt_2', 'charge.failed', '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', false, 'api_version_2', 'pi_2', '{"id": "pi_1", "amount": 1000, "object": "payment_intent"}', 'body_sha256_2', 'received_from_2', 'sweep');
INSERT INTO payops.failed_confirmations VALUES
	('evt_1', false, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, 'evt_1', true, 'pi_1', 'usd', 'code_1', 'decline_code_1'),
	('evt_2', false, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, 'evt_2', false, 'pi_2', 'usd', 'code_2', 'decline_code_2');
INSERT INTO payops.flags VALUES
	('refunds', true, 'Refunds are paused.', 'requested_by_customer', 'staff:ops', '2026-03-01 12:00:00+00'),
	('checkout', false, 'Payments are paused.', 'requested_by_customer', 'staff:ops', '2026-03-02 12:00:00+00');
INSERT INTO payops.fronts VALUES
	('NY', 'dermatology', 12.5, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00'),
	('CA', 'urgent_care', 25, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00');
INSERT INTO payops.incidents OVERRIDING SYSTEM VALUE VALUES
	(1, 'event_failed', 'charge.failed', 'charge.failed events are failed.', 'error', 1, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', '{}', 'request_id_1', NULL, NULL, NULL),
	(2, 'webhook_attack', 'bad_signature', 'The webhook refuses too much.', 'warning', 2, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', '{}', 'request_id_2', '2026-03-02 00:00:00+00', NULL, NULL);
INSERT INTO payops.invoice_payments VALUES
	('inpay_1', false, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, 'evt_1', true, 'in_1', 'pi_1', 'ch_1', 1000, 1000, 'usd', 'paid', true, '2026-03-01 12:00:00+00'),
	('inpay_2', false, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, 'evt_2', false, 'in_2', 'pi_2', 'ch_2', 2000, 2000, 'usd', 'paid', false, '2026-03-02 12:00:00+00');
INSERT INTO payops.invoices VALUES
	('in_1', false, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, 'evt_1', true, 'open', 'cus_1', 'sub_1', 'subscription_cycle', 'usd', 1000, 1000, 1000, 1, '2026-03-01 12:00:00+00', NULL, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', NULL, NULL),
	('in_2', false, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, 'evt_2', false, 'paid', 'cus_2', 'sub_2', 'manual', 'usd', 2000, 2000, 2000, 2, '2026-03-02 12:00:00+00', '2026-03-31 04:59:59+00', '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', NULL, NULL);
INSERT INTO payops.invoices_asked_about VALUES
	('in_1', '2026-03-01 12:00:00+00'),
	('in_2', '2026-03-02 12:00:00+00');
INSERT INTO payops.jobs VALUES
	('sweep', NULL, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00'),
	('compare', 'nobody', '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00');
INSERT INTO payops.licences OVERRIDING SYSTEM VALUE VALUES
	(1, 'prov_1', 'NY', 'A1', 'charge', 'active', '2026-03-01', '2026-03-01', '2026-03-01', 'verified_by_1', '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00'),
	(2, 'prov_2', 'CA', NULL, 'charge', 'lapsed', '2026-03-02', '2026-03-02', '2026-03-02', 'verified_by_2', '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00');
INSERT INTO payops.metric_clock VALUES
	(true, '-infinity');
INSERT INTO payops.metric_totals VALUES
	('webhooks_total', '{"type": "charge.failed"}', 12.5),
	('stripe_calls_total', '{}', 25);
INSERT INTO payops.migrations VALUES
	('0001_foundation.sql', '7f3f5a8083de67771cd0737c342f3efa147a840517074fac17b74681002dc7e4', '2026-03-01 12:00:00+00'),
	('0002_inbox_and_mirror.sql', '3f0742f02f5e26d2ba2dab1f7559db78ff276d967ba0fa8be72d931ff5e5b141', '2026-03-01 12:00:00+00'),
	('0003_rollups.sql', '079d21173c3e347cdcc7616dac139a8680518952160eff84587af3935aa6e997', '2026-03-01 12:00:00+00'),
	('0003_staff.sql', 'e8e6b418a6b298cdb14921e5271469e931c355ccf42562e90bac9e2de83f3d41', '2026-03-01 12:00:00+00'),
	('0004_backfill.sql', 'b11d471403c96e63a8adac2fe7e1d61683e03ac7703e5718e040151b588967ad', '2026-03-01 12:00:00+00'),
	('0005_stripe_calls.sql', '72bef95a0d39691a2c4e704ebfe267227e7241cf88cb7c46d0ede12f2db7a2a6', '2026-03-01 12:00:00+00'),
	('0006_ties.sql', 'a82a8f5f8681d147e7aad7eebc8baaf2a929335d4f9494c4ea41407bf15a92d7', '2026-03-01 12:00:00+00'),
	('0007_subscription_changes.sql', 'cfafdd678f89ca0db437ef7060cabe3914735f1b094155c6b7dab2abbfbea9a3', '2026-03-01 12:00:00+00'),
	('0008_balance_transactions.sql', 'f4ee22f88667e18cd1298a9cc51c42dbbe6f6b7e376d6e826da9faea54d4698d', '2026-03-01 12:00:00+00'),
	('0009_inbox_speed.sql', '57856de43d33c28083f2b9e361aa84ebb8b2cb8d3b7b90dcd2a2b4b9bd998a05', '2026-03-01 12:00:00+00'),
	('0010_providers.sql', '27a0813bb1711bc93a0c20df5d6e33faf80d328cd69157701a98fb4f19272d82', '2026-03-01 12:00:00+00'),
	('0020_audit_chain.sql', 'adda093c12b5bbaed0158188218d4454acafe399fd723bb658858959f3d0d549', '2026-03-01 12:00:00+00'),
	('0021_second_factor.sql', 'be80739cde2c92d382df6cb14a45c2a76d62642138ea30121d69a85d573b79c1', '2026-03-01 12:00:00+00'),
	('0030_payments.sql', 'c1e8b666e51b6787579d8e399a942f1686edcdfc9dd4b55fb88f25a173b527f9', '2026-03-01 12:00:00+00'),
	('0031_recovery.sql', 'f50f50b15a9e145a7de2761325da96b4cb73fbf0425c74423346e0c5e4153d1b', '2026-03-01 12:00:00+00'),
	('0040_events.sql', '43ee294522a0c803a1a70907a0406133206387a33d3f4bdadc9e856c693efdf3', '2026-03-01 12:00:00+00'),
	('0041_webhook_tally.sql', '4b24f87e15b7ace6fea2e4b88a216a576dffa71e6e376d1650d82dd6cb6bd5a4', '2026-03-01 12:00:00+00'),
	('0045_repair.sql', '4262b0a0ac12d68e534219fa820c04d7b1948b4047f1a50bd34d06697efa85d4', '2026-03-01 12:00:00+00'),
	('0050_customer_actions.sql', '8dc3e00b6a0cec78bb032884e6fc9f7572b5214d8157a1c89b63e385347963e7', '2026-03-01 12:00:00+00'),
	('0051_metric_totals.sql', '249ec70d51b06ef55a41fe25f85e5b7f8ea64a4207b62366f3bc76edafb26fb0', '2026-03-01 12:00:00+00'),
	('0055_refund_order.sql', '3e9da6d0189594a9a6cb9df19c919fb74e1ea54ff1308cb24bd340b2c3784bbd', '2026-03-01 12:00:00+00'),
	('0056_recovery.sql', '84448b46ab7b545be857f1222b1fd03fb2f91f13b57bd706b7b066a3c9fddecc', '2026-03-01 12:00:00+00'),
	('0057_invoices_asked_about.sql', 'f52d23efc4085a90f9ece75260d6f201432fcb01ca708477803ca2965e7aa2e6', '2026-03-01 12:00:00+00'),
	('0060_payments_page.sql', '81509b062da6161a0ab68df3f7821945e89e6d7d0b59379de9a36cd379077155', '2026-03-01 12:00:00+00'),
	('0061_disputes_page.sql', '56a6f7088ea169959e230d51a389a57dd650d3d2c5cf85e96830de9db85d93fc', '2026-03-01 12:00:00+00'),
	('0065_directory_reading.sql', 'be8564e88d052b6c642bfbd64374767ec3af15c1a46df69683781aa924cf5edd', '2026-03-01 12:00:00+00'),
	('0070_audit_times.sql', '1b8adcc4713b7df65c55d5602f2f7c5da7982034e6bfcbb76e06cd3473a0bad8', '2026-03-01 12:00:00+00'),
	('0071_fronts.sql', '92b29c425c0e577ea607313559a371c76cdd7a2932e26dde8929c2091c80af01', '2026-03-01 12:00:00+00'),
	('0072_seats.sql', '7b4de4de32d5f8c1f3c1c4e467bf0739b3012e5ea41286631e2e4131c9461912', '2026-03-01 12:00:00+00'),
	('0073_openings_know_the_capacity.sql', '3fcaf437950c760685f4986736ffadd449ac09d666dc04f4943b04b36383b3ef', '2026-03-01 12:00:00+00');
INSERT INTO payops.money_actions VALUES
	('action_001', 'refund', 'subject_1', 'pi_1', 1000, 'usd', 'post', '/v1/refunds', '{"amount": "500", "charge": "ch_1"}', 'done', 'requested_by_customer', 'staff:support', 'support', '2026-03-01 12:00:00+00', 'staff:finance', '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 're_1', 'problem_code_1', 'problem_1'),
	('action_002', 'retry', 'subject_2', 'pi_2', 2000, 'usd', 'post', '/v1/payment_intents/pi_2/confirm', '{}', 'unknown', 'requested_by_customer', 'staff:support', 'support', '2026-03-02 12:00:00+00', 'staff:finance', '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 're_2', 'problem_code_2', 'problem_2');
INSERT INTO payops.network_lines OVERRIDING SYSTEM VALUE VALUES
	(1, 'visa', 'early', 0.005, 5, '2025-04-01', 'https://docs.stripe.com/disputes/monitoring-programs', 'system:migration', '2026-03-01 12:00:00+00'),
	(2, 'visa', 'excessive', 0.015, 1500, '2025-04-01', 'https://docs.stripe.com/disputes/monitoring-programs', 'system:migration', '2026-03-01 12:00:00+00'),
	(3, 'mastercard', 'excessive', 0.015, 100, '2025-04-01', 'https://docs.stripe.com/disputes/monitoring-programs', 'system:migration', '2026-03-01 12:00:00+00'),
	(4, 'mastercard', 'high', 0.03, 300, '2025-04-01', 'https://docs.stripe.com/disputes/monitoring-programs', 'system:migration', '2026-03-01 12:00:00+00');
INSERT INTO payops.openings VALUES
	('prov_1', 1, 'dermatology', 'NY', 0.5, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1),
	('prov_2', 2, 'urgent_care', 'CA', 0.25, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2);
INSERT INTO payops.payment_facts VALUES
	('pi_1', '2026-03-01', '2026-03-01 12:00:00+00', 'usd', 1000, '2026-03-01 12:00:00+00', '2026-03-01', 'succeeded', 'decline_code_1', 1),
	('pi_2', '2026-03-02', '2026-03-02 12:00:00+00', 'usd', 2000, '2026-03-02 12:00:00+00', '2026-03-02', 'failed', 'decline_code_2', 2);
INSERT INTO payops.payment_intents VALUES
	('pi_1', false, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, 'evt_1', true, 1000, 'usd', 1000, 'succeeded', 'cus_1', 'pm_1', 'ch_1', 'order_1', 'patient_1', 'capture_method_1', NULL, NULL, NULL, NULL, NULL),
	('pi_2', false, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, 'evt_2', false, 2000, 'usd', 2000, 'requires_payment_method', 'cus_2', 'pm_2', 'ch_2', 'order_2', 'patient_2', 'capture_method_2', NULL, NULL, 'card_declined', 'insufficient_funds', 'ch_2');
INSERT INTO payops.payment_notes OVERRIDING SYSTEM VALUE VALUES
	(1, 'pi_1', '2026-03-01 12:00:00+00', 'written_by_1', 'support', 'Called about the charge.', NULL, NULL),
	(2, 'pi_2', '2026-03-02 12:00:00+00', 'written_by_2', 'support', NULL, 'staff:ops', '2026-03-03 12:00:00+00');
INSERT INTO payops.payout_contents VALUES
	('txn_1', 'po_1'),
	('txn_2', 'po_2');
INSERT INTO payops.payouts VALUES
	('po_1', false, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, 'evt_1', true, 1000, 'usd', 'paid', '2026-03-05 00:00:00+00', true, 'reconciliation_status_1', 'failure_code_1', 'txn_1'),
	('po_2', false, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, 'evt_2', false, 2000, 'usd', 'in_transit', '2026-03-06 00:00:00+00', false, 'reconciliation_status_2', 'failure_code_2', 'txn_2');
INSERT INTO payops.policy_texts VALUES
	('product_description', 'Consultations online.', 'staff:ops', '2026-03-01 12:00:00+00'),
	('refund_policy_disclosure', 'Refunds within 30 days.', 'staff:ops', '2026-03-02 12:00:00+00');
INSERT INTO payops.promotion_codes VALUES
	('promo_1', false, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, 'evt_1', true, 'coupon_1', 'cus_1', true, '2026-03-01 12:00:00+00', 1, 1),
	('promo_2', false, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, 'evt_2', false, 'coupon_2', 'cus_2', false, '2026-03-02 12:00:00+00', 2, 2);
INSERT INTO payops.providers VALUES
	('prov_1', 'Provider One', NULL, '1234567893', true, 1, '{dermatology}', 'notes_1', 1, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00'),
	('prov_2', 'Provider Two', NULL, NULL, false, 2, '{urgent_care,general_practice}', 'notes_2', 2, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00');
INSERT INTO payops.recovery_cases VALUES
	('pi_1', 'open', NULL, 'pm_1', 'staff:ops', '2026-03-01 12:00:00+00', 'requested_by_customer'),
	('pi_2', 'scheduled', '2026-03-03 12:00:00+00', 'pm_2', 'staff:ops', '2026-03-02 12:00:00+00', 'requested_by_customer');
INSERT INTO payops.recovery_facts VALUES
	('pi_1', 'in_1', true, '2026-03-01 12:00:00+00'),
	('pi_2', 'in_2', false, '2026-03-02 12:00:00+00');
INSERT INTO payops.refunds VALUES
	('re_1', false, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, 'evt_1', true, 'ch_1', 'pi_1', 1000, 'usd', 'succeeded', 'requested_by_customer', 'failure_reason_1', 'txn_1'),
	('re_2', false, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, 'evt_2', false, 'ch_2', 'pi_2', 2000, 'usd', 'failed', 'fraudulent', 'failure_reason_2', 'txn_2');
INSERT INTO payops.sign_in_attempts OVERRIDING SYSTEM VALUE VALUES
	(1, '2026-03-01 12:00:00+00', 'ops', '192.0.2.1', 'failed'),
	(2, '2026-03-02 12:00:00+00', 'support', '192.0.2.1', 'succeeded');
INSERT INTO payops.specialties VALUES
	('general_practice', 'General practice'),
	('dermatology', 'Dermatology'),
	('mental_health', 'Mental health'),
	('womens_health', 'Women''s health'),
	('mens_health', 'Men''s health'),
	('weight_management', 'Weight management'),
	('urgent_care', 'Urgent care');
INSERT INTO payops.staff VALUES
	('ops', 'ops', 'ops@example.com', '$2b$12$not-a-real-hash', true, true, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 'second_factor_sealed_1', 1, '{}'),
	('support', 'support', 'support@example.com', '$2b$12$not-a-real-hash', false, false, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 'second_factor_sealed_2', 2, '{}');
INSERT INTO payops.staff_sessions VALUES
	('00000000-0000-4000-8000-000000000001', 'ops', 'ticket_hash_1', '2026-03-01 12:00:00+00', 'token_hash_1', '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', '192.0.2.1', 'Firefox on Linux', NULL, NULL, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00'),
	('00000000-0000-4000-8000-000000000002', 'support', 'ticket_hash_2', '2026-03-02 12:00:00+00', 'token_hash_2', '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', '192.0.2.1', 'Firefox on Linux', NULL, NULL, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00');
INSERT INTO payops.states VALUES
	('AK', 'Alaska', 'America/Anchorage'),
	('AL', 'Alabama', 'America/Chicago'),
	('AR', 'Arkansas', 'America/Chicago'),
	('AS', 'American Samoa', 'Pacific/Pago_Pago'),
	('AZ', 'Arizona', 'America/Phoenix'),
	('CA', 'California', 'America/Los_Angeles'),
	('CO', 'Colorado', 'America/Denver'),
	('CT', 'Connecticut', 'America/New_York'),
	('DC', 'District of Columbia', 'America/New_York'),
	('DE', 'Delaware', 'America/New_York'),
	('FL', 'Florida', 'America/New_York'),
	('GA', 'Georgia', 'America/New_York'),
	('GU', 'Guam', 'Pacific/Guam'),
	('HI', 'Hawaii', 'Pacific/Honolulu'),
	('IA', 'Iowa', 'America/Chicago'),
	('ID', 'Idaho', 'America/Boise'),
	('IL', 'Illinois', 'America/Chicago'),
	('IN', 'Indiana', 'America/Indiana/Indianapolis'),
	('KS', 'Kansas', 'America/Chicago'),
	('KY', 'Kentucky', 'America/New_York'),
	('LA', 'Louisiana', 'America/Chicago'),
	('MA', 'Massachusetts', 'America/New_York'),
	('MD', 'Maryland', 'America/New_York'),
	('ME', 'Maine', 'America/New_York'),
	('MI', 'Michigan', 'America/Detroit'),
	('MN', 'Minnesota', 'America/Chicago'),
	('MO', 'Missouri', 'America/Chicago'),
	('MP', 'Northern Mariana Islands', 'Pacific/Saipan'),
	('MS', 'Mississippi', 'America/Chicago'),
	('MT', 'Montana', 'America/Denver'),
	('NC', 'North Carolina', 'America/New_York'),
	('ND', 'North Dakota', 'America/Chicago'),
	('NE', 'Nebraska', 'America/Chicago'),
	('NH', 'New Hampshire', 'America/New_York'),
	('NJ', 'New Jersey', 'America/New_York'),
	('NM', 'New Mexico', 'America/Denver'),
	('NV', 'Nevada', 'America/Los_Angeles'),
	('NY', 'New York', 'America/New_York'),
	('OH', 'Ohio', 'America/New_York'),
	('OK', 'Oklahoma', 'America/Chicago'),
	('OR', 'Oregon', 'America/Los_Angeles'),
	('PA', 'Pennsylvania', 'America/New_York'),
	('PR', 'Puerto Rico', 'America/Puerto_Rico'),
	('RI', 'Rhode Island', 'America/New_York'),
	('SC', 'South Carolina', 'America/New_York'),
	('SD', 'South Dakota', 'America/Chicago'),
	('TN', 'Tennessee', 'America/Chicago'),
	('TX', 'Texas', 'America/Chicago'),
	('UT', 'Utah', 'America/Denver'),
	('VA', 'Virginia', 'America/New_York'),
	('VI', 'U.S. Virgin Islands', 'America/St_Thomas'),
	('VT', 'Vermont', 'America/New_York'),
	('WA', 'Washington', 'America/Los_Angeles'),
	('WI', 'Wisconsin', 'America/Chicago'),
	('WV', 'West Virginia', 'America/New_York'),
	('WY', 'Wyoming', 'America/Denver');
INSERT INTO payops.stripe_calls OVERRIDING SYSTEM VALUE VALUES
	(1, '2026-03-01 12:00:00+00', 'refunds.create', 12.5, 'request_id_1', NULL, 'pi_1'),
	(2, '2026-03-02 12:00:00+00', 'refunds.create', 25, 'request_id_2', 'card_error', NULL);
INSERT INTO payops.subscription_changes VALUES
	('evt_1', false, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, 'evt_1', true, 'sub_1', '[{"interval": "month", "price_id": "price_1", "quantity": 1, "interval_count": 1, "unit_amount_minor": 2900}]'),
	('evt_2', false, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, 'evt_2', false, 'sub_2', '[{"interval": "month", "price_id": "price_1", "quantity": 1, "interval_count": 1, "unit_amount_minor": 2900}]');
INSERT INTO payops.subscriptions VALUES
	('sub_1', false, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', 1, 'evt_1', true, 'active', 'cus_1', 'usd', '2026-03-01 12:00:00+00', NULL, NULL, '2026-03-01 12:00:00+00', '2026-03-01 12:00:00+00', NULL, true, NULL, NULL, 'cancellation_reason_1', '[{"interval": "month", "price_id": "price_1", "quantity": 1, "interval_count": 1, "unit_amount_minor": 2900}]', 'in_1', 'order_1', 'patient_1'),
	('sub_2', false, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', 2, 'evt_2', false, 'canceled', 'cus_2', 'usd', '2026-03-02 12:00:00+00', NULL, NULL, '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00', NULL, false, NULL, NULL, 'cancellation_reason_2', '[{"interval": "month", "price_id": "price_1", "quantity": 1, "interval_count": 1, "unit_amount_minor": 2900}]', 'in_2', 'order_2', 'patient_2');
INSERT INTO payops.touched_days OVERRIDING SYSTEM VALUE VALUES
	(1, '2026-03-01'),
	(2, '2026-03-02');
INSERT INTO payops.touched_payments OVERRIDING SYSTEM VALUE VALUES
	(1, 'pi_1'),
	(2, 'pi_2');
INSERT INTO payops.webhook_rejections VALUES
	('2026-03-01 12:00:00+00', '192.0.2.1', 'bad_signature', 1),
	('2026-03-02 12:00:00+00', '192.0.2.1', 'too_old', 2);
INSERT INTO payops.webhook_secret_uses VALUES
	('fingerprint_1', '2026-03-01', 1, '2026-03-01 12:00:00+00'),
	('fingerprint_2', '2026-03-02', 2, '2026-03-02 12:00:00+00');
SELECT pg_catalog.setval('payops.api_calls_id_seq', 2, true);
SELECT pg_catalog.setval('payops.assignment_decisions_id_seq', 2, true);
SELECT pg_catalog.setval('payops.audit_log_id_seq', 2, true);
SELECT pg_catalog.setval('payops.comparisons_id_seq', 2, true);
SELECT pg_catalog.setval('payops.event_attempts_id_seq', 2, true);
SELECT pg_catalog.setval('payops.event_sweeps_id_seq', 2, true);
SELECT pg_catalog.setval('payops.incidents_id_seq', 2, true);
SELECT pg_catalog.setval('payops.licences_id_seq', 2, true);
SELECT pg_catalog.setval('payops.network_lines_id_seq', 4, true);
SELECT pg_catalog.setval('payops.payment_notes_id_seq', 2, true);
SELECT pg_catalog.setval('payops.seats_taken', 0, true);
SELECT pg_catalog.setval('payops.sign_in_attempts_id_seq', 2, true);
SELECT pg_catalog.setval('payops.stripe_calls_id_seq', 2, true);
SELECT pg_catalog.setval('payops.touched_days_id_seq', 2, true);
SELECT pg_catalog.setval('payops.touched_payments_id_seq', 2, true);
ALTER TABLE ONLY payops.api_calls
    ADD CONSTRAINT api_calls_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.api_requests
    ADD CONSTRAINT api_requests_pkey PRIMARY KEY (caller, key);
ALTER TABLE ONLY payops.api_turns
    ADD CONSTRAINT api_turns_pkey PRIMARY KEY (caller);
ALTER TABLE ONLY payops.assignment_decisions
    ADD CONSTRAINT assignment_decisions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.audit_chain
    ADD CONSTRAINT audit_chain_audit_id_key UNIQUE (audit_id);
ALTER TABLE ONLY payops.audit_chain_head
    ADD CONSTRAINT audit_chain_head_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY payops.audit_chain
    ADD CONSTRAINT audit_chain_pkey PRIMARY KEY ("position");
ALTER TABLE ONLY payops.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.backfill_places
    ADD CONSTRAINT backfill_places_pkey PRIMARY KEY (source, since);
ALTER TABLE ONLY payops.balance_transactions
    ADD CONSTRAINT balance_transactions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.business
    ADD CONSTRAINT business_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY payops.charges
    ADD CONSTRAINT charges_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.checkout_sessions
    ADD CONSTRAINT checkout_sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.compared_days
    ADD CONSTRAINT compared_days_pkey PRIMARY KEY (comparison_id, kind, day);
ALTER TABLE ONLY payops.comparisons
    ADD CONSTRAINT comparisons_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.consultations
    ADD CONSTRAINT consultations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.consultations
    ADD CONSTRAINT consultations_submission_id_key UNIQUE (submission_id);
ALTER TABLE ONLY payops.customers
    ADD CONSTRAINT customers_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.daily_attempts
    ADD CONSTRAINT daily_attempts_pkey PRIMARY KEY (day, currency);
ALTER TABLE ONLY payops.daily_balances
    ADD CONSTRAINT daily_balances_pkey PRIMARY KEY (day, currency, reporting_category);
ALTER TABLE ONLY payops.daily_failures
    ADD CONSTRAINT daily_failures_pkey PRIMARY KEY (day, currency, code);
ALTER TABLE ONLY payops.daily_intents
    ADD CONSTRAINT daily_intents_pkey PRIMARY KEY (day, currency);
ALTER TABLE ONLY payops.daily_payments
    ADD CONSTRAINT daily_payments_pkey PRIMARY KEY (day, currency);
ALTER TABLE ONLY payops.database_errors
    ADD CONSTRAINT database_errors_pkey PRIMARY KEY (code);
ALTER TABLE ONLY payops.deployment
    ADD CONSTRAINT deployment_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY payops.disputes
    ADD CONSTRAINT disputes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.early_fraud_warnings
    ADD CONSTRAINT early_fraud_warnings_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.event_attempts
    ADD CONSTRAINT event_attempts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.event_handlings
    ADD CONSTRAINT event_handlings_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY payops.event_sweeps
    ADD CONSTRAINT event_sweeps_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.failed_confirmations
    ADD CONSTRAINT failed_confirmations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.flags
    ADD CONSTRAINT flags_pkey PRIMARY KEY (flow);
ALTER TABLE ONLY payops.incidents
    ADD CONSTRAINT incidents_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.invoice_payments
    ADD CONSTRAINT invoice_payments_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.invoices_asked_about
    ADD CONSTRAINT invoices_asked_about_pkey PRIMARY KEY (invoice_id);
ALTER TABLE ONLY payops.invoices
    ADD CONSTRAINT invoices_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (name);
ALTER TABLE ONLY payops.licences
    ADD CONSTRAINT licences_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.licences
    ADD CONSTRAINT licences_provider_id_state_number_key UNIQUE NULLS NOT DISTINCT (provider_id, state, number);
ALTER TABLE ONLY payops.metric_clock
    ADD CONSTRAINT metric_clock_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY payops.metric_totals
    ADD CONSTRAINT metric_totals_pkey PRIMARY KEY (name, labels);
ALTER TABLE ONLY payops.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (name);
ALTER TABLE ONLY payops.money_actions
    ADD CONSTRAINT money_actions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.network_lines
    ADD CONSTRAINT network_lines_network_line_since_key UNIQUE (network, line, since);
ALTER TABLE ONLY payops.network_lines
    ADD CONSTRAINT network_lines_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.openings
    ADD CONSTRAINT openings_pkey PRIMARY KEY (provider_id, licence_id, specialty);
ALTER TABLE ONLY payops.payment_facts
    ADD CONSTRAINT payment_facts_pkey PRIMARY KEY (payment_intent_id);
ALTER TABLE ONLY payops.payment_intents
    ADD CONSTRAINT payment_intents_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.payment_notes
    ADD CONSTRAINT payment_notes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.payout_contents
    ADD CONSTRAINT payout_contents_pkey PRIMARY KEY (balance_transaction_id);
ALTER TABLE ONLY payops.payouts
    ADD CONSTRAINT payouts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.policy_texts
    ADD CONSTRAINT policy_texts_pkey PRIMARY KEY (kind);
ALTER TABLE ONLY payops.promotion_codes
    ADD CONSTRAINT promotion_codes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.providers
    ADD CONSTRAINT providers_npi_key UNIQUE (npi);
ALTER TABLE ONLY payops.providers
    ADD CONSTRAINT providers_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.recovery_cases
    ADD CONSTRAINT recovery_cases_pkey PRIMARY KEY (payment_intent_id);
ALTER TABLE ONLY payops.recovery_facts
    ADD CONSTRAINT recovery_facts_pkey PRIMARY KEY (payment_intent_id);
ALTER TABLE ONLY payops.refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.sign_in_attempts
    ADD CONSTRAINT sign_in_attempts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.specialties
    ADD CONSTRAINT specialties_pkey PRIMARY KEY (code);
ALTER TABLE ONLY payops.staff
    ADD CONSTRAINT staff_pkey PRIMARY KEY (name);
ALTER TABLE ONLY payops.staff_sessions
    ADD CONSTRAINT staff_sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.staff_sessions
    ADD CONSTRAINT staff_sessions_ticket_hash_key UNIQUE (ticket_hash);
ALTER TABLE ONLY payops.staff_sessions
    ADD CONSTRAINT staff_sessions_token_hash_key UNIQUE (token_hash);
ALTER TABLE ONLY payops.states
    ADD CONSTRAINT states_name_key UNIQUE (name);
ALTER TABLE ONLY payops.states
    ADD CONSTRAINT states_pkey PRIMARY KEY (code);
ALTER TABLE ONLY payops.stripe_calls
    ADD CONSTRAINT stripe_calls_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.subscription_changes
    ADD CONSTRAINT subscription_changes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.subscriptions
    ADD CONSTRAINT subscriptions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.touched_days
    ADD CONSTRAINT touched_days_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.touched_payments
    ADD CONSTRAINT touched_payments_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payops.webhook_rejections
    ADD CONSTRAINT webhook_rejections_pkey PRIMARY KEY (minute, address, reason);
ALTER TABLE ONLY payops.webhook_secret_uses
    ADD CONSTRAINT webhook_secret_uses_pkey PRIMARY KEY (fingerprint, day);
CREATE INDEX api_calls_at ON payops.api_calls USING btree (at);
CREATE INDEX api_requests_payment ON payops.api_requests USING btree (((answer ->> 'paymentIntentId'::text)));
CREATE INDEX api_requests_started ON payops.api_requests USING btree (started_at);
CREATE INDEX assignment_decisions_at ON payops.assignment_decisions USING btree (at);
CREATE INDEX assignment_decisions_consultation ON payops.assignment_decisions USING btree (consultation_id, id);
CREATE INDEX audit_chain_chained_at ON payops.audit_chain USING btree (chained_at);
CREATE INDEX audit_log_action ON payops.audit_log USING btree (action, id);
CREATE INDEX audit_log_actor ON payops.audit_log USING btree (actor, id);
CREATE INDEX audit_log_at ON payops.audit_log USING btree (at);
CREATE INDEX audit_log_subject ON payops.audit_log USING btree (subject, id);
CREATE INDEX balance_transactions_created ON payops.balance_transactions USING btree (created);
CREATE INDEX balance_transactions_source ON payops.balance_transactions USING btree (source_id);
CREATE INDEX charges_created ON payops.charges USING btree (created);
CREATE INDEX charges_declined ON payops.charges USING btree (customer_id, created) WHERE (status = 'failed'::text);
CREATE INDEX charges_last4 ON payops.charges USING btree (card_last4, created DESC);
CREATE INDEX charges_payment_intent ON payops.charges USING btree (payment_intent_id);
CREATE INDEX charges_tied ON payops.charges USING btree (as_of) WHERE tied;
CREATE INDEX charges_unbooked ON payops.charges USING btree (as_of) WHERE ((status = 'succeeded'::text) AND captured AND (balance_transaction_id IS NULL));
CREATE INDEX checkout_sessions_payment ON payops.checkout_sessions USING btree (payment_intent_id);
CREATE INDEX checkout_sessions_tied ON payops.checkout_sessions USING btree (as_of) WHERE tied;
CREATE UNIQUE INDEX comparisons_running ON payops.comparisons USING btree ((true)) WHERE (done_at IS NULL);
CREATE INDEX consultations_ended ON payops.consultations USING btree (ended_at DESC) WHERE (ended_at IS NOT NULL);
CREATE INDEX consultations_open ON payops.consultations USING btree (provider_id) WHERE (status = 'assigned'::text);
CREATE INDEX consultations_order ON payops.consultations USING btree (order_id);
CREATE INDEX consultations_patient ON payops.consultations USING btree (patient_id);
CREATE INDEX consultations_received_at ON payops.consultations USING btree (received_at);
CREATE INDEX consultations_waiting ON payops.consultations USING btree (state, received_at, id) WHERE (status = 'waiting'::text);
CREATE INDEX customers_patient ON payops.customers USING btree (patient_id);
CREATE INDEX customers_tied ON payops.customers USING btree (as_of) WHERE tied;
CREATE INDEX disputes_charge ON payops.disputes USING btree (charge_id);
CREATE INDEX disputes_created ON payops.disputes USING btree (created);
CREATE INDEX disputes_payment ON payops.disputes USING btree (payment_intent_id);
CREATE INDEX disputes_tied ON payops.disputes USING btree (as_of) WHERE tied;
CREATE INDEX early_fraud_warnings_charge ON payops.early_fraud_warnings USING btree (charge_id);
CREATE INDEX early_fraud_warnings_payment ON payops.early_fraud_warnings USING btree (payment_intent_id);
CREATE INDEX early_fraud_warnings_tied ON payops.early_fraud_warnings USING btree (as_of) WHERE tied;
CREATE INDEX event_attempts_event ON payops.event_attempts USING btree (event_id, id);
CREATE INDEX event_handlings_due ON payops.event_handlings USING btree (next_attempt_at) WHERE (outcome = 'failed'::text);
CREATE INDEX event_handlings_unsettled ON payops.event_handlings USING btree (outcome, handled_at) WHERE (outcome = ANY (ARRAY['failed'::text, 'dead'::text, 'quarantined'::text]));
CREATE UNIQUE INDEX event_sweeps_running ON payops.event_sweeps USING btree ((true)) WHERE (done_at IS NULL);
CREATE INDEX events_object ON payops.events USING btree (object_id, created);
CREATE INDEX events_received_at ON payops.events USING btree (received_at DESC);
CREATE INDEX failed_confirmations_created ON payops.failed_confirmations USING btree (created);
CREATE INDEX failed_confirmations_payment_intent ON payops.failed_confirmations USING btree (payment_intent_id);
CREATE INDEX fronts_order ON payops.fronts USING btree (state, specialty, load, idle_since);
CREATE INDEX incidents_last_seen ON payops.incidents USING btree (last_seen DESC);
CREATE UNIQUE INDEX incidents_open ON payops.incidents USING btree (kind, fingerprint) WHERE (resolved_at IS NULL);
CREATE INDEX invoice_payments_payment_intent ON payops.invoice_payments USING btree (payment_intent_id);
CREATE INDEX invoice_payments_tied ON payops.invoice_payments USING btree (as_of) WHERE tied;
CREATE INDEX invoices_open ON payops.invoices USING btree (id) WHERE (status = 'open'::text);
CREATE INDEX invoices_subscription ON payops.invoices USING btree (subscription_id);
CREATE INDEX invoices_tied ON payops.invoices USING btree (as_of) WHERE tied;
CREATE INDEX invoices_unpaid ON payops.invoices USING btree (finalized_at) WHERE ((status <> 'paid'::text) AND (attempt_count > 0));
CREATE INDEX licences_expires_on ON payops.licences USING btree (expires_on) WHERE (status = 'active'::text);
CREATE INDEX licences_state ON payops.licences USING btree (state, provider_id);
CREATE INDEX money_actions_code ON payops.money_actions USING btree (((params ->> 'promotion_code'::text))) WHERE ((kind = 'payment'::text) AND (params ? 'promotion_code'::text));
CREATE UNIQUE INDEX money_actions_one_retry ON payops.money_actions USING btree (subject) WHERE ((kind = 'retry'::text) AND (state = ANY (ARRAY['sending'::text, 'unknown'::text])));
CREATE INDEX money_actions_open ON payops.money_actions USING btree (next_attempt_at) WHERE (state = ANY (ARRAY['sending'::text, 'unknown'::text]));
CREATE INDEX money_actions_payment ON payops.money_actions USING btree (payment_intent_id, requested_at);
CREATE INDEX money_actions_requested ON payops.money_actions USING btree (requested_at DESC);
CREATE INDEX money_actions_subject ON payops.money_actions USING btree (subject, requested_at);
CREATE INDEX openings_order ON payops.openings USING btree (state, specialty, load, idle_since, provider_id) WHERE (load < (1)::double precision);
CREATE INDEX payment_facts_created ON payops.payment_facts USING btree (created);
CREATE INDEX payment_facts_created_day ON payops.payment_facts USING btree (created_day);
CREATE INDEX payment_facts_day ON payops.payment_facts USING btree (day);
CREATE INDEX payment_intents_amount ON payops.payment_intents USING btree (amount_minor, created DESC);
CREATE INDEX payment_intents_customer ON payops.payment_intents USING btree (customer_id);
CREATE INDEX payment_intents_failed ON payops.payment_intents USING btree (created DESC) WHERE ((status = 'requires_payment_method'::text) AND (error_code IS NOT NULL));
CREATE INDEX payment_intents_newest ON payops.payment_intents USING btree (created DESC, id DESC);
CREATE INDEX payment_intents_order ON payops.payment_intents USING btree (order_id);
CREATE INDEX payment_intents_patient ON payops.payment_intents USING btree (patient_id) WHERE (patient_id IS NOT NULL);
CREATE INDEX payment_intents_tied ON payops.payment_intents USING btree (as_of) WHERE tied;
CREATE INDEX payment_notes_payment ON payops.payment_notes USING btree (payment_intent_id, at);
CREATE INDEX payout_contents_payout ON payops.payout_contents USING btree (payout_id);
CREATE INDEX payouts_tied ON payops.payouts USING btree (as_of) WHERE tied;
CREATE INDEX promotion_codes_tied ON payops.promotion_codes USING btree (as_of) WHERE tied;
CREATE INDEX providers_name ON payops.providers USING btree (lower(name), id);
CREATE INDEX recovery_cases_scheduled ON payops.recovery_cases USING btree (scheduled_at) WHERE (state = 'scheduled'::text);
CREATE INDEX recovery_facts_invoice ON payops.recovery_facts USING btree (invoice_id) WHERE (invoice_id IS NOT NULL);
CREATE INDEX refunds_created ON payops.refunds USING btree (created DESC, id DESC);
CREATE INDEX refunds_payment_intent ON payops.refunds USING btree (payment_intent_id);
CREATE INDEX refunds_tied ON payops.refunds USING btree (as_of) WHERE tied;
CREATE INDEX refunds_unbooked ON payops.refunds USING btree (as_of) WHERE ((status = 'succeeded'::text) AND (balance_transaction_id IS NULL));
CREATE INDEX sign_in_attempts_address ON payops.sign_in_attempts USING btree (address, at) WHERE (outcome = 'failed'::text);
CREATE INDEX sign_in_attempts_at ON payops.sign_in_attempts USING btree (at);
CREATE INDEX sign_in_attempts_subject ON payops.sign_in_attempts USING btree (subject, at) WHERE (outcome = 'failed'::text);
CREATE INDEX staff_sessions_name ON payops.staff_sessions USING btree (name, opened_at);
CREATE INDEX stripe_calls_at ON payops.stripe_calls USING btree (at);
CREATE INDEX stripe_calls_subject ON payops.stripe_calls USING btree (subject, at) WHERE (subject IS NOT NULL);
CREATE INDEX subscription_changes_of ON payops.subscription_changes USING btree (subscription_id, created, id);
CREATE INDEX subscriptions_customer ON payops.subscriptions USING btree (customer_id);
CREATE INDEX subscriptions_tied ON payops.subscriptions USING btree (as_of) WHERE tied;
CREATE TRIGGER assignment_decisions_append_only BEFORE DELETE OR UPDATE ON payops.assignment_decisions FOR EACH ROW EXECUTE FUNCTION payops.refuse_change();
CREATE TRIGGER assignment_decisions_no_truncate BEFORE TRUNCATE ON payops.assignment_decisions FOR EACH STATEMENT EXECUTE FUNCTION payops.refuse_change();
CREATE TRIGGER audit_chain_append_only BEFORE DELETE OR UPDATE ON payops.audit_chain FOR EACH ROW EXECUTE FUNCTION payops.refuse_change();
CREATE TRIGGER audit_chain_no_truncate BEFORE TRUNCATE ON payops.audit_chain FOR EACH STATEMENT EXECUTE FUNCTION payops.refuse_change();
CREATE TRIGGER audit_log_append_only BEFORE DELETE OR UPDATE ON payops.audit_log FOR EACH ROW EXECUTE FUNCTION payops.refuse_change();
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON payops.audit_log FOR EACH STATEMENT EXECUTE FUNCTION payops.refuse_change();
CREATE TRIGGER events_append_only BEFORE DELETE OR UPDATE ON payops.events FOR EACH ROW EXECUTE FUNCTION payops.refuse_change();
CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON payops.events FOR EACH STATEMENT EXECUTE FUNCTION payops.refuse_change();
CREATE TRIGGER refunds_notice_failed_later AFTER UPDATE ON payops.refunds FOR EACH ROW WHEN (((new.status = 'failed'::text) AND (old.status IS DISTINCT FROM 'failed'::text))) EXECUTE FUNCTION payops.notice_failed_refund();
CREATE TRIGGER refunds_notice_failed_new AFTER INSERT ON payops.refunds FOR EACH ROW WHEN ((new.status = 'failed'::text)) EXECUTE FUNCTION payops.notice_failed_refund();
ALTER TABLE ONLY payops.compared_days
    ADD CONSTRAINT compared_days_comparison_id_fkey FOREIGN KEY (comparison_id) REFERENCES payops.comparisons(id) ON DELETE CASCADE;
ALTER TABLE ONLY payops.consultations
    ADD CONSTRAINT consultations_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES payops.providers(id);
ALTER TABLE ONLY payops.licences
    ADD CONSTRAINT licences_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES payops.providers(id);
ALTER TABLE ONLY payops.licences
    ADD CONSTRAINT licences_state_fkey FOREIGN KEY (state) REFERENCES payops.states(code);
ALTER TABLE ONLY payops.staff_sessions
    ADD CONSTRAINT staff_sessions_name_fkey FOREIGN KEY (name) REFERENCES payops.staff(name);
ALTER TABLE payops.api_calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.api_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.api_turns ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.assignment_decisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.audit_chain ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.audit_chain_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.backfill_places ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.balance_transactions ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.business ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.charges ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.checkout_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.compared_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.comparisons ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.consultations ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.daily_attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.daily_balances ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.daily_failures ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.daily_intents ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.daily_payments ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.database_errors ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.deployment ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.disputes ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.early_fraud_warnings ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.event_attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.event_handlings ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.event_sweeps ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.events ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.failed_confirmations ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.flags ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.fronts ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.incidents ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.invoice_payments ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.invoices ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.invoices_asked_about ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.licences ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.metric_clock ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.metric_totals ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.migrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.mirrored ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.money_actions ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.network_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.openings ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.payment_facts ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.payment_intents ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.payment_notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.payout_contents ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.payouts ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.policy_texts ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.promotion_codes ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.providers ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.recovery_cases ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.recovery_facts ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.refunds ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.sign_in_attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.specialties ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.staff ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.staff_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.states ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.stripe_calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.subscription_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.subscriptions ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.touched_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.touched_payments ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.webhook_rejections ENABLE ROW LEVEL SECURITY;
ALTER TABLE payops.webhook_secret_uses ENABLE ROW LEVEL SECURITY;
GRANT USAGE ON SCHEMA payops_api TO payops_app;
REVOKE ALL ON FUNCTION payops.notice_failed_refund() FROM PUBLIC;
REVOKE ALL ON FUNCTION payops.plainly(p_row jsonb) FROM PUBLIC;
REVOKE ALL ON FUNCTION payops.refuse_change() FROM PUBLIC;
REVOKE ALL ON FUNCTION payops_api.schema_fingerprint() FROM PUBLIC;
GRANT ALL ON FUNCTION payops_api.schema_fingerprint() TO payops_app;
REVOKE ALL ON FUNCTION payops_api.tied_objects(p_tables jsonb, p_before timestamp with time zone, p_most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION payops_api.tied_objects(p_tables jsonb, p_before timestamp with time zone, p_most integer) TO payops_app;
