"""The forms of numbers and times in text, said once: every engine reads these and no others.

Engines read more than they understand, each something else: DuckDB drops the PM of "02:30 PM", SQLite
makes 2 March of 30 February, PostgreSQL ends the whole query at one day that does not exist. So a text
is held against its form first, and the engine's own reading never meets another one.

The patterns know nothing but what all engines' regular expressions know, and are shorter than the 512
characters that Oracle takes. SQLite has none: ``SQLiteDialect`` says the same in its own words.
"""

from __future__ import annotations

from typing import Final

# With at most so many characters and such a power of ten, a number is neither infinite nor lost as 0.
WIDEST_NUMBER: Final = 60
LARGEST_POWER: Final = 239
_POWER: Final = "([eE][+-]?0*(1?[0-9]{1,2}|2[0-3][0-9]))?"
NUMBER: Final = f"^ *[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+){_POWER} *$"

_YEAR: Final = "([1-9][0-9]{3}|0([1-9][0-9]{2}|0([1-9][0-9]|0[1-9])))"  # none is 0000
_LEAP: Final = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"
_DAY: Final = (
    f"({_YEAR}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
    "|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    f"|02-(0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)"
)
_CLOCK: Final = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?"
FARTHEST: Final = "1400"  # hours and minutes that a zone is ahead of UTC, or behind it
_ZONE: Final = "([zZ]|UTC|[+-]((0[0-9]|1[0-3])(:?[0-5][0-9])?|14(:?00)?))"
TIME: Final = f"^ *{_DAY}([ T]{_CLOCK}( ?{_ZONE})?)? *$"
# Whether a time says its offset; only for texts that match TIME.
OFFSET: Final = "([zZ]|UTC|[+-][0-9]{2}(:?[0-9]{2})?)$"
