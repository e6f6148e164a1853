"""Starting a program under a slow disk or in a small box, and reading what it used.

Imported by benches/run. Everything here is about Linux: strace for the flush,
control groups for a small computer's size, /proc for memory and bytes written.
"""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path


def slow_flush(ms):
    """A prefix that makes each flush take `ms` longer, as on an SD card."""
    if not ms:
        return []
    return [
        "strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null",
        "-e", "trace=fsync,fdatasync",
        "-e", f"inject=fsync,fdatasync:delay_exit={ms * 1000}",
    ]  # fmt: skip


class SmallComputer:
    """A control group with part of a core and little memory, version 1 or 2."""

    def __init__(self, cpu_percent, memory_mib):
        self.folders = []
        name = f"healthpost-bench-{os.getpid()}"
        base = Path("/sys/fs/cgroup")
        own = {}
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            for controller in controllers.split(","):
                own[controller] = path.lstrip("/")
        if "memory" in (base / "cgroup.controllers").read_text().split() if (base / "cgroup.controllers").exists() else False:
            folder = self._make(base / own[""] / name)
            (folder / "cpu.max").write_text(f"{cpu_percent * 1000} 100000")
            (folder / "memory.max").write_text(str(memory_mib << 20))
            self.kind = "control group version 2"
            return
        cpu = self._make(base / "cpu" / own.get("cpu", "") / name)
        (cpu / "cpu.cfs_period_us").write_text("100000")
        (cpu / "cpu.cfs_quota_us").write_text(str(cpu_percent * 1000))
        memory = self._make(base / "memory" / own.get("memory", "") / name)
        (memory / "memory.limit_in_bytes").write_text(str(memory_mib << 20))
        self.kind = "control group version 1"

    def _make(self, folder):
        folder.mkdir()
        self.folders.append(folder)
        return folder

    def enter(self):
        """Called in the child before it becomes the program."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self):
        for folder in reversed(self.folders):
            for _ in range(50):
                try:
                    folder.rmdir()
                    break
                except OSError:
                    time.sleep(0.1)


class Server:
    """A receiver under test: started, waited for, read out, stopped."""

    def __init__(self, command, ready_url, log, env=None, flush_ms=0, small=None):
        self.log = open(log, "ab")
        started = time.monotonic()
        self.process = subprocess.Popen(
            slow_flush(flush_ms) + [str(it) for it in command],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            env={**os.environ, **(env or {})},
            preexec_fn=small.enter if small else None,
        )
        self.traced = bool(flush_ms)
        self._wait(ready_url)
        self.start_ms = (time.monotonic() - started) * 1000

    def _wait(self, url):
        for _ in range(6000):
            if self.process.poll() is not None:
                raise RuntimeError(f"the receiver ended with {self.process.returncode}; see {self.log.name}")
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return
            except urllib.error.HTTPError as error:
                if error.code != 503:  # locked while the key is derived
                    return
            except OSError:
                pass
            time.sleep(0.01)
        self.stop()
        raise RuntimeError(f"the receiver did not answer at {url}")

    @property
    def pid(self):
        if not self.traced:
            return self.process.pid
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def _status_mib(self, field):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
        return None

    def peak_mib(self):
        return self._status_mib("VmHWM")

    def now_mib(self):
        return self._status_mib("VmRSS")

    def written(self):
        for line in Path(f"/proc/{self.pid}/io").read_text().splitlines():
            if line.startswith("write_bytes:"):
                return int(line.split()[1])
        return 0

    def stop(self):
        if self.process.poll() is None:
            # strace does not hand signals on; the program itself is told.
            os.kill(self.pid, signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.kill(self.pid, signal.SIGKILL)
                self.process.wait(10)
        self.log.close()


def line_of_json(command, **options):
    """Runs a program that prints one line of JSON."""
    done = subprocess.run(
        [str(it) for it in command], capture_output=True, text=True, timeout=300, check=False, **options
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip()[-400:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])
