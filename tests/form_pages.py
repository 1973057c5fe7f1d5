"""A form of the pages as a browser without a script sends it, for tests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

# What a browser says of the page that sent the form, and which token came with it; None for the right one.
FORGED: dict[str, tuple[dict[str, str], str | None]] = {
    "another site": ({"Sec-Fetch-Site": "cross-site"}, None),
    "another port": ({"Sec-Fetch-Site": "same-site"}, None),
    "typed into the address bar": ({"Sec-Fetch-Site": "none"}, None),
    "another port, old browser": ({"Origin": "http://localhost:9"}, None),
    "a look-alike": ({"Origin": "http://127.0.0.1.example.org"}, None),
    "a sandboxed frame": ({"Origin": "null"}, None),
    "no page at all": ({}, None),
    "as text": ({"Sec-Fetch-Site": "same-origin", "Content-Type": "text/plain"}, None),
    "as JSON": ({"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}, None),
    "as an upload": ({"Sec-Fetch-Site": "same-origin", "Content-Type": "multipart/form-data"}, None),
    "no token": ({"Sec-Fetch-Site": "same-origin"}, ""),
    "an old token": ({"Sec-Fetch-Site": "same-origin"}, "1.x"),
    "the token of another form": ({"Sec-Fetch-Site": "same-origin"}, "another form"),
    "the token of another browser": ({"Sec-Fetch-Site": "same-origin"}, "another browser"),
}  # fmt: skip


class FormPage:
    """A form that was opened in a session."""

    def __init__(self, session: requests.Session, url: str, **query: str) -> None:
        self.session, self.url, self.query = session, url, query
        self.page = session.get(f"{url}/spot/form", params=query, timeout=60)

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden fields: token and id."""
        return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', self.page.text))

    def send(self, said: dict[str, str], **headers: str) -> requests.Response:
        """Sends the form as this page would."""
        return self.session.post(
            f"{self.url}/spot/form",
            params=self.query,
            data={**self.hidden, **said},
            headers={"Sec-Fetch-Site": "same-origin", **headers},
            allow_redirects=False,
            timeout=120,
        )

    def forged(self, said: Mapping[str, str], others: Mapping[str, str]) -> dict[str, int]:
        """Sends the form in every way of ``FORGED``; returns way -> status of those that were not refused in words.

        Args:
            said: what is typed.
            others: "another form" and "another browser" -> a token of theirs.
        """
        passed = {}
        for what, (headers, token) in FORGED.items():
            hidden = dict(self.hidden)
            if token is not None:
                hidden["token"] = others.get(token, token)
            answer = self.session.post(
                f"{self.url}/spot/form",
                params=self.query,
                data={**hidden, **said},
                headers=headers,
                timeout=60,
            )
            if answer.status_code not in (400, 403) or "Traceback" in answer.text:
                passed[what] = answer.status_code
        return passed
