"""Many clients at once: sums are conserved, conditions are met by one, also when the server dies.

A client that got no answer does not know whether its write was done; what was answered must hold.
"""

import os
import random
import threading
import time

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

CLIENTS = 12
ACCOUNTS = 10
BALANCE = 1000


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


def key(name):
    return {"id": {"S": name}}


def number(ddb, table, name):
    item = ddb.get_item(TableName=table, Key=key(name), ConsistentRead=True)["Item"]
    return int(item["n"]["N"])


def increment(ddb, table, name):
    ddb.update_item(
        TableName=table,
        Key=key(name),
        UpdateExpression="ADD n :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )


def transfer(ddb, table, source, target, amount, token=None):
    """False when the source has too little, or the transaction met another one."""

    def update(name, expression, **more):
        return {
            "Update": {
                "TableName": table,
                "Key": key(name),
                "UpdateExpression": expression,
                "ExpressionAttributeValues": {":x": {"N": str(amount)}},
                **more,
            }
        }

    try:
        ddb.transact_write_items(
            TransactItems=[
                update(source, "SET n = n - :x", ConditionExpression="n >= :x"),
                update(target, "SET n = n + :x"),
            ],
            **({"ClientRequestToken": token} if token else {}),
        )
    except ddb.exceptions.TransactionCanceledException:
        return False
    return True


def fill(ddb, table):
    for account in range(ACCOUNTS):
        ddb.put_item(
            TableName=table, Item={**key(f"account{account}"), "n": {"N": str(BALANCE)}}
        )


def total(ddb, table):
    items = ddb.scan(TableName=table, ConsistentRead=True)["Items"]
    balances = [int(one["n"]["N"]) for one in items if one["id"]["S"].startswith("account")]
    assert min(balances) >= 0
    return sum(balances)


def test_counters_and_transfers_conserve_sums(client, ddb, make_table):
    table = make_table()
    fill(ddb, table)
    each = 20

    def work(seed):
        own = client("dynamodb")
        chance = random.Random(seed)
        for _ in range(each):
            increment(own, table, "counter")
            source, target = chance.sample(range(ACCOUNTS), 2)
            amount = chance.randrange(1, 400)
            transfer(own, table, f"account{source}", f"account{target}", amount)

    run_all([lambda seed=seed: work(seed) for seed in range(CLIENTS)])
    assert number(ddb, table, "counter") == CLIENTS * each
    assert total(ddb, table) == ACCOUNTS * BALANCE


@pytest.mark.parametrize("round_", range(3))
def test_one_condition_is_met_by_one_client(client, ddb, make_table, round_):
    table = make_table()
    winners = []

    def work(worker):
        own = client("dynamodb")
        for place in range(15):
            try:
                own.put_item(
                    TableName=table,
                    Item={**key(f"place{place}"), "by": {"N": str(worker)}},
                    ConditionExpression="attribute_not_exists(id)",
                )
            except own.exceptions.ConditionalCheckFailedException:
                continue
            winners.append((place, worker))

    run_all([lambda worker=worker: work(worker) for worker in range(CLIENTS)])
    assert len(winners) == 15
    for place, worker in winners:
        item = ddb.get_item(TableName=table, Key=key(f"place{place}"))["Item"]
        assert item["by"]["N"] == str(worker)


def test_sums_are_conserved_when_the_server_is_killed(client, new_server, wait_active):
    server = new_server(is_stored=True)
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5)

    def connect():
        return client("dynamodb", server=server, config=config)

    first = connect()
    table = "bank"
    first.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    wait_active(table, client=first)
    fill(first, table)
    is_over = threading.Event()
    sent = [0] * CLIENTS
    acknowledged = [0] * CLIENTS

    def work(worker):
        chance = random.Random(worker)
        own = connect()
        while not is_over.is_set():
            try:
                sent[worker] += 1
                increment(own, table, f"counter{worker}")
                acknowledged[worker] += 1
                source, target = chance.sample(range(ACCOUNTS), 2)
                transfer(own, table, f"account{source}", f"account{target}", chance.randrange(99))
            except (BotoCoreError, ClientError, OSError):
                time.sleep(0.01)  # the server is dead; another is on its way
                own = connect()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(0.5)
        server.kill()
        server.start()
    time.sleep(0.3)
    is_over.set()
    for thread in threads:
        thread.join()
    after = connect()
    assert total(after, table) == ACCOUNTS * BALANCE
    for worker in range(CLIENTS):
        assert acknowledged[worker] <= number(after, table, f"counter{worker}") <= sent[worker]
    streams = client("dynamodbstreams", server=server)
    arn = after.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    seen = {}
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while True:
            answer = streams.get_records(ShardIterator=iterator)
            for record in answer["Records"]:
                data = record["dynamodb"]["NewImage"]
                seen.setdefault(data["id"]["S"], []).append(int(data["n"]["N"]))
            iterator = answer["NextShardIterator"]
            if not answer["Records"]:
                break
    for worker in range(CLIENTS):
        name = f"counter{worker}"
        assert seen[name] == list(range(1, number(after, table, name) + 1))
    for account in range(ACCOUNTS):
        assert seen[f"account{account}"][-1] == number(after, table, f"account{account}")


@pytest.mark.skipif(
    os.environ.get("VIRGA_TEST_STORE") != "postgres", reason="nodes share a PostgreSQL"
)
def test_two_nodes_conserve_sums_and_agree_on_conditions(client, new_server, wait_active):
    first = new_server()
    nodes = [first, new_server(store_url=first.store_url)]
    config = Config(retries={"total_max_attempts": 1})
    ddb = client("dynamodb", server=first, config=config)
    table = "bank"
    ddb.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    wait_active(table, client=client("dynamodb", server=nodes[1], config=config))
    fill(ddb, table)
    winners = []
    done = [0] * CLIENTS

    def work(worker):
        own = client("dynamodb", server=nodes[worker % 2], config=config)
        chance = random.Random(worker)
        for place in range(15):
            source, target = chance.sample(range(ACCOUNTS), 2)
            transfer(own, table, f"account{source}", f"account{target}", chance.randrange(99))
            try:
                increment(own, table, "counter")
                done[worker] += 1
                own.put_item(
                    TableName=table,
                    Item={**key(f"place{place}"), "by": {"N": str(worker)}},
                    ConditionExpression="attribute_not_exists(id)",
                )
                winners.append(place)
            except own.exceptions.ConditionalCheckFailedException:
                pass

    run_all([lambda worker=worker: work(worker) for worker in range(CLIENTS)])
    assert sorted(winners) == list(range(15))
    assert number(ddb, table, "counter") == sum(done) == CLIENTS * 15
    assert total(ddb, table) == ACCOUNTS * BALANCE
    streams = client("dynamodbstreams", server=nodes[1], config=config)
    arn = ddb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    counted = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        for record in streams.get_records(ShardIterator=iterator)["Records"]:
            image = record["dynamodb"]["NewImage"]
            if image["id"]["S"] == "counter":
                counted.append(int(image["n"]["N"]))
    assert counted == list(range(1, CLIENTS * 15 + 1))
