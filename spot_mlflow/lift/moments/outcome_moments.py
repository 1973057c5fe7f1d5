"""An outcome log, reduced: all that leaves the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spot_mlflow.lift.moments.actions import ActionTable
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.closed import ClosedCohorts
from spot_mlflow.lift.moments.clusters import ClusterMoments
from spot_mlflow.lift.moments.guardrails import GuardrailMoments
from spot_mlflow.lift.moments.joined import Joined
from spot_mlflow.lift.moments.left_out import LeftOut
from spot_mlflow.lift.moments.recomputed import ARM_FAULT, Recomputed
from spot_mlflow.lift.moments.spans import Spans

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Fault:
    """How often one rule of the log was broken.

    Attributes:
        name: the rule, in snake case ("missing_arm", "duplicate_unit", "outcome_before_decision").
        count: rows or units that break it.
        total: rows or units it was asked of.
        examples: a few unit ids or values, as text, that break it; never outcomes of persons.
    """

    name: str
    count: int
    total: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class OutcomeMoments:
    """An outcome log, reduced: all that leaves the engine.

    Attributes:
        cells: the base pass.
        faults: violations counted, by rule name.
        as_of: ISO time at which maturity was judged, UTC.
        source: what was read, for people; no secrets.
        digest: digest of the source where it is cheap to have, else "".
        rows: rows read.
        columns: contract column keys present in the log ("arm", "delivered", ...).
        passes: what was run over the source, in order ("base", "clusters", "units", ...).
        clusters: one more pass, where the contract names a cluster column.
        score_bins: moments with the score bin's index as segment ("0".."9"), where asked for.
        teams: moments with the team as segment, where asked for; by week in records from before.
        offers: moments with the offer as segment, where the log names it.
        actions: what became of the recommendations by team and week, where asked for.
        notes: what a reader must know ("412 segments folded into (other)").
        closed: what the next check need not read again, where decisions are dated.
        guardrails: further metrics of the contract, by name; those whose column the log has.
        ids: lowest and highest unit id, where units are named and their ids have an order.
        left_out: units of the last check that are not among these, where there are some.
        contract: digest of the promise that the log was read for, or "".
        blanks: step -> how its blanks were read: "no", "no in the holdout"; unknown where it is
            silent. None in records from before they were told apart.
        recomputed: what the arms were recomputed by, where the contract assigns them; and why they differ.
        spans: runs of days that the tables keep apart, where cells of few units are stored together;
            None where every day is.
        joined: what each rule touched, where the log was made of raw tables.
    """

    cells: Moments
    faults: Mapping[str, Fault]
    as_of: str
    source: str = ""
    digest: str = ""
    rows: int = 0
    columns: tuple[str, ...] = ()
    passes: tuple[str, ...] = ("base",)
    clusters: ClusterMoments | None = None
    score_bins: Moments | None = None
    teams: Moments | None = None
    offers: Moments | None = None
    actions: ActionTable | None = None
    notes: tuple[str, ...] = field(default=())
    closed: ClosedCohorts | None = None
    guardrails: Mapping[str, GuardrailMoments] = field(default_factory=dict)
    ids: tuple[Any, Any] | None = None
    left_out: LeftOut | None = None
    contract: str = ""
    blanks: Mapping[str, str] | None = None
    spans: Spans | None = None
    joined: Joined | None = None
    recomputed: Recomputed | None = None

    @property
    def arms_recomputed(self) -> dict[str, Any] | None:
        """The units whose arm was recomputed, how many differ, why, and by which assignment.

        None where the contract assigns no arms, or the log does not name units.
        """
        fault = self.faults.get(ARM_FAULT)
        if fault is None or self.recomputed is None:
            return None
        return {"units": fault.total, "differ": fault.count, **self.recomputed.to_dict()}

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        optional = {
            k: None if v is None else v.to_dict()
            for k in ("clusters", "score_bins", "teams", "offers", "actions", "closed", "left_out")
            for v in [getattr(self, k)]
        }
        if self.spans is not None:
            optional["spans"] = self.spans.to_dict()
        if self.joined is not None:
            optional["joined"] = self.joined.to_dict()
        if self.recomputed is not None:
            optional["recomputed"] = self.recomputed.to_dict()
        if self.guardrails:
            optional["guardrails"] = {k: g.to_dict() for k, g in self.guardrails.items()}
        return {
            "cells": self.cells.to_dict(),
            "faults": {
                k: {"count": f.count, "total": f.total, "examples": list(f.examples)}
                for k, f in self.faults.items()
            },
            "as_of": self.as_of,
            "source": self.source,
            "digest": self.digest,
            "rows": self.rows,
            "columns": list(self.columns),
            "passes": list(self.passes),
            "notes": list(self.notes),
            "ids": None if self.ids is None else list(self.ids),
            "contract": self.contract,
            "blanks": None if self.blanks is None else dict(self.blanks),
            **optional,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> OutcomeMoments:
        """Reads what ``to_dict`` wrote."""
        faults = {
            k: Fault(k, f["count"], f["total"], tuple(f["examples"]))
            for k, f in data["faults"].items()
        }
        tables = {
            k: None if data.get(k) is None else Moments.from_dict(data[k])
            for k in ("score_bins", "teams", "offers")
        }

        guardrails = data.get("guardrails") or {}
        again = data.get("recomputed")
        clusters, actions, closed = (data.get(k) for k in ("clusters", "actions", "closed"))
        ids, left_out = data.get("ids"), data.get("left_out")
        return cls(
            cells=Moments.from_dict(data["cells"]),
            faults=faults,
            as_of=data["as_of"],
            source=data["source"],
            digest=data["digest"],
            rows=data["rows"],
            columns=tuple(data["columns"]),
            passes=tuple(data["passes"]),
            clusters=None if clusters is None else ClusterMoments.from_dict(clusters),
            actions=None if actions is None else ActionTable.from_dict(actions),
            notes=tuple(data["notes"]),
            closed=None if closed is None else ClosedCohorts.from_dict(closed),
            guardrails={k: GuardrailMoments.from_dict(g) for k, g in guardrails.items()},
            ids=None if ids is None else (ids[0], ids[1]),
            left_out=None if left_out is None else LeftOut.from_dict(left_out),
            contract=data.get("contract", ""),
            blanks=data.get("blanks"),
            recomputed=None if again is None else Recomputed.from_dict(again),
            spans=None if data.get("spans") is None else Spans.from_dict(data["spans"]),
            joined=None if data.get("joined") is None else Joined.from_dict(data["joined"]),
            **tables,
        )
