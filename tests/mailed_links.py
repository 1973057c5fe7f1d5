"""A mailed link as somebody without an account uses it, for tests."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import requests

if TYPE_CHECKING:
    from typing import Any

ANSWERS = {"O1": "2", "O3": "?"}
WORRY = {"what": "Customers are called twice", "severity": "blocking"}


class Mail:
    """A browser without a login that has opened the address of a mail."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.page = f"{parts.scheme}://{parts.netloc}{parts.path}"
        self.token = parse_qs(parts.query)["t"][0]
        self.session = requests.Session()

    def get(self, do: str = "", token: str | None = None, **headers: str) -> requests.Response:
        """Opens the link."""
        query = {"t": self.token if token is None else token, **({"do": do} if do else {})}
        return self.session.get(self.page, params=query, headers=headers, timeout=60)

    def send(
        self, do: str, said: dict[str, str], token: str | None = None, **headers: str
    ) -> requests.Response:
        """Sends a form as its page would; ``turn`` as the page has it, where not said."""
        shown = re.search(r'name="turn" value="(\d*)"', self.get(do).text)
        return self.session.post(
            self.page,
            params={"t": self.token if token is None else token, "do": do},
            data={"turn": shown[1] if shown else "0", **said},
            headers={"Sec-Fetch-Site": "same-origin", **headers},
            allow_redirects=False,
            timeout=120,
        )

    def worry(self, said: dict[str, str] = WORRY) -> Mail:
        """Raises a concern, and returns the link of its answer."""
        answer = self.send("raise", said)
        assert answer.status_code == 303, answer.text
        return Mail(f"{self.page.rpartition('/')[0]}/{answer.headers['Location']}")


def text_of(answer: requests.Response) -> str:
    """The words of a page."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


def entry_of(evidence: Any) -> tuple[Any, ...]:
    """Who said what sort of thing, and how it was sent."""
    return evidence["person"], evidence["role"], evidence["recorded_by"]
