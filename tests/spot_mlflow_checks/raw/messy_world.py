"""A small world with every trap of raw tables, and what is right, row by row in plain Python.

The reference is written from the rules in docs/raw-tables.md, with ``zoneinfo`` and loops, and knows
nothing of the query. Times of events are on the wall in Berlin, over both clock changes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

UTC = timezone.utc
BERLIN = ZoneInfo("Europe/Berlin")
AS_OF = "2026-11-02T12:00:00+00:00"
WINDOW, BEFORE = timedelta(days=5), timedelta(days=28)
_BASE = datetime.fromisoformat("2026-10-20T02:00")
_MICRO = timedelta(microseconds=1)
CHANGE = datetime.fromisoformat("2026-10-25T00:30")  # around it an hour comes twice in Berlin
GONE = datetime.fromisoformat("2026-03-29T02:30")  # never on a wall in Berlin
# How a campaign tool writes what became of a contact; "queued" is in neither list of the contract.
_PASSED = ("delivered", " Delivered", "ÜBERGEBEN", "übergeben ")
_FAILED = ("bounced", "BOUNCED ", "it's lost", "50%")
WORDS = {
    "column": "state",
    "yes": ["Delivered", "Übergeben"],
    "no": ["bounced", "it's lost", "50%"],
}


@dataclass(frozen=True)
class World:
    """The four tables as frames."""

    decisions: pd.DataFrame
    arms: pd.DataFrame
    events: pd.DataFrame
    steps: pd.DataFrame

    def tables(self, *roles: str) -> dict[str, pd.DataFrame]:
        """Role -> frame."""
        return {k: getattr(self, k) for k in roles or ("decisions", "arms", "events", "steps")}


def messy_world(units: int = 300, events: int = 2500, seed: int = 7) -> World:
    """Makes the world; the same seed gives the same one."""
    rng = np.random.default_rng(seed)
    ids = [f"{i:04d}" if i % 7 == 0 else str(i) for i in range(units)]
    ids += [f"u-{i}" for i in range(20)] + ["12.0", "ÄÖ", "a'b", "x\\y", 'q"q', "50%"]
    decisions: list[list[Any]] = []
    for k, unit in enumerate(ids):
        arm: str | None = "control" if rng.random() < 0.3 else "offer"
        if rng.random() < 0.02:
            arm = None
        for _ in range(int(rng.integers(1, 6))):
            at = _BASE + timedelta(days=int(rng.integers(0, 12)), microseconds=123_457 * int(rng.integers(0, 2)))  # fmt: skip
            own = arm if rng.random() > 0.02 else "offer"
            version = "v1" if rng.random() > 0.2 else "v2"
            decisions.append([unit, at, own, f"s{k % 3}", round(float(rng.random()), 3), version])
            if rng.random() < 0.1:  # the same moment again
                decisions.append(
                    [unit, at, own, f"s{k % 3}", round(float(rng.random()), 3), version]
                )
    decisions.append([None, _BASE, "offer", "s0", 0.5, "v1"])
    decisions.append(["late", datetime.fromisoformat("2026-11-05"), "offer", "s0", 0.5, "v1"])
    d = pd.DataFrame(decisions, columns=["unit", "decided", "arm", "segment", "score", "version"])
    e = _events(rng, d, events)
    return World(d, _arms(rng, ids), e, _steps(rng, d))


def orderly_world(world: World, *, again: bool) -> World:
    """Returns what is orderly in a messy world: each unit decided once, and every row counts.

    Ids are the digits of whole numbers.

    Args:
        world: a messy one.
        again: whether some ids of events come twice, and some events have none.
    """
    d = world.decisions.dropna(subset=["unit", "arm"]).drop_duplicates("unit")
    d = d[d.unit != "late"].reset_index(drop=True)
    e = world.events.dropna(subset=["unit", "amount"] if again else ["unit", "amount", "order"])
    e = e[(e["at"] < "2026-11-01") & (e.status == "paid") & (e.currency == "EUR")]
    e = e if again else e.drop_duplicates("order")
    units = {u: str(i) for i, u in enumerate(dict.fromkeys([*d.unit, *e.unit]))}
    orders = {o: str(i) for i, o in enumerate(e.order.dropna().unique())}
    told = e.assign(unit=e.unit.map(units), order=e.order.map(orders)).reset_index(drop=True)
    return World(d.assign(unit=d.unit.map(units)), world.arms, told, world.steps)


def with_whole_ids(world: World) -> World:
    """Returns an orderly world whose ids are whole numbers, as a database has them."""
    d, e = world.decisions, world.events
    whole = e.assign(unit=e.unit.astype("int64"), order=e.order.astype("Int64"))
    return World(d.assign(unit=d.unit.astype("int64")), world.arms, whole, world.steps)


def _events(rng: np.random.Generator, d: pd.DataFrame, n: int) -> pd.DataFrame:
    known = d[d.unit.notna()]
    rows: list[list[Any]] = []
    for i in range(n):
        r = known.iloc[int(rng.integers(0, len(known)))]
        decided = _on_wall(r.decided.to_pydatetime().replace(tzinfo=UTC))
        at = {
            0: decided,
            1: decided + WINDOW,
            2: decided + WINDOW - _MICRO,
            3: decided - _MICRO,
            4: decided - BEFORE,
            5: decided + timedelta(seconds=round(float(rng.random()) * 8 * 86400)),
            6: CHANGE + timedelta(minutes=30 * int(rng.integers(0, 8))),
            7: datetime.combine(decided.date(), datetime.min.time()),  # known to the day
            8: GONE if rng.random() < 0.05 else decided + timedelta(days=1, seconds=1),
        }[int(rng.integers(0, 9))]
        amount = round(float(rng.integers(-2000, 9000)) / 100, 2)
        status = "cancelled" if rng.random() < 0.05 else "paid"
        rows.append([f"e{i}", r.unit, at, amount, status, "EUR", None])
    again = [[*rows[int(i)]] for i in rng.integers(0, n, 120)]
    for k, row in enumerate(again):  # a correction: the latest row of an id counts
        if k % 3 == 0:
            row[2], row[3] = row[2] + timedelta(seconds=1), 1.0
    for i in rng.integers(0, n, 60):  # refunds name the event, a few name none that is known
        of = rows[int(i)]
        rows.append(
            [f"r{i}-{len(rows)}", of[1], of[2] + timedelta(days=2), -5.0, "paid", "EUR", of[0]]
        )
    rows += again
    rows += [
        ["r-lost", "1", _BASE + timedelta(days=1), -1.0, "paid", "EUR", "e-unknown"],
        ["n1", None, _BASE, 5.0, "paid", "EUR", None],
        ["n2", "nobody", _BASE, 5.0, "paid", "EUR", None],
        ["n3", "7", _BASE, 1000.0, "paid", "EUR", None],  # the decision is of 0007
        ["n4", "0012", _BASE + timedelta(days=3), 1000.0, "paid", "EUR", None],
        ["n5", "1", _BASE + timedelta(days=90), 7.0, "paid", "EUR", None],
        ["n6", "1", _BASE, 7.0, "paid", "USD", None],
        ["n7", "1", _BASE + timedelta(days=2), None, "paid", "EUR", None],
        [None, "2", _BASE + timedelta(days=2), 3.0, "paid", "EUR", None],
        [None, "2", _BASE + timedelta(days=2), 3.0, "paid", "EUR", None],
    ]
    order = rng.permutation(len(rows))
    names = ["order", "unit", "at", "amount", "status", "currency", "refunded"]
    return pd.DataFrame([rows[int(i)] for i in order], columns=names)


def _arms(rng: np.random.Generator, ids: list[str]) -> pd.DataFrame:
    rows = [[u, "control" if rng.random() < 0.3 else "offer"] for u in ids if rng.random() > 0.03]
    rows += [["1", "control"], ["1", "offer"], ["3", "control"], ["3", "control"], [None, "offer"], ["ghost", "control"]]  # fmt: skip
    return pd.DataFrame(rows, columns=["unit", "arm"])


def _steps(rng: np.random.Generator, d: pd.DataFrame) -> pd.DataFrame:
    own = d[(d.arm == "offer") & d.unit.notna()].sample(frac=0.5, random_state=4)
    rows: list[list[Any]] = []
    for r in own.itertuples():
        for _ in range(int(rng.integers(1, 3))):
            at = r.decided.to_pydatetime() + timedelta(hours=int(rng.integers(-10, 200)))
            rows.append(
                [r.unit, at, int(rng.integers(0, 2)), ["n", "s"][int(rng.integers(0, 2))], 0.25]
            )
    held = d[(d.arm == "control") & d.unit.notna()].iloc[0]
    rows += [[held.unit, held.decided.to_pydatetime() + timedelta(hours=1), 1, "n", 0.25]]
    rows += [["nobody", _BASE, 1, "n", 0.25], [None, _BASE, 1, "n", 0.25]]
    frame = pd.DataFrame(rows, columns=["unit", "sent", "done", "team", "cost"])
    words = [(_PASSED if yes else _FAILED)[k % 4] for k, yes in enumerate(frame["done"])]
    return frame.assign(state=[{7: "queued", 11: None}.get(k % 13, w) for k, w in enumerate(words)])


def world_contract(**sources: Any) -> dict[str, Any]:
    """The contract of the world; keys change ``sources``, and ``None`` takes one out."""
    said: dict[str, Any] = {
        "decisions": {"unit": "unit", "at": "decided", "segment": "segment", "score": "score", "version": "version"},
        "arms": {"column": "arm", "treated": "offer", "holdout": "control"},
        "events": {
            "unit": "unit", "at": "at", "id": "order", "amount": "amount", "refund_of": "refunded",
            "zone": "Europe/Berlin", "currency": "currency", "complete_until": "now",
            "filter": {"status": "paid", "currency": "EUR"},
        },
        "outcome": "sum",
        "before": "28d",
        "steps": {"unit": "unit", "at": "sent", "delivered": WORDS, "acted": "done", "team": "team", "cost": "cost"},
    }  # fmt: skip
    said = {k: v for k, v in {**said, **sources}.items() if v is not None}
    binary = said["outcome"] in {"any", "none"}
    return {
        "metric": "orders",
        "kind": "binary" if binary else "money",
        "predicted": {"lift": 0.05 if binary else 5.0, "se": 0.5 if not binary else 0.01},
        "window": "5d",
        "sources": said,
    }


def _on_wall(at: datetime) -> datetime:
    return at.astimezone(BERLIN).replace(tzinfo=None)


def in_utc(wall: datetime, zone: tzinfo = BERLIN) -> datetime:
    """A wall time; the end of the day for midnight."""
    if wall.time() == datetime.min.time():
        wall = wall + timedelta(days=1) - _MICRO
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _is_gone(wall: datetime) -> bool:
    """Whether no clock in Berlin ever shows this time."""
    return _on_wall(wall.replace(tzinfo=BERLIN).astimezone(UTC)) != wall


def _is_twice(wall: datetime) -> bool:
    """Whether clocks in Berlin show this time twice."""
    first, second = (wall.replace(tzinfo=BERLIN, fold=k).utcoffset() for k in (0, 1))
    return first != second and not _is_gone(wall)


def _none(x: Any) -> Any:
    return None if pd.isna(x) else x


@dataclass
class Right:
    """What is right: one row per unit or decision, by key, and the counts of the rules."""

    rows: dict[Any, dict[str, Any]]
    counts: Counter[str]


def reference(world: World, contract: dict[str, Any], version: str | None = None) -> Right:
    """Works the rules through, one row at a time."""
    s, n = contract["sources"], Counter()
    as_of = datetime.fromisoformat(AS_OF)
    decided = _decisions(world, s, version, as_of, n)
    chosen = _choose(decided, s, n)
    events = _happened(world.events.to_dict("records"), s, as_of, n)
    steps = defaultdict(list)
    for t in world.steps.to_dict("records"):
        at, state = in_utc(t["sent"].to_pydatetime(), UTC), _none(t["state"])
        unread = state == "queued" and _none(t["unit"]) is not None and at <= as_of
        n["steps.unreadable_delivered"] += unread and "steps" in s
        passed = None if state in {None, "queued"} else state in _PASSED
        steps[_none(t["unit"])].append({**t, "at": at, "delivered": passed})
    rows = {}
    for (unit, at), c in chosen.items():
        rows[unit, at] = _row(unit, at, c, events.get(unit, []), steps, s, as_of, n)
    units = {u for u, _ in chosen}
    n["events.unit_without_decision"] = sum(len(v) for u, v in events.items() if u not in units)
    return Right(rows, n)


def _decisions(world: World, s: Any, version: str | None, as_of: datetime, n: Counter[str]) -> Any:
    listed = defaultdict(set)
    for a in world.arms.to_dict("records"):
        if a["unit"] is not None:
            listed[a["unit"]].add(a["arm"])
    out = defaultdict(list)
    for d in world.decisions.to_dict("records"):
        n["decisions.rows"] += 1
        at = d["decided"].to_pydatetime().replace(tzinfo=UTC)
        if _none(d["unit"]) is None:
            n["decisions.without_unit"] += 1
            continue
        if at > as_of:
            n["decisions.after_as_of"] += 1
            continue
        if version is not None and d["version"] != version:
            n["decisions.other_version"] += 1
            continue
        if "column" in s["arms"]:
            arms = [_none(d["arm"])]
        elif "held_out" in s["arms"]:
            arms = ["control" if d["unit"] in listed else "offer"]
        else:
            arms = sorted(listed.get(d["unit"], [])) or [None]
        out[d["unit"]] += [{**d, "at": at, "arm": arm} for arm in arms]
    return out


def _choose(decided: Any, s: Any, n: Counter[str]) -> dict[Any, Any]:
    chosen = {}
    for unit, rows in decided.items():
        arms = {r["arm"] for r in rows if r["arm"] is not None}

        def key(r: Any) -> Any:
            return ((r["arm"] is None, r["arm"] or ""), r["score"], r["segment"], r["version"])

        moments = sorted({r["at"] for r in rows})
        if s.get("repeats", "first") == "first":
            moments = moments[:1]
        elif s["repeats"] == "last":
            moments = moments[-1:]
        for at in moments:
            here = sorted((r for r in rows if r["at"] == at), key=key)
            chosen[unit, at] = {**here[0], "two_arms": len(arms) > 1}
            n["decisions.two_arms"] += len(arms) > 1
            n["decisions.without_arm"] += here[0]["arm"] is None
            n["units"] += 1
    return chosen


def _happened(rows: Any, s: Any, as_of: datetime, n: Counter[str]) -> Any:
    doc, found = s["events"], []
    zone = ZoneInfo(doc.get("zone", "UTC"))
    for e in rows:
        n["events.rows"] += 1
        if any(e[k] != v for k, v in doc.get("filter", {}).items()):
            n["events.filtered"] += 1
            continue
        if _none(e["unit"]) is None:
            n["events.without_unit"] += 1
            continue
        wall = e["at"].to_pydatetime()
        at, whole_day = in_utc(wall, zone), wall.time() == datetime.min.time()
        n["events.day_only"] += whole_day
        n["events.skipped_hour"] += not whole_day and zone == BERLIN and _is_gone(wall)
        n["events.repeated_hour"] += not whole_day and zone == BERLIN and _is_twice(wall)
        if at > as_of:
            n["events.after_as_of"] += 1
            continue
        amount = _none(e["amount"])
        n["events.unreadable_amount"] += amount is None
        n["events.refund"] += amount is not None and amount < 0
        n["events.without_event_id"] += _none(e["order"]) is None
        found.append({**e, "moment": at, "amount": amount})
    by_id: dict[str, Any] = {}
    once = [e for e in found if _none(e["order"]) is None]
    for e in found:
        if _none(e["order"]) is None:
            continue
        old = by_id.get(e["order"])
        n["events.twice_by_id"] += old is not None
        if old is None or _later(e, old):
            by_id[e["order"]] = e
    out = defaultdict(list)
    for e in [*once, *by_id.values()]:
        of = _none(e["refunded"]) if doc.get("refund_of") else None
        n["events.refund_linked"] += of in by_id
        n["events.refund_without_event"] += of is not None and of not in by_id
        out[e["unit"]].append({**e, "moment": by_id[of]["moment"] if of in by_id else e["moment"]})
    return out


def _later(new: Any, old: Any) -> bool:
    def order(e: Any) -> Any:
        blank = e["amount"] is None
        return (-e["moment"].timestamp(), e["unit"], blank, 0 if blank else e["amount"])

    return bool(order(new) < order(old))


def _row(  # noqa: PLR0917 - all that a row is made of
    unit: str,
    at: datetime,
    c: Any,
    events: Any,
    all_steps: Any,
    s: Any,
    as_of: datetime,
    n: Counter[str],
) -> dict[str, Any]:
    kind, after = s["outcome"], WINDOW
    inside = [e for e in events if at <= e["moment"] <= at + after]
    prior = [e for e in events if at - BEFORE <= e["moment"] < at]
    n["events.in_window"] += len(inside)
    n["events.before_the_decision"] += len(prior)
    n["events.before_the_covariate"] += sum(e["moment"] < at - BEFORE for e in events)
    n["events.at_window_end"] += sum(e["moment"] == at + after for e in events)
    n["events.after_window"] += sum(e["moment"] > at + after for e in events)
    n["events.units_without_events"] += not inside

    def counts(e: Any) -> bool:
        return kind == "sum" or (e["amount"] is not None and e["amount"] > 0)

    def made(span: Any) -> float:
        if kind == "sum":
            return float(sum(e["amount"] or 0.0 for e in span))
        k = sum(counts(e) for e in span)
        return {"count": k, "any": int(k > 0), "none": int(k == 0)}[kind]

    row = {
        "arm": c["arm"], "segment": c["segment"], "score": c["score"], "outcome": made(inside),
        "covariate": made(prior),
        "observed_at": max((e["moment"] for e in inside if counts(e)), default=None),
    }  # fmt: skip
    if "steps" in s:
        steps = [t for t in all_steps[unit] if at <= t["at"] <= at + after and t["at"] <= as_of]
        done = [t["at"] for t in steps if t["delivered"]]
        unknown = bool(steps) and all(t["delivered"] is None for t in steps)
        row |= {
            "offered": int(bool(steps)), "delivered": None if unknown else int(bool(done)),
            "acted": int(any(t["done"] for t in steps)),
            "delivered_at": min(done, default=None), "cost": sum(t["cost"] for t in steps),
            "team": min((t["team"] for t in steps), default=None),
        }  # fmt: skip
        n["steps.treated_not_contacted"] += c["arm"] == "offer" and not steps
        n["steps.holdout_contacted"] += c["arm"] == "control" and bool(steps)
    return row
