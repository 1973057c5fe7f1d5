"""``spot completion``: prints what makes a shell complete commands and options with Tab."""

from __future__ import annotations

from typing import Final

import click

from spot_mlflow.errors import InvalidInput

_SHELLS: Final = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", metavar="SHELL", type=click.Choice(_SHELLS))
def command(shell: str) -> None:
    """Print the lines by which bash, zsh or fish complete `spot` with Tab.

    Add the line of your shell to the file that it reads at its start:

    \b
    Example:
      ~/.bashrc                    eval "$(spot completion bash)"
      ~/.zshrc                     eval "$(spot completion zsh)"      after compinit
      ~/.config/fish/config.fish   spot completion fish | source
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from click.shell_completion import get_completion_class

    from spot_mlflow_cli.main import spot

    found = get_completion_class(shell)
    if found is None:
        raise InvalidInput(
            f"this version of click completes no {shell}", fix="pip install -U click"
        )
    click.echo(found(spot, {}, "spot", "_SPOT_COMPLETE").source())
