"""Many clients at once, on few threads: what one client sends, another receives once.

Small on purpose: this file is what runs on the build with the thread sanitizer.
"""

import concurrent.futures

from harness import covers

SENDERS = 4
MESSAGES_EACH = 25


@covers("sqs", "SendMessage")
@covers("sqs", "ReceiveMessage")
def test_messages_reach_one_of_many_receivers_each(client, account):
    url = client("sqs").create_queue(QueueName="busy")["QueueUrl"]
    sent = {f"{sender}-{number}" for sender in range(SENDERS) for number in range(MESSAGES_EACH)}
    received = []

    def send(sender):
        sqs = client("sqs")
        for number in range(MESSAGES_EACH):
            sqs.send_message(QueueUrl=url, MessageBody=f"{sender}-{number}")

    def receive(_):
        sqs = client("sqs")
        while len(received) < len(sent):
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                received.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    with concurrent.futures.ThreadPoolExecutor(SENDERS * 2) as pool:
        futures = [pool.submit(send, sender) for sender in range(SENDERS)]
        futures += [pool.submit(receive, receiver) for receiver in range(SENDERS)]
        for future in futures:
            future.result(120)
    assert sorted(received) == sorted(sent)


@covers("sqs", "ReceiveMessage")
def test_a_waiting_receiver_is_woken_from_another_thread(client):
    url = client("sqs").create_queue(QueueName="awaited")["QueueUrl"]

    def receive(_):
        answer = client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20)
        return [message["Body"] for message in answer.get("Messages", [])]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(receive, number) for number in range(4)]
        for number in range(4):
            client("sqs").send_message(QueueUrl=url, MessageBody=str(number))
        bodies = sorted(body for future in futures for body in future.result(60))
    assert bodies == ["0", "1", "2", "3"]


def test_readers_and_writers_of_identities_meet(client, account):
    # Every change throws the identity caches of all threads away while others read them.
    iam = client("iam")
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]

    def read(_):
        sts = client("sts", credentials=key)
        for _ in range(15):
            assert sts.get_caller_identity()["Account"] == account

    def write(number):
        for step in range(15):
            client("iam").create_user(UserName=f"user-{number}-{step}")

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(read, number) for number in range(4)]
        futures += [pool.submit(write, number) for number in range(2)]
        for future in futures:
            future.result(120)


def test_the_clock_and_the_pages_meet_requests(virga, client, clock):
    def pages(_):
        for _ in range(10):
            virga.health()
            virga.page("/metrics")

    def sessions(_):
        sts = client("sts")
        for _ in range(10):
            sts.get_session_token()

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(pages, 0), pool.submit(sessions, 0), pool.submit(sessions, 1)]
        for _ in range(5):
            clock.advance("1s")
        for future in futures:
            future.result(120)
