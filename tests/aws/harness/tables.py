"""Tables of DynamoDB in short, and waiting for what comes to pass by itself."""

import time

import pytest

POLL_SECONDS = 0.01
POLLS = 3000


def until(condition):
    """Waits until condition() gives something true, and gives that."""
    for _ in range(POLLS):
        result = condition()
        if result:
            return result
        time.sleep(POLL_SECONDS)
    pytest.fail("it did not come to pass")


def attributes(**types):
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()]


def keys(*names):
    kinds = ("HASH", "RANGE")
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, kinds)]


def index(name, *names, projection="ALL", include=None, **more):
    shown = {"ProjectionType": projection}
    if include:
        shown["NonKeyAttributes"] = include
    return {"IndexName": name, "KeySchema": keys(*names), "Projection": shown, **more}
