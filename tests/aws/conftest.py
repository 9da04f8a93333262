"""Fixtures of the black-box tests: a running server, clients, the clock, the aws CLI.

Each pytest worker has one server for all its tests; what keeps tests apart is that each acts as an
account of its own. A test that moves the clock (fixture `clock`) gets a second server, which such
tests share one after the other. `VIRGA_TEST_STORE` is `sqlite` (in memory, the default) or
`postgres`. A crash, a report of a sanitizer or a bad exit code fails the test during which it came.
"""

import fcntl
import json
import os
import pathlib
import random
import subprocess
import sys

import boto3
import pytest
from botocore.config import Config

from harness import Server
from harness.expect import aws_error as expect_aws_error
from harness.server import Postgres, clean_environment

REGION = "us-east-1"


def pytest_configure(config):
    config.addinivalue_line("markers", "covers(service, operation, error, is_all): what it shows")
    config.addinivalue_line("markers", "clock: the test moves the clock and has its own server")


def pytest_collection_modifyitems(items):
    for item in items:
        if "clock" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.clock)


class Pool:
    """The servers of this pytest worker, started when first needed."""

    def __init__(self):
        self._postgres = None
        self._servers = {}

    def store_options(self):
        engine = os.environ.get("VIRGA_TEST_STORE", "sqlite")
        if engine == "sqlite":
            return {"ephemeral": True}
        if engine != "postgres":
            raise ValueError(f"VIRGA_TEST_STORE is {engine!r}: neither sqlite nor postgres")
        if self._postgres is None:
            self._postgres = Postgres()
        return {"store_url": self._postgres.new_database()}

    def get(self, name):
        """The server of that name; one that died is replaced."""
        server = self._servers.get(name)
        if server is None or not server.is_running():
            if server is not None:
                server.discard()
            server = Server(**self.store_options()).start()
            self._servers[name] = server
        return server

    def running(self):
        return list(self._servers.values())

    def close(self):
        unreported = [server for server in self.running() if not server.is_reported]
        problems = [problem for server in unreported if (problem := server.stop())]
        for server in self.running():
            server.discard()
        if self._postgres is not None:
            self._postgres.stop()
        return problems


@pytest.fixture(scope="session")
def server_pool():
    pool = Pool()
    yield pool
    problems = pool.close()
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    server = getattr(item, "virga_server", None)
    if report.failed and server is not None:
        log = server.log(item.virga_log_offset)
        report.sections.append(("server log", log[-20000:] or "(nothing)"))


@pytest.fixture
def virga(server_pool, request):
    """The running server that this test talks to."""
    is_alone = request.node.get_closest_marker("clock") is not None
    server = server_pool.get("clock" if is_alone else "shared")
    request.node.virga_server = server
    request.node.virga_log_offset = server.log_size()
    yield server
    if not server.is_running() and not server.is_stopped_on_purpose:
        server.is_reported = True
        problem = server.verdict() or "the server ended by itself, with exit code 0"
        pytest.fail(f"during this test {problem}", pytrace=False)


@pytest.fixture
def new_server(server_pool, request):
    """Starts further servers, with options: new_server(strict_auth=True). Checked when it ends.

    `is_stored=True` keeps the data on disk instead of in memory (SQLite) so that it outlives a
    restart.
    """
    servers = []

    def start(is_stored=False, **options):
        store = server_pool.store_options()
        if is_stored:
            store.pop("ephemeral", None)
        server = Server(**{**store, **options})
        servers.append(server)
        request.node.virga_server = server
        request.node.virga_log_offset = 0
        return server.start()

    yield start
    problems = [problem for server in servers if (problem := server.stop())]
    for server in servers:
        server.discard()
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture
def account():
    """A fresh account: nothing of another test is in it."""
    return str(random.SystemRandom().randrange(10**11, 10**12))


@pytest.fixture
def region():
    return REGION


@pytest.fixture
def unique():
    """unique("queue") -> a name that nothing else has."""

    def make(prefix="test"):
        return f"{prefix}-{random.SystemRandom().getrandbits(48):012x}"

    return make


# Making a session reads the models of all services: once is enough.
_SESSION = boto3.Session()


@pytest.fixture
def client(virga, account):
    """client("sqs") is boto3's client, as the root of the test's account.

    Named: account, region, server; access_key, secret_key, token or `credentials` (what STS and IAM
    answer); is_validated=False sends what boto3 would refuse; `config` and everything else goes to
    boto3.
    """

    def make(service, account=account, region=REGION, server=None, credentials=None,
             access_key=None, secret_key="secret", token=None, is_validated=True, config=None,
             **more):
        if credentials:
            access_key = credentials["AccessKeyId"]
            secret_key = credentials["SecretAccessKey"]
            token = credentials.get("SessionToken")
        settings = Config(
            retries={"total_max_attempts": 1},
            connect_timeout=30,
            read_timeout=90,
            max_pool_connections=32,
            parameter_validation=is_validated,
            tcp_keepalive=False,
        )
        if config is not None:
            settings = settings.merge(config)
        more.setdefault("endpoint_url", (server or virga).endpoint)
        return _SESSION.client(
            service,
            region_name=region,
            aws_access_key_id=access_key or account,
            aws_secret_access_key=secret_key,
            aws_session_token=token,
            config=settings,
            **more,
        )

    return make


@pytest.fixture(scope="session")
def scripts():
    """tests/js, with the packages of its package.json installed, once for all workers."""
    folder = pathlib.Path(__file__).resolve().parents[1] / "js"
    with open(folder / "package.json") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = lock.read()
        stamp = folder / "node_modules" / "installed.json"
        if not stamp.exists() or stamp.read_text() != wanted:
            subprocess.run(
                ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"],
                cwd=folder,
                check=True,
            )
            stamp.write_text(wanted)
    return folder


@pytest.fixture
def aws_error():
    """The context manager `harness.aws_error`, for tests that do not import it."""
    return expect_aws_error


class Clock:
    """The server's clock. Times are told by the server, durations are such as "15m" or "1h30m"."""

    def __init__(self, server):
        self._server = server

    def advance(self, duration):
        return json.loads(self._server.command("clock", "advance", duration).stdout)

    def reset(self):
        return json.loads(self._server.command("clock", "reset").stdout)

    def now(self):
        return json.loads(self._server.command("clock").stdout)["now"]


@pytest.fixture
def clock(virga):
    clock = Clock(virga)
    yield clock
    if virga.is_running():
        clock.reset()


class CliResult:
    def __init__(self, done):
        self.returncode = done.returncode
        self.stdout = done.stdout
        self.stderr = done.stderr

    @property
    def json(self):
        return json.loads(self.stdout)


@pytest.fixture
def aws(virga, account):
    """Runs the aws CLI: aws("sqs", "list-queues").json. An exit code that is not 0 fails the test
    unless check=False."""

    def run(*arguments, account=account, region=REGION, check=True, environment=None, stdin=None):
        env = clean_environment(
            AWS_ENDPOINT_URL=virga.endpoint,
            AWS_ACCESS_KEY_ID=account,
            AWS_SECRET_ACCESS_KEY="secret",
            AWS_DEFAULT_REGION=region,
            AWS_MAX_ATTEMPTS="1",
            **(environment or {}),
        )
        # Version 1 of the CLI knows better than AWS_ENDPOINT_URL where SQS is.
        where = ["--endpoint-url", virga.endpoint] if arguments[0] == "sqs" else []
        done = subprocess.run(
            [sys.executable, "-m", "awscli", "--output", "json", *where, *map(str, arguments)],
            capture_output=True,
            text=True,
            env=env,
            input=stdin,
            timeout=120,
            check=False,
        )
        if check and done.returncode != 0:
            pytest.fail(f"aws {' '.join(map(str, arguments))}: {done.stderr}", pytrace=False)
        return CliResult(done)

    return run
