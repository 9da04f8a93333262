"""Fixtures of the SNS tests: topics, queues that take from them, an HTTP endpoint, captured mail."""

import base64
import http.server
import json
import queue
import threading
import urllib.parse
import urllib.request
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding


@pytest.fixture
def sns(client):
    return client("sns")


@pytest.fixture
def sqs(client):
    return client("sqs")


@pytest.fixture
def new_topic(sns, unique):
    """new_topic(DisplayName="x") -> its ARN; attributes by name, `fifo=True`, `tags`, `name`."""

    def make(name=None, fifo=False, tags=None, client=sns, **attributes):
        if fifo:
            attributes["FifoTopic"] = "true"
        name = name or unique("topic") + (".fifo" if fifo else "")
        more = {"Tags": tags} if tags else {}
        return client.create_topic(Name=name, Attributes=attributes, **more)["TopicArn"]

    return make


@pytest.fixture
def new_queue(sqs, unique):
    """new_queue() -> an object with url and arn; topics may send to it unless is_open=False."""

    def make(fifo=False, is_open=True, client=sqs, **attributes):
        if fifo:
            attributes["FifoQueue"] = "true"
        url = client.create_queue(QueueName=unique("queue") + (".fifo" if fifo else ""),
                                  Attributes=attributes)["QueueUrl"]
        arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn = arn["Attributes"]["QueueArn"]
        if is_open:
            policy = {"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage", "Resource": arn}]}
            client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        return SimpleNamespace(url=url, arn=arn)

    return make


@pytest.fixture
def subscribe(sns):
    """subscribe(topic, queue, RawMessageDelivery="true") -> ARN of the subscription."""

    def make(topic, target, protocol="sqs", client=sns, **attributes):
        return client.subscribe(
            TopicArn=topic, Protocol=protocol, Endpoint=getattr(target, "arn", target),
            Attributes=attributes, ReturnSubscriptionArn=True)["SubscriptionArn"]

    return make


@pytest.fixture
def receive(sqs):
    """All messages of a queue right now, deleted."""

    def get(target, client=sqs):
        found = []
        while True:
            answer = client.receive_message(
                QueueUrl=target.url, MaxNumberOfMessages=10, AttributeNames=["All"],
                MessageAttributeNames=["All"])
            if not answer.get("Messages"):
                return found
            for message in answer["Messages"]:
                client.delete_message(QueueUrl=target.url, ReceiptHandle=message["ReceiptHandle"])
                found.append(message)

    return get


@pytest.fixture
def bodies(receive):
    """Messages of a queue as parsed envelopes."""

    def get(target):
        return [json.loads(message["Body"]) for message in receive(target)]

    return get


@pytest.fixture
def captured(virga, account):
    """captured(protocol="sms") -> what left for telephones and mailboxes of this account."""

    def get(**query):
        query.setdefault("account", account)
        url = f"{virga.endpoint}/_virga/sns/messages?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url) as answer:
            return json.load(answer)["messages"]

    return get


class Endpoint:
    """A local HTTP server that keeps what it is sent and answers what it is told to."""

    def __init__(self):
        self.requests = queue.Queue()
        self.statuses = []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = owner.statuses.pop(0) if owner.statuses else 200
                owner.requests.put(SimpleNamespace(
                    path=self.path, headers=dict(self.headers), body=body.decode()))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def next(self, timeout=20):
        return self.requests.get(timeout=timeout)

    def is_quiet(self):
        return self.requests.empty()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def endpoint():
    made = Endpoint()
    yield made
    made.close()


SIGNED = {
    "Notification": ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
    "SubscriptionConfirmation": ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token",
                                 "TopicArn", "Type"],
}
SIGNED["UnsubscribeConfirmation"] = SIGNED["SubscriptionConfirmation"]


@pytest.fixture
def verify():
    """Checks a message's signature, as the developer guide says, with the published certificate."""

    def check(body):
        with urllib.request.urlopen(body["SigningCertURL"]) as answer:
            certificate = x509.load_pem_x509_certificate(answer.read())
        text = "".join(f"{name}\n{body[name]}\n" for name in SIGNED[body["Type"]] if name in body)
        algorithm = hashes.SHA256() if body["SignatureVersion"] == "2" else hashes.SHA1()
        certificate.public_key().verify(base64.b64decode(body["Signature"]), text.encode(),
                                        padding.PKCS1v15(), algorithm)

    return check
