"""Fixtures of the Scheduler tests: a client, a role that schedules may use, queues."""

import json
import time

import pytest


@pytest.fixture
def scheduler(client):
    return client("scheduler")


@pytest.fixture
def sqs(client):
    return client("sqs")


@pytest.fixture
def new_role(client, unique):
    """new_role("sqs:*") -> ARN of a role that the Scheduler may assume."""

    def make(action="*", resource="*", condition=None):
        iam = client("iam")
        name = unique("role")
        trust = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"},
                 "Action": "sts:AssumeRole", **({"Condition": condition} if condition else {})}
        allow = {"Effect": "Allow", "Action": action, "Resource": resource}
        arn = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
        )["Role"]["Arn"]
        iam.put_role_policy(
            RoleName=name, PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}),
        )
        return arn

    return make


class Queue:
    def __init__(self, sqs, name, **attributes):
        self._sqs = sqs
        self.url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        answer = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn = answer["Attributes"]["QueueArn"]

    def messages(self, count=0):
        """Messages that are there, removed; waits until there are `count`."""
        found = []
        until = time.monotonic() + 20
        while True:
            batch = self._sqs.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=10, AttributeNames=["All"],
                MessageAttributeNames=["All"], WaitTimeSeconds=1 if len(found) < count else 0,
            ).get("Messages", [])
            for message in batch:
                self._sqs.delete_message(
                    QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                )
            found += batch
            if not batch and len(found) >= count:
                return found
            if time.monotonic() > until:
                pytest.fail(f"{len(found)} of {count} messages came: {found}")

    def bodies(self, count=0):
        return [message["Body"] for message in self.messages(count)]


@pytest.fixture
def new_queue(sqs, unique):
    def make(**attributes):
        suffix = ".fifo" if attributes.get("FifoQueue") else ""
        return Queue(sqs, unique("queue") + suffix, **attributes)

    return make


@pytest.fixture
def schedule(scheduler, new_role, unique):
    """schedule("rate(1 minute)", queue.arn, Input="x") -> its name."""

    def make(expression, arn, role=None, target=None, Mode="OFF", window=None, **more):
        name = more.pop("Name", None) or unique("schedule")
        window = {"MaximumWindowInMinutes": window} if window else {}
        entry = {"Arn": arn, "RoleArn": role or new_role(), **(target or {})}
        if "Input" in more:
            entry["Input"] = more.pop("Input")
        scheduler.create_schedule(
            Name=name, ScheduleExpression=expression, Target=entry,
            FlexibleTimeWindow={"Mode": Mode, **window}, **more,
        )
        return name

    return make
