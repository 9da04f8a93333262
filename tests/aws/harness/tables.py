"""Tables of DynamoDB in short."""


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
