"""A page is made without the entries that it cannot be made with; they are named.

What is written today is checked. A record may hold older entries, or such as were written past the
server; one of them must not hide all the others.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, TypeVar

from spot_mlflow.errors import SpotError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from spot_mlflow.evidence import Evidence

    T = TypeVar("T")
_logger: Final = logging.getLogger("mlflow.spot")
# The kinds that hold figures come first: it is they that break a page.
_SUSPECTED: Final = (
    "outcomes",
    "prediction",
    "pulse",
    "involvement",
    "assessment",
    "concern",
    "discussion",
    "confirmation",
    "waiver",
    "request",
    "break-glass",
    "sign-off",
    "resolution",
    "decision",
)
_SINGLY: Final = 4  # newest entries of the first two kinds that are tried one by one


def without_odd(
    make: Callable[[tuple[Evidence, ...]], T], entries: Callable[[], Sequence[Evidence]]
) -> T:
    """Returns what ``make`` makes, without as few entries as it takes.

    Args:
        make: takes the entries to leave out.
        entries: returns the model's entries, oldest first; asked only where the first try fails.

    Raises:
        SpotError: what was asked for is not there.
    """
    try:
        return make(())
    except SpotError:
        raise
    except Exception as e:  # noqa: BLE001 - whatever odd figures do to a page
        first = e
    for left_out in _guesses(entries()):
        try:
            found = make(left_out)
        except SpotError:
            raise
        except Exception:  # noqa: BLE001, S112 - the next guess leaves out more
            continue
        named = ", ".join(e.id for e in left_out)
        _logger.error("A page is shown without the entries %s", named, exc_info=first)
        return found
    raise first


def notice(odd: Sequence[Evidence]) -> str:
    """Returns the sentence that names what is not shown; "" where everything is."""
    if not odd:
        return ""
    named = ", ".join(f"{e.kind} of {e.at:%d %B %Y} (entry {e.id[:12]})" for e in odd[:5])
    more = f" and {len(odd) - 5} more" if len(odd) > 5 else ""  # noqa: PLR2004 - as above
    return f"Not shown, because its figures cannot be read: {named}{more}. Check it: spot verify."


def _guesses(entries: Sequence[Evidence]) -> Iterator[tuple[Evidence, ...]]:
    """Yields which entries to leave out: one of them, all of a kind, kind after kind."""
    for kind in _SUSPECTED[:2]:
        of_kind = [e for e in reversed(entries) if e.kind == kind]
        yield from ((e,) for e in of_kind[:_SINGLY])
    gone: tuple[Evidence, ...] = ()
    for kind in _SUSPECTED:
        more = tuple(e for e in entries if e.kind == kind)
        if more:
            gone = (*gone, *more)
            yield gone
