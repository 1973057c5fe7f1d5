"""``spot``: finds the command, runs it, and turns errors into one line and an exit status.

Commands are named here and imported only when called, so that ``spot --help`` costs no MLflow and
no Great Expectations.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Final

import click

from spot_mlflow.errors import SpotError, Unavailable
from spot_mlflow.reporting.words.tables import harmless
from spot_mlflow.version import __version__
from spot_mlflow_cli.each import TRACEBACK_VARIABLE, unexpected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from click.shell_completion import CompletionItem

# name -> (module under spot_mlflow_cli.commands, the line that `spot --help` shows), by story. A module
# with several commands names the one: "approve:reject".
SECTIONS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "Start": {
        "demo": ("demo", "The whole story on a real field experiment, in ./spot-demo."),
        "init": ("init", "Write a commented lift.yaml, an instrument, or tag every model."),
        "server": ("server", "Start MLflow with the gate and the S.P.O.T. pages."),
        "doctor": ("doctor", "What is missing here, and how to fix it."),
        "completion": ("completion", "Complete commands with Tab, in bash, zsh or fish."),
    },
    "Lift": {
        "plan": (
            "plan",
            "Before launch: when will the result be known, and how likely is each verdict?",
        ),
        "assign": ("assign", "Decide by a hash of the id who is held out, in a file or as SQL."),
        "promise": ("promise", "Record the predicted lift of a model version."),
        "outcomes": ("outcomes", "Check an outcome log against the promise and record it."),
        "log": ("log", "Make the outcome log of raw tables and write it, or print the SQL."),
    },
    "People": {
        "assess": ("assess", "Answer the S.P.O.T. questions, one at a time or from a file."),
        "worksheet": ("worksheet", "Write the questions as a file that opens from a mail."),
        "ask": ("ask", "Write the message that asks a role for its answers."),
        "involve": ("involve", "Log who helped with naming, scope, features, review, feedback."),
        "concern": ("concern", "Raise, answer, confirm or reopen a concern."),
        "confirm": ("confirm", "Confirm what somebody else wrote down for you."),
        "pulse": ("pulse", "Is it useful? Would you use it? Asked of users, guessed by builders."),
        "todo": ("todo", "What waits for whom, over all models."),
    },
    "See": {
        "show": ("show", "Everything known about a model."),
        "portfolio": ("portfolio", "All models at a glance."),
        "history": ("history", "Which version held a target when."),
        "digest": ("digest", "What changed since a date and matters; printed, mailed or posted."),
        "report": ("report", "Write the HTML report of a model's latest check."),
        "card": ("card", "Write the model card of a version."),
        "benchmark": ("benchmark", "Compare a model with the portfolio, or pool summaries."),
    },
    "Decide": {
        "gate": ("gate", "May this version go to Production? Exit 0 yes, 1 no, 3 unknown."),
        "policy": ("policy", "Show or set what each target requires."),
        "request": ("request", "Ask for a target for a version; somebody else decides."),
        "approve": ("approve", "Approve a request."),
        "reject": ("approve:reject", "Reject a request, or take its approval back."),
        "withdraw": ("approve:withdraw", "Withdraw your own request."),
        "sign-off": ("sign_off", "Sign off a version for a target."),
        "waive": ("waive", "Waive one requirement for a limited time, with a reason."),
        "break-glass": ("break_glass", "In an emergency: let a version through for some hours."),
        "rollback": ("rollback", "Go back to a version that held the target before."),
        "verify": ("verify", "Check that no evidence was edited, deleted or half written."),
        "restore": ("restore", "Accept what is gone after an older database was restored."),
        "audit": ("audit", "Follow the record as JSON lines, each entry once; for cron."),
        "export": ("export", "Write a model's record as one file, for another server."),
        "import": ("import_record", "Import a record that was exported elsewhere."),
        "rebind": ("rebind", "Take over the record of a model that other tools copied."),
        "erase": ("erase", "Erase a person's name from the record on request."),
    },
}


class LazyGroup(click.Group):
    """Imports a command's module only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Returns the names in the order of the story."""
        return [name for commands in SECTIONS.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Imports the command's module."""
        for commands in SECTIONS.values():
            if cmd_name in commands:
                name, _, attribute = commands[cmd_name][0].partition(":")
                module = importlib.import_module(f"{__package__}.commands.{name}")
                command = getattr(module, attribute or "command")
                assert isinstance(command, click.Command)  # noqa: S101 - ours, checked by a test
                return command
        return None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Completes a command's name without importing the commands."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        lines = {n: line for commands in SECTIONS.values() for n, (_, line) in commands.items()}
        return [CompletionItem(n, help=s) for n, s in lines.items() if n.startswith(incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Names the nearest command for an unknown one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as e:
            from spot_mlflow.validation import nearest

            hint = nearest(args[0], self.list_commands(ctx)) if args else ""
            raise click.UsageError(f"{e.message.rstrip('.')}{hint}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Groups the commands by what they are for."""
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, line) for name, (_, line) in commands.items()])


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="spot")
@click.option(
    "--tracking-uri",
    metavar="URI",
    help="Where MLflow is. Otherwise MLFLOW_TRACKING_URI, as MLflow itself does.",
)
@click.pass_context
def spot(ctx: click.Context, tracking_uri: str | None) -> None:
    """Is the model ready to be adopted, and did its promised lift come true?

    \b
    First steps:
      spot demo                                  the whole story on real data
      spot promise churn/3 lift.yaml             record what was promised
      spot ask churn --role business             ask a colleague for an assessment
      spot outcomes churn/3 outcomes.parquet     check the realized lift
      spot gate churn/3 --to Production          is it ready?

    Without a command it says where MLflow is, how many models there are and what needs attention.

    Exit status: 0 fine, 1 refused, 2 wrong input, 3 could not be decided.
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    # The public API finds MLflow through MLflow's own variables; so does the command line.
    if tracking_uri:
        os.environ["MLFLOW_TRACKING_URI"] = tracking_uri
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "1")
    # Our own bar tells what is being done; MLflow's would stand between it and the answer.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # A person waits: say within seconds, not minutes, that a server is down.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    if ctx.invoked_subcommand is None:
        from spot_mlflow_cli.here import say_where_one_is

        say_where_one_is()


def alike(said: str, known: str) -> bool:
    """Whether an option may have been meant by another word."""
    from spot_mlflow.validation import nearest

    return bool(nearest(said.lstrip("-"), [known.lstrip("-")]))


def main(args: list[str] | None = None) -> None:
    """Entry point: runs ``spot`` and exits with the documented status."""
    try:
        status = spot.main(args=args, prog_name="spot", standalone_mode=False)
    except click.Abort:
        click.echo("Stopped; nothing was left half written.", err=True)
        sys.exit(130)
    except click.ClickException as e:
        if isinstance(e, click.NoSuchOption):  # click suggests what is not alike, too
            meant = [p for p in e.possibilities or () if alike(e.option_name, p)]
            e = click.NoSuchOption(e.option_name, possibilities=meant, ctx=e.ctx)
        e.show()
        sys.exit(e.exit_code)
    except SpotError as e:
        click.secho(f"Error: {harmless(str(e))}", err=True, fg="red")
        sys.exit(e.exit_status)
    except BrokenPipeError:  # the reader (head, less) has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except ConnectionError as e:
        click.secho(f"Error: {e}", err=True, fg="red")
        sys.exit(Unavailable.exit_status)
    except Exception as e:
        # Python would exit with 1, and to a pipeline 1 means that the gate said no.
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        shown = unexpected(e)
        click.secho(f"Error: {harmless(str(shown))}", err=True, fg="red")
        sys.exit(shown.exit_status)
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
