"""Owns what every verb shares: its options, and how errors become one line and an exit code.

Never prints a traceback for what a user can mend: one line says what, where, what was expected and what to do.
Comes from the verbs; goes to the shell.
"""

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from leadline.core.errors import ExitCode, LeadlineError

P = ParamSpec("P")

ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML file with settings.")]
Symbols = Annotated[str | None, typer.Option(help="Symbols, separated by commas, instead of SYMBOLS.")]
DbPath = Annotated[Path | None, typer.Option("--db", help="Database file, instead of DB_PATH.")]


def told(verb: Callable[P, int | None]) -> Callable[P, None]:
    """Turn errors into one line on standard error, and every end into the design's exit code."""

    @wraps(verb)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = verb(*args, **kwargs) or ExitCode.OK
        except LeadlineError as error:
            typer.echo(f"leadline: {error}", err=True)
            code = error.exit_code
        except BrokenPipeError:
            # Whoever read our output has seen enough; nothing more can be written, not even at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = ExitCode.OK
        except OSError as error:
            typer.echo(f"leadline: {error.filename or 'the system'}: {error.strerror or error}", err=True)
            code = ExitCode.FAULT
        except KeyboardInterrupt:
            typer.echo("leadline: stopped", err=True)
            code = ExitCode.FAULT
        raise typer.Exit(int(code))

    return wrapped
