"""Owns the verbs of tapes: info, verify, cut, merge, import.

Never changes or writes over a tape.
Comes from the shell; goes to `app`.
"""

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.told import told

app = typer.Typer(help="Recorded frames.", no_args_is_help=True)

Tape = Annotated[Path, typer.Argument(help="A tape: a directory, or one of its segments.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")]
FromAndTo = Annotated[list[Path], typer.Argument(help="What is read, then the new tape.", metavar="SOURCE... TO")]


@app.command("info")
@told
def tape_info(tape: Tape, as_json: Json = False) -> None:
    """Tell what a tape holds: runs, segments, times, books, gaps, sizes."""
    from leadline.app.tapes import look
    from leadline.cli.progress import bar
    from leadline.cli.tape_lines import info_lines, survey_object

    with bar() as on_progress:
        found = look(tape, on_progress)
    _print(survey_object(found), info_lines(found), as_json=as_json)


@app.command("verify")
@told
def tape_verify(
    tape: Tape,
    db: Annotated[Path | None, typer.Option("--db", help="Also replay it and compare with the alerts here.")] = None,
    as_json: Json = False,
) -> None:
    """Check every block, header, time and mark; with --db, that its replay gives the alerts that the run wrote."""
    from leadline.app.proving import prove
    from leadline.app.tapes import look, refuse_damaged
    from leadline.cli.progress import bar
    from leadline.cli.tape_lines import proof_lines, survey_object, verify_lines

    with bar() as on_progress:
        found = look(tape, on_progress)
    damaged = any(not fault.is_torn for fault in found.faults)
    proofs = prove(tape, db) if db is not None and not damaged else []
    told_object = {**survey_object(found), "proofs": proofs}
    _print(told_object, [*verify_lines(found), *proof_lines(proofs)], as_json=as_json)
    refuse_damaged(tape, found)


@app.command("cut")
@told
def tape_cut(
    tape: Tape,
    start: Annotated[str, typer.Argument(metavar="FROM", help="09:30, or ISO 8601; New York where no zone is given.")],
    end: Annotated[str, typer.Argument(metavar="TO", help="As FROM; what was received then is left out.")],
    target: Annotated[Path, typer.Argument(metavar="NEW", help="The new tape.")],
) -> None:
    """Copy a part of a tape into a new one; what is damaged is passed over and marked."""
    from leadline.app.tapes import cut
    from leadline.cli.progress import bar
    from leadline.cli.tape_lines import written_lines

    with bar() as on_progress:
        written = cut(tape, start, end, target, on_progress)
    _print(None, written_lines(written))


@app.command("merge")
@told
def tape_merge(paths: FromAndTo) -> None:
    """Put tapes into one, in the order of receipt."""
    from leadline.app.tapes import merge
    from leadline.cli.progress import bar
    from leadline.cli.tape_lines import written_lines

    *sources, target = _sources_and_target(paths)
    with bar() as on_progress:
        written = merge(sources, target, on_progress)
    _print(None, written_lines(written))


@app.command("import")
@told
def tape_import(
    paths: FromAndTo,
    listing: Annotated[Path | None, typer.Option(help='JSON object from symbol to letter: {"F": "N"}.')] = None,
) -> None:
    """Make a tape of JSON lines, of LEAN tick files (zip), or of TAQ quotes and trades (csv, csv.gz)."""
    from leadline.app.tapes import import_files
    from leadline.cli.progress import bar
    from leadline.cli.tape_lines import written_lines

    *sources, target = _sources_and_target(paths)
    with bar() as on_progress:
        written = import_files(sources, target, listing, on_progress)
    _print(None, written_lines(written))


def _sources_and_target(paths: list[Path]) -> list[Path]:
    from leadline.core.errors import ConfigurationError

    if len(paths) < 2:
        raise ConfigurationError(
            "the new tape is not named", which=str(paths[0]), expected="SOURCE... TO", do="name it last"
        )
    return paths


def _print(value: object, lines: list[str], *, as_json: bool = False) -> None:
    import msgspec

    text = msgspec.json.encode(value, enc_hook=str).decode() if as_json else "\n".join(lines)
    typer.echo(text)
