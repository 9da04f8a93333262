"""The program itself: its commands, options, exit codes, pages and log."""

import json
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import pytest
from harness import Connection, Server, Signer, aws_error, find_binary
from harness.server import clean_environment, sanitizer_options

EXIT_FAILED, EXIT_USAGE, EXIT_NOT_RUNNING = 1, 2, 3


@pytest.fixture
def run(tmp_path):
    """Runs the program as a user would; gives the finished process."""

    def run(*arguments, environment=None, **options):
        env = clean_environment(**sanitizer_options(), HOME=str(tmp_path / "home"))
        return subprocess.run(
            [str(find_binary()), *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**env, **(environment or {})},
            **options,
        )

    return run


def wait_until(condition, seconds=20):
    """Polls what only the operating system knows, such as the end of a process."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_alive(pid):
    """Whether the process runs; one that ended and was not collected by its parent does not."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


# ---- usage ----


def test_version_tells_the_version(run):
    done = run("version")
    assert done.returncode == 0
    assert re.fullmatch(r"virga \d+\.\d+\.\d+\n", done.stdout)
    assert run("--version").stdout == done.stdout


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"], ["serve", "--help"]])
def test_help_names_every_command_and_option(run, words):
    done = run(*words)
    assert done.returncode == 0
    for word in ("serve", "stop", "status", "exec", "env", "reset", "snapshot", "clock", "ca",
                 "coverage", "version", "--port", "VIRGA_PORT", "--strict-auth", "exit codes"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], ""),
        (["nonsense"], "unknown command 'nonsense'"),
        (["serve", "--nonsense"], "unknown option '--nonsense'"),
        (["serve", "operand"], "serve takes no operand 'operand'"),
        (["serve", "--port"], "--port needs a value"),
        (["serve", "--port", "many"], "port: 'many' is no number"),
        (["serve", "--port", "-1"], "port: '-1' is no number"),
        (["serve", "--port", "65536"], "port: at most 65535"),
        (["serve", "--workers", "65"], "workers: at most 64"),
        (["serve", "--durability", "none"], "durability: must be process or full"),
        (["serve", "--log-format", "xml"], "log-format: must be human or json"),
        (["serve", "--ephemeral=maybe"], "ephemeral: 'maybe' is neither true nor false"),
        (["serve", "--config", "/nonexistent/virga.conf"], "cannot read /nonexistent/virga.conf"),
        (["clock", "advance"], "usage: virga clock"),
        (["clock", "sideways"], "usage: virga clock"),
        (["snapshot"], "usage: virga snapshot"),
        (["snapshot", "burn", "x"], "usage: virga snapshot"),
        (["exec"], "usage: virga exec"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_usage_is_told_and_exits_2(run, words, complaint):
    done = run(*words)
    assert done.returncode == EXIT_USAGE
    assert complaint in done.stderr or not complaint


@pytest.mark.parametrize(
    "words",
    [["stop"], ["status"], ["env"], ["reset"], ["clock"], ["clock", "advance", "1m"],
     ["snapshot", "save", "a"], ["exec", "true"]],
    ids=" ".join,
)
def test_without_a_server_commands_exit_3(run, tmp_path, words):
    done = run(words[0], "--data", tmp_path / "data", *words[1:])
    assert done.returncode == EXIT_NOT_RUNNING
    assert "nothing is running" in done.stderr


# ---- where options come from ----


def test_a_flag_wins_over_environment_over_file_over_default(new_server, tmp_path):
    config = tmp_path / "virga.conf"
    config.write_text(
        "# comment\nregion = eu-north-1\nworkers = 3   # three\naccount=111111111111\n"
    )
    env = {"VIRGA_CONFIG": str(config), "VIRGA_WORKERS": "4", "VIRGA_ACCOUNT": "222222222222"}
    server = new_server(environment=env, workers=5)
    assert server.health()["workers"] == 5
    printed = server.command("env", environment=env).stdout
    assert "AWS_ACCESS_KEY_ID='222222222222'" in printed
    assert "AWS_REGION='eu-north-1'" in printed


def test_the_config_file_of_the_data_directory_is_read(new_server, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "virga.conf").write_text("account = 333333333333\n")
    server = new_server(data_dir=data)
    assert "AWS_ACCESS_KEY_ID='333333333333'" in server.command("env").stdout


@pytest.mark.parametrize("line", ["nonsense = 1", "nonsense", "port = many"])
def test_a_bad_config_file_is_told(run, tmp_path, line):
    config = tmp_path / "bad.conf"
    config.write_text(line + "\n")
    done = run("serve", "--config", config)
    assert done.returncode == EXIT_USAGE
    assert line.split()[0] in done.stderr


# ---- starting and ending ----


def test_a_detached_server_serves_until_it_is_stopped(run, tmp_path):
    data = tmp_path / "deep" / "data"
    started = run("serve", "--detach", "--port", "0", "--data", data)
    assert started.returncode == 0
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", started.stdout)
    status = run("status", "--data", data)
    assert status.returncode == 0
    health = json.loads(status.stdout)
    assert health["status"] == "running"
    stopped = run("stop", "--data", data)
    assert stopped.returncode == 0
    assert not is_alive(health["pid"]), "stop waits for the end"
    assert run("status", "--data", data).returncode == EXIT_NOT_RUNNING
    assert "ending on signal" in (data / "virga.log").read_text()


def test_a_detached_server_that_cannot_start_says_where_to_look(run, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "--detach", "--port", port, "--data", tmp_path)
    assert done.returncode == EXIT_FAILED
    assert "virga.log" in done.stderr
    assert "cannot listen on 127.0.0.1" in (tmp_path / "virga.log").read_text()


def test_a_second_server_on_the_data_directory_is_refused(run, new_server):
    server = new_server()
    done = run("serve", "--port", "0", "--data", server.data_dir)
    assert done.returncode == EXIT_FAILED
    assert "already running on this data directory" in done.stderr


def test_a_second_server_on_the_port_is_refused(run, new_server, tmp_path):
    server = new_server()
    done = run("serve", "--port", server.port, "--data", tmp_path)
    assert done.returncode == EXIT_FAILED
    assert f"port {server.port}: Address already in use" in done.stderr


def test_a_killed_server_leaves_nothing_in_the_way(new_server, client, account):
    server = new_server(is_stored=True)
    url = client("sqs", server=server).create_queue(QueueName="kept")["QueueUrl"]
    server.kill()
    assert server.command("status", check=False).returncode == EXIT_NOT_RUNNING
    server.start()
    queues = client("sqs", server=server).list_queues()["QueueUrls"]
    assert [queue.rsplit("/", 1)[1] for queue in queues] == [url.rsplit("/", 1)[1]]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_end_it_in_good_order(new_server, number):
    server = new_server()
    server.is_stopped_on_purpose = True
    server.process.send_signal(number)
    assert server.process.wait(20) == 0
    assert not (server.data_dir / "virga.run").exists()


def test_what_waits_is_answered_when_the_server_ends(new_server, client):
    server = new_server()
    sqs = client("sqs", server=server)
    url = sqs.create_queue(QueueName="slow")["QueueUrl"]
    answers = []

    def receive():
        # A client may well ask again, elsewhere or later: this status is what SDKs retry on.
        with aws_error("ServiceUnavailable", http_status=503) as error:
            sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
        answers.append(error.message)

    thread = threading.Thread(target=receive)
    thread.start()
    wait_until(lambda: "virga_waiting_calls 1" in server.page("/metrics"))
    started = time.monotonic()
    assert server.stop() is None
    thread.join(20)
    assert time.monotonic() - started < 10, "the long poll was waited for"
    assert answers == ["The server is shutting down."]


def test_stop_waits_for_a_request_under_way(new_server, account):
    # A client that has sent half of its request has the grace period for the rest.
    server = new_server()
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    form = {"content-type": "application/x-www-form-urlencoded", "expect": "100-continue"}
    with Connection(server) as connection:
        headers = Signer(account).headers(connection.host, body=body, headers=form)
        connection.send_request("POST", "/", headers, b"", length=len(body))
        assert connection.read_response().status == 100, "the head was read"
        server.is_stopped_on_purpose = True
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "ending on signal" in server.log())
        connection.send(body)
        assert connection.read_response().status == 200
    assert server.process.wait(20) == 0


# ---- exec and env ----


def test_exec_runs_a_command_that_talks_to_the_server(virga, account):
    done = virga.command(
        "exec", f"--account={account}", "--region=eu-west-1", "--", "sh", "-c",
        'echo "$AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID $AWS_REGION $AWS_DEFAULT_REGION"; exit 7',
        check=False,
    )
    assert done.returncode == 7, "the command's exit code is exec's"
    assert done.stdout.split() == [virga.endpoint, account, "eu-west-1", "eu-west-1"]


def test_exec_forgets_what_would_steer_a_client_elsewhere(virga):
    done = virga.command(
        "exec", "--", "sh", "-c", 'echo "[$AWS_PROFILE][$AWS_SESSION_TOKEN]"',
        environment={"AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "secret"},
    )
    assert done.stdout == "[][]\n"


def test_exec_of_what_is_not_there_is_127(virga):
    done = virga.command("exec", "--", "no-such-command-at-all", check=False)
    assert done.returncode == 127
    assert "cannot run no-such-command-at-all" in done.stderr


def test_env_is_what_a_shell_can_evaluate(virga, account):
    printed = virga.command("env", f"--account={account}").stdout
    done = subprocess.run(
        ["sh", "-c", 'eval "$1"; echo "$AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID"', "sh", printed],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [virga.endpoint, account]


# ---- state ----


def test_reset_forgets_everything(new_server, client):
    server = new_server()
    sqs = client("sqs", server=server)
    sqs.create_queue(QueueName="gone")
    server.command("reset")
    assert "QueueUrls" not in sqs.list_queues()
    sqs.create_queue(QueueName="new")
    assert len(sqs.list_queues()["QueueUrls"]) == 1


@pytest.fixture
def sqlite_server(tmp_path):
    """Snapshots are of the SQLite store, whichever store the other tests use."""
    server = Server(data_dir=tmp_path / "data").start()
    yield server
    assert server.stop() is None


def test_a_snapshot_brings_the_state_back(sqlite_server, client):
    server = sqlite_server
    client("sqs", server=server).create_queue(QueueName="before")
    server.command("snapshot", "save", "one")
    client("sqs", server=server).create_queue(QueueName="after")
    listed = server.command("snapshot", "list").stdout
    assert re.search(r"^one\s+\d{4}-\d\d-\d\dT\S+ \d+ bytes$", listed, re.MULTILINE)
    assert server.stop() is None
    server.command("snapshot", "load", "one")
    server.start()
    queues = client("sqs", server=server).list_queues()["QueueUrls"]
    assert [url.rsplit("/", 1)[1] for url in queues] == ["before"]


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".", "a" * 65])
def test_a_snapshot_has_a_plain_name(sqlite_server, name):
    done = sqlite_server.command("snapshot", "save", name, check=False)
    assert done.returncode == EXIT_FAILED
    assert "a snapshot's name is" in done.stderr


def test_a_snapshot_is_not_overwritten(sqlite_server):
    sqlite_server.command("snapshot", "save", "one")
    done = sqlite_server.command("snapshot", "save", "one", check=False)
    assert done.returncode == EXIT_FAILED
    assert "a snapshot of that name exists" in done.stderr


def test_a_running_server_keeps_its_state(sqlite_server):
    sqlite_server.command("snapshot", "save", "one")
    done = sqlite_server.command("snapshot", "load", "one", check=False)
    assert done.returncode == EXIT_FAILED
    assert "stop the server before" in done.stderr


def test_a_missing_snapshot_is_told(run, tmp_path):
    done = run("snapshot", "--data", tmp_path, "load", "nothing")
    assert done.returncode == EXIT_FAILED
    assert "there is none of that name" in done.stderr


# ---- clock ----


@pytest.mark.parametrize(
    ("duration", "milliseconds"),
    [("90s", 90_000), ("15m", 900_000), ("1h30m", 5_400_000), ("2d", 172_800_000),
     ("1w", 604_800_000), ("250ms", 250), ("45", 45_000)],
)
def test_the_clock_moves_by_a_duration(virga, clock, duration, milliseconds):
    assert clock.advance(duration)["offset_ms"] == milliseconds
    assert virga.health()["clock_offset_ms"] == milliseconds


def test_the_clock_adds_up_and_resets(clock):
    clock.advance("1h")
    assert clock.advance("30m")["offset_ms"] == 5_400_000
    assert clock.reset()["offset_ms"] == 0


@pytest.mark.parametrize("duration", ["soon", "15x", "m", "", "99999999999999999999d", "1.5h"])
def test_what_is_no_duration_is_told(virga, duration):
    done = virga.command("clock", "advance", duration, check=False)
    assert done.returncode == EXIT_FAILED
    assert "advance takes a duration" in done.stderr


def test_the_clock_survives_a_restart(new_server):
    server = new_server(is_stored=True)
    server.command("clock", "advance", "1h")
    assert server.stop() is None
    server.start()
    assert server.health()["clock_offset_ms"] == 3_600_000


# ---- pages and log ----


def test_health_tells_what_runs(virga):
    health = virga.health()
    assert health["pid"] == virga.process.pid
    assert health["store"] in ("sqlite", "postgresql")
    assert "sts" in health["services"]
    assert health["uptime_ms"] >= 0


def test_metrics_count_requests_and_errors(new_server, client):
    server = new_server()
    sts = client("sts", server=server, is_validated=False)
    sts.get_caller_identity()
    sts.get_caller_identity()
    with pytest.raises(sts.exceptions.ClientError):
        sts.get_access_key_info(AccessKeyId="x")
    metrics = server.page("/metrics")
    assert 'virga_requests_total{service="sts",operation="GetCallerIdentity"} 2\n' in metrics
    assert (
        'virga_request_errors_total{service="sts",operation="GetAccessKeyInfo",fault="client"} 1\n'
        in metrics
    )
    assert re.search(r"^process_resident_memory_bytes [1-9]\d+$", metrics, re.MULTILINE)
    for line in metrics.splitlines():
        assert re.fullmatch(r"#.*|[a-z_]+(\{([a-z_]+=\"[^\"]*\",?)*\})? -?\d+", line), line


@pytest.mark.parametrize("page", ["clock?advance=1h", "reset", "snapshot?name=x"])
def test_a_web_page_cannot_steer_the_server(virga, page):
    # A browser can be made to POST anywhere, but not with a header of ours.
    request = f"POST /_virga/{page} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    with socket.create_connection(("127.0.0.1", virga.port), 20) as connection:
        connection.sendall(request.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 403 ")


def test_a_page_that_is_not_there_is_404(virga):
    with socket.create_connection(("127.0.0.1", virga.port), 20) as connection:
        connection.sendall(b"GET /_virga/nothing HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 404 ")


def request_lines(server):
    server.stop()
    return [line for line in server.log().splitlines() if "request" in line and "sts" in line]


def test_a_request_is_a_line_of_the_log(new_server, client, account):
    server = new_server()
    answer = client("sts", server=server).get_caller_identity()
    (line,) = request_lines(server)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info  request service=sts "
        rf"operation=GetCallerIdentity account={account} region=us-east-1 status=200 us=\d+ "
        rf"request={answer['ResponseMetadata']['RequestId']}",
        line,
    )


def test_a_request_is_an_object_in_a_json_log(new_server, client, account):
    server = new_server(log_format="json")
    with pytest.raises(Exception, match="ValidationError"):
        client("sts", server=server, is_validated=False).get_access_key_info(AccessKeyId="x")
    (line,) = request_lines(server)
    event = json.loads(line)
    assert event["service"] == "sts"
    assert event["operation"] == "GetAccessKeyInfo"
    assert event["account"] == account
    assert event["status"] == 400
    assert event["error"] == "ValidationException"


@pytest.mark.parametrize("options", [{"log_requests": False}, {"log_level": "warn"}], ids=str)
def test_request_lines_can_be_turned_off(new_server, client, options):
    server = new_server(**options)
    client("sts", server=server).get_caller_identity()
    assert request_lines(server) == []


def test_the_log_has_no_secrets(new_server, client):
    server = new_server(log_level="debug")
    session = client("sts", server=server).get_session_token()["Credentials"]
    client("sts", server=server, credentials=session).get_caller_identity()
    server.stop()
    assert session["SecretAccessKey"] not in server.log()
    assert session["SessionToken"] not in server.log()


# ---- coverage ----


def test_coverage_is_a_table_of_what_runs(run, virga):
    done = run("coverage")
    assert done.returncode == 0
    rows = done.stdout.splitlines()
    assert rows[0] == "| service | operations | of | CloudFormation types |"
    assert len(rows) - 2 == len(virga.health()["services"])
    for row in rows[2:]:
        counts = re.fullmatch(r"\| .+ \| (\d+) \| (\d+) \| .*\|", row)
        implemented, known = map(int, counts.groups())
        assert 0 < implemented <= known


def test_coverage_names_what_is_missing(run):
    missing = run("coverage", "missing").stdout.splitlines()
    assert "sts AssumeRoot" in missing
    assert "sts GetCallerIdentity" not in missing
