"""Queues: create, look up, list, attributes, tags, purge, delete."""

import json
import time

import pytest
from harness import aws_error, covers

DEFAULTS = {
    # AWS: SetQueueAttributes (defaults); MaximumMessageSize is 1 MiB since August 2025.
    "ApproximateNumberOfMessages": "0",
    "ApproximateNumberOfMessagesDelayed": "0",
    "ApproximateNumberOfMessagesNotVisible": "0",
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}


@covers("sqs", "CreateQueue")
def test_a_url_names_account_and_queue(virga, sqs, account, unique):
    name = unique("orders")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert url == f"{virga.endpoint}/{account}/{name}"


@covers("sqs", "CreateQueue")
def test_creating_again_gives_the_same_queue(sqs, new_queue, unique):
    name = unique()
    first = new_queue(name, DelaySeconds="7", VisibilityTimeout="5")
    # AWS: CreateQueue: "If you provide the name of an existing queue along with the exact names
    # and values of all the queue's attributes, CreateQueue returns the queue URL for the existing
    # queue."
    assert new_queue(name, DelaySeconds="7", VisibilityTimeout="5") == first
    assert new_queue(name) == first


@covers("sqs", "CreateQueue", error="QueueNameExists")
def test_creating_again_with_another_value_fails(new_queue, unique):
    name = unique()
    new_queue(name, DelaySeconds="1")
    # Recorded 2023-11-14.
    with aws_error(
        "QueueAlreadyExists",
        http_status=400,
        message="A queue already exists with the same name and a different value for attribute "
        "DelaySeconds",
    ) as error:
        new_queue(name, DelaySeconds="2")
    assert error.response["Error"]["QueryErrorCode"] == "QueueNameExists"


@covers("sqs", "CreateQueue", error="InvalidParameterValue")
@pytest.mark.parametrize("name", ["a" * 81, "with space", "a.b", "ümlaut", "x.fifo", "a/b"])
def test_names_that_are_refused(sqs, name):
    with aws_error(
        "InvalidParameterValue",
        http_status=400,
        message="Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in "
        "length",
    ):
        sqs.create_queue(QueueName=name)


@covers("sqs", "CreateQueue", error="InvalidParameterValue")
def test_a_fifo_queue_has_its_suffix(sqs):
    with aws_error("InvalidParameterValue", match="must end with .fifo suffix"):
        sqs.create_queue(QueueName="plain", Attributes={"FifoQueue": "true"})


@covers("sqs", "CreateQueue", error="InvalidAttributeValue")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DelaySeconds", "901"),
        ("DelaySeconds", "-1"),
        ("DelaySeconds", "x"),
        ("MaximumMessageSize", "1023"),
        ("MaximumMessageSize", "1048577"),
        ("MessageRetentionPeriod", "59"),
        ("MessageRetentionPeriod", "1209601"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
        ("VisibilityTimeout", "43201"),
        ("KmsDataKeyReusePeriodSeconds", "59"),
        ("SqsManagedSseEnabled", "maybe"),
        ("Policy", "{"),
        ("RedriveAllowPolicy", '{"redrivePermission": "some"}'),
        ("RedriveAllowPolicy", '{"redrivePermission": "byQueue"}'),
    ],
)
def test_values_out_of_range(new_queue, name, value):
    # AWS: SetQueueAttributes (ranges).
    with aws_error(
        "InvalidAttributeValue",
        http_status=400,
        message=f"Invalid value for the parameter {name}.",
    ):
        new_queue(**{name: value})


@covers("sqs", "CreateQueue", error="InvalidAttributeName")
@pytest.mark.parametrize("name", ["Colour", "QueueArn", "FifoThroughputLimit"])
def test_attributes_that_cannot_be_set(client, unique, name):
    with aws_error(
        "InvalidAttributeName", http_status=400, message=f"Unknown Attribute {name}."
    ):
        client("sqs").create_queue(QueueName=unique(), Attributes={name: "1"})


@covers("sqs", "GetQueueAttributes")
def test_all_attributes_of_a_new_queue(sqs, new_queue, account):
    url = new_queue()
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    name = url.rsplit("/", 1)[1]
    assert found.pop("QueueArn") == f"arn:aws:sqs:us-east-1:{account}:{name}"
    assert abs(int(found.pop("CreatedTimestamp")) - time.time()) < 60
    assert abs(int(found.pop("LastModifiedTimestamp")) - time.time()) < 60
    assert found == DEFAULTS


@covers("sqs", "GetQueueAttributes")
def test_attributes_of_a_fifo_queue(sqs, new_queue):
    url = new_queue(fifo=True, ContentBasedDeduplication="true")
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    # Recorded 2023-11-14.
    assert found["FifoQueue"] == "true"
    assert found["ContentBasedDeduplication"] == "true"
    assert found["DeduplicationScope"] == "queue"
    assert found["FifoThroughputLimit"] == "perQueue"
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"ContentBasedDeduplication": "false"})
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found["ContentBasedDeduplication"] == "false"


@covers("sqs", "GetQueueAttributes")
def test_only_what_was_asked_for_is_answered(sqs, new_queue):
    url = new_queue()
    found = sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["DelaySeconds", "DelaySeconds", "Policy", "VisibilityTimeout"]
    )
    assert found["Attributes"] == {"DelaySeconds": "0", "VisibilityTimeout": "30"}
    assert not sqs.get_queue_attributes(QueueUrl=url).get("Attributes")


@covers("sqs", "GetQueueAttributes", error="InvalidAttributeName")
def test_an_unknown_attribute_is_named(sqs, new_queue):
    with aws_error(
        "InvalidAttributeName", http_status=400, message="Unknown Attribute Colour."
    ):
        sqs.get_queue_attributes(QueueUrl=new_queue(), AttributeNames=["Colour"])


@covers("sqs", "SetQueueAttributes")
def test_attributes_change(sqs, new_queue, clock):
    url = new_queue(DelaySeconds="3")
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    clock.advance("90s")
    changes = {"VisibilityTimeout": "69", "MaximumMessageSize": "2048", "DelaySeconds": "420"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=changes)
    after = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert int(after.pop("LastModifiedTimestamp")) - int(before.pop("LastModifiedTimestamp")) >= 90
    assert after == {**before, **changes}


@covers("sqs", "SetQueueAttributes", error=["InvalidAttributeName", "InvalidAttributeValue"])
def test_a_queue_keeps_its_kind(sqs, new_queue):
    # Recorded 2023-11-14.
    with aws_error("InvalidAttributeName", message="Unknown Attribute FifoQueue."):
        sqs.set_queue_attributes(QueueUrl=new_queue(), Attributes={"FifoQueue": "true"})
    fifo = new_queue(fifo=True)
    with aws_error(
        "InvalidAttributeValue",
        message="Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not "
        "supported.",
    ):
        sqs.set_queue_attributes(QueueUrl=fifo, Attributes={"FifoQueue": "false"})
    sqs.set_queue_attributes(QueueUrl=fifo, Attributes={"FifoQueue": "true"})


@covers("sqs", "SetQueueAttributes", error="InvalidAttributeValue")
def test_the_limit_per_group_needs_the_scope_of_groups(sqs, new_queue):
    # AWS: "perMessageGroupId value is allowed only when the value for DeduplicationScope is
    # messageGroup."
    fifo = new_queue(fifo=True)
    with aws_error("InvalidAttributeValue", http_status=400):
        sqs.set_queue_attributes(
            QueueUrl=fifo, Attributes={"FifoThroughputLimit": "perMessageGroupId"}
        )
    high_throughput = {
        "FifoThroughputLimit": "perMessageGroupId",
        "DeduplicationScope": "messageGroup",
    }
    sqs.set_queue_attributes(QueueUrl=fifo, Attributes=high_throughput)
    found = sqs.get_queue_attributes(QueueUrl=fifo, AttributeNames=list(high_throughput))
    assert found["Attributes"] == high_throughput


@covers("sqs", "SetQueueAttributes", error="InvalidAttributeName")
def test_encryption_is_of_one_kind(sqs, new_queue):
    # Recorded 2022-08-01.
    names = ["KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"]
    url = new_queue(KmsMasterKeyId="testKeyId", KmsDataKeyReusePeriodSeconds="6000")
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert found == {
        "KmsMasterKeyId": "testKeyId",
        "KmsDataKeyReusePeriodSeconds": "6000",
        "SqsManagedSseEnabled": "false",
    }
    with aws_error(
        "InvalidAttributeName",
        http_status=400,
        message="You can use one type of server-side encryption (SSE) at one time. You can either "
        "enable KMS SSE or SQS SSE.",
    ):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "true"})


@covers("sqs", "GetQueueUrl")
def test_a_queue_is_found_by_name(sqs, new_queue, account):
    url = new_queue()
    name = url.rsplit("/", 1)[1]
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url
    found = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
    assert found["QueueUrl"] == url


@covers("sqs", "GetQueueUrl", error="QueueDoesNotExist")
def test_no_queue_of_that_name(sqs):
    # Recorded 2023-11-14: the header x-amzn-query-error carries the code of the query protocol.
    with aws_error(
        "AWS.SimpleQueueService.NonExistentQueue",
        http_status=400,
        message="The specified queue does not exist.",
    ) as error:
        sqs.get_queue_url(QueueName="nowhere")
    assert error.response["Error"]["QueryErrorCode"] == "QueueDoesNotExist"
    headers = error.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"


@covers("sqs", "ListQueues")
def test_queues_are_listed_by_prefix(sqs, new_queue):
    made = [new_queue(f"{prefix}-{i}") for prefix in ("alpha", "beta") for i in range(3)]
    assert sorted(sqs.list_queues()["QueueUrls"]) == sorted(made)
    assert sqs.list_queues(QueueNamePrefix="beta-")["QueueUrls"] == made[3:]
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="gamma")
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="alpha_0"), "_ is no wildcard"


@covers("sqs", "ListQueues")
def test_pages_of_queues(sqs, new_queue):
    made = sorted(new_queue(f"paged-{i:02}") for i in range(7))
    first = sqs.list_queues(MaxResults=3, QueueNamePrefix="paged")
    assert first["QueueUrls"] == made[:3]
    pages = sqs.get_paginator("list_queues").paginate(
        QueueNamePrefix="paged", PaginationConfig={"PageSize": 3}
    )
    assert [url for page in pages for url in page["QueueUrls"]] == made
    exact = sqs.list_queues(MaxResults=7, QueueNamePrefix="paged")
    assert exact["QueueUrls"] == made and "NextToken" not in exact


@covers("sqs", "ListQueues", error="InvalidParameterValue")
@pytest.mark.parametrize("more", [{"MaxResults": 0}, {"MaxResults": 1001}, {"NextToken": "!!"}])
def test_bad_pages_of_queues(sqs, more):
    with aws_error("InvalidParameterValue", http_status=400):
        sqs.list_queues(**more)


def test_regions_and_accounts_have_their_own_queues(client, new_queue):
    new_queue("here")
    assert "QueueUrls" not in client("sqs", region="eu-west-1").list_queues()
    with aws_error("AWS.SimpleQueueService.NonExistentQueue"):
        client("sqs", region="eu-west-1").get_queue_url(QueueName="here")


@covers("sqs", "DeleteQueue")
def test_a_deleted_queue_is_gone_and_may_come_again(sqs, new_queue, receive, unique):
    name = unique()
    url = new_queue(name)
    sqs.send_message(QueueUrl=url, MessageBody="lost")
    sqs.delete_queue(QueueUrl=url)
    with aws_error("AWS.SimpleQueueService.NonExistentQueue"):
        sqs.get_queue_attributes(QueueUrl=url)
    assert new_queue(name) == url
    assert receive(url) == []


@covers("sqs", "DeleteQueue", error=["QueueDoesNotExist", "InvalidAddress"])
def test_urls_that_name_no_queue(virga, sqs, account):
    with aws_error("AWS.SimpleQueueService.NonExistentQueue", http_status=400):
        sqs.delete_queue(QueueUrl=f"{virga.endpoint}/{account}/nowhere")
    with aws_error("InvalidAddress", http_status=404, match="is not valid for this endpoint"):
        sqs.delete_queue(QueueUrl=f"{virga.endpoint}/orders")


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("add_permission", {"Label": "a", "AWSAccountIds": ["1"], "Actions": ["SendMessage"]}),
        ("change_message_visibility", {"ReceiptHandle": "x", "VisibilityTimeout": 1}),
        ("change_message_visibility_batch", {"Entries": []}),
        ("delete_message", {"ReceiptHandle": "x"}),
        ("delete_message_batch", {"Entries": []}),
        ("delete_queue", {}),
        ("get_queue_attributes", {}),
        ("list_dead_letter_source_queues", {}),
        ("list_queue_tags", {}),
        ("purge_queue", {}),
        ("receive_message", {}),
        ("remove_permission", {"Label": "a"}),
        ("send_message", {"MessageBody": "x"}),
        ("send_message_batch", {"Entries": []}),
        ("set_queue_attributes", {"Attributes": {}}),
        ("tag_queue", {"Tags": {}}),
        ("untag_queue", {"TagKeys": []}),
    ],
)
@covers("sqs", "AddPermission", error="QueueDoesNotExist")
@covers("sqs", "ChangeMessageVisibility", error="QueueDoesNotExist")
@covers("sqs", "ChangeMessageVisibilityBatch", error="QueueDoesNotExist")
@covers("sqs", "DeleteMessage", error="QueueDoesNotExist")
@covers("sqs", "DeleteMessageBatch", error="QueueDoesNotExist")
@covers("sqs", "GetQueueAttributes", error="QueueDoesNotExist")
@covers("sqs", "ListDeadLetterSourceQueues", error="QueueDoesNotExist")
@covers("sqs", "ListQueueTags", error="QueueDoesNotExist")
@covers("sqs", "PurgeQueue", error="QueueDoesNotExist")
@covers("sqs", "ReceiveMessage", error="QueueDoesNotExist")
@covers("sqs", "RemovePermission", error="QueueDoesNotExist")
@covers("sqs", "SendMessage", error="QueueDoesNotExist")
@covers("sqs", "SendMessageBatch", error="QueueDoesNotExist")
@covers("sqs", "SetQueueAttributes", error="QueueDoesNotExist")
@covers("sqs", "TagQueue", error="QueueDoesNotExist")
@covers("sqs", "UntagQueue", error="QueueDoesNotExist")
def test_every_operation_wants_a_queue(virga, sqs, account, operation, arguments):
    with aws_error("AWS.SimpleQueueService.NonExistentQueue", http_status=400):
        getattr(sqs, operation)(QueueUrl=f"{virga.endpoint}/{account}/nowhere", **arguments)


@covers("sqs", "SendMessage", error="MissingParameter")
def test_what_the_model_requires_must_be_there(client, new_queue):
    # AWS: MissingParameter: "A required parameter for the specified action is not supplied."
    with aws_error("MissingParameter", http_status=400):
        client("sqs", is_validated=False).send_message(QueueUrl=new_queue())


@covers("sqs", "PurgeQueue")
def test_purging_empties_a_queue(sqs, new_queue, receive, count_of):
    url = new_queue()
    for body in "abc":
        sqs.send_message(QueueUrl=url, MessageBody=body)
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=60)
    receive(url, MaxNumberOfMessages=1)
    assert count_of(url) == (2, 1, 1)
    sqs.purge_queue(QueueUrl=url)
    assert count_of(url) == (0, 0, 0)
    assert receive(url) == []


@covers("sqs", "PurgeQueue", error="PurgeQueueInProgress")
def test_purging_is_limited_to_once_a_minute(sqs, new_queue, clock):
    url = new_queue()
    name = url.rsplit("/", 1)[1]
    sqs.purge_queue(QueueUrl=url)
    # Recorded 2023-11-14.
    with aws_error(
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        http_status=403,
        message=f"Only one PurgeQueue operation on {name} is allowed every 60 seconds.",
    ):
        sqs.purge_queue(QueueUrl=url)
    clock.advance("61s")
    sqs.purge_queue(QueueUrl=url)


@covers("sqs", "TagQueue")
@covers("sqs", "UntagQueue")
@covers("sqs", "ListQueueTags")
def test_tags_come_and_go(sqs, new_queue):
    url = new_queue(tags={"team": "blue"})
    sqs.tag_queue(QueueUrl=url, Tags={"tag1": "value1", "tag2": "value2", "tag3": ""})
    sqs.tag_queue(QueueUrl=url, Tags={"team": "red"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {
        "team": "red",
        "tag1": "value1",
        "tag2": "value2",
        "tag3": "",
    }
    sqs.untag_queue(QueueUrl=url, TagKeys=["tag1", "tag3", "team", "unknown"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"tag2": "value2"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["tag2"])
    assert not sqs.list_queue_tags(QueueUrl=url).get("Tags")


@covers("sqs", "TagQueue", error="InvalidParameterValue")
@pytest.mark.parametrize(
    "tags",
    [{"aws:mine": "x"}, {"k" * 129: "x"}, {"k": "v" * 257}, {f"k{i}": "v" for i in range(51)}],
)
def test_tags_have_limits(sqs, new_queue, tags):
    # AWS: "Tag restrictions" of the cost allocation tags.
    url = new_queue()
    with aws_error("InvalidParameterValue", http_status=400):
        sqs.tag_queue(QueueUrl=url, Tags=tags)
    assert not sqs.list_queue_tags(QueueUrl=url).get("Tags")


def test_the_aws_cli_makes_and_reads_a_queue(virga, aws, unique):
    # Version 1 of the CLI prefers an old host name of SQS to AWS_ENDPOINT_URL.
    def run(*arguments, **options):
        return aws("--endpoint-url", virga.endpoint, "sqs", *arguments, **options)

    name = unique("cli")
    url = run("create-queue", "--queue-name", name, "--attributes", "DelaySeconds=0").json[
        "QueueUrl"
    ]
    sent = run("send-message", "--queue-url", url, "--message-body", "hello").json
    messages = run("receive-message", "--queue-url", url).json["Messages"]
    assert messages[0]["MessageId"] == sent["MessageId"]
    assert messages[0]["Body"] == "hello"
    handle = messages[0]["ReceiptHandle"]
    run("delete-message", "--queue-url", url, "--receipt-handle", handle)
    failed = run("get-queue-url", "--queue-name", "nowhere", check=False)
    assert failed.returncode != 0
    assert "AWS.SimpleQueueService.NonExistentQueue" in failed.stderr


def test_a_redrive_policy_is_answered_in_one_form(sqs, new_queue, arn_of):
    dead = arn_of(new_queue())
    text = json.dumps({"maxReceiveCount": "4", "deadLetterTargetArn": dead}, indent=2)
    url = new_queue(RedrivePolicy=text)
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    # AWS: examples of the aws CLI reference (set-queue-attributes, get-queue-attributes).
    expected = f'{{"deadLetterTargetArn":"{dead}","maxReceiveCount":4}}'
    assert found["Attributes"]["RedrivePolicy"] == expected
    new_queue(url.rsplit("/", 1)[1], RedrivePolicy=expected)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert "RedrivePolicy" not in found
