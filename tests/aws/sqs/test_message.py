"""Messages: sending, receiving, attributes, limits, batches, receipt handles, visibility."""

import datetime
import hashlib
import re
import threading
import time

import pytest
from harness import aws_error, covers

TRACE = "Root=1-5e3d83c1-e6a0db584850d61342823d4c;Parent=53995c3f42cd8ad8;Sampled=1"


@covers("sqs", "SendMessage")
@covers("sqs", "ReceiveMessage")
@covers("sqs", "DeleteMessage")
def test_a_message_goes_through(sqs, new_queue, receive, count_of):
    url = new_queue()
    body = "grüße \U0001f980\n<&>\"'\\ \t"
    sent = sqs.send_message(QueueUrl=url, MessageBody=body)
    assert sent["MD5OfMessageBody"] == hashlib.md5(body.encode()).hexdigest()
    assert "MD5OfMessageAttributes" not in sent and "SequenceNumber" not in sent
    (message,) = receive(url)
    assert message.pop("ReceiptHandle")
    assert message == {
        "MessageId": sent["MessageId"],
        "MD5OfBody": sent["MD5OfMessageBody"],
        "Body": body,
    }
    assert count_of(url) == (0, 1, 0)
    assert receive(url) == []


@covers("sqs", "DeleteMessage")
def test_deleted_means_gone(sqs, new_queue, receive, clock):
    url = new_queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = receive(url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    clock.advance("1h")
    assert receive(url) == []
    # AWS: DeleteMessage of what is deleted already succeeds.
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_system_attributes(sqs, new_queue, receive, account, clock):
    url = new_queue(VisibilityTimeout="10")
    sqs.send_message(
        QueueUrl=url,
        MessageBody="x",
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}},
    )
    (first,) = receive(url, MessageSystemAttributeNames=["All"])
    clock.advance("11s")
    (second,) = receive(url, AttributeNames=["All"])
    one, two = first["Attributes"], second["Attributes"]
    assert one["SenderId"] == account
    assert one["AWSTraceHeader"] == TRACE
    assert (one["ApproximateReceiveCount"], two["ApproximateReceiveCount"]) == ("1", "2")
    assert one["SentTimestamp"] == two["SentTimestamp"]
    assert one["ApproximateFirstReceiveTimestamp"] == two["ApproximateFirstReceiveTimestamp"]
    assert set(one) == {
        "SenderId",
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
        "AWSTraceHeader",
    }
    clock.advance("11s")
    (third,) = receive(url, AttributeNames=["SenderId"])
    assert third["Attributes"] == {"SenderId": account}
    assert first["ReceiptHandle"] != second["ReceiptHandle"]


@covers("sqs", "SendMessage", error="InvalidParameterValue")
def test_other_system_attributes_are_refused(client, new_queue):
    with aws_error("InvalidParameterValue", http_status=400):
        client("sqs", is_validated=False).send_message(
            QueueUrl=new_queue(),
            MessageBody="x",
            MessageSystemAttributes={"Other": {"DataType": "String", "StringValue": "x"}},
        )


ATTRIBUTES = {
    "General": {"DataType": "String", "StringValue": "Kenobi"},
    "Hello": {"DataType": "String", "StringValue": "There"},
    "Help.Me": {"DataType": "String", "StringValue": "Me"},
}


@pytest.mark.parametrize(
    ("asked", "names", "md5"),
    [
        # Recorded 2023-07-06.
        ([], [], None),
        (["All"], ["General", "Hello", "Help.Me"], "4c360f3fdafd970e05fae2f149d997f5"),
        ([".*"], ["General", "Hello", "Help.Me"], "4c360f3fdafd970e05fae2f149d997f5"),
        (["Foo", "Help"], [], None),
        (["Hello", "General"], ["General", "Hello"], "fca026605781cb4126a1e9044df24232"),
        (["Foo", "Hello"], ["Hello"], "a311262e065454b75da111d535b8dacd"),
        (["Hel.*"], [], None),
        (["Help.*"], ["Help.Me"], None),
        (["AWS."], [], None),
    ],
)
def test_message_attributes_that_are_asked_for(sqs, new_queue, receive, asked, names, md5):
    url = new_queue()
    sent = sqs.send_message(QueueUrl=url, MessageBody="msg", MessageAttributes=ATTRIBUTES)
    assert sent["MD5OfMessageAttributes"] == "4c360f3fdafd970e05fae2f149d997f5"
    (message,) = receive(url, MessageAttributeNames=asked)
    found = message.get("MessageAttributes", {})
    assert found == {name: ATTRIBUTES[name] for name in names}
    if md5 or not names:
        assert message.get("MD5OfMessageAttributes") == md5


def test_binary_attributes(sqs, new_queue, receive):
    # Recorded 2023-11-14.
    value = b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01"
    url = new_queue()
    attributes = {"attr1": {"DataType": "Binary", "BinaryValue": value}}
    sqs.send_message(QueueUrl=url, MessageBody="test", MessageAttributes=attributes)
    (message,) = receive(url, MessageAttributeNames=["All"])
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == "8cbe4db156db8a94db8b801b7addb984"


def test_attributes_with_labels_and_numbers(sqs, new_queue, receive):
    url = new_queue()
    attributes = {
        "size": {"DataType": "Number.int", "StringValue": "-1.5e10"},
        "zebra": {"DataType": "String.color", "StringValue": "ä"},
        "Alpha": {"DataType": "Binary.gif", "BinaryValue": b"\x00\xff"},
    }
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=attributes)  # boto checks MD5
    (message,) = receive(url, MessageAttributeNames=["All"])
    assert message["MessageAttributes"] == attributes


@covers("sqs", "SendMessage", error="InvalidParameterValue")
@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        # Recorded 2023-11-14.
        (
            {"ErrorDetails": {"DataType": "String", "StringValue": ""}},
            "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type "
            "'String'.",
        ),
        ({"n": {"DataType": "Number", "StringValue": "many"}}, "Can't cast the value"),
        ({"n": {"DataType": "Colour", "StringValue": "x"}}, "type prefixes is Binary, Number, and"),
        ({"AWS.x": {"DataType": "String", "StringValue": "x"}}, "'AWS.x'"),
        ({"a..b": {"DataType": "String", "StringValue": "x"}}, "'a..b'"),
        ({".a": {"DataType": "String", "StringValue": "x"}}, "'.a'"),
        (
            {f"a{i}": {"DataType": "String", "StringValue": "x"} for i in range(11)},
            "Number of message attributes [11] exceeds the allowed maximum [10].",
        ),
    ],
)
def test_attributes_that_are_refused(sqs, new_queue, attributes, text):
    with aws_error("InvalidParameterValue", http_status=400) as error:
        sqs.send_message(QueueUrl=new_queue(), MessageBody="x", MessageAttributes=attributes)
    assert text in error.message


@covers("sqs", "SendMessage", error="InvalidMessageContents")
@pytest.mark.parametrize("body", ["\x00", "a\x01", "\x1b[1m", "\ufffe", "x\uffff"])
def test_characters_that_are_refused(sqs, new_queue, body):
    # AWS: SendMessage: the characters allowed; the text is what the service answers.
    with aws_error(
        "InvalidMessageContents",
        http_status=400,
        match="^Invalid characters found. Valid unicode characters are #x9 | #xA | #xD",
    ):
        sqs.send_message(QueueUrl=new_queue(), MessageBody=body)


@covers("sqs", "SendMessage", error="MissingParameter")
def test_an_empty_body_is_refused(sqs, new_queue):
    with aws_error(
        "MissingParameter",
        http_status=400,
        message="The request must contain the parameter MessageBody.",
    ) as error:
        sqs.send_message(QueueUrl=new_queue(), MessageBody="")
    assert error.response["Error"]["QueryErrorCode"] == "MissingRequiredParameterException"


@covers("sqs", "SendMessage", error="InvalidParameterValue")
def test_the_size_of_a_message(sqs, new_queue, receive):
    url = new_queue()
    attributes = {"a": {"DataType": "String", "StringValue": "v" * 92}}  # 1 + 6 + 92 = 99
    sqs.send_message(QueueUrl=url, MessageBody="x" * 1048576)
    sqs.send_message(QueueUrl=url, MessageBody="x" * (1048576 - 99), MessageAttributes=attributes)
    # Recorded 2023-11-14, when the limit was 262144.
    text = "One or more parameters are invalid. Reason: Message must be shorter than {} bytes."
    with aws_error("InvalidParameterValue", message=text.format(1048576), http_status=400):
        sqs.send_message(QueueUrl=url, MessageBody="x" * 1048577)
    with aws_error("InvalidParameterValue", message=text.format(1048576)):
        sqs.send_message(
            QueueUrl=url, MessageBody="x" * (1048577 - 99), MessageAttributes=attributes
        )
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "1024"})
    with aws_error("InvalidParameterValue", message=text.format(1024)):
        sqs.send_message(QueueUrl=url, MessageBody="ä" * 512 + "x")
    assert len(receive(url)) == 2


@covers("sqs", "SendMessage", error="InvalidParameterValue")
@pytest.mark.parametrize("delay", [-1, 901])
def test_delays_have_a_range(sqs, new_queue, delay):
    with aws_error("InvalidParameterValue", http_status=400, match=f"^Value {delay} for parameter"):
        sqs.send_message(QueueUrl=new_queue(), MessageBody="x", DelaySeconds=delay)


def test_delays(sqs, new_queue, receive, count_of, clock):
    url = new_queue(DelaySeconds="30")
    sqs.send_message(QueueUrl=url, MessageBody="queue's delay")
    sqs.send_message(QueueUrl=url, MessageBody="at once", DelaySeconds=0)
    sqs.send_message(QueueUrl=url, MessageBody="long", DelaySeconds=900)
    assert count_of(url) == (1, 0, 2)
    assert [message["Body"] for message in receive(url)] == ["at once"]
    clock.advance("31s")
    assert "queue's delay" in [message["Body"] for message in receive(url, VisibilityTimeout=3600)]
    clock.advance("870s")
    assert "long" in [message["Body"] for message in receive(url)]


@covers("sqs", "ReceiveMessage", error="InvalidParameterValue")
@pytest.mark.parametrize(
    ("option", "text"),
    [
        # Recorded 2023-11-14; the others from public client logs.
        (
            {"MaxNumberOfMessages": 11},
            "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and "
            "10, if provided.",
        ),
        (
            {"MaxNumberOfMessages": 0},
            "Value 0 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and "
            "10, if provided.",
        ),
        (
            {"WaitTimeSeconds": 21},
            "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if "
            "provided.",
        ),
        (
            {"VisibilityTimeout": 43201},
            "Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= "
            "43200, if provided.",
        ),
    ],
)
def test_receiving_has_ranges(receive, new_queue, option, text):
    with aws_error("InvalidParameterValue", http_status=400, message=text):
        receive(new_queue(), **option)


def test_at_most_as_many_as_wanted(sqs, new_queue, receive):
    url = new_queue()
    for i in range(12):
        sqs.send_message(QueueUrl=url, MessageBody=str(i))
    assert len(receive(url, MaxNumberOfMessages=1)) == 1
    assert len(receive(url)) == 10
    assert len(receive(url)) == 1


def test_a_timeout_of_zero_hides_nothing(sqs, new_queue, receive):
    url = new_queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert len(receive(url, VisibilityTimeout=0)) == 1
    assert len(receive(url, VisibilityTimeout=0)) == 1


@covers("sqs", "ChangeMessageVisibility")
def test_visibility_changes(sqs, new_queue, receive, clock):
    url = new_queue(VisibilityTimeout="30")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = receive(url)
    change = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
    clock.advance("20s")
    sqs.change_message_visibility(**change, VisibilityTimeout=60)
    clock.advance("50s")
    assert receive(url) == []
    sqs.change_message_visibility(**change, VisibilityTimeout=0)
    (again,) = receive(url)
    assert again["MessageId"] == message["MessageId"]
    clock.advance("31s")
    # Recorded 2023-11-14: standard queues accept the handle of a message that is visible again.
    sqs.change_message_visibility(
        QueueUrl=url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=10
    )


@covers("sqs", "ChangeMessageVisibility", error=["InvalidParameterValue", "ReceiptHandleIsInvalid"])
def test_visibility_that_cannot_change(sqs, new_queue, receive, clock):
    url = new_queue(VisibilityTimeout="600")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = receive(url)
    handle = message["ReceiptHandle"]
    for seconds in (-1, 43201):
        with aws_error("InvalidParameterValue", http_status=400, match=f"^Value {seconds} for"):
            sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=seconds
            )
    clock.advance("60s")
    # AWS: at most 12 hours from the receive on; the text from public client logs.
    with aws_error(
        "InvalidParameterValue",
        message="Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total "
        "VisibilityTimeout for the message is beyond the limit [43200 seconds]",
    ):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43200)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43100)
    with aws_error("ReceiptHandleIsInvalid", http_status=404):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle="junk", VisibilityTimeout=1)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    with aws_error(
        "InvalidParameterValue",
        message=f"Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not "
        "exist or is not available for visibility timeout change.",
    ):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=1)


@covers("sqs", "DeleteMessage", error="ReceiptHandleIsInvalid")
@pytest.mark.parametrize("handle", ["junk", "AAAA", "=", "MSAyIDM=", "MSAyIDMgNA==", "-" * 5000])
def test_handles_that_never_were(sqs, new_queue, handle):
    with aws_error(
        "ReceiptHandleIsInvalid",
        http_status=404,
        message=f'The input receipt handle "{handle}" is not a valid receipt handle.',
    ):
        sqs.delete_message(QueueUrl=new_queue(), ReceiptHandle=handle)


@covers("sqs", "DeleteMessage", error="ReceiptHandleIsInvalid")
def test_a_handle_belongs_to_its_queue(sqs, new_queue, receive):
    url, other = new_queue(), new_queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = receive(url)
    with aws_error("ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=other, ReceiptHandle=message["ReceiptHandle"])


def test_an_old_handle_of_a_standard_queue_still_deletes(sqs, new_queue, receive, clock):
    url = new_queue(VisibilityTimeout="5")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = receive(url)
    clock.advance("6s")
    assert len(receive(url)) == 1
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    clock.advance("6s")
    assert receive(url) == []


@covers("sqs", "SendMessageBatch")
@covers("sqs", "DeleteMessageBatch")
@covers("sqs", "ChangeMessageVisibilityBatch")
def test_batches(sqs, new_queue, receive):
    url = new_queue()
    entries = [{"Id": f"id-{i}", "MessageBody": f"body {i}"} for i in range(10)]
    entries[3]["MessageAttributes"] = ATTRIBUTES
    sent = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in sent["Successful"]] == [f"id-{i}" for i in range(10)]
    assert not sent.get("Failed")
    assert sent["Successful"][3]["MD5OfMessageAttributes"] == "4c360f3fdafd970e05fae2f149d997f5"
    messages = receive(url)
    assert sorted(message["Body"] for message in messages) == [f"body {i}" for i in range(10)]
    handles = [message["ReceiptHandle"] for message in messages]
    changed = sqs.change_message_visibility_batch(
        QueueUrl=url,
        Entries=[
            {"Id": f"{i}", "ReceiptHandle": handle, "VisibilityTimeout": 0}
            for i, handle in enumerate(handles)
        ],
    )
    assert len(changed["Successful"]) == 10 and not changed.get("Failed")
    handles = [message["ReceiptHandle"] for message in receive(url)]
    deleted = sqs.delete_message_batch(
        QueueUrl=url,
        Entries=[{"Id": f"{i}", "ReceiptHandle": handle} for i, handle in enumerate(handles)],
    )
    assert len(deleted["Successful"]) == 10 and not deleted.get("Failed")


@covers("sqs", "SendMessageBatch", error="InvalidParameterValue")
def test_a_batch_fails_entry_by_entry(sqs, new_queue, receive):
    url = new_queue()
    answer = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "good", "MessageBody": "x"},
            {"Id": "delay", "MessageBody": "x", "DelaySeconds": 1000},
            {"Id": "bytes", "MessageBody": "\x01"},
            {"Id": "also-good", "MessageBody": "y"},
        ],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["good", "also-good"]
    failed = {entry["Id"]: entry for entry in answer["Failed"]}
    assert {name: entry["Code"] for name, entry in failed.items()} == {
        "delay": "InvalidParameterValue",
        "bytes": "InvalidMessageContents",
    }
    assert all(entry["SenderFault"] for entry in failed.values())
    assert len(receive(url)) == 2


@covers("sqs", "DeleteMessageBatch", error="ReceiptHandleIsInvalid")
@covers("sqs", "ChangeMessageVisibilityBatch", error="ReceiptHandleIsInvalid")
def test_bad_handles_in_a_batch(sqs, new_queue, receive):
    url = new_queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = receive(url)
    bad = {"Id": "bad", "ReceiptHandle": "junk"}
    good = {"Id": "good", "ReceiptHandle": message["ReceiptHandle"]}
    changed = sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[{**bad, "VisibilityTimeout": 1}, {**good, "VisibilityTimeout": 9}]
    )
    deleted = sqs.delete_message_batch(QueueUrl=url, Entries=[bad, good])
    for answer in (changed, deleted):
        assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
        assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [
            ("bad", "ReceiptHandleIsInvalid")
        ]


BATCHES = {
    "send_message_batch": ("SendMessageBatchRequestEntry", {"MessageBody": "x"}),
    "delete_message_batch": ("DeleteMessageBatchRequestEntry", {"ReceiptHandle": "x"}),
    "change_message_visibility_batch": (
        "ChangeMessageVisibilityBatchRequestEntry",
        {"ReceiptHandle": "x", "VisibilityTimeout": 1},
    ),
}


@covers(
    "sqs",
    "SendMessageBatch",
    error=[
        "EmptyBatchRequest",
        "TooManyEntriesInBatchRequest",
        "InvalidBatchEntryId",
        "BatchEntryIdsNotDistinct",
    ],
)
@covers(
    "sqs",
    "DeleteMessageBatch",
    error=[
        "EmptyBatchRequest",
        "TooManyEntriesInBatchRequest",
        "InvalidBatchEntryId",
        "BatchEntryIdsNotDistinct",
    ],
)
@covers(
    "sqs",
    "ChangeMessageVisibilityBatch",
    error=[
        "EmptyBatchRequest",
        "TooManyEntriesInBatchRequest",
        "InvalidBatchEntryId",
        "BatchEntryIdsNotDistinct",
    ],
)
@pytest.mark.parametrize("operation", BATCHES)
@pytest.mark.parametrize(
    ("ids", "code", "text"),
    [
        # Recorded 2023-11-14.
        ([], "EmptyBatchRequest", "There should be at least one {} in the request."),
        (
            [f"{i}" for i in range(20)],
            "TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are 10. You have sent 20.",
        ),
        (["a", "b", "a"], "BatchEntryIdsNotDistinct", "Id a repeated."),
    ]
    + [
        (
            [name],
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            "It can be at most 80 letters long.",
        )
        for name in ("", "invalid:id", "x" * 81)
    ],
)
def test_batches_that_are_refused(sqs, new_queue, operation, ids, code, text):
    entry_name, members = BATCHES[operation]
    with aws_error(
        f"AWS.SimpleQueueService.{code}", http_status=400, message=text.format(entry_name)
    ) as error:
        getattr(sqs, operation)(
            QueueUrl=new_queue(), Entries=[{"Id": name, **members} for name in ids]
        )
    assert error.response["Error"]["QueryErrorCode"] == code


@covers("sqs", "SendMessageBatch", error="BatchRequestTooLong")
def test_the_size_of_a_batch(sqs, new_queue):
    url = new_queue()
    # Recorded 2023-11-14, when the limit was 262144.
    with aws_error(
        "AWS.SimpleQueueService.BatchRequestTooLong",
        http_status=400,
        message="Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
    ):
        sqs.send_message_batch(
            QueueUrl=url,
            Entries=[{"Id": "1", "MessageBody": "x" * 1048576}, {"Id": "2", "MessageBody": "y"}],
        )


def test_messages_expire(sqs, new_queue, receive, count_of, clock):
    url = new_queue(MessageRetentionPeriod="60")
    sqs.send_message(QueueUrl=url, MessageBody="old")
    clock.advance("50s")
    sqs.send_message(QueueUrl=url, MessageBody="young")
    clock.advance("20s")
    assert count_of(url) == (1, 0, 0)
    assert [message["Body"] for message in receive(url)] == ["young"]


def test_the_sweep_removes_what_has_expired(sqs, new_queue, receive, count_of, clock):
    url = new_queue(MessageRetentionPeriod="60")
    fifo = new_queue(fifo=True, ContentBasedDeduplication="true", MessageRetentionPeriod="60")
    for i in range(20):
        sqs.send_message(QueueUrl=url, MessageBody=str(i))
    sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageGroupId="g")
    clock.advance("3h")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "1209600"})
    sqs.set_queue_attributes(QueueUrl=fifo, Attributes={"MessageRetentionPeriod": "1209600"})
    until = time.monotonic() + 20
    while count_of(url) != (0, 0, 0) and time.monotonic() < until:
        clock.advance("1h")
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "60"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "1209600"})
    assert count_of(url) == (0, 0, 0)
    sqs.send_message(QueueUrl=fifo, MessageBody="y", MessageGroupId="g")
    assert "y" in [message["Body"] for message in receive(fifo)]


def waiting(function):
    """Runs it in a thread; (thread, list that will hold its result and its duration)."""
    results = []

    def run():
        start = time.monotonic()
        results.append((function(), time.monotonic() - start))

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def wait_until_parked(virga, count=1):
    """Returns when that many calls wait; the server's own page tells."""
    until = time.monotonic() + 15
    while time.monotonic() < until:
        found = re.search(r"^virga_waiting_calls (\d+)$", virga.page("/metrics"), re.M)
        if int(found.group(1)) >= count:
            return
    pytest.fail(f"fewer than {count} calls wait")


def test_a_long_poll_wakes_at_once(virga, sqs, new_queue, receive):
    url = new_queue()
    thread, results = waiting(lambda: receive(url, WaitTimeSeconds=20))
    wait_until_parked(virga)
    sent_at = time.monotonic()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    thread.join(30)
    assert time.monotonic() - sent_at < 2
    assert [message["Body"] for message in results[0][0]] == ["x"]


def test_a_long_poll_ends_when_its_time_is_over(virga, new_queue, receive, clock):
    url = new_queue(ReceiveMessageWaitTimeSeconds="20")
    thread, results = waiting(lambda: receive(url))
    wait_until_parked(virga)
    clock.advance("21s")
    thread.join(30)
    messages, seconds = results[0]
    assert messages == [] and seconds < 15


def test_a_long_poll_gets_what_becomes_visible_again(virga, sqs, new_queue, receive, clock):
    url = new_queue(VisibilityTimeout="15")
    sqs.send_message(QueueUrl=url, MessageBody="hidden")
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=16)
    assert len(receive(url)) == 1
    thread, results = waiting(lambda: receive(url, WaitTimeSeconds=20))
    wait_until_parked(virga)
    clock.advance("17s")
    thread.join(30)
    messages, seconds = results[0]
    assert sorted(message["Body"] for message in messages) == ["delayed", "hidden"]
    assert seconds < 15


def test_a_long_poll_learns_that_its_queue_is_gone(virga, sqs, new_queue, receive):
    url = new_queue()

    def poll():
        with aws_error("AWS.SimpleQueueService.NonExistentQueue"):
            receive(url, WaitTimeSeconds=20)
        return "gone"

    thread, results = waiting(poll)
    wait_until_parked(virga)
    sqs.delete_queue(QueueUrl=url)
    thread.join(30)
    assert results and results[0][0] == "gone" and results[0][1] < 15


def test_times_of_messages_are_those_of_the_clock(sqs, new_queue, receive, clock):
    now = datetime.datetime.fromisoformat(clock.advance("10d")["now"].replace("Z", "+00:00"))
    url = new_queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = receive(url, AttributeNames=["SentTimestamp"])
    sent = int(message["Attributes"]["SentTimestamp"]) / 1000
    assert abs(sent - now.timestamp()) < 60
