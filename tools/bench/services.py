"""services — what the rows of S3, DynamoDB, KMS, SSM, SNS and EventBridge call, and the stacks.

Everything is made on the server by boto3 first; the requests that are measured are taken by
signed.py and can be repeated: a PUT writes the same keys again.
"""

import json
import statistics
import time

import servers
import signed

REPLAYED = 64  # distinct requests that are replayed
KILOBYTE = 1024
LARGE = 64 * 1024 * 1024
PAGE = 1000  # keys of a listing
FILL_BATCH = 50_000  # keys whose requests are in one file of load.c
QUERIED = 100  # items of a Query
TOPIC_QUEUES = 10
DELIVERY_S = 60.0  # until what was published has to be in its queues
STACK_S = 120.0
STACK_RESOURCES = 100
CHAIN_RESOURCES = 500
ACTIONS = ["s3:*", "dynamodb:*", "kms:*", "ssm:*", "events:*", "sns:*", "sqs:*"]


def policy_document():
    """What the user of these rows may: everything in the services that are called."""
    statement = {"Effect": "Allow", "Action": ACTIONS, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _wait(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise servers.Failed(f"{what} took longer than {seconds:.0f} s")
        time.sleep(0.005)


class Objects:
    """Buckets, and the requests of the S3 rows."""

    def __init__(self, server, key_id, secret):
        self.server = server
        self.s3 = signed.client(server.port, "s3", key_id, secret)
        self.s3.create_bucket(Bucket="bench")
        keys = [f"folder/object-{i:04}" for i in range(REPLAYED)]
        body = b"k" * KILOBYTE
        self.put = [
            signed.request(self.s3, "put_object", Bucket="bench", Key=key, Body=body)
            for key in keys
        ]
        for key in keys:
            self.s3.put_object(Bucket="bench", Key=key, Body=body)
        self.get = [
            signed.request(self.s3, "get_object", Bucket="bench", Key=key) for key in keys
        ]

    def fill(self, bench, account, count):
        """A bucket of `count` keys. The id of an account is not verified, so that one signed
        request serves for all keys."""
        root = signed.client(self.server.port, "s3", account)
        root.create_bucket(Bucket="bench-list")
        one = signed.request(root, "put_object", Bucket="bench-list", Key="key-0000000", Body=b"")
        for start in range(0, count, FILL_BATCH):
            numbers = range(start, min(start + FILL_BATCH, count))
            requests = [one.replace(b"key-0000000", b"key-%07d" % i, 1) for i in numbers]
            bench.load(self.server, requests, count=len(requests))
        starts = [(count - PAGE) * i // REPLAYED for i in range(REPLAYED)]
        return [
            signed.request(
                self.s3, "list_objects_v2", Bucket="bench-list", StartAfter=f"key-{start:07}"
            )
            for start in starts
        ]

    def large(self, key_id, secret):
        """GET and PUT of LARGE bytes, as over TLS: the payload is not signed, no checksum."""
        s3 = signed.client(
            self.server.port,
            "s3",
            key_id,
            secret,
            s3={"payload_signing_enabled": False},
            request_checksum_calculation="when_required",
        )
        body = bytes(range(256)) * (LARGE // 256)
        put = signed.request(s3, "put_object", Bucket="bench", Key="large", Body=body)
        servers.one_answer(self.server.port, put)
        return [signed.request(s3, "get_object", Bucket="bench", Key="large")], [put]


class Table:
    """A DynamoDB table, and the requests of its rows."""

    def __init__(self, server, key_id, secret):
        dynamodb = signed.client(server.port, "dynamodb", key_id, secret)
        dynamodb.create_table(
            TableName="bench",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "N"},
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )
        dynamodb.get_waiter("table_exists").wait(TableName="bench", WaiterConfig={"Delay": 1})

        def item(hash_key, number, size):
            return {"pk": {"S": hash_key}, "sk": {"N": str(number)}, "data": {"S": "d" * size}}

        for i in range(REPLAYED):
            dynamodb.put_item(TableName="bench", Item=item(f"item-{i}", 1, KILOBYTE))
        for i in range(QUERIED):
            dynamodb.put_item(TableName="bench", Item=item("many", i, 100))
        self.get = [
            signed.request(
                dynamodb,
                "get_item",
                TableName="bench",
                Key={"pk": {"S": f"item-{i}"}, "sk": {"N": "1"}},
            )
            for i in range(REPLAYED)
        ]
        self.put = [
            signed.request(
                dynamodb, "put_item", TableName="bench", Item=item(f"item-{i}", 2, KILOBYTE)
            )
            for i in range(REPLAYED)
        ]
        query = signed.request(
            dynamodb,
            "query",
            TableName="bench",
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "many"}},
        )
        self.query = [query] * REPLAYED


class Small:
    """A key, a parameter, a topic and a bus with their queues, and the requests of their rows."""

    def __init__(self, server, key_id, secret):
        def client(service):
            return signed.client(server.port, service, key_id, secret)

        kms, ssm, self.sqs = client("kms"), client("ssm"), client("sqs")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        self.encrypt = [
            signed.request(kms, "encrypt", KeyId=key, Plaintext=b"secret %d" % i)
            for i in range(REPLAYED)
        ]
        ssm.put_parameter(Name="/bench/parameter", Value="value", Type="String")
        self.parameter = [signed.request(ssm, "get_parameter", Name="/bench/parameter")] * REPLAYED
        self._make_topic(client("sns"))
        self._make_rule(client("events"))

    def _queue(self, name, service):
        """A queue that a service may send to: its URL and ARN."""
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        names = ["QueueArn"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sqs:SendMessage",
            "Resource": arn["QueueArn"],
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return url, arn["QueueArn"]

    def _make_topic(self, sns):
        topic = sns.create_topic(Name="bench")["TopicArn"]
        queues = [self._queue(f"topic-{i}", "sns.amazonaws.com") for i in range(TOPIC_QUEUES)]
        for _, arn in queues:
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        self.topic_queues = [url for url, _ in queues]
        self.publish = [
            signed.request(sns, "publish", TopicArn=topic, Message=f"message {i}")
            for i in range(REPLAYED)
        ]

    def _make_rule(self, events):
        url, arn = self._queue("rule", "events.amazonaws.com")
        events.put_rule(Name="bench", EventPattern=json.dumps({"source": ["bench"]}))
        events.put_targets(Rule="bench", Targets=[{"Id": "queue", "Arn": arn}])
        self.rule_queues = [url]
        self.events = [
            signed.request(
                events,
                "put_events",
                Entries=[{"Source": "bench", "DetailType": "row", "Detail": f'{{"number": {i}}}'}],
            )
            for i in range(REPLAYED)
        ]

    def held(self, queues):
        """Messages in the queues."""
        name = "ApproximateNumberOfMessages"
        return sum(
            int(
                self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][
                    name
                ]
            )
            for url in queues
        )

    def delivered(self, bench, server, requests, queues, count):
        """Sends `count` requests and waits until every queue has what they cause: the rate and the
        CPU time are those of the whole way."""
        expected = self.held(queues) + count * len(queues)
        cpu, started = server.cpu_s(), time.perf_counter()
        result = bench.load(server, requests, count=count)
        last = queues[-1:]
        expected_last = expected // len(queues)
        _wait(lambda: self.held(last) >= expected_last, DELIVERY_S, "the delivery")
        _wait(lambda: self.held(queues) >= expected, DELIVERY_S, "the delivery")
        result["rate"] = count / (time.perf_counter() - started)
        result["cpu_us"] = (server.cpu_s() - cpu) * 1e6 / count
        return result


def _template(count, timeout, chained):
    """Queues, in as few bytes as 500 of them need to be passed in a call."""
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": timeout}}
    resources = {f"Q{i}": dict(queue) for i in range(count)}
    for i in range(1, count if chained else 0):
        resources[f"Q{i}"]["DependsOn"] = f"Q{i - 1}"
    return json.dumps({"Resources": resources}, separators=(",", ":"))


class Stacks:
    """Stacks of queues, by the clock of their events."""

    def __init__(self, server, key_id, secret="any"):
        self.cloudformation = signed.client(server.port, "cloudformation", key_id, secret)
        self.times = {"created": [], "updated": [], "chain": []}
        self.is_moto = False

    def _settled(self, name):
        stack = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        if "ROLLBACK" in stack or stack.endswith("_FAILED"):
            raise servers.Failed(f"stack {name} is {stack}")
        return not stack.endswith("_IN_PROGRESS")

    def _events_ms(self, name, action):
        """From the first to the last event of the stack itself, of CREATE or UPDATE."""
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
        stamps = [
            event["Timestamp"]
            for page in pages
            for event in page["StackEvents"]
            if event["LogicalResourceId"] == name
            and event["ResourceStatus"] in (f"{action}_IN_PROGRESS", f"{action}_COMPLETE")
        ]
        return (max(stamps) - min(stamps)).total_seconds() * 1000

    def _timed(self, name, action, call, template):
        started = time.perf_counter()
        call(StackName=name, TemplateBody=template)
        _wait(lambda: self._settled(name), STACK_S, f"stack {name}")
        elapsed = (time.perf_counter() - started) * 1000
        # moto does the work before it answers, and stamps events afterwards
        return elapsed if self.is_moto else self._events_ms(name, action)

    def _delete(self, name):
        arn = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self.cloudformation.delete_stack(StackName=name)

        def is_gone():
            stack = self.cloudformation.describe_stacks(StackName=arn)["Stacks"][0]
            return stack["StackStatus"] == "DELETE_COMPLETE"

        _wait(is_gone, STACK_S, f"deleting stack {name}")

    def round(self, number, is_moto=False):
        self.is_moto = is_moto
        create, update = self.cloudformation.create_stack, self.cloudformation.update_stack
        name = f"bench-{number}"
        template = _template(STACK_RESOURCES, 30, False)
        self.times["created"].append(self._timed(name, "CREATE", create, template))
        template = _template(STACK_RESOURCES, 60, False)
        self.times["updated"].append(self._timed(name, "UPDATE", update, template))
        self._delete(name)
        name = f"bench-chain-{number}"
        template = _template(CHAIN_RESOURCES, 30, True)
        self.times["chain"].append(self._timed(name, "CREATE", create, template))
        self._delete(name)

    def median_ms(self, what):
        return statistics.median(self.times[what])
