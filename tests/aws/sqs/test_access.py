"""Who may do what: policies of queues, across accounts, and of users."""

import json
import random

import pytest
from harness import aws_error, covers


@pytest.fixture
def stranger():
    return str(random.SystemRandom().randrange(10**11, 10**12))


@pytest.fixture
def strangers_sqs(client, stranger):
    return client("sqs", account=stranger)


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(effect, principal, action, resource):
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource}


@covers("sqs", "AddPermission")
@covers("sqs", "RemovePermission")
def test_permissions_are_statements_of_the_policy(sqs, new_queue, arn_of, account):
    # Recorded 2023-11-14.
    url = new_queue()

    def read():
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
        text = answer.get("Attributes", {}).get("Policy")
        return text and json.loads(text)

    sqs.add_permission(
        QueueUrl=url,
        Label="one",
        AWSAccountIds=[account, "668614515564"],
        Actions=["ReceiveMessage"],
    )
    first = {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {
            "AWS": [f"arn:aws:iam::{account}:root", "arn:aws:iam::668614515564:root"]
        },
        "Action": "SQS:ReceiveMessage",
        "Resource": arn_of(url),
    }
    assert read() == {
        "Version": "2008-10-17",
        "Id": f"{arn_of(url)}/SQSDefaultPolicy",
        "Statement": [first],
    }
    with aws_error(
        "InvalidParameterValue",
        message="Value one for parameter Label is invalid. Reason: Already exists.",
    ):
        sqs.add_permission(
            QueueUrl=url, Label="one", AWSAccountIds=[account], Actions=["SendMessage"]
        )
    sqs.add_permission(
        QueueUrl=url, Label="two", AWSAccountIds=[account], Actions=["SendMessage", "*"]
    )
    assert read()["Statement"] == [
        first,
        {
            "Sid": "two",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": ["SQS:SendMessage", "SQS:*"],
            "Resource": arn_of(url),
        },
    ]
    sqs.remove_permission(QueueUrl=url, Label="one")
    assert [item["Sid"] for item in read()["Statement"]] == ["two"]
    sqs.remove_permission(QueueUrl=url, Label="two")
    assert read() is None


@covers("sqs", "AddPermission", error=["InvalidParameterValue", "OverLimit", "MissingParameter"])
@pytest.mark.parametrize(
    ("change", "code", "status", "text"),
    [
        # Texts from public client logs.
        ({"Label": "with space"}, "InvalidParameterValue", 400, "parameter Label is invalid"),
        ({"Actions": []}, "MissingParameter", 400, "must contain the parameter Actions"),
        ({"AWSAccountIds": []}, "InvalidParameterValue", 400, "Value \\[\\] for .*PrincipalId"),
        ({"AWSAccountIds": ["12"]}, "InvalidParameterValue", 400, "Unable to verify"),
        (
            {"Actions": ["CreateQueue"]},
            "InvalidParameterValue",
            400,
            "^Value SQS:CreateQueue for parameter ActionName is invalid. Reason: Only the queue "
            "owner is allowed to invoke this action.$",
        ),
        (
            {"Actions": ["SendMessage"] * 8},
            "OverLimit",
            403,
            "^8 Actions were found, maximum allowed is 7.$",
        ),
    ],
)
def test_permissions_that_are_refused(sqs, new_queue, account, change, code, status, text):
    arguments = {"Label": "a", "AWSAccountIds": [account], "Actions": ["SendMessage"], **change}
    with aws_error(code, http_status=status, match=text):
        sqs.add_permission(QueueUrl=new_queue(), **arguments)


@covers("sqs", "RemovePermission", error="InvalidParameterValue")
def test_a_label_that_is_not_there(sqs, new_queue):
    # Recorded 2023-11-14.
    with aws_error(
        "InvalidParameterValue",
        http_status=400,
        message="Value none for parameter Label is invalid. Reason: can't find label.",
    ):
        sqs.remove_permission(QueueUrl=new_queue(), Label="none")


@covers("sqs", "SendMessage", error="AccessDenied")
def test_strangers_need_the_queue_s_permission(sqs, strangers_sqs, stranger, new_queue, account):
    url = new_queue()
    name = url.rsplit("/", 1)[1]
    with aws_error("AccessDenied"):
        strangers_sqs.send_message(QueueUrl=url, MessageBody="x")
    with aws_error("AccessDenied"):
        strangers_sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
    sqs.add_permission(
        QueueUrl=url,
        Label="guest",
        AWSAccountIds=[stranger],
        Actions=["SendMessage", "GetQueueUrl"],
    )
    found = strangers_sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
    assert found["QueueUrl"] == url
    strangers_sqs.send_message(QueueUrl=url, MessageBody="x")
    # AWS: the permission of a batch is that of the single operation.
    strangers_sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "y"}])
    with aws_error("AccessDenied"):
        strangers_sqs.receive_message(QueueUrl=url)
    messages = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["SenderId"]
    )["Messages"]
    assert {message["Attributes"]["SenderId"] for message in messages} == {stranger}


def test_a_denial_outweighs_a_permission(sqs, strangers_sqs, stranger, new_queue, arn_of, receive):
    url = new_queue()
    arn = arn_of(url)
    sqs.set_queue_attributes(
        QueueUrl=url,
        Attributes={
            "Policy": policy(
                statement("Allow", "*", "sqs:*", arn),
                statement("Deny", {"AWS": stranger}, "sqs:SendMessage", arn),
            )
        },
    )
    with aws_error("AccessDenied"):
        strangers_sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert len(receive(url, client=strangers_sqs)) == 1


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("delete_queue", {}),
        ("set_queue_attributes", {"Attributes": {"DelaySeconds": "1"}}),
        ("list_queue_tags", {}),
        ("tag_queue", {"Tags": {"a": "b"}}),
        ("untag_queue", {"TagKeys": ["a"]}),
        ("remove_permission", {"Label": "a"}),
        ("add_permission", {"Label": "a", "AWSAccountIds": ["1" * 12], "Actions": ["*"]}),
    ],
)
def test_some_things_only_the_owner_may(
    sqs, strangers_sqs, new_queue, arn_of, operation, arguments
):
    # AWS: "Cross-account permissions don't apply to this action."
    url = new_queue()
    attributes = {"Policy": policy(statement("Allow", "*", "sqs:*", arn_of(url)))}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    with aws_error("AccessDenied"):
        getattr(strangers_sqs, operation)(QueueUrl=url, **arguments)


def test_strangers_start_no_moves(strangers_sqs, sqs, with_dead_letters, arn_of):
    _, dead = with_dead_letters()
    arn = arn_of(dead)
    for call in (
        lambda: strangers_sqs.start_message_move_task(SourceArn=arn),
        lambda: strangers_sqs.list_message_move_tasks(SourceArn=arn),
    ):
        with aws_error("AccessDenied"):
            call()
    handle = sqs.start_message_move_task(SourceArn=arn, MaxNumberOfMessagesPerSecond=1)[
        "TaskHandle"
    ]
    with aws_error("AccessDenied"):
        strangers_sqs.cancel_message_move_task(TaskHandle=handle)


def test_a_user_does_what_its_policy_says(client, new_queue, arn_of, unique):
    iam = client("iam")
    name = unique("user")
    user_id = iam.create_user(UserName=name)["User"]["UserId"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    url, other = new_queue(), new_queue()
    sqs = client("sqs", credentials=key)
    with aws_error("AccessDenied", match="sqs:sendmessage|sqs:SendMessage"):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    document = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Action": ["sqs:SendMessage", "sqs:ReceiveMessage"],
            "Resource": arn_of(url),
        },
    }
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["SenderId"])["Messages"]
    assert message["Attributes"]["SenderId"] == user_id
    with aws_error("AccessDenied"):
        sqs.send_message(QueueUrl=other, MessageBody="x")
    with aws_error("AccessDenied"):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
