"""The query that somebody would write by hand to join raw tables, in the words of three engines."""

from __future__ import annotations

from typing import Final

# One decision of a unit and each event once, as the contract of the benchmark has it.
LOG: Final = """
with d as (
  select * from (select *, row_number() over (partition by unit order by decided_at, arm, score, segment) as nr,
    min(arm) over (partition by unit) <> max(arm) over (partition by unit) as two_arms
  from {decisions} where decided_at <= timestamp '2026-06-15 00:00:00') as numbered where nr = 1),
e as (
  select unit, happened, amount from (select *,
    row_number() over (partition by event_id order by happened desc, unit, amount) as nr
  from {events} where happened <= timestamp '2026-06-15 00:00:00') as numbered where nr = 1 or event_id is null),
a as (
  select d.unit,
    sum(case when happened >= decided_at and happened <= decided_at + interval '30' day then amount else 0 end) as outcome,
    max(case when happened >= decided_at and happened <= decided_at + interval '30' day then happened end) as observed_at,
    sum(case when happened < decided_at and happened >= decided_at - interval '28' day then amount else 0 end) as covariate,
    sum(case when happened >= decided_at and happened <= decided_at + interval '30' day then 1 else 0 end) as inside,
    sum(case when happened < decided_at and happened >= decided_at - interval '28' day then 1 else 0 end) as prior,
    sum(case when happened < decided_at - interval '28' day then 1 else 0 end) as too_early,
    sum(case when happened > decided_at + interval '30' day then 1 else 0 end) as late
  from e join d on e.unit = d.unit group by d.unit)
select d.unit, arm, decided_at, segment, score, two_arms, coalesce(outcome, 0) as outcome, observed_at,
  coalesce(covariate, 0) as covariate, coalesce(inside, 0) as inside, coalesce(prior, 0) as prior,
  coalesce(too_early, 0) as too_early, coalesce(late, 0) as late
from d left join a on a.unit = d.unit
"""
# What the rules are counted by: of the log, and of all events.
COUNTS: Final = (
    "select count(*), sum(inside), sum(prior), sum(late), sum(too_early) from {log}",
    "select count(*), count(*) - count(event_id), sum(case when amount < 0 then 1 end), min(happened), max(happened) from {events}",
)
ANSWER: Final = "select sum(outcome), sum(covariate), sum(inside), sum(late), count(*) from {log}"
