"""``spot portfolio``: all models at a glance."""

from __future__ import annotations

from fnmatch import fnmatchcase

import click

from spot_mlflow_cli.each import say_where_looked
from spot_mlflow_cli.options import format_option
from spot_mlflow_cli.sections import page, print_sections
from spot_mlflow_cli.terminal import echo_json


@click.command("portfolio")
@click.option("--model", "pattern", metavar="PATTERN", help="Only models like this: 'churn*'.")
@click.option("--all", "everything", is_flag=True, help="List untouched models too.")
@format_option("text", "json", "markdown")
def command(pattern: str | None, output_format: str, *, everything: bool) -> None:
    """Show all models at a glance: readiness, promised and realized lift, verdict, gate.

    It reads the summary tags of the registry only, so thousands of models take seconds. Models that need
    attention come first.

    \b
    Example:
      spot portfolio
      spot portfolio --model 'churn*' --all
      spot portfolio --format json | jq '.models[] | select(.lift.verdict == "shortfall") | .model'
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.record import Record
    from spot_mlflow.reporting.message.portfolio_money import portfolio_money
    from spot_mlflow.reporting.pages.portfolio import portfolio_section, portfolio_summary
    from spot_mlflow.reporting.pages.portfolio_row import portfolio_rows

    record = Record()
    found = record.portfolio()
    folded = pattern.casefold() if pattern else "*"
    rows = portfolio_rows((n, t) for n, t in found if fnmatchcase(n.casefold(), folded))
    err = output_format == "json"
    say_where_looked(record, known=len(found), shown=len(rows), pattern=pattern, err=err)
    if output_format == "json":
        models = [r.to_dict() for r in rows]
        money = portfolio_money({r.model: r.history for r in rows})
        echo_json(
            {
                "summary": portfolio_summary(rows).to_dict(),
                "money": [m.to_dict() for m in money],
                "models": models,
            }
        )
        return
    if not rows:
        return
    section = portfolio_section(rows, everything=everything)
    if output_format == "markdown":
        from spot_mlflow.reporting.pages.lift_report import section_markdown

        click.echo("\n\n".join(section_markdown(section)))
    else:
        print_sections(page(), [section])
