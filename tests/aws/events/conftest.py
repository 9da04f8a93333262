"""Fixtures of the EventBridge tests: clients, queues that rules may send to, and what arrived."""

import json
import time

import pytest


@pytest.fixture
def events(client):
    return client("events")


@pytest.fixture
def sqs(client):
    return client("sqs")


class Queue:
    """A queue that EventBridge may send to."""

    def __init__(self, sqs, name, is_open=True, **attributes):
        self._sqs = sqs
        self.url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        answer = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn = answer["Attributes"]["QueueArn"]
        if is_open:
            self.allow()

    def allow(self, principal=None, **condition):
        statement = {
            "Effect": "Allow",
            "Principal": principal or {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self.arn,
            **({"Condition": condition} if condition else {}),
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self._sqs.set_queue_attributes(
            QueueUrl=self.url, Attributes={"Policy": json.dumps(policy)}
        )

    def messages(self):
        """All messages that are there, removed."""
        found = []
        while True:
            batch = self._sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            for message in batch:
                self._sqs.delete_message(
                    QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                )
            found += batch
            if not batch:
                return found

    def bodies(self):
        return [message["Body"] for message in self.messages()]

    def events(self):
        return [json.loads(body) for body in self.bodies()]

    def wait(self, count=1):
        """Bodies of messages that workflows bring, as soon as there are so many."""
        found = []
        until = time.monotonic() + 20
        while len(found) < count:
            if time.monotonic() > until:
                pytest.fail(f"{len(found)} of {count} messages came: {found}")
            answer = self._sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=1,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            for message in answer.get("Messages", []):
                self._sqs.delete_message(
                    QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                )
                found.append(message)
        return found


@pytest.fixture
def new_queue(sqs, unique):
    """new_queue() is open to EventBridge; new_queue(is_open=False, client=other) is not."""

    def make(is_open=True, fifo=False, client=sqs, **attributes):
        name = unique("queue") + (".fifo" if fifo else "")
        if fifo:
            attributes |= {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        return Queue(client, name, is_open, **attributes)

    return make


@pytest.fixture
def new_rule(events, unique):
    """new_rule({"source": ["x"]}, queue.arn) -> its name; targets are ARNs or whole targets."""

    def make(pattern, *targets, client=events, bus=None, **more):
        name = unique("rule")
        where = {"EventBusName": bus} if bus else {}
        if pattern is not None:
            more["EventPattern"] = json.dumps(pattern)
        client.put_rule(Name=name, **where, **more)
        if targets:
            entries = [
                {"Id": str(i), **({"Arn": target} if isinstance(target, str) else target)}
                for i, target in enumerate(targets)
            ]
            answer = client.put_targets(Rule=name, Targets=entries, **where)
            assert answer["FailedEntryCount"] == 0, answer
        return name

    return make


@pytest.fixture
def put(events):
    """put(Source="a", Detail={"x": 1}) -> the event's id."""

    def one(client=events, Source="app", DetailType="Thing", Detail=None, **more):
        detail = json.dumps(Detail if Detail is not None else {})
        entry = {"Source": Source, "DetailType": DetailType, "Detail": detail, **more}
        answer = client.put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0, answer
        return answer["Entries"][0]["EventId"]

    return one
