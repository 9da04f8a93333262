"""Fixtures of the SQS tests: a client, queues, and requests of the query protocol made by hand."""

import json
import urllib.parse
import urllib.request
from urllib.error import HTTPError
from xml.etree import ElementTree

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


@pytest.fixture
def sqs(client):
    return client("sqs")


@pytest.fixture
def new_queue(sqs, unique):
    """new_queue(DelaySeconds="5") -> its URL; attributes by name, `fifo=True`, `name`, `tags`."""

    def make(name=None, fifo=False, tags=None, client=sqs, **attributes):
        if fifo:
            attributes["FifoQueue"] = "true"
        name = name or unique("queue") + (".fifo" if fifo else "")
        more = {"tags": tags} if tags else {}
        return client.create_queue(QueueName=name, Attributes=attributes, **more)["QueueUrl"]

    return make


@pytest.fixture
def arn_of(sqs):
    def get(url, client=sqs):
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return answer["Attributes"]["QueueArn"]

    return get


@pytest.fixture
def count_of(sqs):
    """(visible, in flight, delayed)"""

    def get(url):
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return tuple(int(answer[name]) for name in names)

    return get


@pytest.fixture
def receive(sqs):
    """Messages, at most ten unless told otherwise."""

    def get(url, client=sqs, **options):
        options.setdefault("MaxNumberOfMessages", 10)
        return client.receive_message(QueueUrl=url, **options).get("Messages", [])

    return get


@pytest.fixture
def with_dead_letters(new_queue, arn_of):
    """(URL of a queue, URL of its dead-letter queue)"""

    def make(count=1, fifo=False, **attributes):
        dead = new_queue(fifo=fifo)
        policy = {"deadLetterTargetArn": arn_of(dead), "maxReceiveCount": count}
        return new_queue(fifo=fifo, RedrivePolicy=json.dumps(policy), **attributes), dead

    return make


class QueryAnswer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body
        self.root = ElementTree.fromstring(body) if body.startswith(b"<") else None

    def text(self, name):
        """Text of the first element of that name, whatever its namespace."""
        for element in self.root.iter():
            if element.tag.rpartition("}")[2] == name:
                return element.text
        return None


@pytest.fixture
def query(virga, account):
    """query("SendMessage", QueueUrl=url, ...) in the protocol that old clients speak."""

    def call(action, path="/", account=account, **parameters):
        body = urllib.parse.urlencode(
            {"Action": action, "Version": "2012-11-05", **parameters}
        ).encode()
        request = AWSRequest(
            "POST",
            virga.endpoint + path,
            data=body,
            headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        )
        SigV4Auth(Credentials(account, "secret"), "sqs", "us-east-1").add_auth(request)
        wire = urllib.request.Request(
            request.url, data=body, headers=dict(request.headers), method="POST"
        )
        try:
            with urllib.request.urlopen(wire, timeout=60) as answer:
                return QueryAnswer(answer.status, answer.headers, answer.read())
        except HTTPError as error:
            return QueryAnswer(error.code, error.headers, error.read())

    return call
