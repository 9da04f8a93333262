"""What the CloudFormation tests share: a client, waiting, events as short tuples."""

import json
import time

import pytest

HANDLE = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
POLL_SECONDS = 0.02
POLLS = 3000


def template(resources=None, **sections):
    return json.dumps({"Resources": resources or {"Handle": HANDLE}, **sections})


def queue(depends_on=None, **properties):
    resource = {"Type": "AWS::SQS::Queue", "Properties": properties}
    if depends_on:
        resource["DependsOn"] = depends_on
    return resource


class Stacks:
    """One account's stacks, told in short."""

    def __init__(self, client):
        self.client = client

    def describe(self, name):
        return self.client.describe_stacks(StackName=name)["Stacks"][0]

    def settle(self, name):
        """Waits until the stack's operation is over; gives the stack."""
        for _ in range(POLLS):
            stack = self.describe(name)
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return stack
            time.sleep(POLL_SECONDS)
        pytest.fail(f"stack {name} is still {stack['StackStatus']}")

    def create(self, name, resources=None, status="CREATE_COMPLETE", request=None, **sections):
        stack_id = self.client.create_stack(
            StackName=name, TemplateBody=template(resources, **sections), **(request or {})
        )["StackId"]
        stack = self.settle(stack_id)
        assert stack["StackStatus"] == status, self.events(stack_id)
        return stack

    def update(self, name, resources=None, status="UPDATE_COMPLETE", request=None, **sections):
        self.client.update_stack(
            StackName=name, TemplateBody=template(resources, **sections), **(request or {})
        )
        stack = self.settle(name)
        assert stack["StackStatus"] == status, self.events(name)
        return stack

    def delete(self, name, status="DELETE_COMPLETE", **request):
        stack_id = self.describe(name)["StackId"]
        self.client.delete_stack(StackName=name, **request)
        stack = self.settle(stack_id)
        assert stack["StackStatus"] == status, self.events(stack_id)
        return stack

    def events(self, name):
        """(logical id, status, reason), oldest first."""
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=name)
        events = [event for page in pages for event in page["StackEvents"]]
        return [
            (e["LogicalResourceId"], e["ResourceStatus"], e.get("ResourceStatusReason"))
            for e in reversed(events)
        ]

    def resources(self, name):
        """{logical id: (status, physical id)}"""
        found = self.client.describe_stack_resources(StackName=name)["StackResources"]
        return {
            r["LogicalResourceId"]: (r["ResourceStatus"], r.get("PhysicalResourceId"))
            for r in found
        }

    def physical(self, name, logical_id):
        return self.resources(name)[logical_id][1]

    def outputs(self, name):
        return {
            o["OutputKey"]: o["OutputValue"] for o in self.describe(name).get("Outputs", [])
        }


@pytest.fixture
def cfn(client):
    return client("cloudformation")


@pytest.fixture
def stacks(cfn):
    return Stacks(cfn)


@pytest.fixture
def stacks_as(client):
    """Stacks as other credentials or on another server see them."""
    return lambda **options: Stacks(client("cloudformation", **options))


@pytest.fixture
def make():
    """template, queue and the empty resource, for test files, which are not imported by name."""

    class Make:
        handle = HANDLE

    Make.template = staticmethod(template)
    Make.queue = staticmethod(queue)
    return Make


@pytest.fixture
def upload(virga, client, account):
    """upload("name.json", text) puts a template into a bucket and gives its URL."""
    bucket = f"templates-{account}"
    s3 = client("s3")
    s3.create_bucket(Bucket=bucket)

    def put(name, text):
        s3.put_object(Bucket=bucket, Key=name, Body=text.encode())
        return f"{virga.endpoint}/{bucket}/{name}"

    return put
