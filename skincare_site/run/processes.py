"""Child processes that are watched, restarted and never left behind."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1  # prctl(2), Linux


class Process:
    """One program in a session of its own, so that a Ctrl-C reaches only its watcher."""

    def __init__(
        self,
        name: str,
        command: list[str],
        log: Path,
        *,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name, self.command, self.log = name, command, log
        self.user, self.stop_signal = user, stop_signal
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start the program; what a killed predecessor left of its children is killed first."""
        self._signal_group(signal.SIGKILL)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab" if self._process else "wb") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
                preexec_fn=lambda: die_with_parent(self.stop_signal),
            )

    @property
    def pid(self) -> int:
        """The number of the process, and of its group."""
        if self._process is None:
            raise RuntimeError(f"The {self.name} was not started.")
        return self._process.pid

    def exit_status(self) -> int | None:
        """Its exit status: None while it runs, negative for the signal that ended it."""
        return self._process.poll() if self._process else None

    def stop(self, timeout: float = 15) -> None:
        """Ask it to stop, and kill it and its children when it doesn't in time."""
        if not self._process:
            return
        if self._process.poll() is None:
            self._process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout)
        self._signal_group(signal.SIGKILL)
        self._process.wait()

    def last_lines(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def _signal_group(self, number: signal.Signals) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def die_with_parent(number: signal.Signals) -> None:
    """Let even a SIGKILL of the parent leave nothing behind. Linux only; elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
