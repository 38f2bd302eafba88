-- plan_switches: plans to pause the flow at one time, to resume it at another, or both. Refused if that contradicts an
-- existing plan; so plans are made one at a time.
create function payops_api.plan_switches(
  p_flow text, p_sentence text, p_reason text, p_actor text, p_actor_role text, p_now timestamptz,
  p_pause_at timestamptz default null, p_resume_at timestamptz default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  planned payops.flag_plans;
begin
  if p_pause_at is null and p_resume_at is null then
    perform payops.refuse('no_time', 'Choose when it pauses or resumes.');
  elsif least(p_pause_at, p_resume_at) <= p_now then
    perform payops.refuse('already_past', 'Choose a time that is still to come.');
  elsif p_resume_at <= p_pause_at then
    perform payops.refuse('bad_period', 'It must resume after it pauses.');
  elsif p_pause_at is not null then
    perform payops.require_sentence(p_sentence);
  end if;
  perform payops.require_reason(p_reason);
  lock table payops.flag_plans in share row exclusive mode; -- of two admins at once, one waits for the other
  perform payops.require_no_contradiction(p_flow, p_pause_at, p_resume_at);
  for planned in
    insert into payops.flag_plans (flow, at, open, sentence, reason, planned_by, planned_role, planned_at)
    select p_flow, w.at, w.open, case when w.open then '' else p_sentence end, p_reason, p_actor, p_actor_role, p_now
    from (values (p_pause_at, false), (p_resume_at, true)) as w (at, open)
    where w.at is not null
    returning *
  loop
    perform payops.record_audit(
      p_actor, p_actor_role, 'staff:flag:planned', 'flow:' || p_flow, p_now, null, to_jsonb(planned), p_reason
    );
  end loop;
  return 'true'::jsonb;
end
$$;

-- require_no_contradiction: refuses a plan that overlaps another plan of the flow, and one that would resume a flow
-- that is not paused by then.
create function payops.require_no_contradiction(p_flow text, p_pause_at timestamptz, p_resume_at timestamptz) returns void
language plpgsql
set search_path = '' as $$
declare
  before payops.flag_plans;
  after payops.flag_plans;
  begins constant timestamptz := coalesce(p_pause_at, p_resume_at);
begin
  select p.* into before from payops.pending_plans(p_flow) as p where p.at <= begins order by p.at desc, p.id desc limit 1;
  select p.* into after from payops.pending_plans(p_flow) as p where p.at > begins order by p.at, p.id limit 1;
  if before.at = begins or after.at <= p_resume_at
    or (p_pause_at is not null and before.open is false)
    or (after.open is not distinct from (p_resume_at is not null))
  then
    perform payops.refuse('contradicts', format(
      '%s: this contradicts an existing plan (%s). Withdraw that plan first.', payops.flow_name(p_flow), (
        select string_agg(
          format('%s %s', case when p.open then 'resumes' else 'pauses' end, payops.business_moment(p.at)), ', '
          order by p.at
        )
        from payops.pending_plans(p_flow) as p
      )
    ));
  elsif p_pause_at is null and coalesce(before.open, (select f.open from payops.flags as f where f.flow = p_flow), true) then
    perform payops.refuse('not_paused', format(
      '%s will not be paused at that time, so there is nothing to resume.', payops.flow_name(p_flow)
    ));
  end if;
end
$$;

-- pending_plans: the planned switches of this flow that have not happened yet.
create function payops.pending_plans(p_flow text) returns setof payops.flag_plans
language sql stable
set search_path = '' as $$
  select p.* from payops.flag_plans as p where p.flow = p_flow and p.done_at is null and p.withdrawn_at is null
$$;

-- business_moment: a moment as written in a sentence, in the business timezone.
create function payops.business_moment(p_at timestamptz) returns text
language sql stable
set search_path = '' as $$
  select to_char(p_at at time zone b.timezone, 'FMDD Mon YYYY, HH24:MI') from payops.business as b
$$;

-- withdraw_plan: withdraws this planned switch; with a pause, the resume planned with it is withdrawn too.
create function payops_api.withdraw_plan(
  p_plan bigint, p_actor text, p_actor_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  chosen payops.flag_plans;
  withdrawn payops.flag_plans;
begin
  select p.* into chosen from payops.flag_plans as p
  where p.id = p_plan and p.done_at is null and p.withdrawn_at is null
  for update;
  if not found then
    perform payops.refuse('not_planned', 'This is not planned any more.');
  end if;
  for withdrawn in
    update payops.flag_plans as p set withdrawn_at = p_now, withdrawn_by = p_actor
    where p.done_at is null and p.withdrawn_at is null and (
      p.id = p_plan or (
        not chosen.open and p.open and p.flow = chosen.flow and p.planned_at = chosen.planned_at
        and p.planned_by = chosen.planned_by
      )
    )
    returning p.*
  loop
    perform payops.record_audit(
      p_actor, p_actor_role, 'staff:flag:plan-withdrawn', 'flow:' || withdrawn.flow, p_now, null, to_jsonb(withdrawn)
    );
  end loop;
  return to_jsonb(chosen);
end
$$;

-- why_not_done: why this planned switch must not happen now, or null. A resume ends a pause that a plan made, or one
-- that existed when the resume was planned. It does not end a pause that a user or a guard made since.
create function payops.why_not_done(p_plan payops.flag_plans) returns text
language sql stable
set search_path = '' as $$
  select case
    when exists (
      select from payops.staff as s
      where 'staff:' || s.name = p_plan.planned_by and (not s.active or s.role <> 'admin')
    ) then format('%s, who planned it, is no longer an admin.', split_part(p_plan.planned_by, ':', 2))
    when p_plan.open then (
      select format('%s paused it since: %s', split_part(f.changed_by, ':', 2), f.reason)
      from payops.flags as f
      where f.flow = p_plan.flow and not f.open and not f.by_plan and f.changed_at > p_plan.planned_at
    )
  end
$$;

-- switch_planned: carries out every planned switch whose time has come, oldest first. Returns how many. A switch that
-- must no longer happen becomes an incident; one whose flow is already in that state changes nothing.
create function payops_api.switch_planned(p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  plan payops.flag_plans;
  obstacle text;
  done integer := 0;
begin
  for plan in
    select p.* from payops.flag_plans as p
    where p.at <= p_now and p.done_at is null and p.withdrawn_at is null
    order by p.at, p.id
    for update skip locked
  loop
    obstacle := payops.why_not_done(plan);
    update payops.flag_plans set done_at = p_now, not_done_because = obstacle where id = plan.id;
    if obstacle is not null then
      perform payops.report_plan_not_done(plan, obstacle, p_now);
    elsif plan.open <> coalesce((select f.open from payops.flags as f where f.flow = plan.flow), true) then
      perform payops_api.switch_flow(
        plan.flow, plan.open, plan.sentence, 'Planned: ' || plan.reason, plan.planned_by, plan.planned_role, p_now,
        p_by_plan => true
      );
      done := done + 1;
    end if;
  end loop;
  return to_jsonb(done);
end
$$;

-- report_plan_not_done: writes to the audit log and an incident that a planned switch was not done, and why.
create function payops.report_plan_not_done(p_plan payops.flag_plans, p_why text, p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
begin
  perform payops.record_audit(
    'system:worker', 'system', 'staff:flag:plan-not-done', 'flow:' || p_plan.flow, p_now, null, to_jsonb(p_plan), p_why
  );
  perform payops.record_incident(
    'flow_plan_not_done', 'flow:' || p_plan.flow,
    format('A planned %s of a payment flow was not done.', case when p_plan.open then 'resume' else 'pause' end), p_now,
    'error', jsonb_build_object('flow', p_plan.flow, 'planned_by', p_plan.planned_by, 'why', p_why)
  );
end
$$;

-- set_flag_guard: from now on the flow pauses automatically when this alert rule fires; without a sentence for the
-- customers, the guard is removed.
create function payops_api.set_flag_guard(
  p_flow text, p_rule text, p_sentence text, p_reason text, p_actor text, p_actor_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.require_reason(p_reason);
  if p_sentence is not null and to_regprocedure(format(
    'payops.observe_%s(timestamptz[], interval, integer, double precision)', p_rule
  )) is null then
    perform payops.refuse('unknown_rule', 'There is no such alert rule.');
  elsif p_sentence is not null and exists (select from payops.alert_rules as r where r.name = p_rule and not r.enabled) then
    perform payops.refuse('rule_is_off', 'This alert rule is switched off, so it would never pause anything. Switch it on first.');
  elsif p_sentence is null then
    delete from payops.flag_guards where flow = p_flow and rule = p_rule;
    if not found then
      perform payops.refuse('no_guard', 'There is no such guard.');
    end if;
  else
    perform payops.require_sentence(p_sentence);
    insert into payops.flag_guards as g (flow, rule, sentence, reason, set_by, set_role, set_at)
    values (p_flow, p_rule, p_sentence, p_reason, p_actor, p_actor_role, p_now)
    on conflict (flow, rule) do update set
      sentence = excluded.sentence, reason = excluded.reason, set_by = excluded.set_by,
      set_role = excluded.set_role, set_at = excluded.set_at;
  end if;
  perform payops.record_audit(
    p_actor, p_actor_role, 'staff:flag:guard-' || case when p_sentence is null then 'removed' else 'set' end,
    'flow:' || p_flow, p_now, null, jsonb_build_object('rule', p_rule, 'sentence', p_sentence), p_reason
  );
  return 'true'::jsonb;
end
$$;

-- pause_guarded: pauses each flow with a guard whose alert rule fires, once per alert: a user who resumes the flow
-- while the alert still fires is not overruled, but the end of a planned pause is. Returns the flows that were paused
-- now.
create function payops_api.pause_guarded(p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  guard record;
  paused text[] := '{}';
begin
  for guard in
    select distinct on (g.flow) g.flow, g.sentence, a.sentence as alert
    from payops.flag_guards as g
    inner join payops.alerts as a on g.rule = a.rule and a.resolved_at is null and a.firing_since > g.set_at
    left join payops.flags as f on g.flow = f.flow
    where coalesce(f.open, true) and (f.flow is null or f.by_plan or f.changed_at < a.firing_since)
    order by g.flow, a.firing_since
  loop
    perform payops_api.switch_flow(
      guard.flow, false, guard.sentence, 'Paused by its guard: ' || guard.alert, 'system:guard', 'system', p_now
    );
    perform payops.record_incident(
      'flow_paused_by_guard', 'flow:' || guard.flow, 'A payment flow was paused by its guard.', p_now, 'error',
      jsonb_build_object('flow', guard.flow, 'alert', guard.alert)
    );
    paused := paused || guard.flow;
  end loop;
  return to_jsonb(paused);
end
$$;

-- flag_plans_and_guards: the planned switches, soonest first, and the guards of each flow.
create function payops_api.flag_plans_and_guards() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'plans', (
      select coalesce(jsonb_agg(to_jsonb(p) order by p.at, p.id), '[]')
      from payops.flag_plans as p where p.done_at is null and p.withdrawn_at is null
    ),
    'guards', (
      select coalesce(jsonb_agg(to_jsonb(g) || jsonb_build_object('rule_is_on', coalesce(r.enabled, true))
        order by g.flow, g.rule), '[]')
      from payops.flag_guards as g left join payops.alert_rules as r on g.rule = r.name
    )
  )
$$;

-- flag_history: the latest changes of a flow's switch, plans and guards, from the audit log.
create function payops_api.flag_history(p_flow text, p_most integer default 50) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'at', h.at, 'actor', h.actor, 'action', h.action, 'reason', h.reason, 'sentence', h.after ->> 'sentence'
  ) order by h.at desc, h.id desc), '[]')
  from (
    select a.* from payops.audit_log as a
    where a.subject = 'flow:' || p_flow and a.action like 'staff:flag:%' and a.outcome = 'done'
    order by a.at desc, a.id desc
    limit least(p_most, 500)
  ) as h
$$;

-- stop_new_money: pauses checkout, single payments, subscriptions and retries together; flows that are already paused
-- stay paused.
create function payops_api.stop_new_money(
  p_sentence text, p_reason text, p_actor text, p_actor_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  one text;
  stopped text[] := '{}';
begin
  foreach one in array array['checkout', 'one_time', 'subscriptions', 'retries']
  loop
    if coalesce((select f.open from payops.flags as f where f.flow = one), true) then
      perform payops_api.switch_flow(one, false, p_sentence, p_reason, p_actor, p_actor_role, p_now);
      stopped := stopped || one;
    end if;
  end loop;
  return to_jsonb(stopped);
end
$$;
