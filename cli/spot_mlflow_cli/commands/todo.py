"""``spot todo``: what waits for whom, over all models."""

from __future__ import annotations

import textwrap
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

from spot_mlflow.figures import things
from spot_mlflow.reporting.words.tables import Table, harmless, printable
from spot_mlflow.roles import ROLES
from spot_mlflow_cli.each import EachModel, leave_unread, say_where_looked
from spot_mlflow_cli.options import format_option
from spot_mlflow_cli.terminal import echo_json, progress

if TYPE_CHECKING:
    from spot_mlflow.reporting.message.todo import Todo


@click.command("todo")
@click.option("--person", default=None, help="Only what waits for this person.")
@click.option(
    "--role",
    type=click.Choice(ROLES),
    help="Only what waits for this role; with --person, what waits for either.",
)
@click.option("--model", "pattern", metavar="PATTERN", help="Only models like this: 'churn*'.")
@click.option("--overdue", "only_overdue", is_flag=True, help="Only what is overdue.")
@format_option("text", "json", "markdown")
def command(
    *,
    person: str | None,
    role: str | None,
    pattern: str | None,
    only_overdue: bool,
    output_format: str,
) -> None:
    """Show what waits for whom, over all models: answers, confirmations, plans, assessments, checks, requests.

    Overdue items come first. Models without any record are left out.

    \b
    Example:
      spot todo
      spot todo --person "Kim" --role business      also the requests that wait for that role
      spot todo --model 'churn*' --overdue --format json
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.record import Record
    from spot_mlflow.record.policies import current_policy
    from spot_mlflow.record.whereabouts import store_of
    from spot_mlflow.reporting.message.listed import UPDATED
    from spot_mlflow.reporting.message.todo import ordered, owed_by, todo_of

    record = Record()
    folded = pattern.casefold() if pattern else "*"
    known = record.portfolio()
    like = [(name, tags) for name, tags in known if fnmatchcase(name.casefold(), folded)]
    names = [name for name, tags in like if UPDATED in tags or not record.ways.tags]
    found: list[Todo] = []
    policy = current_policy(record) if names else None
    with progress() as bar:
        each = EachModel(bar.track(names, description="Reading"))
        for name in each:
            with each.reading(name):
                found += todo_of(record.adoption(name), policy)
    todos = list(ordered(t for t in found if t.overdue or not only_overdue))
    if person or role:
        todos = list(owed_by(todos, person, role))
    _print(todos, output_format)
    if not like:
        err = output_format != "text"
        say_where_looked(record, known=len(known), shown=0, pattern=pattern, err=err)
    elif not todos and output_format == "text":
        checked = things(len(like), "model")
        store = harmless(store_of(record.client))
        click.echo(f"Nothing is waiting for anyone (checked {checked} at {store}).")
    leave_unread(each.unread)


def _print(todos: list[Todo], output_format: str) -> None:

    if output_format == "json":
        echo_json([t.to_dict() for t in todos])
        return
    if output_format == "markdown":
        rows = tuple((t.title, t.who, t.what, _due(t), t.command) for t in todos)
        heads = ("model", "who", "what", "due", "command")
        click.echo(Table("Open points", heads, rows).markdown())
        return
    for t in todos:
        click.secho(
            printable(f"{t.title} · {t.who} · {_due(t)}"),
            bold=True,
            fg="red" if t.overdue else None,
        )
        click.echo(
            textwrap.fill(printable(t.what), 92, initial_indent="  ", subsequent_indent="  ")
        )
        click.secho(f"  {printable(t.command)}", dim=True)


def _due(todo: Todo) -> str:
    if todo.due is None:
        return "no date"
    return f"overdue since {todo.due}" if todo.overdue else f"by {todo.due}"
