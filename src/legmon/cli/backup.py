"""``legmon backup`` and ``legmon restore``: a verified copy of the data folder, and a data folder from it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from legmon.app.folders import own_folder, quoted
from legmon.cli.options import DataOption, JsonOption, print_json
from legmon.quoting import plain, shortened
from legmon.terminal import console as plain_console

if TYPE_CHECKING:
    from legmon.exchange.backup import Backup
    from legmon.exchange.manifest import Manifest


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    target: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of the backup, best on another disk.")
    ],
    verify: Annotated[
        bool, typer.Option("--verify", help="Only read the backup that is there, and check every file.")
    ] = False,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Also copy the scenarios of simulated sensors.")
    ] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy your nights, your marks and your settings to another folder, also while a night is recorded.

    The second time, only what is new or has changed is copied. Every file is read back and compared by its SHA-256; a copy that
    the disk has damaged is copied again. Nights that are no longer in the data folder stay in the backup. If it is interrupted,
    the earlier backup is still whole. A night under way is copied up to its last whole record. A sealed recording is copied once
    and compared with what was sealed: if the file in the data folder is damaged later, the backup keeps the good copy.

    Catalogs that legmon has set aside are copied too. Logs, locks, the state of running processes, the demo's nights and the
    files of simulated sensors are not.

    The exit status is 1 if something failed or a file is damaged, and 2 if the folder is not right.

    Examples: [bold]legmon backup /media/stick/legmon[/bold] · check it later: [bold]legmon backup --verify
    /media/stick/legmon[/bold] · the demo's nights: [bold]legmon backup /tmp/demo --data[/bold] with the folder that it named
    """
    from legmon.exchange.backup import make_backup, verify_backup

    if verify:
        with _bar("Reading the backup", target) as progress:
            manifest, damaged = verify_backup(target, progress)
        if as_json:
            print_json({"backup": str(target), **_summary(manifest), "damaged": _listed(damaged)})
        else:
            _print_damaged(damaged)
            _print(
                f"{_count(len(manifest.files), 'file')} of {_count(len(manifest.nights), 'night')} in {target}, made"
                f" {_made(manifest)}: {f'{len(damaged)} damaged' if damaged else 'every one is as it was written'}."
            )
            if damaged:
                _print(
                    "Run `legmon backup` again: it copies damaged files anew, if they are still in the data folder."
                )
        if damaged:
            raise typer.Exit(1)
        return
    source = data or own_folder()
    with _bar("Backing up", target) as progress:
        made = make_backup(source, target, simulated=simulated, on_progress=progress)
    if as_json:
        print_json(
            {
                "backup": str(target),
                **_summary(made.manifest),
                "copied": [{"path": path, "bytes": size} for path, size in sorted(made.copied.items())],
                "copied_bytes": sum(made.copied.values()),
                "mended": made.mended,
                "only_in_backup": made.only_here,
                "left_out": made.left_out,
                "damaged": _listed(made.damaged),
                "not_as_sealed": _listed(made.not_as_sealed),
                "catalog": made.catalog,
            }
        )
    else:
        _print_backup(made, target)
    if made.damaged or made.not_as_sealed:
        raise typer.Exit(1)


def restore(
    source: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the backup.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a data folder from a backup. The folder must be new or empty; nothing is overwritten.

    Every file is checked in the backup first, and read back afterwards. A night that was being recorded when the backup was made
    ends with its last sample in the backup. Nights that the catalog in the backup does not list are added from their recordings
    and from the files with your marks beside them, as [bold]legmon rescan[/bold] does.

    The exit status is 1 if something failed or the backup is damaged, and 2 if a folder is not right.

    Examples: on a new computer: [bold]legmon restore /media/stick/legmon[/bold] · beside your own nights: [bold]legmon restore
    /media/stick/legmon --data nights-of-may[/bold], then [bold]legmon nights --data nights-of-may[/bold]
    """
    from legmon.exchange.restore import restore_backup

    target = data or own_folder()
    with _bar("Restoring", target) as progress:
        made = restore_backup(source, target, progress)
    if as_json:
        answer = {
            "closed": made.closed,
            "added": made.added,
            "not_listed": made.unlisted,
            "problems": made.problems,
            "trouble": made.trouble or None,
        }
        print_json({"folder": str(target), "backup": str(source), **_summary(made.manifest), **answer})
    else:
        for night in made.closed:
            _print(f"Night {night} was being recorded during the backup. It ends with its last sample there.")
        if made.added:
            _print(
                f"Not in the catalog of the backup, and added from the recordings: {', '.join(made.added)}."
            )
        for problem in made.problems:
            _print(problem)
        if made.unlisted:
            _print(
                f"Restored, but not in the catalog: {', '.join(made.unlisted)}. Their recordings are in {target / 'nights'}."
                f" To read them again: legmon rescan --data {quoted(target)}"
            )
        if made.trouble:
            _print(made.trouble)
        _print(
            f"{_count(len(made.manifest.nights), 'night')} restored from the backup made {_made(made.manifest)}:"
            f" {_count(len(made.manifest.files), 'file')}, {_mb(made.manifest.size)}, all as they were written."
            f" To list them: legmon nights{'' if data is None else f' --data {quoted(target)}'}"
        )
    if made.trouble or made.unlisted:
        raise typer.Exit(1)


def _print_backup(made: "Backup", target: Path) -> None:
    _print_damaged(made.damaged)
    for path in made.mended:
        _print(f"The copy of {path} was damaged and was copied again. Check the disk of the backup.")
    if made.only_here:
        _print(f"No longer in the data folder, and kept in the backup: {', '.join(made.only_here)}.")
    for path, why in sorted(made.not_as_sealed.items()):
        _print(f"In the data folder, {path} is not as it was sealed: {why}.")
    if made.left_out:
        _print(
            f"Left out, because links and other data folders are not followed: {', '.join(made.left_out)}."
        )
    if made.catalog != "ok":
        _print(f"The catalog is {made.catalog}. The recordings are in the backup all the same.")
    _print(
        f"{_count(len(made.manifest.nights), 'night')} in {target}: {_count(len(made.manifest.files), 'file')},"
        f" {_mb(made.manifest.size)}. Copied {_count(len(made.copied), 'file')}, {_mb(sum(made.copied.values()))};"
        " every file was read back and is as it was written."
        if not made.damaged
        else f"{_count(len(made.damaged), 'file')} in {target} are damaged, and no longer in the data folder."
    )


def _listed(files: dict[str, str]) -> list[dict[str, str]]:
    return [{"path": path, "why": why} for path, why in sorted(files.items())]


def _summary(manifest: "Manifest") -> dict[str, Any]:
    return {
        "made": _made(manifest),
        "source": manifest.source,
        "nights": manifest.nights,
        "files": len(manifest.files),
        "bytes": manifest.size,
    }


def _made(manifest: "Manifest") -> str:
    return datetime.fromtimestamp((manifest.made_ns or 0) / 1e9, UTC).strftime("%Y-%m-%d %H:%M UTC")


@contextmanager
def _bar(what: str, folder: Path) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while something long runs."""
    from rich.markup import escape
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = plain_console(err=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"{what}: {escape(plain(shortened(str(folder))))}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print(text: str) -> None:
    plain_console().print(text, soft_wrap=True)


def _print_damaged(damaged: dict[str, str]) -> None:
    for path, why in sorted(damaged.items()):
        _print(f"Damaged in the backup: {path} ({why}).")


def _mb(count: float) -> str:
    return f"{count / 1e6:.1f} MB"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
