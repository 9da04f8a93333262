"""A server under test: started, watched, stopped, and its last words read."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]

START_SECONDS = 60  # a sanitizer build on a busy machine
STOP_SECONDS = 30

# Whatever of this is in the log of a server fails the run.
DEFECTS = re.compile(
    r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|MemorySanitizer|runtime error:|check failed)"
)


def find_binary():
    """VIRGA_BINARY, else the sanitizer build, else the optimised one."""
    asked = os.environ.get("VIRGA_BINARY")
    candidates = [ROOT / "build/test/virga", ROOT / "build/virga"]
    if asked:
        candidates = [pathlib.Path(asked)]
    for candidate in candidates:
        if candidate.is_file():
            return candidate.resolve()
    raise FileNotFoundError(f"no virga program at {', '.join(map(str, candidates))}; run make unit")


def clean_environment(**more):
    """The environment without anything that would steer a client or the program elsewhere."""
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "VIRGA_", "BOTO_")) and not name.lower().endswith("_proxy")
    }
    env.update(
        AWS_CONFIG_FILE="/dev/null",
        AWS_SHARED_CREDENTIALS_FILE="/dev/null",
        AWS_EC2_METADATA_DISABLED="true",
        AWS_PAGER="",
    )
    env.update(more)
    return env


def sanitizer_options():
    """Reports go to stderr, and a report ends the program with a code that is never 0."""
    suppressions = ROOT / "tests/tsan.supp"
    options = {
        "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "TSAN_OPTIONS": "halt_on_error=0:exitcode=66:second_deadlock_stack=1",
    }
    if suppressions.exists():
        options["TSAN_OPTIONS"] += f":suppressions={suppressions}"
    return options


class Postgres:
    """A throw-away PostgreSQL, with a fresh database for every server that asks."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vpg", dir="/tmp"))
        self.dir.chmod(0o755)  # started by root, the server runs as another user
        self._script = str(ROOT / "tests/unit/pg_server.sh")
        self._count = 0
        started = subprocess.run(
            [self._script, "start", str(self.dir / "pg"), str(os.getpid())],
            capture_output=True,
            text=True,
            check=False,
        )
        if started.returncode != 0:
            raise RuntimeError(f"PostgreSQL did not start: {started.stderr}")
        self.url = started.stdout.strip()

    def new_database(self):
        self._count += 1
        name = f"virga{self._count}"
        subprocess.run(
            ["psql", "-q", "-v", "ON_ERROR_STOP=1", self.url, "-c", f"CREATE DATABASE {name}"],
            check=True,
            capture_output=True,
        )
        return self.url.replace("/postgres?", f"/{name}?", 1)

    def stop(self):
        subprocess.run([self._script, "stop", str(self.dir / "pg")], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)


class Server:
    """One running virga with a data directory of its own.

    Options are those of `virga serve`, with underscores: Server(strict_auth=True, port=4566).
    """

    def __init__(self, binary=None, data_dir=None, store_url=None, environment=None, **options):
        self.binary = pathlib.Path(binary) if binary else find_binary()
        self._owns_dir = data_dir is None
        self.data_dir = pathlib.Path(data_dir or tempfile.mkdtemp(prefix="virga-test-"))
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.store_url = store_url
        self.options = options
        self.environment = clean_environment(**sanitizer_options(), **(environment or {}))
        self.log_path = self.data_dir / "server.log"
        self.process = None
        self.endpoint = None
        self.port = None
        self.is_stopped_on_purpose = False
        self.is_reported = False  # its end was told to a test already

    def command_line(self):
        options = {"port": 0, "workers": 2, "xray_port": 0, **self.options}
        if self.store_url:
            options["store"] = self.store_url
        line = [str(self.binary), "serve", f"--data={self.data_dir}"]
        for name, value in options.items():
            text = str(value).lower() if isinstance(value, bool) else value
            line.append(f"--{name.replace('_', '-')}={text}")
        return line

    def start(self):
        """Returns when requests are taken; the first line on stdout says so and where."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command_line(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self.environment,
                text=True,
                start_new_session=True,
            )
        timer = threading.Timer(START_SECONDS, self.process.kill)
        timer.start()
        try:
            line = self.process.stdout.readline().strip()
        finally:
            timer.cancel()
        if not line.startswith("http://"):
            self.process.wait()
            raise RuntimeError(
                f"the server did not start (exit code {self.process.returncode}):\n{self.log()}"
            )
        self.endpoint = line
        self.port = int(line.rsplit(":", 1)[1])
        self.is_stopped_on_purpose = False
        return self

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """As a crash does: no chance to finish anything."""
        self.is_stopped_on_purpose = True
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        """Ends it in good order. Returns what was wrong with the server's life, or None."""
        if self.process is None:
            return None
        self.is_stopped_on_purpose = True
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGABRT)
                self.process.wait()
                late = f"the server did not end within {STOP_SECONDS} s of SIGTERM"
                return f"{late}\n{self.log()[-8000:]}"
        self.process.stdout.close()
        return self.verdict()

    def verdict(self):
        """What was wrong, judged by exit code and log; None when all was well."""
        code = self.process.poll()
        log = self.log()
        found = DEFECTS.search(log)
        if found:
            around = log[max(0, found.start() - 500) :][:12000]
            return f"the server reported a defect (exit code {code}):\n{around}"
        if code not in (None, 0):
            return f"the server ended with exit code {code}:\n{log[-8000:]}"
        return None

    def discard(self):
        """Removes the data directory that was made for this server."""
        if self._owns_dir:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def log_size(self):
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def log(self, offset=0):
        if not self.log_path.exists():
            return ""
        with open(self.log_path, "rb") as file:
            file.seek(offset)
            return file.read().decode(errors="replace")

    def command(self, *arguments, check=True, environment=None, **options):
        """Runs a subcommand on this server's data directory."""
        name, *operands = arguments
        done = subprocess.run(
            [str(self.binary), name, f"--data={self.data_dir}", *map(str, operands)],
            capture_output=True,
            text=True,
            env={**self.environment, **(environment or {})},
            timeout=120,
            check=False,
            **options,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"virga {name} ended with {done.returncode}: {done.stderr}")
        return done

    def page(self, path):
        """GET of one of the program's own pages."""
        with urllib.request.urlopen(self.endpoint + path, timeout=30) as answer:
            return answer.read().decode()

    def health(self):
        return json.loads(self.page("/_virga/health"))
