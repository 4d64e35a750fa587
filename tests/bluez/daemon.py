"""A D-Bus daemon of a test's own, on a socket in a fresh folder."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CONFIGURATION = """\
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_type="method_return"/>
    <allow send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="signal"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
  </policy>
</busconfig>
"""


@contextmanager
def bus_daemon() -> Iterator[str]:
    """Run a daemon until the block ends; give its address.

    The folder is new each time: a socket of a daemon before, under the same path, has been seen to break the next connection.
    """
    folder = Path(tempfile.mkdtemp(prefix="lmbus"))
    configuration = folder / "bus.conf"
    configuration.write_text(_CONFIGURATION.format(socket=folder / "bus"))
    command = [
        "dbus-daemon",
        "--nofork",
        "--nopidfile",
        "--print-address=1",
        f"--config-file={configuration}",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, f"dbus-daemon ended with {process.wait(60)}"
        yield address
    finally:
        process.terminate()
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)
