"""``completion``: what makes a shell finish commands and options when Tab is pressed."""

from typing import Final

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

SHELLS: Final[dict[str, type[ShellComplete]]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
}


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
      bash: echo 'eval "$(egizcore completion bash)"' >> ~/.bashrc
      zsh:  echo 'eval "$(egizcore completion zsh)"' >> ~/.zshrc
      fish: egizcore completion fish > ~/.config/fish/completions/egizcore.fish
    """  # noqa: D301 - click wraps no paragraph that begins with this
    root = click.get_current_context().find_root().command
    # The variable's name is what click looks for in a program of that name.
    click.echo(SHELLS[shell](root, {}, "egizcore", "_EGIZCORE_COMPLETE").source())
