"""The roles in which people speak, in one table; all that differs by role follows from it.

A new role is a line here and, where it is asked something, its key under ``asks`` of a question in
``readiness/instrument.yaml``: choices of the command line, worksheets, panel, pulse, involvement,
requirements, chart and schemas follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Side = Literal["user", "builder"]


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """What is known of a role.

    Attributes:
        title: what a respondent reads on a worksheet.
        who: what somebody in this role does, after the title.
        called: the role within a sentence ("an assessment by the ...").
        party: who raised a concern, where the role stands for a group.
        side: users take part; builders make the model, and what they say counts apart.
        mark: marker in the chart of the panel; a builder's is open.
        colour: name of its colour in the palette.
        sign: one capital letter in the terminal's column of answers, different for each role.
    """

    title: str
    who: str
    called: str
    party: str
    side: Side
    mark: str
    colour: str
    sign: str


# In the order in which they are listed everywhere.
ROLE_TABLE: Final[Mapping[str, RoleFacts]] = {
    "executive": RoleFacts(
        title="Executive",
        who="answers for the result",
        called="executive",
        party="an executive",
        side="user",
        mark="^",
        colour="loss",
        sign="X",
    ),
    "business": RoleFacts(
        title="Business expert",
        who="knows the customers and designs the offers",
        called="business expert",
        party="the business",
        side="user",
        mark="o",
        colour="realized",
        sign="B",
    ),
    "frontline": RoleFacts(
        title="Frontline employee",
        who="speaks with the customers",
        called="frontline",
        party="the frontline",
        side="user",
        mark="s",
        colour="gain",
        sign="F",
    ),
    "data_scientist": RoleFacts(
        title="Data scientist",
        who="builds the model",
        called="data scientist",
        party="the builders",
        side="builder",
        mark="D",
        colour="promised",
        sign="D",
    ),
    "engineer": RoleFacts(
        title="Engineer",
        who="runs the model",
        called="engineer",
        party="the builders",
        side="builder",
        mark="v",
        colour="promised",
        sign="E",
    ),
}
ROLES: Final = tuple(ROLE_TABLE)
USERS: Final = frozenset(key for key, role in ROLE_TABLE.items() if role.side == "user")
BUILDERS: Final = frozenset(ROLES) - USERS

if TYPE_CHECKING:
    Role = str  # one of ROLES, checked when a document is read
else:
    Role = Literal[ROLES]


def called(role: str) -> str:
    """Returns a role within a sentence; a word of an old record that is no role stays as it is."""
    return ROLE_TABLE[role].called if role in ROLE_TABLE else role
