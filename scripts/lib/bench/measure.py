"""Runs a program, and says what that took."""

import os
import subprocess
import threading
import time
from dataclasses import dataclass, field


@dataclass
class Run:
    """What one or several programs, one after another, took together."""

    began: float
    ended: float
    cpu: float  # seconds, with what they started and waited for
    memory: float  # MB at the most, of the programs themselves
    code: int
    output: str
    builds: list = field(default_factory=list)  # (began, ended) of image builds

    @property
    def wall(self):
        return self.ended - self.began

    def then(self, other):
        return Run(
            self.began,
            other.ended,
            self.cpu + other.cpu,
            max(self.memory, other.memory),
            self.code or other.code,
            self.output + other.output,
            self.builds + other.builds,
        )


def run(command, *, env, cwd, log, on_start=None):
    """Runs it to its end; what it prints goes to the file `log`, after what is there."""
    with open(log, "ab") as file:
        start = file.tell()
        began = time.monotonic()
        child = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
        if on_start:
            on_start(child.pid)
        peak = _Peak(child.pid)
        _, status, usage = os.wait4(child.pid, 0)
        ended = time.monotonic()
    child.returncode = os.waitstatus_to_exitcode(status)
    with open(log, "rb") as file:
        file.seek(start)
        output = file.read().decode(errors="replace")
    cpu = usage.ru_utime + usage.ru_stime
    return Run(began, ended, cpu, peak.end(), child.returncode, output)


class _Peak:
    """The most memory that a process had: the kernel's own count, read again and again up to its end.

    What wait4 tells would be that of the largest of its children too, such as the builder.
    """

    def __init__(self, process):
        self._path = f"/proc/{process}/status"
        self._most = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def end(self):
        self._ended.set()
        self._thread.join()
        return self._most / 1000

    def _watch(self):
        while True:
            try:
                with open(self._path, encoding="utf-8") as file:
                    for line in file:
                        if line.startswith("VmHWM:"):
                            self._most = max(self._most, int(line.split()[1]) * 1.024)
            except OSError:
                return
            if self._ended.wait(0.01):
                return
