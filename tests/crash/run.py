"""run.py - kills the server again and again under load, and looks for what it had promised.

usage: tests/crash/run.py [--kills N] [--store sqlite|postgres] [--seed N] [--binary PROGRAM]

While threads send messages, delete messages, create and delete stacks, write, copy and delete
objects, the server is ended by SIGKILL at random moments and started again. At the end:

  1. every message whose sending was acknowledged is there, once, exactly as sent;
  2. nothing is there that was not sent;
  3. no message is there whose deletion was acknowledged;
  4. the database passes its own integrity check (SQLite);
  5. every stack that was accepted ended: what is CREATE_COMPLETE has all its queues, what was
     deleted or rolled back has none;
  6. every object reads back byte for byte as it was acknowledged, or as an operation without an
     answer may have left it; after another start no file is there that no row names (SQLite).

Needs the packages of tests/requirements-test.txt. Exit code 1 says that a promise was broken.
"""

import argparse
import hashlib
import json
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/aws"))

import boto3  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.exceptions import BotoCoreError, ClientError  # noqa: E402
from harness.raw import Connection  # noqa: E402
from harness.server import Postgres, Server  # noqa: E402
from harness.sigv4 import Signer  # noqa: E402
from objects import Broken as BrokenObject  # noqa: E402
from objects import WRITERS, Objects, check_bodies  # noqa: E402

ACCOUNT = "123456789012"
REGION = "us-east-1"
SENDERS = 4
LIFE_SECONDS = (0.05, 1.2)  # of the server, between start and kill
SETTLE_SECONDS = 120  # for the stacks, once the server is left alone
STACK_QUEUES = 3


class Broken(Exception):
    """A promise that the server did not keep."""


class Sqs:
    """SQS by hand: as fast as one thread can, and each request either answered or not."""

    def __init__(self, load):
        self._load = load
        self._connection = None

    def call(self, operation, **arguments):
        """The answer, or None when none came; then nobody knows whether it was done."""
        body = json.dumps(arguments).encode()
        try:
            if self._connection is None:
                self._connection = Connection(self._load.server)
            headers = Signer(ACCOUNT, service="sqs", region=REGION).headers(
                self._connection.host,
                body=body,
                headers={
                    "content-type": "application/x-amz-json-1.0",
                    "x-amz-target": f"AmazonSQS.{operation}",
                },
            )
            self._connection.send_request("POST", "/", headers, body)
            response = self._connection.read_response()
        except (OSError, EOFError):
            self._connection = None
            time.sleep(0.01)  # the server is dead; another is on its way
            return None
        if response.status == 503:
            return None
        if response.status != 200:
            raise Broken(f"{operation} was answered {response!r}")
        return response.json()


class Load:
    """What runs against the server, and what the server has promised."""

    def __init__(self, server, seed):
        self.server = server
        self.seed = seed
        self.is_over = False
        self.kept_url = self.drained_url = None
        self.trouble = []
        self._lock = threading.Lock()
        self.tried = {}  # message number -> body
        self.acknowledged = {}  # message number -> message id
        self.drained = set()  # bodies whose deletion was acknowledged
        self.stacks = {}  # name -> "created" or "deleted", as acknowledged
        self.stacks_tried = set()
        self.objects = Objects(self)

    def url(self, name):
        answer = None
        while answer is None:
            answer = Sqs(self).call("CreateQueue", QueueName=name)
        return answer["QueueUrl"]

    def start(self, with_stacks):
        self.kept_url = self.url("kept")
        self.drained_url = self.url("drained")
        self.objects.prepare()
        jobs = [(self.send, number) for number in range(SENDERS)] + [(self.drain, 0)]
        jobs += [(self.objects.write, number) for number in range(WRITERS)]
        if with_stacks:
            jobs.append((self.make_stacks, 0))
        self._threads = [
            threading.Thread(target=self._guard, args=job, daemon=True) for job in jobs
        ]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self.is_over = True
        for thread in self._threads:
            thread.join(60)
            if thread.is_alive():
                self.trouble.append("a client hangs: neither answer nor end of connection")

    def _guard(self, job, number):
        try:
            job(number)
        except Exception as error:  # whatever it is must end the run with code 1
            self.trouble.append(f"{job.__name__}: {error!r}")

    def send(self, sender):
        """Messages with a text that says what it must be, some of them long, some with letters."""
        sqs = Sqs(self)
        rng = random.Random(self.seed * 1000 + sender)
        count = 0
        while not self.is_over:
            key = f"{sender}/{count}"
            count += 1
            body = f"{key} " + "äλ€𝄞x"[rng.randrange(5)] * rng.choice([0, 1, 100, 5000])
            self.tried[key] = body
            answer = sqs.call(
                "SendMessage",
                QueueUrl=self.kept_url,
                MessageBody=body,
                MessageAttributes={"key": {"DataType": "String", "StringValue": key}},
            )
            if answer is not None:
                if answer["MD5OfMessageBody"] != hashlib.md5(body.encode()).hexdigest():
                    raise Broken(f"another digest than that of {body[:40]!r}")
                self.acknowledged[key] = answer["MessageId"]

    def drain(self, _):
        """Sends, receives and deletes; whose deletion was acknowledged never comes again."""
        sqs = Sqs(self)
        count = 0
        while not self.is_over:
            sqs.call("SendMessage", QueueUrl=self.drained_url, MessageBody=f"d{count}")
            count += 1
            answer = sqs.call("ReceiveMessage", QueueUrl=self.drained_url, MaxNumberOfMessages=10)
            for message in (answer or {}).get("Messages", []):
                if message["Body"] in self.drained:
                    raise Broken(f"{message['Body']} came again after it was deleted")
                handle = message["ReceiptHandle"]
                deleted = sqs.call(
                    "DeleteMessage", QueueUrl=self.drained_url, ReceiptHandle=handle
                )
                if deleted is not None:
                    self.drained.add(message["Body"])

    def boto(self, service):
        return boto3.client(
            service,
            endpoint_url=self.server.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=30, connect_timeout=5),
        )

    def make_stacks(self, _):
        rng = random.Random(self.seed)
        count = 0
        while not self.is_over:
            try:
                cloudformation = self.boto("cloudformation")
                ready = [name for name, state in self.stacks.items() if state == "created"]
                if ready and rng.random() < 0.3:
                    name = rng.choice(ready)
                    # From here on the stack may be gone, whether or not we hear of it.
                    self.stacks[name] = "deleting"
                    cloudformation.delete_stack(StackName=name)
                    self.stacks[name] = "deleted"
                    continue
                name = f"stack-{count}"
                count += 1
                self.stacks_tried.add(name)
                cloudformation.create_stack(StackName=name, TemplateBody=template(name))
                self.stacks[name] = "created"
            except (BotoCoreError, ClientError, OSError) as error:
                self._check_excuse(error)
            time.sleep(0.05)

    @staticmethod
    def _check_excuse(error):
        """Only the end of the server excuses an answer that is an error."""
        if isinstance(error, ClientError):
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status != 503:
                raise Broken(f"a stack operation was answered {error}")


def queue_names(stack):
    return [f"{stack}-queue-{number}" for number in range(STACK_QUEUES)]


def template(stack):
    """Queues, each of which waits for the one before."""
    resources = {}
    for number, name in enumerate(queue_names(stack)):
        resource = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}
        if number:
            resource["DependsOn"] = f"Queue{number - 1}"
        resources[f"Queue{number}"] = resource
    return json.dumps({"Resources": resources})


def check_messages(load):
    """Empties the queue and compares. Gives the number of messages found."""
    sqs = Sqs(load)
    found = {}
    while True:
        answer = sqs.call(
            "ReceiveMessage",
            QueueUrl=load.kept_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=43200,
            MessageAttributeNames=["All"],
        )
        if answer is None:
            raise Broken("the server does not answer while nobody kills it")
        messages = answer.get("Messages", [])
        if not messages:
            break
        for message in messages:
            key = message["Body"].split(" ")[0]
            if key in found:
                raise Broken(f"message {key} is there twice")
            if load.tried.get(key) != message["Body"]:
                raise Broken(f"nobody sent {message['Body'][:80]!r}")
            if message["MessageAttributes"]["key"]["StringValue"] != key:
                raise Broken(f"message {key} has the attribute of another")
            if load.acknowledged.get(key, message["MessageId"]) != message["MessageId"]:
                raise Broken(f"message {key} has another id than was acknowledged")
            found[key] = True
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
            for number, message in enumerate(messages)
        ]
        sqs.call("DeleteMessageBatch", QueueUrl=load.kept_url, Entries=entries)
    lost = sorted(set(load.acknowledged) - set(found))
    if lost:
        raise Broken(f"{len(lost)} acknowledged messages are lost: {', '.join(lost[:10])}")
    return len(found)


def stack_states(cloudformation):
    """{name: status} of every stack, deleted ones included, the newest of a name."""
    states = {}
    for page in cloudformation.get_paginator("list_stacks").paginate():
        for summary in page["StackSummaries"]:
            states.setdefault(summary["StackName"], summary["StackStatus"])
    return states


def check_stacks(load):
    """Waits until every stack has ended, then looks for its queues."""
    cloudformation = load.boto("cloudformation")
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        states = stack_states(cloudformation)
        running = {name: state for name, state in states.items() if state.endswith("IN_PROGRESS")}
        if not running:
            break
        if time.monotonic() > deadline:
            raise Broken(f"stacks that neither go on nor back: {running}")
        time.sleep(0.2)
    queues = set()
    pages = load.boto("sqs").get_paginator("list_queues").paginate(MaxResults=1000)
    for page in pages:
        queues |= {url.rsplit("/", 1)[1] for url in page.get("QueueUrls", [])}
    for name, promised in load.stacks.items():
        if name not in states:
            raise Broken(f"stack {name} was accepted and is not known")
        if promised == "deleted" and states[name] != "DELETE_COMPLETE":
            raise Broken(f"the deletion of {name} was accepted; it is {states[name]}")
    for name, state in states.items():
        existing = [queue for queue in queue_names(name) if queue in queues]
        wanted = STACK_QUEUES if state == "CREATE_COMPLETE" else 0
        if state not in ("CREATE_COMPLETE", "ROLLBACK_COMPLETE", "DELETE_COMPLETE"):
            raise Broken(f"stack {name} ended as {state}")
        if len(existing) != wanted:
            raise Broken(f"stack {name} is {state} and has the queues {existing}")
    return len(states)


def check_database(data_dir):
    """SQLite's own verdict on every database of the data directory."""
    databases = [
        path for path in data_dir.rglob("*")
        if path.is_file() and path.read_bytes()[:16] == b"SQLite format 3\0"
    ]
    if not databases:
        raise Broken(f"there is no database in {data_dir}")
    for path in databases:
        connection = sqlite3.connect(path)
        verdict = connection.execute("PRAGMA integrity_check").fetchall()
        connection.close()
        if verdict != [("ok",)]:
            raise Broken(f"{path.name} is damaged: {verdict[:5]}")


def kill_while_starting(server, rng):
    """Even the recovery from a crash may be ended by one."""
    with open(server.log_path, "ab") as log:
        process = subprocess.Popen(
            server.command_line(), stdout=subprocess.DEVNULL, stderr=log, env=server.environment
        )
    time.sleep(rng.uniform(0, 0.1))
    process.kill()
    process.wait()


def stop(server):
    problem = server.stop()
    if problem:
        raise Broken(problem)


def run(arguments, server):
    rng = random.Random(arguments.seed)
    load = Load(server, arguments.seed)
    server.start()
    load.start(with_stacks=not arguments.no_stacks)
    slowest = 0.0
    for _ in range(arguments.kills):
        time.sleep(rng.uniform(*LIFE_SECONDS))
        if not server.is_running():
            raise Broken(f"the server ended by itself\n{server.log()[-8000:]}")
        server.kill()
        if rng.random() < 0.2:
            kill_while_starting(server, rng)
        started = time.monotonic()
        server.start()
        slowest = max(slowest, time.monotonic() - started)
        if load.trouble:
            break
    load.stop()
    if load.trouble:
        raise Broken("; ".join(load.trouble))
    messages = check_messages(load)
    stacks = 0 if arguments.no_stacks else check_stacks(load)
    objects = load.objects.check()
    stop(server)
    if arguments.store == "sqlite":
        check_database(server.data_dir)
        server.start()
        stop(server)
        check_bodies(server.data_dir)
    writes = sum(writer.acknowledged for writer in load.objects.writers)
    print(
        f"{arguments.kills} kills: {messages} messages there, {len(load.acknowledged)} of them "
        f"acknowledged, {len(load.drained)} deletions kept, {stacks} stacks ended, {objects} objects "
        f"there after {writes} acknowledged writes; "
        f"slowest restart {slowest:.2f} s"
    )


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time")
    parser.add_argument("--binary", type=pathlib.Path, default=None)
    parser.add_argument("--no-stacks", action="store_true", help="messages only")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if arguments.seed is None:
        arguments.seed = random.SystemRandom().randrange(10**6)
    print(f"seed {arguments.seed}, store {arguments.store}", flush=True)
    data_dir = pathlib.Path(tempfile.mkdtemp(prefix="virga-crash-"))
    postgres = Postgres() if arguments.store == "postgres" else None
    url = postgres.new_database() if postgres else None
    server = Server(arguments.binary, data_dir=data_dir, store_url=url, log_requests=False)
    try:
        run(arguments, server)
    except (Broken, BrokenObject) as broken:
        print(f"broken promise: {broken}\nthe data directory is left in {data_dir}")
        print(server.log()[-4000:])
        return 1
    finally:
        if server.is_running():
            server.kill()
        if postgres:
            postgres.stop()
    shutil.rmtree(data_dir, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
