"""FIFO queues: order, deduplication, groups, receipt handles."""

import pytest
from harness import aws_error, covers


@pytest.fixture
def fifo(new_queue):
    return new_queue(fifo=True)


@pytest.fixture
def send(sqs):
    """send(url, "body", group="g") with the body as deduplication id."""

    def make(url, body, group="g", dedup=None, **more):
        return sqs.send_message(
            QueueUrl=url,
            MessageBody=body,
            MessageGroupId=group,
            MessageDeduplicationId=dedup or body,
            **more,
        )

    return make


def bodies(messages):
    return [message["Body"] for message in messages]


def test_messages_of_a_group_keep_their_order(sqs, fifo, send, receive):
    sent = [send(fifo, f"{i:03}") for i in range(30)]
    numbers = [answer["SequenceNumber"] for answer in sent]
    assert numbers == sorted(numbers) and len(set(numbers)) == 30
    assert all(len(number) == 20 and number.isdigit() for number in numbers)
    got = []
    while messages := receive(fifo):
        got += bodies(messages)
        for message in messages:
            sqs.delete_message(QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"])
    assert got == [f"{i:03}" for i in range(30)]


def test_order_within_batches(sqs, fifo, receive):
    for batch in range(3):
        sqs.send_message_batch(
            QueueUrl=fifo,
            Entries=[
                {
                    "Id": str(i),
                    "MessageBody": f"{batch}{i}",
                    "MessageGroupId": "g",
                    "MessageDeduplicationId": f"{batch}{i}",
                }
                for i in range(10)
            ],
        )
    for batch in range(3):
        messages = receive(fifo)
        assert bodies(messages) == [f"{batch}{i}" for i in range(10)]
        for message in messages:
            sqs.delete_message(QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"])


def test_attributes_of_a_fifo_message(fifo, send, receive):
    # Recorded 2023-11-14.
    sent = send(fifo, "message-body-1", group="group-1", dedup="dedup-1")
    (message,) = receive(fifo, AttributeNames=["All"])
    found = message["Attributes"]
    assert found["MessageGroupId"] == "group-1"
    assert found["MessageDeduplicationId"] == "dedup-1"
    assert found["SequenceNumber"] == sent["SequenceNumber"]


def test_a_group_in_flight_is_blocked(sqs, fifo, send, receive, clock):
    send(fifo, "a1", "a")
    send(fifo, "a2", "a")
    send(fifo, "b1", "b")
    (first,) = receive(fifo, MaxNumberOfMessages=1, VisibilityTimeout=30)
    assert first["Body"] == "a1"
    assert bodies(receive(fifo, VisibilityTimeout=600)) == ["b1"], "only the other group is open"
    assert receive(fifo) == []
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=first["ReceiptHandle"])
    assert bodies(receive(fifo, VisibilityTimeout=30)) == ["a2"]
    send(fifo, "a3", "a")
    assert receive(fifo) == []
    clock.advance("31s")
    assert bodies(receive(fifo)) == ["a2", "a3"], "what timed out comes first again"


def test_making_the_head_visible_opens_the_group(sqs, fifo, send, receive):
    for body in ("1", "2", "3"):
        send(fifo, body)
    messages = receive(fifo, MaxNumberOfMessages=2)
    assert bodies(messages) == ["1", "2"]
    second = {"QueueUrl": fifo, "ReceiptHandle": messages[1]["ReceiptHandle"]}
    sqs.change_message_visibility(**second, VisibilityTimeout=0)
    assert receive(fifo) == [], "the head is in flight still"
    sqs.change_message_visibility(
        QueueUrl=fifo, ReceiptHandle=messages[0]["ReceiptHandle"], VisibilityTimeout=0
    )
    assert bodies(receive(fifo)) == ["1", "2", "3"]


def test_one_receive_serves_several_groups(fifo, send, receive):
    for i in range(3):
        for group in "abc":
            send(fifo, f"{group}{i}", group)
    got = bodies(receive(fifo))
    assert len(got) == 9
    for group in "abc":
        assert [body for body in got if body[0] == group] == [f"{group}{i}" for i in range(3)]


@pytest.mark.parametrize("is_by_content", [True, False])
def test_what_is_sent_twice_arrives_once(sqs, new_queue, receive, clock, is_by_content):
    url = new_queue(fifo=True, ContentBasedDeduplication="true" if is_by_content else "false")
    arguments = {"QueueUrl": url, "MessageBody": '{"foo": "bar"}', "MessageGroupId": "g"}
    if not is_by_content:
        arguments["MessageDeduplicationId"] = "d"
    first = sqs.send_message(**arguments)
    again = sqs.send_message(**arguments)
    assert again["MessageId"] == first["MessageId"]
    assert again["SequenceNumber"] == first["SequenceNumber"]
    (message,) = receive(url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    # Recorded 2023-11-14: also after it was deleted, and in another group.
    sqs.send_message(**{**arguments, "MessageGroupId": "other"})
    assert receive(url) == []
    # AWS: "the 5-minute deduplication interval"
    clock.advance("301s")
    sqs.send_message(**arguments)
    assert len(receive(url)) == 1


def test_deduplication_by_group(new_queue, send, receive):
    url = new_queue(
        fifo=True, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId"
    )
    for group in ("a", "b", "a"):
        send(url, f"from {group}", group, dedup="same")
    assert sorted(bodies(receive(url))) == ["from a", "from b"]


def test_content_deduplication_is_overruled_by_an_id(new_queue, send, receive):
    url = new_queue(fifo=True, ContentBasedDeduplication="true")
    send(url, "same", dedup="1")
    send(url, "same", dedup="2")
    assert bodies(receive(url)) == ["same", "same"]


@covers("sqs", "SendMessage", error=["MissingParameter", "InvalidParameterValue"])
def test_what_a_fifo_queue_wants(sqs, fifo, new_queue):
    # Recorded 2023-11-14.
    with aws_error(
        "MissingParameter",
        http_status=400,
        message="The request must contain the parameter MessageGroupId.",
    ):
        sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageDeduplicationId="d")
    text = (
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId "
        "provided explicitly"
    )
    with aws_error("InvalidParameterValue", http_status=400, message=text):
        sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageGroupId="g")
    with aws_error(
        "InvalidParameterValue",
        message="Value 2 for parameter DelaySeconds is invalid. Reason: The request include "
        "parameter that is not valid for this queue type.",
    ):
        sqs.send_message(
            QueueUrl=fifo,
            MessageBody="x",
            MessageGroupId="g",
            MessageDeduplicationId="d",
            DelaySeconds=2,
        )
    for member in ("MessageGroupId", "MessageDeduplicationId"):
        for value in ("x" * 129, "with space", "ü", ""):
            arguments = {"MessageGroupId": "g", "MessageDeduplicationId": "d", member: value}
            with aws_error("InvalidParameterValue", match=f"for parameter {member} is invalid"):
                sqs.send_message(QueueUrl=fifo, MessageBody="x", **arguments)
    with aws_error("InvalidParameterValue", match="not valid for this queue type"):
        sqs.send_message(QueueUrl=new_queue(), MessageBody="x", MessageDeduplicationId="d")


@covers("sqs", "SendMessageBatch", error="InvalidParameterValue")
def test_what_a_fifo_queue_wants_of_batches(sqs, fifo):
    # Recorded 2023-11-14: the whole batch fails, a missing group with another code.
    good = {"Id": "1", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    with aws_error(
        "InvalidParameterValue", message="The request must contain the parameter MessageGroupId."
    ):
        sqs.send_message_batch(QueueUrl=fifo, Entries=[good, {"Id": "2", "MessageBody": "y"}])
    with aws_error("InvalidParameterValue", match="^The queue should either have"):
        sqs.send_message_batch(
            QueueUrl=fifo,
            Entries=[good, {"Id": "2", "MessageBody": "y", "MessageGroupId": "g"}],
        )


def test_a_standard_queue_takes_groups(sqs, new_queue, receive):
    # AWS: "Fair queues": MessageGroupId names the tenant and is handed out again.
    url = new_queue()
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="tenant")
    (message,) = receive(url, AttributeNames=["MessageGroupId"])
    assert message["Attributes"] == {"MessageGroupId": "tenant"}


@covers("sqs", "DeleteMessage", error="InvalidParameterValue")
@covers("sqs", "ChangeMessageVisibility", error="InvalidParameterValue")
@covers("sqs", "DeleteMessageBatch", error="ReceiptHandleIsInvalid")
def test_handles_of_fifo_queues_expire(sqs, fifo, send, receive, clock):
    send(fifo, "x")
    (message,) = receive(fifo, VisibilityTimeout=5)
    clock.advance("6s")
    handle = message["ReceiptHandle"]
    # Recorded 2023-11-14; in batches as public client logs have it.
    text = f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has "
    with aws_error("InvalidParameterValue", http_status=400, message=text + "expired."):
        sqs.delete_message(QueueUrl=fifo, ReceiptHandle=handle)
    with aws_error("InvalidParameterValue", message=text + "expired."):
        sqs.change_message_visibility(QueueUrl=fifo, ReceiptHandle=handle, VisibilityTimeout=9)
    answer = sqs.delete_message_batch(
        QueueUrl=fifo, Entries=[{"Id": "1", "ReceiptHandle": handle}]
    )
    assert answer["Failed"] == [
        {
            "Id": "1",
            "SenderFault": True,
            "Code": "ReceiptHandleIsInvalid",
            "Message": "The receipt handle has expired",
        }
    ]
    (again,) = receive(fifo)
    with aws_error("InvalidParameterValue"):
        sqs.delete_message(QueueUrl=fifo, ReceiptHandle=handle)
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=again["ReceiptHandle"])
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=again["ReceiptHandle"])


def test_a_delay_of_the_queue_holds_for_its_messages(new_queue, send, receive, clock):
    url = new_queue(fifo=True, DelaySeconds="30")
    send(url, "x", DelaySeconds=0)
    assert receive(url) == []
    clock.advance("31s")
    assert bodies(receive(url)) == ["x"]
