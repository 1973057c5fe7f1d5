from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from spot_mlflow.lift.promise.arm_hash import arm_numbers
from spot_mlflow.lift.promise.assignment import Assignment, arm_rule
from spot_mlflow_checks.engines import open_any
from spot_mlflow_checks.holdout.arm_sql import arm_of

N = 2_000
rng = np.random.default_rng(11)
START = datetime(2027, 1, 1, tzinfo=timezone.utc)

IDS = {
    "int": [int(i) for i in rng.permutation(3 * N)[:N] - N],
    "text": [f"Ünit-{i:05d} ß" if i % 3 else f"it's {i:05d}\\%" for i in range(N)],
    "uuid": [uuid.UUID(int=int(a) << 64 | int(b)) for a, b in rng.integers(0, 2**62, (N, 2))],
    "decimal": [Decimal(int(i)).scaleb(-2) for i in rng.permutation(9 * N)[:N]],
    "bigint": [int(i) for i in rng.integers(2**53, 2**63 - 1, N)],
}
AT = [START + timedelta(hours=i % 1_500, microseconds=i) for i in range(N)]
SEGMENTS = [("north", "south", None)[i % 3] for i in range(N)]
TYPES = {
    "int": sa.Integer(), "text": sa.Text(), "uuid": sa.String(36), "decimal": sa.Numeric(12, 2),
    "bigint": sa.BigInteger(), "at": sa.DateTime(timezone=True), "segment": sa.String(20), "n": sa.Integer(),
}  # fmt: skip

RULES = {
    "two arms": ({"holdout": 0.1}, ("offer",)),
    "three arms": ({"shares": {"mail": 0.3, "call": 0.4}}, ("mail", "call")),
    "a schedule": (
        {"schedule": [{"from": "2027-01-05", "holdout": 0.5}, {"from": "2027-02-01", "holdout": 0.2},
                      {"segment": "north", "from": "2027-01-20", "holdout": 0.3}]},
        ("mail", "call"),
    ),
    "a schedule that always holds": (
        {"schedule": [{"holdout": 0.5}, {"from": "2027-02-01", "holdout": 0.2}]}, ("offer",),
    ),
}  # fmt: skip


def rule(name):
    """One of the rules, with a salt that needs quoting."""
    assignment, treated = RULES[name]
    made = Assignment.model_validate({"salt": "it's\\ü/2027:%", **assignment})
    return arm_rule(made, treated=treated, holdout="control", unit="id")


def expected(found, texts):
    """What Python says: labels, None where no step was in force."""
    arms = arm_numbers(
        found, texts,
        days=np.array([a.replace(tzinfo=None) for a in AT], dtype="datetime64[us]"),
        segments=np.array(SEGMENTS, dtype=object),
    )  # fmt: skip
    return [None if a < 0 else [found.holdout, *found.treated][a] for a in arms.tolist()]


def answers(source, found, column):
    """What an engine says, in the order of the rows."""
    d = source.dialect
    arm = arm_of(
        d, d.text(source.column(column)), found,
        decided_at=d.time(source.column("at"), source.families["at"]), segment=source.column("segment"),
    )  # fmt: skip
    rows = source.fetch(sa.select(source.column("n"), arm.label("arm_of_unit")))
    return [arm for _, arm in sorted((int(n), arm) for n, arm in rows)]


def agree(source):
    """All rules on ids of all types."""
    with source:
        for name in RULES:
            for kind, values in IDS.items():
                found = rule(name)
                assert answers(source, found, kind) == expected(found, [str(v) for v in values]), (
                    name,
                    kind,
                )


def frame():
    """The ids as Arrow."""
    return pa.table({
        "n": range(N), "int": IDS["int"], "text": IDS["text"], "uuid": [str(u) for u in IDS["uuid"]],
        "decimal": pa.array(IDS["decimal"], pa.decimal128(12, 2)), "bigint": IDS["bigint"],
        "at": pa.array(AT, pa.timestamp("us", "UTC")), "segment": SEGMENTS,
    })  # fmt: skip


def load(engine, types, **replaced):
    """The ids as a table of a database."""
    table = sa.Table("ids", sa.MetaData(), *(sa.Column(n, t) for n, t in types.items()))
    table.create(engine)
    columns = {
        **IDS,
        "uuid": [str(u) for u in IDS["uuid"]],
        "at": AT,
        "segment": SEGMENTS,
        "n": range(N),
    }
    columns |= replaced
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    with engine.begin() as c:
        c.execute(table.insert(), rows)
    engine.dispose()


def test_duckdb_gives_the_arm_that_python_gives():
    """Ids of five types, two arms and three, with and without a schedule."""
    agree(open_any(frame(), {}))


def test_duckdb_gives_it_for_its_own_uuid():
    """An id of type UUID is hashed as it is written."""
    connection = duckdb.connect()
    connection.register("t", frame())
    agree(open_any(connection.sql("select * replace (uuid::uuid as uuid) from t"), {}))


def test_sqlite_gives_the_arm_that_python_gives(tmp_path):
    """Through a function of Python's; decimals as text, since SQLite has none."""
    url = f"sqlite:///{tmp_path / 'ids.db'}"
    types = {**TYPES, "decimal": sa.Text(), "at": sa.Text()}
    load(
        sa.create_engine(url),
        types,
        at=[a.isoformat() for a in AT],
        decimal=[str(d) for d in IDS["decimal"]],
    )
    agree(open_any(url, {}, table="ids"))


def test_postgresql_gives_the_arm_that_python_gives(postgres_database):
    """With ids of its own type uuid."""
    load(
        sa.create_engine(postgres_database),
        {**TYPES, "uuid": sa.dialects.postgresql.UUID(as_uuid=False)},
    )
    agree(open_any(postgres_database, {}, table="ids"))


def test_postgresql_in_latin1_hashes_utf_8(postgres_uri):
    """The arm does not depend on the encoding of the database."""
    name = f"t{uuid.uuid4().hex[:12]}"
    admin = sa.create_engine(postgres_uri, isolation_level="AUTOCOMMIT")
    with admin.connect() as c:
        c.execute(
            sa.text(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        )
    uri = postgres_uri.rsplit("/", 1)[0] + f"/{name}"
    engine = sa.create_engine(uri)
    try:
        load(engine, TYPES)
        agree(open_any(uri, {}, table="ids"))
    finally:
        engine.dispose()
        with admin.connect() as c:
            c.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def test_mariadb_gives_the_arm_that_python_gives(mariadb_database):
    """Also for text that is stored in another character set."""
    types = {
        **TYPES, "text": sa.dialects.mysql.VARCHAR(40, charset="latin1"),
        "at": sa.dialects.mysql.DATETIME(fsp=6),
    }  # fmt: skip
    load(sa.create_engine(mariadb_database), types)
    agree(open_any(mariadb_database, {}, table="ids"))


def test_spark_gives_the_arm_that_python_gives(spark, tmp_path):
    """Whatever the session's zone."""
    pq.write_table(frame(), tmp_path / "ids.parquet")
    agree(open_any(spark.read.parquet(str(tmp_path / "ids.parquet")), {}))


@pytest.mark.parametrize("missing", [None, ""])
def test_a_missing_id_has_no_arm(missing):
    """It is not hashed as an empty text."""
    with open_any(pa.table({"id": ["1", missing], "n": [0, 1]}), {}) as source:
        d = source.dialect
        rows = source.fetch(
            sa.select(source.column("n"), arm_of(d, d.text(source.column("id")), rule("two arms")))
        )
    assert {n: arm is None for n, arm in rows} == {0: False, 1: True}


def test_labels_can_be_replaced_by_numbers():
    """A check that compares arms needs no labels."""
    with open_any(pa.table({"id": [str(i) for i in range(50)]}), {}) as source:
        d = source.dialect
        arm = arm_of(d, d.text(source.column("id")), rule("three arms"), labels=[0, 1, 2])
        assert {r[0] for r in source.fetch(sa.select(arm))} == {0, 1, 2}
