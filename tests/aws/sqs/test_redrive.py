"""Dead-letter queues and the tasks that move messages back."""

import base64
import json
import time

import pytest
from harness import aws_error, covers


def fail(receive, clock, url, times=1, **options):
    """Receives and does not delete, as a consumer that fails."""
    for _ in range(times):
        receive(url, VisibilityTimeout=1, **options)
        clock.advance("2s")


@pytest.fixture
def move(sqs, arn_of):
    """Starts a task and returns its last state, when it is not running any more."""

    def run(source, destination=None, **more):
        arn = arn_of(source)
        if destination:
            more["DestinationArn"] = arn_of(destination)
        sqs.start_message_move_task(SourceArn=arn, **more)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            (task,) = sqs.list_message_move_tasks(SourceArn=arn)["Results"]
            if task["Status"] != "RUNNING":
                return task
        pytest.fail(f"the task goes on and on: {task}")

    return run


def test_what_fails_too_often_is_set_aside(sqs, with_dead_letters, receive, arn_of, clock):
    url, dead = with_dead_letters(count=2)
    sent = sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes={
        "a": {"DataType": "String", "StringValue": "b"}
    })
    (first,) = receive(url, VisibilityTimeout=1, AttributeNames=["All"])
    clock.advance("2s")
    fail(receive, clock, url)
    assert receive(dead) == []
    assert receive(url) == []
    (message,) = receive(dead, AttributeNames=["All"], MessageAttributeNames=["All"])
    assert message["MessageId"] == sent["MessageId"]
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == arn_of(url)
    # AWS: the enqueue timestamp of a standard queue's message is unchanged.
    assert message["Attributes"]["SentTimestamp"] == first["Attributes"]["SentTimestamp"]
    assert message["MessageAttributes"]["a"]["StringValue"] == "b"


def test_a_waiting_consumer_does_not_keep_dead_letters(sqs, with_dead_letters, receive, clock):
    url, dead = with_dead_letters()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    fail(receive, clock, url)
    started_at = time.monotonic()
    assert receive(url, WaitTimeSeconds=20) == []
    assert time.monotonic() - started_at < 10
    assert len(receive(dead)) == 1


def test_dead_letters_of_a_fifo_queue_keep_their_order(sqs, with_dead_letters, receive, clock):
    url, dead = with_dead_letters(fifo=True, ContentBasedDeduplication="true")
    for i in range(12):
        sqs.send_message(QueueUrl=url, MessageBody=f"{i:02}", MessageGroupId="g")
    fail(receive, clock, url, times=1)
    # Ten are dead now; those behind them are delivered in the same call.
    assert [message["Body"] for message in receive(url)] == ["10", "11"]
    assert [message["Body"] for message in receive(dead)] == [f"{i:02}" for i in range(10)]


@covers("sqs", "SetQueueAttributes", error="InvalidParameterValue")
@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("no json", "Redrive policy is not a valid JSON map."),
        ("[]", "Redrive policy is not a valid JSON map."),
        (
            '{"maxReceiveCount": 1}',
            "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
        ),
        (
            '{"deadLetterTargetArn": "ARN"}',
            "Redrive policy does not contain mandatory attribute: maxReceiveCount.",
        ),
        (
            '{"deadLetterTargetArn": "ARN", "maxReceiveCount": 0}',
            "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive.",
        ),
        (
            '{"deadLetterTargetArn": "ARN", "maxReceiveCount": 1001}',
            "Invalid value for maxReceiveCount: 1001, valid values are from 1 to 1000 both "
            "inclusive.",
        ),
        # Recorded 2023-11-14.
        (
            '{"deadLetterTargetArn": "dummy", "maxReceiveCount": 42}',
            "Invalid value for deadLetterTargetArn.",
        ),
        (
            '{"deadLetterTargetArn": "ARNx", "maxReceiveCount": 42}',
            "Dead letter target does not exist.",
        ),
    ],
)
def test_redrive_policies_that_are_refused(sqs, new_queue, arn_of, policy, reason):
    policy = policy.replace("ARN", arn_of(new_queue()))
    with aws_error(
        "InvalidParameterValue",
        http_status=400,
        message=f"Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}",
    ):
        sqs.set_queue_attributes(QueueUrl=new_queue(), Attributes={"RedrivePolicy": policy})


def test_a_dead_letter_queue_is_of_the_same_kind(new_queue, arn_of):
    # AWS: "The dead-letter queue of a FIFO queue must also be a FIFO queue."
    policy = {"deadLetterTargetArn": arn_of(new_queue(fifo=True)), "maxReceiveCount": 3}
    with aws_error("InvalidParameterValue", match="same type of queue"):
        new_queue(RedrivePolicy=json.dumps(policy))


def test_a_dead_letter_queue_chooses_its_sources(sqs, new_queue, arn_of):
    # AWS: RedriveAllowPolicy.
    dead, friend = new_queue(), new_queue()
    policy = json.dumps({"deadLetterTargetArn": arn_of(dead), "maxReceiveCount": 3})

    def allow(**text):
        attributes = {"RedriveAllowPolicy": json.dumps(text)}
        sqs.set_queue_attributes(QueueUrl=dead, Attributes=attributes)

    allow(redrivePermission="byQueue", sourceQueueArns=[arn_of(friend)])
    sqs.set_queue_attributes(QueueUrl=friend, Attributes={"RedrivePolicy": policy})
    with aws_error("InvalidParameterValue", match="RedrivePolicy"):
        new_queue(RedrivePolicy=policy)
    allow(redrivePermission="denyAll")
    with aws_error("InvalidParameterValue", match="RedrivePolicy"):
        new_queue(RedrivePolicy=policy)
    allow(redrivePermission="allowAll")
    new_queue(RedrivePolicy=policy)


@covers("sqs", "ListDeadLetterSourceQueues")
def test_sources_of_a_dead_letter_queue(sqs, new_queue, arn_of):
    dead = new_queue()
    policy = json.dumps({"deadLetterTargetArn": arn_of(dead), "maxReceiveCount": 3})
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == []
    made = sorted(new_queue(f"source-{i}", RedrivePolicy=policy) for i in range(5))
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == made
    pages = sqs.get_paginator("list_dead_letter_source_queues").paginate(
        QueueUrl=dead, PaginationConfig={"PageSize": 2}
    )
    assert [url for page in pages for url in page["queueUrls"]] == made


@covers("sqs", "StartMessageMoveTask")
@covers("sqs", "ListMessageMoveTasks")
def test_messages_go_back_to_where_they_came_from(
    sqs, new_queue, with_dead_letters, receive, arn_of, clock, move
):
    one, dead = with_dead_letters()
    policy = json.dumps({"deadLetterTargetArn": arn_of(dead), "maxReceiveCount": 1})
    two = new_queue(RedrivePolicy=policy)
    for url in (one, two):
        for i in range(60):
            sqs.send_message(QueueUrl=url, MessageBody=f"{url} {i}")
        for _ in range(6):
            receive(url, VisibilityTimeout=1)
        clock.advance("2s")
        while receive(url, VisibilityTimeout=1):
            pass
    task = move(dead)
    started = task.pop("StartedTimestamp")
    # Recorded 2024-03-07: no DestinationArn, no TaskHandle.
    assert task == {
        "Status": "COMPLETED",
        "SourceArn": arn_of(dead),
        "ApproximateNumberOfMessagesMoved": 120,
        "ApproximateNumberOfMessagesToMove": 120,
    }
    assert started > 1.6e12
    for url in (one, two):
        (message,) = receive(url, MaxNumberOfMessages=1, AttributeNames=["All"])
        assert message["Body"].startswith(url)
        # AWS: redriven messages are new messages.
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"
        assert "DeadLetterQueueSourceArn" not in message["Attributes"]


def test_messages_go_where_they_are_sent(sqs, new_queue, with_dead_letters, receive, arn_of, move):
    _, dead = with_dead_letters()
    target = new_queue()
    sent = [sqs.send_message(QueueUrl=dead, MessageBody=f"{i}")["MessageId"] for i in range(3)]
    task = move(dead, target)
    assert task["Status"] == "COMPLETED"
    assert task["DestinationArn"] == arn_of(target)
    assert task["ApproximateNumberOfMessagesMoved"] == 3
    messages = receive(target)
    assert sorted(message["Body"] for message in messages) == ["0", "1", "2"]
    # AWS: "redriven messages are considered new messages with a new messageID"
    assert not {message["MessageId"] for message in messages} & set(sent)


def test_a_fifo_queue_is_moved_in_order(sqs, new_queue, with_dead_letters, receive, move):
    _, dead = with_dead_letters(fifo=True)
    target = new_queue(fifo=True)
    for i in range(70):
        sqs.send_message(
            QueueUrl=dead,
            MessageBody=str(i),
            MessageGroupId=f"{i % 2}",
            MessageDeduplicationId=f"{i}",
        )
    assert move(dead, target)["ApproximateNumberOfMessagesMoved"] == 70
    got = {"0": [], "1": []}
    while messages := receive(target, AttributeNames=["All"]):
        for message in messages:
            got[message["Attributes"]["MessageGroupId"]].append(int(message["Body"]))
            sqs.delete_message(QueueUrl=target, ReceiptHandle=message["ReceiptHandle"])
    assert got == {"0": list(range(0, 70, 2)), "1": list(range(1, 70, 2))}


def test_a_task_whose_messages_come_from_nowhere_fails(sqs, with_dead_letters, move):
    _, dead = with_dead_letters()
    sqs.send_message(QueueUrl=dead, MessageBody="sent here directly")
    task = move(dead)
    assert task["Status"] == "FAILED"
    assert task["FailureReason"] == "CouldNotDetermineMessageSource"


def test_a_task_whose_target_goes_fails(sqs, new_queue, with_dead_letters, arn_of, clock):
    _, dead = with_dead_letters()
    target = new_queue()
    for i in range(10):
        sqs.send_message(QueueUrl=dead, MessageBody=f"{i}")
    arn = arn_of(dead)
    sqs.start_message_move_task(
        SourceArn=arn, DestinationArn=arn_of(target), MaxNumberOfMessagesPerSecond=1
    )
    sqs.delete_queue(QueueUrl=target)
    until = time.monotonic() + 20
    task = {"Status": "RUNNING"}
    while task["Status"] == "RUNNING" and time.monotonic() < until:
        clock.advance("1s")
        (task,) = sqs.list_message_move_tasks(SourceArn=arn)["Results"]
    # Recorded 2024-01-03.
    assert task["Status"] == "FAILED"
    assert task["FailureReason"] == "AWS.SimpleQueueService.NonExistentQueue"


@covers("sqs", "CancelMessageMoveTask")
@covers("sqs", "CancelMessageMoveTask", error="UnsupportedOperation")
@covers("sqs", "StartMessageMoveTask", error="InvalidParameterValue")
def test_a_task_is_cancelled(sqs, new_queue, with_dead_letters, arn_of, receive, clock):
    _, dead = with_dead_letters()
    for i in range(10):
        sqs.send_message(QueueUrl=dead, MessageBody=f"{i}")
    arn, target = arn_of(dead), arn_of(new_queue())
    start = {"SourceArn": arn, "DestinationArn": target, "MaxNumberOfMessagesPerSecond": 1}
    handle = sqs.start_message_move_task(**start)["TaskHandle"]
    (task,) = sqs.list_message_move_tasks(SourceArn=arn)["Results"]
    assert task["TaskHandle"] == handle
    assert task["Status"] == "RUNNING"
    assert task["MaxNumberOfMessagesPerSecond"] == 1
    assert task["ApproximateNumberOfMessagesToMove"] == 10
    # Recorded 2024-01-05.
    with aws_error(
        "InvalidParameterValue",
        http_status=400,
        message="There is already a task running. Only one active task is allowed for a source "
        "queue arn at a given time.",
    ):
        sqs.start_message_move_task(**start)
    moved = sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
    assert 0 <= moved < 10
    clock.advance("60s")
    (task,) = sqs.list_message_move_tasks(SourceArn=arn)["Results"]
    assert task["Status"] == "CANCELLED" and "TaskHandle" not in task
    assert task["ApproximateNumberOfMessagesMoved"] == moved
    assert len(receive(dead)) == 10 - moved
    with aws_error("AWS.SimpleQueueService.UnsupportedOperation", http_status=400):
        sqs.cancel_message_move_task(TaskHandle=handle)
    sqs.start_message_move_task(SourceArn=arn, DestinationArn=target)


@covers("sqs", "StartMessageMoveTask", error=["ResourceNotFoundException", "InvalidParameterValue"])
@covers("sqs", "ListMessageMoveTasks", error=["ResourceNotFoundException", "InvalidParameterValue"])
def test_tasks_that_cannot_start(sqs, new_queue, with_dead_letters, arn_of, account):
    _, dead = with_dead_letters()
    nowhere = f"arn:aws:sqs:us-east-1:{account}:nowhere"
    # Recorded 2024-01-05.
    text = "The resource that you specified for the {} parameter doesn't exist."
    for arn in (nowhere, "junk"):
        with aws_error(
            "ResourceNotFoundException", http_status=404, message=text.format("SourceArn")
        ):
            sqs.start_message_move_task(SourceArn=arn)
        with aws_error("ResourceNotFoundException", http_status=404):
            sqs.list_message_move_tasks(SourceArn=arn)
    with aws_error(
        "ResourceNotFoundException", http_status=404, message=text.format("DestinationArn")
    ):
        sqs.start_message_move_task(SourceArn=arn_of(dead), DestinationArn=nowhere)
    with aws_error(
        "InvalidParameterValue",
        http_status=400,
        message="Source queue must be configured as a Dead Letter Queue.",
    ):
        sqs.start_message_move_task(SourceArn=arn_of(new_queue()))
    for rate in (0, 501):
        with aws_error("InvalidParameterValue", http_status=400):
            sqs.start_message_move_task(
                SourceArn=arn_of(dead), MaxNumberOfMessagesPerSecond=rate
            )
    with aws_error("InvalidParameterValue", http_status=400):
        sqs.list_message_move_tasks(SourceArn=arn_of(dead), MaxResults=11)
    with aws_error("InvalidParameterValue", http_status=400):
        fifo = arn_of(new_queue(fifo=True))
        sqs.start_message_move_task(SourceArn=arn_of(dead), DestinationArn=fifo)


@covers(
    "sqs", "CancelMessageMoveTask", error=["ResourceNotFoundException", "InvalidParameterValue"]
)
def test_handles_of_tasks_that_never_were(sqs, new_queue, arn_of, account):
    def handle(arn):
        content = {"taskId": "10f6c2ae-4d05-4b45-97e5-7b4ab0dfc0a5", "sourceArn": arn}
        return base64.b64encode(json.dumps(content).encode()).decode()

    # Recorded 2024-01-05.
    with aws_error(
        "InvalidParameterValue",
        http_status=400,
        message="Value for parameter TaskHandle is invalid.",
    ):
        sqs.cancel_message_move_task(TaskHandle="foobared")
    with aws_error(
        "ResourceNotFoundException",
        http_status=404,
        message="The resource that you specified for the SourceArn parameter doesn't exist.",
    ):
        nowhere = f"arn:aws:sqs:us-east-1:{account}:nowhere"
        sqs.cancel_message_move_task(TaskHandle=handle(nowhere))
    with aws_error("ResourceNotFoundException", http_status=404, message="Task does not exist."):
        sqs.cancel_message_move_task(TaskHandle=handle(arn_of(new_queue())))
