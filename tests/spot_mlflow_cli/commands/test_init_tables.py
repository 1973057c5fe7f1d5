"""``spot init`` over several tables: the mapping, a reason for each guess, TODO for what nobody can guess."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from raw_worlds import ENGLISH, GERMAN, Rows, tables, world, write_csv
from terminal import Run, run_spot

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks.proposal.samples import Column

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def init(*arguments: str, typed: str | None = None) -> Run:
    """Runs ``spot init``; asks only where something is typed."""
    asked = "--no-ask" if typed is None else "--ask"
    return run_spot("init", *arguments, asked, typed=typed or "")


def sources(run: Run | None = None, path: str = "lift.yaml") -> dict[str, Any]:
    """The sources that were written."""
    if run is not None:
        assert run.status == 0, run.err
    found: dict[str, Any] = yaml.safe_load(Path(path).read_text(encoding="utf-8"))["sources"]
    return found


def names(*paths: str) -> list[str]:
    """Paths as a person types them, who is in the folder."""
    return [Path(p).name for p in paths]


ENGLISH_SOURCES = {
    "decisions": {"table": "scores.csv", "unit": "customer_id", "at": "scored_at", "score": "score", "segment": "segment", "zone": "TODO"},
    "arms": "TODO",
    "repeats": "first",
    "events": {"table": "orders.csv", "unit": "customer_id", "at": "ordered_at", "id": "order_id", "amount": "net_amount", "zone": "TODO", "filter": "TODO", "complete_until": "TODO"},
    "outcome": "sum",
    "before": "28d",
    "steps": {"table": "contacts.csv", "unit": "customer_id", "at": "sent_at", "delivered": "delivered", "team": "team", "zone": "TODO"},
    "ids": "text",
}  # fmt: skip
GERMAN_SOURCES = {
    "decisions": {"table": "bewertungen.csv", "unit": "KundenNr", "at": "bewertet_am", "score": "Wahrscheinlichkeit", "segment": "Kundensegment", "zone": "TODO"},
    "arms": "TODO",
    "repeats": "first",
    "events": {"table": "bestellungen.csv", "unit": "Kundennummer", "at": "Bestellzeitpunkt", "id": "Bestellnummer", "amount": "Nettobetrag", "zone": "TODO", "filter": "TODO", "complete_until": "TODO"},
    "outcome": "sum",
    "before": "28d",
    "steps": {"table": "kontakte.csv", "unit": "KundenNr", "at": "versendet_am", "delivered": "zugestellt", "team": "Filiale", "zone": "TODO"},
    "ids": "text",
}  # fmt: skip


@pytest.mark.parametrize(
    ("named", "wanted", "listed"),
    [
        (ENGLISH, ENGLISH_SOURCES, "{held_out: holdout.csv, unit: customer_id}"),
        (GERMAN, GERMAN_SOURCES, "{held_out: kontrollgruppe.csv, unit: Kunden-Nr.}"),
    ],
)
@pytest.mark.parametrize("pad", [0, 8])
def test_tables_and_columns_are_found_in_two_languages_in_any_order_among_files_nobody_needs(
    tmp_path: Path, named: dict[str, list[str]], wanted: dict[str, Any], listed: str, pad: int
) -> None:
    """The same mapping whatever the order; unneeded files are named, with a reason."""
    given = names(*write_csv(tmp_path, world(300, pad=pad), named))
    Path("products.csv").write_text(
        "product_id,price,name\n" + "".join(f"{i},{i * 1.5},p{i}\n" for i in range(1, 200))
    )
    Path("visits.csv").write_text(
        "visitor,page,time\n" + "".join(f"v{i},home,2026-03-01 10:00:00\n" for i in range(200))
    )
    given += ["products.csv", "visits.csv"]
    for i in range(3):
        random.Random(i).shuffle(given)  # noqa: S311 - not a secret
        assert sources(init(*given, "--force")) == wanted
    text = Path("lift.yaml").read_text(encoding="utf-8")
    assert f"# arms: {listed}" in text
    assert "not used: products.csv" in text
    assert "not used: visits.csv (shares no ids with the others)" in text


def test_every_guess_has_its_reason_beside_it_and_columns_of_statuses_are_pointed_at(
    tmp_path: Path,
) -> None:
    """Each line of a table but its place ends in a comment; cancelled orders are a question."""
    init(*names(*write_csv(tmp_path, world(300), ENGLISH)))
    lines = Path("lift.yaml").read_text(encoding="utf-8").partition("sources:")[2].splitlines()[1:]
    bare = [x.strip() for x in lines if "#" not in x]
    assert {x.partition(":")[0] for x in bare} == {"table"}
    assert any('# filter: {status: ["paid", "cancelled"]}' in x for x in lines)
    assert any(
        re.search(r"unit: customer_id +# 9\d % of its ids are among the decisions", x)
        for x in lines
    )


def test_what_nobody_can_guess_is_refused_on_reading_with_its_line(tmp_path: Path) -> None:
    """By `spot promise` and from Python, each key with its line; nothing else is asked for."""
    init(*names(*write_csv(tmp_path, world(300), ENGLISH)))
    text = Path("lift.yaml").read_text(encoding="utf-8")
    with pytest.raises(
        InvalidInput, match=r"13 points are still TODO: line 9: predicted\.lift"
    ) as e:
        PredictedLift.load("lift.yaml")
    at = {i: line.split(":")[0].strip() for i, line in enumerate(text.splitlines(), 1)}
    listed = str(e.value).replace("measurement.owner", "measurement")  # on one line
    said = re.findall(r"line (\d+): (?:\w+\.)*(\w+)", listed)
    assert [at[int(line)] for line, _ in said] == [key for _, key in said]
    wanted = [
        "lift",
        "se",
        "baseline",
        "minimum_viable",
        "window",
        "treatment_share",
        "measurement",
    ]
    wanted += ["zone", "arms", "zone", "filter", "complete_until", "zone"]
    assert [key for _, key in said] == wanted
    assert run_spot("plan", "lift.yaml").status == 2


LEFT_OUT = "\n" * 4  # baseline, minimum, share held out, owner
ANSWERS = "1\nlatest\npaid\nsum\n14d\nUTC\n8\n2\n" + LEFT_OUT


def test_the_answers_in_the_terminal_complete_the_contract(tmp_path: Path) -> None:
    """What was typed stands in the file, and it loads as it is."""
    run = init(*names(*write_csv(tmp_path, world(300), ENGLISH)), typed=ANSWERS)
    found = sources(run)
    assert found["arms"] == {"held_out": "holdout.csv", "unit": "customer_id"}
    assert found["events"]["complete_until"] == "latest"
    assert found["events"]["filter"] == {"status": ["paid"]}
    contract = PredictedLift.load("lift.yaml")
    assert contract.kind == "money"
    assert contract.sources is not None
    assert {t.zone for t in contract.sources.tables.values()} == {"UTC"}
    assert "1) arms: {held_out: holdout.csv, unit: customer_id}" in run.err


@pytest.mark.parametrize(
    ("outcome", "words", "wanted"),
    [
        ("orders", ("bezahlt", "storniert"), "TODO"),
        ("orders", ("versendet", "offen"), "TODO"),
        ("orders", ("web", "store"), None),
        ("cancellations", ("done", "cancelled"), None),
    ],
)
def test_which_rows_count_is_a_question_where_a_status_says_that_some_may_not(
    tmp_path: Path, outcome: str, words: tuple[str, str], wanted: str | None
) -> None:
    """A status of other words is pointed at; what is cancelled among cancellations is no question."""
    made = world(300)
    for row in made.orders:
        row[4] = words[row[4] == "cancelled"]
    given = names(*write_csv(tmp_path, made, ENGLISH))
    table = f"{outcome}.csv"
    Path("orders.csv").rename(table)
    given = [table if x == "orders.csv" else x for x in given]
    assert sources(init(*given))["events"].get("filter") == wanted
    assert "# filter: {status: [" in Path("lift.yaml").read_text(encoding="utf-8")


def test_an_id_of_which_many_rows_stand_twice_is_proposed(tmp_path: Path) -> None:
    """Each doubled order counts once, however many of them a file has."""
    made = world(300)
    made.orders += made.orders[: len(made.orders) * 2 // 5]
    found = sources(init(*names(*write_csv(tmp_path, made, ENGLISH))))
    assert found["events"]["id"] == "order_id"
    twice = f"# by its name; each counts once, and {len(made.orders) * 2 // 7:,} rows repeat one"
    assert twice in Path("lift.yaml").read_text(encoding="utf-8")


def test_an_id_that_many_rows_repeat_with_other_values_is_a_question(tmp_path: Path) -> None:
    """They may be the lines of one order, which all count, or its states, of which the last one does."""
    made = world(300)
    made.orders += [
        [*row[:3], float(str(row[3])) + 1, *row[4:]] for row in made.orders[: len(made.orders) // 3]
    ]
    given = names(*write_csv(tmp_path, made, ENGLISH))
    assert sources(init(*given))["events"]["id"] == "TODO"
    for typed, wanted in (("id", "order_id"), ("row", None)):
        answers = ANSWERS.replace("paid\n", f"paid\n{typed}\n")
        run = init(*given, "--force", typed=answers)
        assert sources(run)["events"].get("id") == wanted
        assert "rows repeat a order_id" not in run.err
        assert "rows repeat order_id" in run.err


def test_an_answer_that_cannot_be_read_is_asked_for_again_and_enter_leaves_a_point_open(
    tmp_path: Path,
) -> None:
    """Each with the word that was meant; nothing is taken for an answer that is none."""
    typed = (
        "3\n1\nsoon\n1d\npayd\nPAID, cancelled\nsumm\n\n14 parsecs\n14d\nEurope/Berlim\nEurope/Berlin\neight\n\n"
        + LEFT_OUT
    )
    run = init(*names(*write_csv(tmp_path, world(300), ENGLISH)), typed=typed)
    found = sources(run)
    assert found["events"]["complete_until"] == {"behind": "1d"}
    assert found["events"]["filter"] == {"status": ["paid", "cancelled"]}
    assert found["decisions"]["zone"] == "Europe/Berlin"
    assert found["outcome"] == "sum"
    for said in (
        "must be one of 1",
        "'soon' is not a date",
        "'payd' must be one of paid, cancelled; did you mean 'paid'?",
        "did you mean 'sum'",
        "Europe/Berlin'?",
        "'eight' is not a number",
    ):
        assert said in run.err, said
    with pytest.raises(InvalidInput, match=r"predicted\.lift; line 10: predicted\.se"):
        PredictedLift.load("lift.yaml")


def test_the_promise_is_asked_on_the_scale_of_its_outcome_with_what_the_gate_asks_for(
    tmp_path: Path,
) -> None:
    """Points written as percent are asked for again with what was understood; a local day where it is clear."""
    typed = "1\n05/08/2026\n13.08.2026\nall\nany\n14d\nUTC\n6\n0,06\n.06\n2\n.02\n12\n.12\n.08\n.03\n10\n.1\nSales: East\n"
    run = init(*names(*write_csv(tmp_path, world(300), ENGLISH)), typed=typed)
    assert sources(run)["events"]["complete_until"].isoformat() == "2026-08-13"
    contract = PredictedLift.load("lift.yaml")
    p = contract.predicted
    assert (p.lift, p.se, p.baseline, contract.minimum_viable) == (0.06, 0.02, 0.12, 0.03)
    assert contract.treatment_share == 0.9
    assert contract.measurement is not None
    assert contract.measurement.owner == "Sales: East"
    for said in (
        "'05/08/2026' may be 2026-08-05 or 2026-05-08",
        "Understood as 2026-08-13",
        "6 would be 600 points of a rate, which cannot move so far; did you mean 0.06?",
        "'0,06' is not a number; did you mean 0.06?",
        "2 would be 200 points",
        "12 would be 1200 % of the units",
        ".08 is above the promised lift of .06",
        "10 would be 1000 % of the units",
    ):
        assert said in run.err, said


def test_whole_amounts_may_be_pieces_or_money(tmp_path: Path) -> None:
    """The kind is open unless fractions, a name or a currency show it, and it is asked for."""
    made = world(300)
    for row in made.orders:
        row[3] = int(float(str(row[3])))
    named = {**ENGLISH, "orders.csv": ["order_id", "customer_id", "ordered_at", "value", "status"]}
    given = names(*write_csv(tmp_path, made, named))
    assert init(*given).status == 0
    assert yaml.safe_load(Path("lift.yaml").read_text(encoding="utf-8"))["kind"] == "TODO"
    typed = ANSWERS.replace("sum\n", "sum\ncount\n")
    assert init(*given, "--force", typed=typed).status == 0
    assert PredictedLift.load("lift.yaml").kind == "count"


@pytest.mark.parametrize(
    ("column", "no", "said"),
    [
        ("Status", "not delivered", "by the words of Status"),
        ("delivered", "Bounced", "by the words of delivered"),
        ("zustellstatus", "nicht zugestellt", "by the words of zustellstatus"),
    ],
)
def test_a_column_of_words_says_what_was_delivered(
    tmp_path: Path, column: str, no: str, said: str
) -> None:
    """The words are sorted into yes and no with a reason; one that tells nothing is asked about."""
    made = world(300)
    for i, row in enumerate(made.contacts):
        row[2] = ("Delivered", "opened", no, "queued")[i % 4]
    named = {**ENGLISH, "contacts.csv": ["customer_id", "sent_at", column, "team"]}
    found = sources(init(*names(*write_csv(tmp_path, made, named)), typed=ANSWERS))["steps"]
    words = {"column": column, True: ["Delivered", "opened"], False: [no]}
    assert found["delivered"] == words
    text = Path("lift.yaml").read_text(encoding="utf-8")
    assert f"# {said}. CHANGE: in which list belongs queued?" in text
    contract = PredictedLift.load("lift.yaml")
    assert contract.sources is not None
    assert contract.sources.tables["steps"].told["delivered"].no == [no]


def test_words_that_tell_nothing_are_left_to_a_person(tmp_path: Path) -> None:
    """A commented line shows them; no guess is made."""
    made = world(300)
    for i, row in enumerate(made.contacts):
        row[2] = ("A1", "B2")[i % 2]
    named = {**ENGLISH, "contacts.csv": ["customer_id", "sent_at", "state", "team"]}
    found = sources(init(*names(*write_csv(tmp_path, made, named))))
    assert "delivered" not in found["steps"]
    text = Path("lift.yaml").read_text(encoding="utf-8")
    assert "which mean yes, and which no? It holds A1, B2" in text


def test_ids_that_are_the_same_only_as_numbers_are_compared_as_numbers(tmp_path: Path) -> None:
    """Decisions write 00000012, orders 12; the reason shows both."""
    made = world(300, pad=8)
    made.orders = [[a, str(int(str(b))), *rest] for a, b, *rest in made.orders]
    found = sources(init(*names(*write_csv(tmp_path, made, ENGLISH))))
    assert found["ids"] == "number"
    text = Path("lift.yaml").read_text(encoding="utf-8")
    assert re.search(r"# 0000000(\d) in scores.csv is \1 in orders.csv", text)
    assert "are among the decisions as numbers" in text


def test_arms_beside_the_decisions_and_a_table_of_arms_are_offered_with_their_labels(
    tmp_path: Path,
) -> None:
    """The holdout is known by its word; where no word tells, the labels are left open."""
    made = world(300)
    held = {row[0] for row in made.held}
    made.held = [[row[0], "Kontrolle" if row[0] in held else "Angebot"] for row in made.decisions]
    for row in made.decisions:
        row.append("blue" if row[0] in held else "green")
    named = {**ENGLISH, "scores.csv": [*ENGLISH["scores.csv"], "ab_group"]}
    named = {("groups.csv" if k == "holdout.csv" else k): v for k, v in named.items()}
    named["groups.csv"] = ["customer_id", "arm"]
    init(*names(*write_csv(tmp_path, made, named)))
    text = Path("lift.yaml").read_text(encoding="utf-8")
    assert (
        "# arms: {table: groups.csv, unit: customer_id, arm: arm, treated: Angebot, holdout: Kontrolle}"
        in text
    )
    assert "# arms: {column: ab_group, treated: TODO, holdout: TODO}" in text
    run = init(
        *names(*write_csv(tmp_path, made, named)), "--force", typed="2\ngreen\nblue\n" + ANSWERS[2:]
    )
    assert sources(run)["arms"] == {"column": "ab_group", "treated": "green", "holdout": "blue"}
    assert PredictedLift.load("lift.yaml").columns.holdout == "blue"


def arrow(head: list[str], rows: Rows) -> pa.Table:
    """A table of a world with the types that its values have."""
    columns = zip(*rows, strict=True)
    return pa.table({n: list(c) for n, c in zip(head, columns, strict=True)})


def test_parquet_gives_the_mapping_of_csv(tmp_path: Path) -> None:
    """Types come from the file; names and reasons are the same."""
    for (name, head), rows in zip(ENGLISH.items(), tables(world(300)), strict=True):
        pq.write_table(arrow(head, rows), tmp_path / name.replace(".csv", ".parquet"))
    found = sources(init(*(n.replace(".csv", ".parquet") for n in ENGLISH)))
    text = yaml.safe_dump(found).replace(".parquet", ".csv")
    assert yaml.safe_load(text) == ENGLISH_SOURCES


def fill(url: str, named: Mapping[str, list[str]] = ENGLISH) -> None:
    """Writes a world into tables of a database."""
    import pandas as pd
    import sqlalchemy as sa

    engine = sa.create_engine(url)
    for (name, head), rows in zip(named.items(), tables(world(300)), strict=True):
        frame = pd.DataFrame(rows, columns=head)
        frame.to_sql(name.removesuffix(".csv"), engine, index=False)
    engine.dispose()


def test_tables_of_a_database_may_stand_beside_files(tmp_path: Path) -> None:
    """The tables name their database, the files do not."""
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    fill(url)
    write_csv(tmp_path, world(300), ENGLISH)
    found = sources(init(url, "--table", "scores", "--table", "orders", "holdout.csv"))
    assert (found["decisions"]["table"], found["decisions"]["database"]) == ("scores", url)
    assert (found["events"]["table"], found["events"]["database"]) == ("orders", url)
    assert "held_out: holdout.csv" in Path("lift.yaml").read_text(encoding="utf-8")


def test_a_password_never_stands_in_the_contract(postgres_database: str) -> None:
    """A variable takes its place, and it is said which."""
    import sqlalchemy as sa

    fill(postgres_database)
    url = sa.make_url(postgres_database)
    url = url if url.password else url.set(password="s3cret")  # noqa: S106 - of a server on loopback
    address = url.render_as_string(hide_password=False)
    run = init(address, *(x for n in ENGLISH for x in ("--table", n.removesuffix(".csv"))))
    assert sources(run)["decisions"]["database"] == "${SPOT_DATABASE}"
    assert str(url.password) not in Path("lift.yaml").read_text(encoding="utf-8")
    assert "export SPOT_DATABASE=" in run.err


def test_days_and_amounts_as_a_country_writes_them_are_declared(tmp_path: Path) -> None:
    """A decimal comma, and days as 01.03.2026: the contract says how they are written."""
    made = world(300)
    for row in made.orders:
        row[2], row[3] = f"{row[2]:%d.%m.%Y}", str(row[3]).replace(".", ",")
    found = sources(init(*names(*write_csv(tmp_path, made, GERMAN))))["events"]
    assert (found["dates"], found["decimal"]) == ("DD.MM.YYYY", ",")
    text = Path("lift.yaml").read_text(encoding="utf-8")
    assert "CHANGE" not in text
    assert re.search(r"the newest event, \d\d\.04\.2026", text)


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (["12/31/2026", "01/02/2026"], "MM/DD/YYYY"),
        (["31/12/2026", "01/02/2026"], "DD/MM/YYYY"),
        (["01/02/2026", "03/04/2026"], ""),
        (["1.2.2026", "31.12.2026"], ""),
    ],
)
def test_the_order_of_day_and_month_is_known_only_where_it_shows(
    days: list[str], said: str
) -> None:
    """Where it does not, the column is to be converted: a guess would move every event."""
    column = Column("at", tuple(days), len(days))
    assert column.dates == said
    assert column.newest == (max(days) if not said else days[0])


def test_days_whose_order_does_not_show_are_pointed_at(tmp_path: Path) -> None:
    """01/03/2026 may be of January or of March."""
    made = world(300)
    for row in made.orders:
        row[2] = f"0{1 + row[2].day % 9}/03/2026"
    init(*names(*write_csv(tmp_path, made, GERMAN)))
    text = Path("lift.yaml").read_text(encoding="utf-8")
    assert re.search(r"at: Bestellzeitpunkt +# CHANGE: times must be written as 2027-01-31", text)


@pytest.mark.parametrize("form", ["{}", "{:010d}"], ids=["as written", "with zeros in front"])
def test_of_large_tables_a_part_is_read_and_ids_are_found_beyond_it(
    tmp_path: Path, form: str
) -> None:
    """Most orders of the first 20,000 rows are of customers after those of the first 20,000 decisions."""
    many = 45_000
    ids = range(1_000_000, 1_000_000 + many)
    Path("scores.csv").write_text(
        "customer_id,scored_at,score\n"
        + "".join(f"{form.format(i)},2026-03-01 10:00:00,0.5\n" for i in ids)
    )
    Path("orders.csv").write_text(
        "order_id,customer_id,ordered_at,amount\n"
        + "".join(
            f"o{i},{i},2026-03-05 10:00:00,{i % 90}.5\n"
            for i in [*ids[:2_000], *reversed(ids[2_000:])]
        )
    )
    found = sources(init("scores.csv", "orders.csv"))
    assert found["decisions"]["unit"] == found["events"]["unit"] == "customer_id"
    assert "about 100 % of its ids are among the decisions" in Path("lift.yaml").read_text()


def test_two_tables_without_ids_in_common_are_refused_with_what_is_lacking(tmp_path: Path) -> None:
    """Nothing is written."""
    Path("a.csv").write_text(
        "customer_id,scored_at,score\n" + "".join(f"a{i},2026-03-01,0.5\n" for i in range(50))
    )
    Path("b.csv").write_text(
        "customer_id,at,amount\n" + "".join(f"b{i},2026-03-01,5.5\n" for i in range(50))
    )
    run = init("a.csv", "b.csv")
    assert run.status == 2
    assert "shares no ids with another table" in run.err
    assert not Path("lift.yaml").exists()
    Path("c.csv").write_text("customer_id\n" + "".join(f"a{i}\n" for i in range(50)))
    assert "c.csv has no column of times" in init("a.csv", "c.csv").err


def test_a_hostile_name_stays_within_its_line(tmp_path: Path) -> None:
    """Line ends, hashes and colons in names of columns are quoted, and the file is read back."""
    odd = 'net: "amount"\n# {x}'
    write_csv(tmp_path, world(300), ENGLISH)
    head = ["order_id", "customer_id", "ordered_at", odd, "sta#tus\nTODO"]
    pq.write_table(arrow(head, world(300).orders), tmp_path / "orders.parquet")
    found = sources(
        init("scores.csv", "holdout.csv", "orders.parquet", typed=ANSWERS.replace("paid\n", ""))
    )
    assert found["events"]["amount"] == odd
    contract = PredictedLift.load("lift.yaml")
    assert contract.sources is not None
    assert contract.sources.events.amount == odd


def test_a_file_that_is_there_is_not_written_over_and_nothing_is_asked_before(
    tmp_path: Path,
) -> None:
    """The refusal comes before the first question."""
    given = names(*write_csv(tmp_path, world(300), ENGLISH))
    Path("lift.yaml").write_text("mine\n")
    run = init(*given, typed=ANSWERS)
    assert run.status == 2
    assert "Who was held out" not in run.err
    assert Path("lift.yaml").read_text() == "mine\n"


def test_ids_of_rows_that_occur_twice_and_of_lists_in_another_case_are_pointed_at(
    tmp_path: Path,
) -> None:
    """Repeated orders count once by their id; held-out ids in small letters would be taken for treated."""
    made = world(300)
    for rows, at in ((made.decisions, 0), (made.held, 0), (made.orders, 1), (made.contacts, 0)):
        for row in rows:
            row[at] = f"C{row[at]}"
    made.orders += made.orders[:12]
    made.held[:5] = [[str(row[0]).lower()] for row in made.held[:5]]
    assert sources(init(*names(*write_csv(tmp_path, made, ENGLISH))))["events"]["id"] == "order_id"
    text = Path("lift.yaml").read_text(encoding="utf-8")
    assert re.search(r"id: order_id +# by its name; each counts once, and 12 rows repeat one", text)
    assert re.search(
        r"held_out: .*# .*CHANGE: 5 more only in upper and lower case \(C\d+, c\d+\)", text
    )


def test_the_written_file_leads_to_the_lift_that_the_world_was_made_with(
    tmp_path: Path, mlflow_uri: str
) -> None:
    """Four files, the answers, `spot promise` and `spot outcomes`: the lift in MLflow, to 1e-9."""
    import mlflow

    assert mlflow_uri
    client = mlflow.MlflowClient()
    client.create_registered_model("churn")
    client.create_model_version("churn", source="s3://nowhere/model")
    made = world(600, days=1)
    for row in made.decisions:
        row[3] = "new"  # one segment on one day: no strata are weighed
    answers = "1\n2026-05-01\npaid\nsum\n14d\nUTC\n8\n2\n" + LEFT_OUT
    assert init(*names(*write_csv(tmp_path, made, GERMAN)), typed=answers).status == 0
    path = Path("lift.yaml")
    text = path.read_text(encoding="utf-8").replace("before: 28d", "before: none")
    path.write_text(text, encoding="utf-8")
    assert run_spot("promise", "churn/1", "lift.yaml").status == 0
    run = run_spot("outcomes", "churn/1", "--as-of", "2026-05-01", "--format", "json")
    assert run.status == 0, run.err
    assert run.json["realized"]["lift"] == pytest.approx(made.lift, abs=1e-9)
    (entry,) = client.search_model_versions("name='churn'")
    assert "spot.lift.verdict" in entry.tags
