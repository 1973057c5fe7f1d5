"""The roles of the story: plainly invented, and called so."""

from __future__ import annotations

from typing import Any, Final

EXECUTIVE: Final = "Sample Executive"
BUSINESS: Final = "Sample Business Owner"
FRONTLINE: Final = "Sample Nurse"
SCIENTIST: Final = "Sample Data Scientist"
ENGINEER: Final = "Sample Engineer"

Answers = dict[str, Any]

# What each role says before anybody has talked to anybody. The nurse has not heard of it (O3).
FIRST_ROUND: Final[list[tuple[str, str, Answers]]] = [
    (EXECUTIVE, "executive", {"S1": 3, "S3": 4, "P2": 3, "O1": 3, "T3": 3}),
    (
        BUSINESS,
        "business",
        {"S1": 4, "S2": 3, "P1": 3, "P2": 3, "P3": 3, "P4": 4, "O2": 3},
    ),
    (
        FRONTLINE,
        "frontline",
        {"O1": 3, "O2": 3, "O3": {"now": 1, "target": 3, "comment": "Nobody told us."}, "O4": 3, "T2": 3},
    ),
    (
        SCIENTIST,
        "data_scientist",
        {"S1": 3, "S2": 4, "S3": 4, "P3": 3, "P4": 4, "O4": 3, "T1": 3},
    ),
    (ENGINEER, "engineer", {"T1": 3, "T2": 3, "T3": 3}),
]  # fmt: skip

# What the nurse says once the teams were trained.
AFTER_TRAINING: Final[Answers] = {"O1": 3, "O2": 3, "O3": 3, "O4": 3, "T2": 3}

CONCERN: Final = "People may feel paid to learn something they did not want to know."
ANSWER: Final = "Nobody is asked again who says no; the sum is shown only after the talk."

INVOLVEMENT: Final[list[dict[str, Any]]] = [
    {"phase": "naming", "kind": "decided", "person": FRONTLINE, "role": "frontline",
     "what": "Come and know"},
    {"phase": "scope", "kind": "decided", "person": BUSINESS, "role": "business",
     "what": "Only people who were tested, only villages with a place for results."},
    {"phase": "features", "kind": "contributed", "person": FRONTLINE, "role": "frontline",
     "what": "Distance matters most; the test result must not be used."},
    {"phase": "review", "kind": "contributed", "person": FRONTLINE, "role": "frontline",
     "what": "Went through twenty cases of version 2."},
]  # fmt: skip
