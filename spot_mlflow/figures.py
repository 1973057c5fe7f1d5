"""How a number is written: the one place for points, percents, money, p values and intervals.

Report, Markdown, tags, charts, pages and terminal all take their figures from here, so that the
same thing reads the same everywhere. A figure carries no more digits than its interval allows, by the
rounding rule of the Particle Data Group (Review of Particle Physics, Introduction, section 5.3): an
uncertainty keeps two significant digits where they lie between 10 and 35, else one.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from spot_mlflow import days

if TYPE_CHECKING:
    from datetime import date

NOTHING: Final = "–"  # where there is no figure
MOST_DECIMALS: Final = 4
PDG_TWO_DIGITS: Final = 3.55
SMALLEST_P: Final = 0.001
CENT: Final = 0.01
THOUSAND: Final = 1_000
MILLION: Final = 1_000_000
BILLION: Final = 1_000_000_000


def number(value: float | None, decimals: int = 0) -> str:
    """Writes 2334.6 as "2,334.6"; never "-0"; a dash where there is none."""
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "unbounded"
    text = f"{value:,.{decimals}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text


def count(value: float | None) -> str:
    """Writes a count with its thousands: 90000 as "90,000"."""
    return number(value, 0)


def plain(value: float | None, digits: int = 3) -> str:
    """Writes a figure that has no unit to so many significant digits: "0.0234", "1,230,000"; no exponent."""
    if value is None or not math.isfinite(value) or value == 0:
        return number(value)
    place = digits - 1 - math.floor(math.log10(abs(value)))
    text = number(round(value, place), max(0, place))
    return text.rstrip("0").rstrip(".") if "." in text else text


def about(value: float) -> str:
    """Writes a projected count to two significant digits: 1234 as "1,200"."""
    if value <= 0 or not math.isfinite(value):
        return number(value, 0)
    step: float = 10 ** max(0, math.floor(math.log10(value)) - 1)
    return number(math.ceil(value / step - 1e-9) * step)


def share(value: float | None, decimals: int | None = None) -> str:
    """Writes a fraction as a percentage: .41 as "41 %", .0024 as "0.24 %"."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if decimals is None:
        decimals = 0 if value == 0 or abs(value) >= 0.0995 else 1 if abs(value) >= 0.00995 else 2  # noqa: PLR2004 - two significant digits
        if 0 < abs(value) < 0.00095:  # noqa: PLR2004 - so few are not none
            decimals = min(1 - math.floor(math.log10(100 * abs(value))), 6)
        text = number(100 * value, decimals)
        return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"
    return f"{number(100 * value, decimals)} %"


def p_value(value: float | None) -> str:
    """Writes "p = 0.042", or "p < 0.001"."""
    if value is None or math.isnan(value):
        return NOTHING
    if value < SMALLEST_P:
        return f"p < {SMALLEST_P}"
    return f"p = {value:.3f}" if value < 0.1 else f"p = {value:.2f}"  # noqa: PLR2004


def money(value: float | None, unit: str = "", *, half_width: float | None = None) -> str:
    """Writes a sum of money, short from ten thousand on: "120k USD", "1.2M", "-2,335 USD".

    Args:
        value: the sum.
        unit: label of the currency, written behind.
        half_width: half the width of its interval; digits that it makes meaningless are rounded off.
    """
    if value is None or not math.isfinite(value):
        return NOTHING if value is None or math.isnan(value) else "unbounded"
    step = 0.0
    if half_width is not None and 0 < half_width < math.inf:
        step = max(CENT, 10.0 ** -decimals_for(half_width))
        value = round(value / step) * step
    return f"{_short(value, step)} {unit}".strip()


def about_money(value: float, unit: str = "") -> str:
    """Writes a projected sum of money to two significant digits: 47,312 USD as "47k USD"."""
    place = 1 - math.floor(math.log10(abs(value))) if value else 0
    return money(round(value, place), unit)


def _short(value: float, step: float) -> str:
    """Writes a sum in units, thousands, millions or billions, to three digits or to the step."""
    size = abs(value)
    for limit, letter in ((BILLION, "bn"), (MILLION, "M"), (THOUSAND, "k")):
        least = 10 * limit if limit == THOUSAND else limit
        if size >= 0.9995 * least or (step >= limit and size >= limit):
            return f"{_significant(value / limit, step / limit)}{letter}"
    cents = size < THOUSAND and size != round(size) and step < 1
    return number(value, 2 if cents else 0)


def _significant(value: float, step: float) -> str:
    """Writes three significant digits, or fewer where a step of rounding leaves no more."""
    decimals = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    if step:
        decimals = min(decimals, max(0, -math.floor(math.log10(step) + 1e-9)))
    text = number(value, min(decimals, 2))
    return text.rstrip("0").rstrip(".") if "." in text else text


def day(when: date | str | None) -> str:
    """Writes a date or an ISO time as "30 January 2027"; what is not a date, as it is."""
    return days.day(when) if when else NOTHING


def short_day(when: date | str | None) -> str:
    """Writes a date or an ISO time as "30 Jan", for axes; what is not a date, as it is."""
    found = days.date_of(when)
    return (
        str(when or NOTHING) if found is None else f"{found.day} {days.MONTHS[found.month - 1][:3]}"
    )


def things(n: int, one: str, many: str = "") -> str:
    """Writes a number of things: "1 concern", "3 concerns"."""
    return f"{count(n)} {one if n == 1 else many or one + 's'}"


def hours(value: float) -> str:
    """Writes a time in hours, or in days from two days on: "5 hours", "3 days"."""
    if value >= 48:  # noqa: PLR2004 - two days
        return things(round(value / 24), "day")
    return things(max(1, round(value)), "hour")


def typeset(text: str) -> str:
    """Returns figures as print has them: a true minus, and a unit that stays with its number.

    For HTML and charts; tags, Markdown and terminal keep to what any keyboard can search for.
    """
    text = re.sub(r"(?<![\w.\-])-(?=\d)", "\u2212", str(text))
    return re.sub(r"(?<=\d) (?=%|points?\b|[A-Z]{3}\b)", "\u00a0", text)


def sentence(text: str) -> str:
    """Returns ``text`` with a capital at the front, a full stop at the end, and "41 %" for "41%"."""
    text = re.sub(r"(?<=\d)%", " %", text.strip())
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def raised(text: str) -> str:
    """Returns ``text`` with a capital at the front and the rest as it is."""
    return text[:1].upper() + text[1:]


def lowered(text: str) -> str:
    """Returns ``text`` without the capital at the front, to go on within a sentence."""
    return text[:1].lower() + text[1:]


class Bounded(Protocol):
    """An estimate with its bounds, as ``lift.interval.Interval`` is one."""

    @property
    def lift(self) -> float:
        """The estimate."""

    @property
    def low(self) -> float:
        """Lower bound; -inf where unbounded."""

    @property
    def high(self) -> float:
        """Upper bound; inf where unbounded."""


@dataclass(frozen=True, slots=True)
class LiftScale:
    """How lifts of one contract are written.

    Attributes:
        factor: 100 for rates and relative lifts, else 1.
        word: "points", "%", a currency, or "" for a plain mean.
        decimals: digits behind the point, the same for everything beside each other.
    """

    factor: float
    word: str
    decimals: int

    def number(self, value: float | None) -> str:
        """Writes a lift without its unit: "2.3"."""
        return number(value if value is None else self.factor * value, self.decimals)

    def signed(self, value: float | None) -> str:
        """Writes a difference with its sign: "+0.4", "-1.2"."""
        text = self.number(value)
        rising = (
            value is not None and value > 0 and text[0].isdigit() and float(text.replace(",", ""))
        )
        return f"+{text}" if rising else text

    def amount(self, value: float | None) -> str:
        """Writes a lift with its unit: "2.3 points"."""
        return self._with_word(self.number(value))

    def signed_amount(self, value: float | None) -> str:
        """Writes a difference with sign and unit: "-1.2 points"."""
        return self._with_word(self.signed(value))

    def interval(self, interval: Bounded | None) -> str:
        """Writes the bounds: "1.6 to 2.6"; an unbounded side is said in words."""
        if interval is None:
            return NOTHING
        low, high = interval.low, interval.high
        if math.isinf(low) and math.isinf(high):
            return "unbounded"
        if math.isinf(low):
            return f"at most {self.number(high)}"
        if math.isinf(high):
            return f"at least {self.number(low)}"
        return f"{self.number(low)} to {self.number(high)}"

    def bounds(self, interval: Bounded | None) -> str:
        """Writes the bounds with their unit: "1.6 to 2.6 points"."""
        return self._with_word(self.interval(interval))

    def telling_apart(self, a: float, b: float) -> LiftScale:
        """Returns the scale with as many digits as tell ``a`` and ``b`` apart, where they differ."""
        digits = range(self.decimals, MOST_DECIMALS + 1)
        scales = [LiftScale(self.factor, self.word, d) for d in digits]
        return next((s for s in scales if s.number(a) != s.number(b)), self)

    def unit(self, value: float | None) -> str:
        """Returns the unit that belongs behind a value: "point" behind "1"."""
        text = self.number(value)
        return self._with_word(text).removeprefix(text).strip()

    def with_interval(self, interval: Bounded | None) -> str:
        """Writes estimate and bounds: "2.1 points (1.6 to 2.6)"; an exact one without bounds."""
        if interval is None:
            return NOTHING
        text = self.amount(interval.lift)
        if interval.low == interval.high == interval.lift:
            return text
        return f"{text} ({self.interval(interval)})"

    def _with_word(self, text: str) -> str:
        if text == NOTHING or not self.word:
            return text
        word = "point" if self.word == "points" and text.lstrip("+-") == "1" else self.word
        return f"{text} {word}"


def scale_of(
    *,
    kind: str,
    effect: str,
    unit: str = "",
    half_width: float | None,
    exact: tuple[float, ...] = (),
) -> LiftScale:
    """Chooses how the lifts of one contract are written.

    Args:
        kind: binary, count or money.
        effect: absolute or relative.
        unit: currency label, for money.
        half_width: half the width of the realized interval, in units of the lift.
        exact: written figures (promise, minimum) that must not be rounded out of sight.
    """
    if effect == "relative":
        factor, word = 100.0, "%"
    elif kind == "binary":
        factor, word = 100.0, "points"
    else:
        factor, word = 1.0, unit if kind == "money" else ""
    wanted = [1 if factor == 1 else 0]
    if half_width is not None and math.isfinite(half_width) and half_width > 0:
        wanted = [decimals_for(factor * half_width)]
    wanted += [min(2, _written_decimals(factor * x)) for x in exact]
    return LiftScale(factor, word, max(0, min(MOST_DECIMALS, max(wanted))))


def decimals_for(half_width: float) -> int:
    """Returns the digits behind the point that an uncertainty allows; negative above ten."""
    size = math.log10(half_width)
    power = math.floor(size)
    leading = 10.0 ** (size - power)
    return (1 if leading < PDG_TWO_DIGITS else 0) - power


def _written_decimals(value: float) -> int:
    """Returns how many digits behind the point a person wrote, as far as three digits in all go."""
    text = f"{value:.4f}".rstrip("0")
    leading = math.floor(math.log10(abs(value))) if value else 0
    return min(len(text.partition(".")[2]), max(0, 2 - leading))
