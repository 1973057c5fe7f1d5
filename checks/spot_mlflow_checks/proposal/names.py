"""Names that people give tables and columns, in English and German; compared in small letters.

Each pattern is looked for in a name whose parts are joined by underscores: ``bestelltAm`` is
``bestellt_am``, ``Kunden-Nr.`` is ``kunden_nr``, umlauts are written out.
"""

from __future__ import annotations

import re
from typing import Final

_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def words(name: str) -> str:
    """Returns a name in small letters, its parts joined by underscores."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower().translate(_UMLAUTS)).strip("_")


def _any(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts))


# Role -> names of its table.
TABLES: Final = {
    "decisions": _any("scor", "decision", "predict", "recommend", "entscheid", "empfehl", "bewert", "vorhersage", "target(s|ing)?$", "eligible"),
    "arms": _any("hold_?out", "held", "control", "kontroll", "(^|_)arms?($|_)", "assign", "zuordnung", "zuweisung", "treatment", "gruppe", "group", "randomi", "split"),
    "events": _any("order", "purchase", "transaction", "payment", "sale", "event", "invoice", "booking", "conversion", "churn", "cancel", "unsubscri", "bestell", "kauf", "verkauf", "umsatz", "umsaetze", "zahlung", "buchung", "rechnung", "kuendig", "auftrag", "auftraeg", "redeem", "redempt"),
    "steps": _any("contact", "campaign", "send", "sent", "deliver", "mailing", "e?mails?($|_)", "calls?($|_)", "touch", "outreach", "kontakt", "kampagne", "versand", "zustell", "anruf", "kommunikation"),
}  # fmt: skip

# Of a unit: what it is, and that it is an id.
UNIT: Final = _any("customer", "cust_", "client", "(^|_)user", "member", "subscriber", "account", "person", "visitor", "household", "patient", "player", "device", "(^|_)uid$", "kunde", "(^|_)kd_?n", "nutzer", "mitglied", "haushalt", "abonnent", "vertrag", "teilnehmer", "lead")  # fmt: skip
ID: Final = _any(
    "(^|_)(id|nr|no|num|number|nummer|key|code|uuid|guid|ref)$", "id$", "nr$", "nummer$"
)

# Key of ``sources`` -> names of its column, the likeliest pattern first.
COLUMNS: Final[dict[str, tuple[re.Pattern[str], ...]]] = {
    "at": (_any("_(at|am|on|ts)$", "^(at|ts|am)$", "time", "zeit"), _any("dat(e|um)", "(^|_)(day|tag)($|_)")),
    "score": (_any("score", "predict", "probab", "uplift", "propensity_score", "wahrscheinlich", "vorhersage", "punktwert", "prognose"),),
    "segment": (_any("segment"), _any("^(tier|region|channel|kanal|kundengruppe)$")),
    "version": (_any("model_?version", "modell?_?version"), _any("^version$")),
    "arm": (_any("(^|_)arm$", "treat", "variant", "holdout", "hold_out", "control", "kontroll"), _any("gr(o|u)u?ppe?$", "group$", "assignment", "zuordnung", "bucket", "(^|_)test($|_)")),
    "id": (_any("(order|event|transaction|payment|invoice|booking|receipt)_?(id|nr|no|num|number|key)$", "(bestell|beleg|rechnungs|auftrags|buchungs|vorgangs)_?(nr|nummer|id)$"), _any("^(id|nr|uuid)$"), _any("_(id|nr)$")),
    "amount": (_any("amount", "betrag", "(^|_)net(to)?($|_)", "umsatz"), _any("total", "revenue", "value", "spend", "price", "(^|_)gross", "brutto", "preis", "summe", "wert")),
    "refund_of": (_any("refund_of", "refunds?_", "original_order", "storno_zu", "erstattung_zu", "reversal_of"),),
    "currency": (_any("currency", "waehrung"),),
    "offered": (_any("offered", "angeboten"),),
    "delivered": (_any("delivered($|_flag)", "is_delivered", "zugestellt", "erreicht"),),
    "acted": (_any("^acted", "followed", "befolgt"),),
    "undelivered_reason": (_any("undelivered_reason", "bounce_reason", "(^|_)reason$", "grund$"),),
    "team": (_any("team", "branch", "store", "call_cent", "filiale", "niederlassung"),),
    "actor": (_any("actor", "agent", "employee", "mitarbeiter"),),
    "cost": (_any("cost", "kosten"),),
}  # fmt: skip
STATUS: Final = _any("status", "state$", "zustand", "(^|_)result$", "ergebnis$")
# Words of a status that mean that a row may not count.
UNDONE: Final = _any("cancel", "storn", "void", "annul", "revers", "refund", "return", "retour", "erstatt", "widerruf", "zurueck", "reject", "declin", "abgelehnt", "fail", "fehl", "unpaid", "unbezahlt", "nicht", "(^|_)not?_", "pending", "(^|_)open", "offen", "draft", "entwurf", "abandon", "abgebroch", "abort", "expire", "chargeback", "invalid", "ungueltig", "(^|_)tests?($|_)")  # fmt: skip
# Of a column of amounts: that they are money, not pieces or points.
MONEY: Final = _any("amount", "betrag", "(^|_)net(to)?($|_)", "umsatz", "revenue", "spen[dt]", "price", "preis", "gross", "brutto", "paid", "(^|_)(eur|usd|chf|gbp)($|_)")  # fmt: skip
# What a campaign tool writes of a contact; that it failed is looked for first ("not delivered").
FAILED: Final = _any("bounce", "fail", "undeliv", "unreach", "unansw", "(^|_)not?_", "never", "reject", "error", "block", "spam", "expire", "drop", "lost", "skip", "cancel", "suppress", "invalid", "return", "missed", "nicht", "unzustell", "fehl", "abgelehnt", "abgewiesen", "zurueck", "ungueltig", "gesperrt")  # fmt: skip
PASSED: Final = _any("deliver", "reach", "success", "open", "click", "(^|_)read$", "answer", "received", "shown", "displayed", "^ok$", "zugestellt", "erreicht", "erfolg", "geoeffnet", "geklickt", "gelesen", "uebergeben", "angezeigt")  # fmt: skip
# Events of which fewer are better: nothing happening is the outcome.
UNWANTED: Final = _any("churn", "cancel", "unsubscri", "complain", "kuendig", "storn", "beschwerde")
HOLDOUT: Final = re.compile(
    r"^(control.*|ctrl|c|hold[ _-]?out|held[ _-]?out|untreated|placebo|no[ne]?([ _-].*)?|.*[ _-]control|"
    r"kontroll.*|ohne.*|nicht.*|nein|0|false|f)$",
    re.IGNORECASE,
)


def rank(key: str, name: str) -> float:
    """Returns how well a column's name fits a key: 1 for the likeliest names, less for others, 0."""
    said = words(name)
    patterns = COLUMNS[key]
    return next(
        (1 - i / (len(patterns) + 1) for i, p in enumerate(patterns) if p.search(said)), 0.0
    )
