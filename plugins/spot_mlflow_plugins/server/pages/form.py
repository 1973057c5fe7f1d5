"""One form: its fields, and the entry that it makes of what is typed; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spot_mlflow_plugins.server.pages.fields import faults_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spot_mlflow.reporting.words.tables import Table
    from spot_mlflow_plugins.server.pages.fields import Field


@dataclass(frozen=True)
class Form:
    """One form.

    Attributes:
        key: its name in the address.
        title: the heading.
        kind: of the entry that it makes.
        fields: what is asked, but for who speaks.
        payload: from what was typed to what the entry says.
        button: on what sends it.
        intro: sentences above the fields.
        facts: what a reader must see before sending it.
        checked: from what was typed to faults that need more than one field, by field.
        asks_role: whether the role is asked in which somebody speaks.
        asks_others: whether ``fields`` name somebody else, who is asked, and not who sends the form.
        administrators: whether only an administrator of the server sees it.
    """

    key: str
    title: str
    kind: str
    fields: tuple[Field, ...]
    payload: Callable[[Mapping[str, str]], dict[str, Any]]
    button: str = "Send"
    intro: tuple[str, ...] = ()
    facts: Table | None = None
    checked: Callable[[Mapping[str, str]], dict[str, str]] = lambda _: {}
    asks_role: bool = True
    asks_others: bool = False
    administrators: bool = False

    def faults(self, said: Mapping[str, str]) -> dict[str, str]:
        """Returns field -> what is wrong with what was typed."""
        return {**self.checked(said), **faults_of(self.fields, said)}
