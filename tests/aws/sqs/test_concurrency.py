"""Many clients at once: nothing is lost, nothing is handed out twice while it is hidden."""

import collections
import threading

import pytest

SENDERS = 8
RECEIVERS = 8
MESSAGES = 2000


def run_all(functions):
    failures = []

    def guarded(function):
        try:
            function()
        except BaseException as error:  # reported by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@pytest.mark.parametrize("is_fifo", [False, True], ids=["standard", "fifo"])
def test_everything_arrives_once(client, new_queue, receive, is_fifo):
    count = MESSAGES // 4 if is_fifo else MESSAGES
    url = new_queue(fifo=is_fifo, VisibilityTimeout="600")
    got = collections.Counter()
    orders = collections.defaultdict(list)
    lock = threading.Lock()

    def send(first):
        sqs = client("sqs")
        for i in range(first, count, SENDERS):
            more = {}
            if is_fifo:
                more = {"MessageGroupId": f"g{first}", "MessageDeduplicationId": str(i)}
            sqs.send_message(QueueUrl=url, MessageBody=str(i), **more)

    def work():
        sqs = client("sqs")
        while sum(got.values()) < count:
            messages = receive(url, client=sqs, WaitTimeSeconds=1)
            with lock:
                for message in messages:
                    number = int(message["Body"])
                    got[number] += 1
                    orders[number % SENDERS].append(number)
            if messages:
                sqs.delete_message_batch(
                    QueueUrl=url,
                    Entries=[
                        {"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]}
                        for i, message in enumerate(messages)
                    ],
                )

    run_all(
        [lambda first=first: send(first) for first in range(SENDERS)] + [work] * RECEIVERS
    )
    assert set(got) == set(range(count))
    assert set(got.values()) == {1}
    if is_fifo:
        for numbers in orders.values():
            assert numbers == sorted(numbers), "the order of a group"
    assert receive(url) == []
