"""Attempts to say by a mailed link, or to a page about one, what it does not allow: what is tried, and how."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests
from mailed_links import ANSWERS, WORRY, Mail

from spot_mlflow_plugins.server.trust.links import Link, Links

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@dataclass(frozen=True)
class Holder:
    """Somebody who holds a link of a model, one of an own concern, and, for what the server signs, its keys."""

    mail: Mail
    own: Mail
    other: Mail
    keys: tuple[bytes, ...]

    def link(self, **other: object) -> Link:
        """What the link says, with something of it changed."""
        body = self.mail.token.partition(".")[0]
        said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        known = dict(zip(Link.__dataclass_fields__, said, strict=True))
        return Link(**{**known, **other})  # type: ignore[arg-type] # as it was read

    def signed(self, **other: object) -> str:
        """The token that the server would sign of that: what time or another link may have made of it."""
        return Links(self.keys).make(self.link(**other))

    def forged(self, **other: object) -> str:
        """The same under the signature of the link that is held."""
        body = self.signed(**other).partition(".")[0]
        return f"{body}.{self.mail.token.partition('.')[2]}"


def sent(mail: Mail, do: str, token: str | None = None, **more: str) -> requests.Response:
    """Sends answers and a worry as one form."""
    return mail.send(do, {**ANSWERS, **WORRY, "useful": "5", "would_use": "5", **more}, token)


def foreign(holder: Holder, **headers: str) -> requests.Response:
    """Sends answers as a page of somebody else would."""
    return requests.post(
        holder.mail.page,
        params={"t": holder.mail.token, "do": "pulse"},
        data={"useful": "5", "would_use": "5", "turn": "0"},
        headers=headers,
        timeout=60,
    )


BYPASSES: dict[str, Callable[[Holder], requests.Response]] = {
    "an expired link": lambda h: sent(h.mail, "pulse", h.signed(until=int(time.time()) - 1)),
    "a longer time": lambda h: sent(h.mail, "pulse", h.forged(until=2**40)),
    "the kind of another": lambda h: sent(h.mail, "pulse", h.forged(kind="concern")),
    "another model": lambda h: sent(h.mail, "pulse", h.forged(model="churn")),
    "another model, signed": lambda h: sent(h.mail, "pulse", h.signed(model="nothing-of-the-kind")),
    "a name with a path": lambda h: sent(h.mail, "pulse", h.signed(model="../../churn")),
    "an older model of the name": lambda h: sent(h.mail, "pulse", h.signed(created=1)),
    "another person's entry": lambda h: sent(h.mail, "pulse", h.forged(entry=h.own.token[:32])),
    "an entry that is none": lambda h: sent(h.mail, "pulse", h.signed(entry="0" * 32)),
    "a concern as an invitation": lambda h: sent(h.mail, "pulse", h.signed(kind="concern")),
    "cut off": lambda h: sent(h.mail, "pulse", h.mail.token[:-2]),
    "two put together": lambda h: sent(
        h.mail, "pulse", h.mail.token.partition(".")[0] + "." + h.own.token.partition(".")[2]
    ),
    "no token": lambda h: sent(h.mail, "pulse", ""),
    **{
        f"{do} by an invitation": lambda h, do=do: sent(
            h.mail, do, target="Production", note="", role="business", requirement="sign_off", reason="x"
        )
        for do in ("sign", "approve", "reject", "request", "waive", "answer", "confirm", "reopen", "involve", "agree")
    },
    **{
        f"{do} by the link of a concern": lambda h, do=do: sent(h.own, do, target="Production")
        for do in ("sign", "approve", "request", "waive", "answer", "assess", "pulse", "raise")
    },
    "settled before an answer": lambda h: sent(h.own, "confirm"),
    "from another site": lambda h: foreign(h, **{"Sec-Fetch-Site": "cross-site"}),
    "from another port": lambda h: foreign(h, **{"Sec-Fetch-Site": "same-site"}),
    "from another origin": lambda h: foreign(h, Origin="http://localhost:9"),
    "from a look-alike": lambda h: foreign(h, Origin="http://127.0.0.1.example.org"),
    "from nowhere": foreign,
    "as text": lambda h: foreign(h, **{"Sec-Fetch-Site": "same-origin", "Content-Type": "text/plain"}),
}  # fmt: skip
