"""Owns the making of a tape from others: a directory that appears under its name only when it is whole.

Never writes over anything: what is there already stays, and what was half made goes.
Comes from the verbs that cut, merge and import; goes to segments.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from leadline.core.errors import TapeError
from leadline.tape.reader import Played, Recorded
from leadline.tape.records import Conflated, Frame, Header, Record
from leadline.tape.writer import SegmentWriter, TapeDiskError

BATCH_BYTES = 256 * 1024

Copy = Callable[[Header, Iterable[Played]], "Made"]


class Made(msgspec.Struct):
    """What a verb wrote."""

    frames: int = 0
    others: int = 0
    first_ns: int | None = None
    last_ns: int | None = None


@contextmanager
def making(target: Path, segment_bytes_max: int) -> Iterator[Copy]:
    """Give a function that writes one run after the other; the tape gets its name when the block ends well.

    Raises:
        TapeError: there is something under this name.
        TapeDiskError: it cannot be written.
    """
    part = target.with_name(f"{target.name}.part")
    for path in (target, part):
        if path.exists() or path.is_symlink():
            raise TapeError(
                "there is something here already",
                which=str(path),
                expected="a new name for the tape",
                do="choose another name, or move it away; nothing was written",
            )
    try:
        yield lambda header, items: _write_run(SegmentWriter(part, header, segment_bytes_max), items)
        if part.is_dir():
            part.rename(target)
    except OSError as error:
        raise TapeDiskError(
            f"the tape cannot be written ({error.strerror})",
            which=str(target),
            expected="a new directory on a disk with room",
            do="free the disk or choose another place",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write_run(writer: SegmentWriter, items: Iterable[Played]) -> Made:
    made = Made()
    batch: list[Record] = []
    size = 0
    for item in items:
        made.first_ns = item.recv_ns if made.first_ns is None else made.first_ns
        made.last_ns = item.recv_ns
        if isinstance(item, Recorded):
            made.frames += 1
            batch.append(Frame(item.recv_ns, item.boot_ns, item.frame))
            batch += [Conflated(item.frame_no, symbol, service) for service, symbol in sorted(item.superseded)]
            size += len(item.frame)
        else:
            made.others += 1
            batch.append(item)
        if size >= BATCH_BYTES:
            _put(writer, batch)
            batch, size = [], 0
    if batch:
        _put(writer, batch)
    writer.close()
    if writer.frames_lost:
        raise TapeDiskError(
            "the tape was taken away while it was made",
            which=str(writer.path.parent),
            expected="a directory that nobody else touches",
            do="try again; nothing was kept",
        )
    return made


def _put(writer: SegmentWriter, batch: list[Record]) -> None:
    writer.put(batch)
    writer.flush()
