"""The gate in front of a model registry store: what changes a deployment is decided first.

``gated(SqlAlchemyStore)`` is that class with ``GateMixin`` before it; every method goes on to
MLflow's own once it may. Arguments keep MLflow's names (a test compares them), since MLflow calls
them by keyword.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.gate.targets import fold
from spot_mlflow.reporting.message.summary import NOT_ASSESSED
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.passage import (
    Passage,
    as_mlflow_errors,
    carried_out,
    deny,
    judged_again,
    stale,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spot_mlflow.gate.policy import Policy
    from spot_mlflow_plugins.ruling import Decider, Ruling

_Store: Any = object  # MLflow's store class comes after the mixin, whichever it is; none is typed
_TAG: Final = "spot"  # reserved: "spot" itself and all that begin with "spot."
_SHOWN: Final = 300  # characters of what somebody tried: they chose them


def is_reserved(key: str) -> bool:
    """Whether a tag is the gate's own, however it is written."""
    folded = fold(str(key))
    return folded == _TAG or folded.startswith(f"{_TAG}.")


class GateMixin(_Store):  # type: ignore[misc] # see _Store
    """Stands before a registry store's class and asks a ``Decider``.

    Attributes:
        _spot_decider: set by who makes the store; without one nothing that is gated passes.
    """

    _spot_decider: Decider | None = None

    # -- targets ---------------------------------------------------------------------------------

    @judged_again
    def transition_model_version_stage(
        self: Any,
        name: str,
        version: Any,
        stage: str,
        archive_existing_versions: bool,  # noqa: FBT001 - MLflow's signature
    ) -> Any:
        """Moves a version to a stage, once it may; the versions that this archives are recorded."""
        from mlflow.entities.model_registry.model_version_stages import get_canonical_stage

        wanted = get_canonical_stage(stage)
        found = self.get_model_version(name, version)
        if private.is_prompt_version(found):
            return super().transition_model_version_stage(
                name, version, stage, archive_existing_versions
            )
        gate = Passage(self, found)
        if fold(found.current_stage) != fold(wanted):
            gate.leaving(found.current_stage)
        gate.entering(wanted, alone=archive_existing_versions)
        with gate.carried_out():
            return super().transition_model_version_stage(
                found.name, found.version, stage, archive_existing_versions
            )

    @judged_again
    def set_registered_model_alias(self: Any, name: str, alias: str, version: Any) -> Any:
        """Points an alias at a version, once it may."""
        found = self.get_model_version(name, version)
        if private.is_prompt_version(found):
            return super().set_registered_model_alias(name, alias, version)
        gate = Passage(self, found)
        gate.entering(f"@{alias}", alone=True)
        with gate.carried_out():
            return super().set_registered_model_alias(found.name, alias, found.version)

    def delete_registered_model_alias(self: Any, name: str, alias: str) -> Any:
        """Takes an alias away: never refused, and recorded."""
        model = self.get_registered_model(name)
        holder = dict(model.aliases or {}).get(alias)
        if holder is None or private.is_prompt_model(model):
            return super().delete_registered_model_alias(name, alias)
        gate = Passage(self, self.get_model_version(model.name, holder))
        gate.leaving(f"@{alias}")
        with gate.carried_out():
            return super().delete_registered_model_alias(name, alias)

    # -- what holds a target is not deleted or renamed away ----------------------------------------

    @judged_again
    def delete_model_version(self: Any, name: str, version: Any) -> Any:
        """Deletes a version that holds no gated target."""
        found = self.get_model_version(name, version)
        if private.is_prompt_version(found):
            return super().delete_model_version(name, version)
        with self._spot_deleting(found.name, only=str(found.version)):
            return super().delete_model_version(name, version)

    @judged_again
    def delete_registered_model(self: Any, name: str) -> Any:
        """Deletes a model no version of which holds a gated target."""
        with self._spot_deleting(name):
            return super().delete_registered_model(name)

    @judged_again
    def rename_registered_model(self: Any, name: str, new_name: str) -> Any:
        """Renames a model; what holds a gated target neither leaves the gate so nor comes in unchecked."""
        decider, before = self._spot_asked(), private.model_rows(self, name)
        with as_mlflow_errors():
            policy = decider.policy()
            rulings = [
                self._spot_renaming(name, version, target, policy, new_name)
                for target, versions in self._spot_held(name).items()
                for version in versions
            ]
        for ruling in rulings:
            if not ruling.decision.allowed:
                decider.record(ruling, applied=False)
                raise deny(
                    f"{name!r} may not become {new_name!r}: {ruling.words}\n"
                    f"  Or take it out first: {_way_out(ruling.decision.target)}."
                )
        done: list[tuple[Ruling, dict[str, list[str]]]] = [(r, {}) for r in rulings]
        look = partial(_same, before, decider, rulings)
        with (
            decider.changing(),
            private.looked_at(self, name, look),
            carried_out(decider, self, done),
        ):
            renamed = super().rename_registered_model(name, new_name)
        if rulings:
            decider.tell(new_name, tuple(dict.fromkeys(r.decision.version for r in rulings)))
        return renamed

    # -- tags --------------------------------------------------------------------------------------

    def create_registered_model(
        self: Any,
        name: str,
        tags: Sequence[Any] | None = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> Any:
        """Registers a model without the reserved tags it may bring; it says "not assessed"."""
        kept = _unreserved(tags)
        if not any(private.is_prompt_tag(fold(t.key)) or is_reserved(t.key) for t in kept):
            kept.append(private.registered_model_tag(_TAG, NOT_ASSESSED))
        return super().create_registered_model(name, kept, description, deployment_job_id)

    def create_model_version(  # noqa: PLR0917 - MLflow's signature
        self: Any,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Sequence[Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        local_model_path: str | None = None,
        model_id: str | None = None,
    ) -> Any:
        """Registers a version without reserved tags (a copy brings its source's)."""
        kept = _unreserved(tags)
        if any(private.is_prompt_tag(fold(t.key)) for t in kept):
            genuine = private.is_prompt_source(source) and private.is_prompt_model(
                self.get_registered_model(name)
            )
            kept = kept if genuine else [t for t in kept if not private.is_prompt_tag(fold(t.key))]
        made = super().create_model_version(
            name, source, run_id, kept, run_link, description, local_model_path, model_id
        )
        if self._spot_decider is not None and not private.is_prompt_version(made):
            self._spot_decider.registered(str(made.name), str(made.version))
        return made

    def set_registered_model_tag(self: Any, name: str, tag: Any) -> Any:
        """Sets a tag that is not the gate's."""
        if private.is_prompt_tag(fold(tag.key)):
            genuine = private.is_prompt_model(self.get_registered_model(name))
            self._spot_refuse_disguise(genuine, tag, name)
        self._spot_refuse_reserved(tag.key, "set", name)
        return super().set_registered_model_tag(name, tag)

    def delete_registered_model_tag(self: Any, name: str, key: str) -> Any:
        """Deletes a tag that is not the gate's."""
        self._spot_refuse_reserved(key, "delete", name)
        if private.is_prompt_tag(fold(key)):
            raise self._spot_disguise(key, "delete", name)
        return super().delete_registered_model_tag(name, key)

    def set_model_version_tag(self: Any, name: str, version: Any, tag: Any) -> Any:
        """Sets a tag that is not the gate's."""
        if private.is_prompt_tag(fold(tag.key)):
            genuine = private.is_prompt_version(self.get_model_version(name, version))
            self._spot_refuse_disguise(genuine, tag, name, version)
        self._spot_refuse_reserved(tag.key, "set", name, version)
        return super().set_model_version_tag(name, version, tag)

    def delete_model_version_tag(self: Any, name: str, version: Any, key: str) -> Any:
        """Deletes a tag that is not the gate's."""
        self._spot_refuse_reserved(key, "delete", name, version)
        if private.is_prompt_tag(fold(key)):
            raise self._spot_disguise(key, "delete", name, version)
        return super().delete_model_version_tag(name, version, key)

    # -- inside ------------------------------------------------------------------------------------

    def _spot_asked(self) -> Decider:
        if self._spot_decider is None:
            raise deny("the gate is not configured: this store was gated without a decider")
        return self._spot_decider

    def _spot_refuse_reserved(self, key: str, verb: str, name: str, version: Any = None) -> None:
        if not is_reserved(key):
            return
        self._spot_note("reserved tag", f"{verb} tag {key!r}", name, version)
        raise deny(
            f"tag {key!r} is reserved: it is derived from the record. "
            "Record evidence instead: spot assess, spot involve, spot promise, spot outcomes."
        )

    def _spot_refuse_disguise(
        self,
        is_prompt: bool,  # noqa: FBT001 - a fact
        tag: Any,
        name: str,
        version: Any = None,
    ) -> None:
        said = str(tag.value).casefold() == "true"
        if said != is_prompt or not private.is_prompt_tag(tag.key):
            raise self._spot_disguise(tag.key, "set", name, version)

    def _spot_disguise(self, key: str, verb: str, name: str, version: Any = None) -> Exception:
        self._spot_note("prompt tag", f"{verb} tag {key!r}", name, version)
        return deny(
            f"tag {key!r} decides whether this is a prompt or a model and cannot be changed. "
            "Create it again as the right kind."
        )

    def _spot_note(self, kind: str, what: str, name: str, version: Any) -> None:
        """Has a refused attempt recorded, with who made it."""
        if self._spot_decider is not None:
            said = None if version is None else str(version)
            self._spot_decider.attempt(
                kind, what[:_SHOWN], place=str(name), model=lambda: str(name), version=said
            )

    def _spot_renaming(
        self, name: str, version: str, target: str, policy: Policy, new_name: str
    ) -> Ruling:
        """Decides on a version that would take its target along under another name."""
        decider = self._spot_asked()
        if policy.mode_for(new_name) == "block" != policy.mode_for(name):
            return decider.decide(name, version, target, policy=policy, renamed=new_name)
        return decider.release(name, version, target, policy=policy, renamed=new_name)

    def _spot_held(self: Any, name: str) -> dict[str, list[str]]:
        """Returns gated target -> versions that hold it now."""
        with as_mlflow_errors():
            policy = self._spot_asked().policy()
        model = self.get_registered_model(name)
        held: dict[str, list[str]] = defaultdict(list)
        for alias, version in dict(model.aliases or {}).items():
            if policy.key_of(f"@{alias}") is not None:
                held[f"@{alias}"].append(str(version))
        for stage in ("Staging", "Production"):
            if policy.key_of(stage) is not None:
                held[stage] += private.in_stage(self, model.name, stage)
        if private.is_prompt_model(model):  # what is loaded as a model counts, prompts do not
            held = defaultdict(
                list, {t: [v for v in vs if _loads(self, name, v)] for t, vs in held.items()}
            )
        return {target: versions for target, versions in held.items() if versions}

    @contextmanager
    def _spot_deleting(self: Any, name: str, only: str | None = None) -> Iterator[None]:
        """Refuses, in mode block, to delete what holds a gated target; else records what was given up."""
        decider, before = self._spot_asked(), private.model_rows(self, name)
        with as_mlflow_errors():
            policy = decider.policy()
            rulings = [
                decider.release(name, version, target, policy=policy, deleting=True)
                for target, versions in self._spot_held(name).items()
                for version in versions
                if only in (None, version)
            ]
        for ruling in rulings:
            if not ruling.decision.allowed:
                decider.record(ruling, applied=False)
                way_out = _way_out(ruling.decision.target)
                raise deny(f"{ruling.decision.verdict}. Take it out first: {way_out}.")
        done = [(r, {r.decision.target: [r.decision.version]}) for r in rulings]
        look = partial(_same, before, decider, rulings)
        with (
            decider.changing(),
            private.looked_at(self, name, look),
            carried_out(decider, self, done),
        ):
            yield
        if only is not None and rulings:
            decider.tell(name, ())


def _same(
    before: private.ModelRows | None,
    decider: Decider,
    rulings: Sequence[Ruling],
    now: private.HeldRows | None,
) -> None:
    """Raises where a model holds something else than what was decided on."""
    if before is None:  # it was not there, which MLflow says itself
        return
    held = frozenset((stage, v) for v, _, stage, _ in before.versions if stage != "None")
    same = (
        now is not None
        and (now.created, now.stages) == (before.created, held)
        and now.aliases == frozenset(before.aliases.items())
        and all(decider.still(r) for r in rulings)
    )
    if not same:
        raise stale(f"model {before.name!r}")


def _loads(store: Any, name: str, version: str) -> bool:
    return not private.is_prompt_version(store.get_model_version(name, version))


def _unreserved(tags: Sequence[Any] | None) -> list[Any]:
    return [t for t in tags or [] if not is_reserved(t.key)]


def _way_out(target: str) -> str:
    if target.startswith("@"):
        return f"client.delete_registered_model_alias(name, {target[1:]!r})"
    return "client.transition_model_version_stage(name, version, 'Archived')"


_gated: Final[dict[type, type]] = {}


def gated(store_class: type) -> type:
    """Returns a registry store's class with the gate in front; the same one each time."""
    if issubclass(store_class, GateMixin):
        return store_class
    if store_class not in _gated:
        _gated[store_class] = type(f"Gated{store_class.__name__}", (GateMixin, store_class), {})
    return _gated[store_class]
