"""Starting and stopping the real binary."""

import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = pathlib.Path(os.environ.get("ADMIT_BINARY", ROOT / "build" / "release" / "admit"))
PRESET = os.environ.get("ADMIT_PRESET", "release")
# Sanitizers make everything slower, the start above all.
SLOWNESS = {"asan": 4, "tsan": 10}.get(PRESET, 1)
START_LIMIT_S = 30 * SLOWNESS
STOP_LIMIT_S = 20 * SLOWNESS
LISTENING = re.compile(r"listening on (http://\S+:\d+)")
SANITIZER_REPORT = re.compile(r"(ERROR: AddressSanitizer|WARNING: ThreadSanitizer|ERROR: LeakSanitizer|runtime error:)")


def environment(**more):
    """Nothing of the caller's configuration: what a test sets is all there is."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("ADMIT_", "STRIPE_", "CI")) and not name.lower().endswith("_proxy")}
    kept["ADMIT_SANDBOX_PROFILE"] = "prompt"  # as if the provider had no distance
    kept["ADMIT_RATE_LIMITS"] = "false"  # every party of a test calls from one address
    kept.update(more)
    return kept


def run(*arguments, limit_s=60, **more):
    """Runs a command to its end; returns the finished process with its output as text."""
    return subprocess.run([str(BINARY), *map(str, arguments)], env=environment(**more), capture_output=True, text=True,
                          timeout=limit_s * SLOWNESS, stdin=subprocess.DEVNULL)


class Server:
    """A running `admit serve` or `admit demo`. Its output is kept whole, for the checks at the end."""

    def __init__(self, command, data, *, arguments=(), listen="127.0.0.1:0", **more):
        self.data = pathlib.Path(data)
        self.base_url = None
        self._lines = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [str(BINARY), command, "--data", str(data), "--listen", listen, *map(str, arguments)], env=environment(**more),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", stdin=subprocess.DEVNULL)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.base_url = self.wait_for(LISTENING).group(1)

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._lines.append("")
            self._changed.notify_all()

    @property
    def output(self):
        with self._changed:
            return "\n".join(self._lines)

    def wait_for(self, pattern, limit_s=START_LIMIT_S):
        """The first match in the output; fails when the process ends or the time is up."""
        until = time.monotonic() + limit_s
        seen = 0
        with self._changed:
            while True:
                while seen < len(self._lines):
                    match = pattern.search(self._lines[seen])
                    seen += 1
                    if match:
                        return match
                left = until - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and not self._reader.is_alive()):
                    self.process.kill()
                    raise AssertionError(f"never printed {pattern.pattern!r}:\n" + "\n".join(self._lines[-40:]))
                self._changed.wait(min(left, 0.2))

    def log(self):
        """The JSON lines among the output."""
        entries = []
        for line in self.output.splitlines():
            if line.startswith("{"):
                try:
                    entries.append(json.loads(line))
                except json.JSONDecodeError:
                    raise AssertionError(f"a log line that is not JSON: {line[:300]}") from None
        return entries

    def stop(self):
        """Asks it to end, as a service manager does, and returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"did not stop within {STOP_LIMIT_S} s:\n{self.output[-3000:]}") from None
        self._reader.join(5)
        report = SANITIZER_REPORT.search(self.output) if code else None
        assert not report, self.output[report.start():report.start() + 6000]
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()
        self._reader.join(5)

    def assert_clean(self, allowed=()):
        """No error in the log and no sanitizer report. `allowed`: parts of messages that a test provoked."""
        report = SANITIZER_REPORT.search(self.output)
        assert not report, self.output[report.start():report.start() + 6000]
        bad = [entry for entry in self.log() if str(entry.get("level", "")).lower() in ("error", "critical", "fatal")
               and not any(part in json.dumps(entry) for part in allowed)]
        assert not bad, "\n".join(json.dumps(entry) for entry in bad[:20])


def wait_for_file(path, process, limit_s):
    """Reads a JSON file as soon as it is whole."""
    until = time.monotonic() + limit_s
    while True:
        try:
            return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        except (OSError, json.JSONDecodeError):
            assert process is None or process.poll() is None, f"ended with {process.returncode} before {path} was there"
            assert time.monotonic() < until, f"{path} was not there after {limit_s} s"
            time.sleep(0.05)
