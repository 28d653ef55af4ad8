"""Owns the verb by which a person says how many of the account's shares are ours.

Never decides and never touches an order: it asks the process that trades, and prints its answer.
Comes from the shell; goes to `app.asking`.
"""

from typing import Annotated

import typer

from leadline.cli.told import ConfigFile, DbPath, told


@told
def adopt(
    symbol: Annotated[str, typer.Argument(help="The symbol.")],
    ours: Annotated[int, typer.Option(help="How many of the account's shares are ours; sold short is negative.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the symbol again, for scripts.")] = False,
    db: DbPath = None,
    config: ConfigFile = None,
) -> None:
    """Say what is ours: the rest of the account's shares is never traded. Lifts what keeps the symbol LOCKED."""
    import os
    import pwd

    from leadline.app import asking
    from leadline.clock import SystemClock
    from leadline.core.errors import ConfigurationError, LeadlineError, UnreachableError
    from leadline.settings import load
    from leadline.store.commands import CommandState

    clock = SystemClock()
    path = load({"db_path": db}, toml=config).settings.db_path
    name = symbol.strip().upper()
    question = asking.question(path, name, ours, clock)
    typer.echo("\n".join(question.lines))
    if not yes and typer.prompt("type the symbol again").strip().upper() != name:
        raise ConfigurationError("that was another symbol: nothing was changed", which="leadline adopt", do="try again")
    by = pwd.getpwuid(os.getuid()).pw_name
    command_id = asking.put(path, question, by, os.uname().nodename, clock)
    if not question.is_grok_running:
        typer.echo("grok is not running: it is applied at its next start, if the broker's number is then the same")
        return
    state, text = asking.wait(path, command_id, clock)
    if state is CommandState.APPLIED:
        typer.echo(f"applied: {text}")
    elif state is CommandState.REFUSED:
        raise LeadlineError(f"refused: {text}", which=f"leadline adopt {name}", do="nothing was changed")
    else:
        raise UnreachableError(
            "grok has not answered yet; the command stays and is answered by whoever trades the account",
            which=f"leadline adopt {name}",
            expected=f"an answer within {asking.ANSWER_S:g} s",
            do="look at `leadline positions`, which says whether grok trades",
        )
