"""Expressions: messages, placeholders, and random ones against a small model of their meaning.

Texts are AWS's as recorded by the tests of dynalite (architect/dynalite), by the suite
nubo-db/dynamodb-conformance, and where a comment says so.
"""

import copy
import decimal
import random
import re

import pytest
from harness import aws_error

KEY = {"pk": {"S": "a"}}


@pytest.fixture
def table(new_table):
    return new_table("pk")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        # floci-io/floci #1512: seen on AWS in ap-northeast-1.
        ("a-b", 'Syntax error; token: "-", near: "a-b"'),
        ("foo", 'Syntax error; token: "<EOF>", near: "foo"'),
        ("a = :v AND", 'Syntax error; token: "<EOF>", near: "AND"'),
        ("", "The expression can not be empty;"),
        ("((a = :v))", "The expression has redundant parentheses;"),
        ("f(a)", "Invalid function name; function: f"),
        ("name = :v", "Attribute name is a reserved keyword; reserved keyword: name"),
        (
            "a = :w",
            "An expression attribute value used in expression is not defined; attribute value: :w",
        ),
        (
            "#a = :v",
            "An expression attribute name used in the document path is not defined; attribute "
            "name: #a",
        ),
        (
            "contains(a, a)",
            "The first operand must be distinct from the remaining operands for this operator or "
            "function; operator: contains, first operand: [a]",
        ),
        (
            "x" * 4097,
            "Expression size has exceeded the maximum allowed size; expression size: 4097",
        ),
    ],
)
def test_conditions_that_are_refused(ddb, table, expression, message):
    values = {":v": {"S": "x"}}
    with aws_error("ValidationException", message="Invalid ConditionExpression: " + message):
        ddb.put_item(
            TableName=table,
            Item=KEY,
            ConditionExpression=expression,
            ExpressionAttributeValues=values,
        )
    with aws_error("ValidationException", message="Invalid FilterExpression: " + message):
        ddb.scan(
            TableName=table, FilterExpression=expression, ExpressionAttributeValues=values
        )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"ExpressionAttributeNames": {"#b": "b"}},
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#b}",
        ),
        (
            {"ExpressionAttributeValues": {":v": {"S": "a"}, ":w": {"S": "a"}}},
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}",
        ),
        (
            {"ExpressionAttributeNames": {"b": "b"}},
            'ExpressionAttributeNames contains invalid key: Syntax error; key: "b"',
        ),
        (
            {"ExpressionAttributeValues": {"v": {"S": "a"}}},
            'ExpressionAttributeValues contains invalid key: Syntax error; key: "v"',
        ),
        ({"ExpressionAttributeNames": {}}, "ExpressionAttributeNames must not be empty"),
        ({"ExpressionAttributeValues": {}}, "ExpressionAttributeValues must not be empty"),
        (
            {"ExpressionAttributeValues": {":v": {"SS": []}}},
            "ExpressionAttributeValues contains invalid value: One or more parameter values were "
            "invalid: An string set  may not be empty for key :v",
        ),
        (
            {"AttributeUpdates": {}},
            "Can not use both expression and non-expression parameters in the same request: "
            "Non-expression parameters: {AttributeUpdates} Expression parameters: "
            "{UpdateExpression}",
        ),
    ],
)
def test_placeholders_that_are_refused(ddb, table, more, message):
    parameters = {"ExpressionAttributeValues": {":v": {"S": "a"}}, **more}
    with aws_error("ValidationException", message=message):
        ddb.update_item(TableName=table, Key=KEY, UpdateExpression="SET a = :v", **parameters)


def test_placeholders_without_expressions(ddb, table):
    with aws_error(
        "ValidationException",
        message="ExpressionAttributeNames can only be specified when using expressions",
    ):
        ddb.put_item(TableName=table, Item=KEY, ExpressionAttributeNames={"#a": "a"})
    with aws_error(
        "ValidationException",
        message="ExpressionAttributeValues can only be specified when using expressions: "
        "UpdateExpression and ConditionExpression are null",
    ):
        ddb.update_item(TableName=table, Key=KEY, ExpressionAttributeValues={":a": {"S": "a"}})


def test_names_hold_what_a_path_cannot_say(ddb, table):
    names = {"#1": "with.dot", "#2": "1 number first", "#3": "status"}
    ddb.update_item(
        TableName=table,
        Key=KEY,
        UpdateExpression="SET #1 = :v, #2 = :v, #3 = :v",
        ExpressionAttributeNames=names,
        ExpressionAttributeValues={":v": {"N": "1"}},
    )
    answer = ddb.get_item(
        TableName=table,
        Key=KEY,
        ProjectionExpression="#1, #2, #3",
        ExpressionAttributeNames=names,
    )
    assert answer["Item"] == {name: {"N": "1"} for name in names.values()}


# ---- random conditions ----

# The model: values are Python's. A text is str, a number Decimal, bytes are B, frozensets are sets,
# lists and dicts are documents, bool and None are themselves.


def to_wire(value):
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bytes):
        return {"B": value}
    if isinstance(value, decimal.Decimal):
        return {"N": str(value)}
    if isinstance(value, frozenset):
        kind = {str: "SS", bytes: "BS", decimal.Decimal: "NS"}[type(next(iter(value)))]
        return {kind: [next(iter(to_wire(one).values())) for one in value]}
    if isinstance(value, list):
        return {"L": [to_wire(one) for one in value]}
    return {"M": {name: to_wire(one) for name, one in value.items()}}


def from_wire(value):
    kind, content = next(iter(value.items()))
    if kind == "N":
        return decimal.Decimal(content)
    if kind == "NS":
        return frozenset(decimal.Decimal(one) for one in content)
    if kind in ("SS", "BS"):
        return frozenset(content)
    if kind == "L":
        return [from_wire(one) for one in content]
    if kind == "M":
        return {name: from_wire(one) for name, one in content.items()}
    return None if kind == "NULL" else content


ABSENT = object()


def find(item, path):
    value = item
    for step in path:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return ABSENT
        elif not isinstance(value, dict) or step not in value:
            return ABSENT
        value = value[step]
    return value


def type_name(value):
    return next(iter(to_wire(value)))


def same(a, b):
    return a is not ABSENT and b is not ABSENT and type_name(a) == type_name(b) and a == b


def ordered(a, b):
    return (
        a is not ABSENT
        and b is not ABSENT
        and type_name(a) == type_name(b)
        and type_name(a) in ("S", "N", "B")
    )


def key_of(value):
    return value.encode() if isinstance(value, str) else value


COMPARISONS = {
    "=": same,
    "<>": lambda a, b: not same(a, b),
    "<": lambda a, b: ordered(a, b) and key_of(a) < key_of(b),
    "<=": lambda a, b: ordered(a, b) and key_of(a) <= key_of(b),
    ">": lambda a, b: ordered(a, b) and key_of(a) > key_of(b),
    ">=": lambda a, b: ordered(a, b) and key_of(a) >= key_of(b),
}


def contains(whole, part):
    if whole is ABSENT or part is ABSENT:
        return False
    if isinstance(whole, (str, bytes)) and type(whole) is type(part):
        return part in whole
    if isinstance(whole, (list, frozenset)):
        return any(same(one, part) for one in whole)
    return False


def size(value):
    if value is ABSENT or value is None or isinstance(value, (bool, decimal.Decimal)):
        return ABSENT
    return decimal.Decimal(len(value))


def path_text(path):
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]


class Conditions:
    """Makes random conditions: pairs of a text and what it means, as a function of the item."""

    PATHS = [["a"], ["b"], ["l"], ["l", 0], ["l", 1], ["m", "x"], ["m", "y", 0], ["s"], ["zz"]]

    def __init__(self, source):
        self.source = source
        self.values = {}

    def scalar(self):
        return self.source.choice(
            [
                decimal.Decimal(self.source.randint(-2, 3)),
                self.source.choice(["", "a", "ab", "b"]),
                self.source.choice([b"", b"a", b"ab"]),
            ]
        )

    def value(self, values=None):
        value = self.scalar() if values is None else self.source.choice(values)
        name = f":v{len(self.values)}"
        self.values[name] = to_wire(value)
        return name, lambda item: value

    def path(self, besides=None):
        path = self.source.choice([one for one in self.PATHS if one != besides])
        return path_text(path), lambda item: find(item, path), path

    def operand(self):
        choice = self.source.random()
        if choice < 0.45:
            return self.value()
        text, get, _ = self.path()
        if choice < 0.85:
            return text, get
        return f"size({text})", lambda item: size(get(item))

    def comparison(self):
        text, get, _ = self.path()
        other, get_other = self.operand()
        if other == text:
            other, get_other = self.value()
        operator = self.source.choice(list(COMPARISONS))
        test = COMPARISONS[operator]
        return f"{text} {operator} {other}", lambda item: test(get(item), get_other(item))

    def between(self):
        text, get, _ = self.path()
        low, high = sorted(decimal.Decimal(self.source.randint(-3, 4)) for _ in range(2))
        low_text, _ = self.value([low])
        high_text, _ = self.value([high])
        return (
            f"{text} BETWEEN {low_text} AND {high_text}",
            lambda item: ordered(get(item), low) and low <= get(item) <= high,
        )

    def member(self):
        text, get, _ = self.path()
        choices = [self.value() for _ in range(self.source.randint(1, 4))]
        names = ", ".join(name for name, _ in choices)
        return (
            f"{text} IN ({names})",
            lambda item: any(same(get(item), value(item)) for _, value in choices),
        )

    def function(self):
        text, get, _ = self.path()
        name = self.source.choice(
            [
                "attribute_exists",
                "attribute_not_exists",
                "attribute_type",
                "begins_with",
                "contains",
            ]
        )
        if name == "attribute_exists":
            return f"{name}({text})", lambda item: get(item) is not ABSENT
        if name == "attribute_not_exists":
            return f"{name}({text})", lambda item: get(item) is ABSENT
        if name == "attribute_type":
            kind = self.source.choice(["S", "N", "B", "L", "M", "SS", "BOOL", "NULL"])
            value, _ = self.value([kind])
            return (
                f"{name}({text}, {value})",
                lambda item: get(item) is not ABSENT and type_name(get(item)) == kind,
            )
        if name == "begins_with":
            prefix, get_prefix = self.value([self.source.choice(["a", "", b"a"])])
            return (
                f"{name}({text}, {prefix})",
                lambda item: type(get(item)) is type(get_prefix(item))
                and get(item).startswith(get_prefix(item)),
            )
        part, get_part = self.value()
        return f"{name}({text}, {part})", lambda item: contains(get(item), get_part(item))

    def condition(self, depth=3):
        choice = self.source.random()
        if depth == 0 or choice < 0.4:
            kind = self.source.choice(
                [self.comparison, self.comparison, self.between, self.member, self.function]
            )
            return kind()
        if choice < 0.55:
            text, test = self.condition(depth - 1)
            return f"NOT ({text})", lambda item: not test(item)
        (left, test_left), (right, test_right) = (self.condition(depth - 1) for _ in range(2))
        if choice < 0.8:
            return (
                f"({left}) AND ({right})",
                lambda item: test_left(item) and test_right(item),
            )
        return f"({left}) OR ({right})", lambda item: test_left(item) or test_right(item)


def random_item(source, number):
    conditions = Conditions(source)
    item = {"pk": f"item{number}"}
    for name in ("a", "b"):
        if source.random() < 0.8:
            item[name] = source.choice([conditions.scalar(), None, True, False, [], {}])
    if source.random() < 0.7:
        item["l"] = [conditions.scalar() for _ in range(source.randint(0, 3))]
    if source.random() < 0.7:
        item["m"] = {"x": conditions.scalar(), "y": [conditions.scalar()]}
    if source.random() < 0.7:
        item["s"] = source.choice(
            [
                frozenset(["a", "b"]),
                frozenset([decimal.Decimal(1), decimal.Decimal(2)]),
                frozenset([b"a"]),
            ]
        )
    return item


@pytest.mark.parametrize("seed", range(4))
def test_random_filters_mean_what_the_model_says(ddb, table, seed):
    source = random.Random(seed)
    items = [random_item(source, i) for i in range(25)]
    ddb.batch_write_item(
        RequestItems={table: [{"PutRequest": {"Item": to_wire(item)["M"]}} for item in items]}
    )
    matched = 0
    for _ in range(60):
        conditions = Conditions(source)
        text, test = conditions.condition()
        more = {"ExpressionAttributeValues": conditions.values} if conditions.values else {}
        answer = ddb.scan(TableName=table, FilterExpression=text, **more)
        found = {one["pk"]["S"] for one in answer["Items"]}
        expected = {item["pk"] for item in items if test(item)}
        assert found == expected, (text, conditions.values)
        matched += len(found)
    assert matched > 100


# ---- random updates ----


def apply_update(item, actions):
    """What the actions make of the item: all read it as it was."""
    before = copy.deepcopy(item)
    appended, removed = [], []
    for kind, path, value in actions:
        parent = find(item, path[:-1]) if len(path) > 1 else item
        step = path[-1]
        if kind == "SET":
            value = copy.deepcopy(value(before))
            if isinstance(step, int) and step >= len(parent):
                appended.append((step, parent, value))
            else:
                parent[step] = value
        elif kind == "REMOVE" and isinstance(step, int):
            removed.append((step, parent))
        elif kind == "REMOVE":
            parent.pop(step, None)
        elif kind == "ADD":
            old = parent.get(step)
            amount = value(before)
            if old is None:
                parent[step] = amount
            else:
                parent[step] = old | amount if isinstance(old, frozenset) else old + amount
        elif kind == "DELETE" and step in parent:
            parent[step] = parent[step] - value(before)
            if not parent[step]:
                del parent[step]
    marker = object()
    for step, parent in removed:
        if step < len(parent):
            parent[step] = marker
    for _, parent, value in sorted(appended, key=lambda one: one[0]):
        parent.append(value)
    for _, parent in removed:
        parent[:] = [one for one in parent if one is not marker]
    return item


class Updates:
    def __init__(self, source):
        self.source = source
        self.values = {}

    def value(self, value):
        name = f":v{len(self.values)}"
        self.values[name] = to_wire(value)
        return name, lambda item: value

    def number(self):
        return self.value(decimal.Decimal(self.source.randint(-100, 100)))

    def set_value(self):
        choice = self.source.randrange(5)
        text, get = self.number()
        if choice == 0:
            return text, get
        if choice == 1:
            return f"n + {text}", lambda item: item["n"] + get(item)
        if choice == 2:
            return f"n - {text}", lambda item: item["n"] - get(item)
        if choice == 3:
            return f"if_not_exists(q, {text})", lambda item: item.get("q", get(item))
        listed, get_list = self.value([decimal.Decimal(1), "x"])
        return f"list_append(l, {listed})", lambda item: item["l"] + get_list(item)

    def update(self):
        places = [["n"], ["q"], ["l", 0], ["l", 1], ["l", 7], ["l", 9], ["m", "x"], ["m", "z"]]
        self.source.shuffle(places)
        sections = {"SET": [], "REMOVE": [], "ADD": [], "DELETE": []}
        actions = []
        for path in places[: self.source.randint(1, 6)]:
            kind = self.source.choice(["SET", "SET", "REMOVE"])
            text, value = path_text(path), None
            if kind == "SET":
                value_text, value = self.set_value()
                text += f" = {value_text}"
            sections[kind].append(text)
            actions.append((kind, path, value))
        for name, kind in (("c", "ADD"), ("s", self.source.choice(["ADD", "DELETE"]))):
            if self.source.random() < 0.5:
                if name == "c":
                    value_text, value = self.number()
                else:
                    value_text, value = self.value(frozenset(self.source.sample("abcd", 2)))
                sections[kind].append(f"{name} {value_text}")
                actions.append((kind, [name], value))
        text = " ".join(
            f"{kind} {', '.join(parts)}" for kind, parts in sections.items() if parts
        )
        return text, actions


@pytest.mark.parametrize("seed", range(3))
def test_random_updates_do_what_the_model_does(ddb, table, seed):
    source = random.Random(seed)
    for _ in range(60):
        item = {
            "pk": "a",
            "n": decimal.Decimal(source.randint(-9, 9)),
            "l": [decimal.Decimal(i) for i in range(source.randint(1, 4))],
            "m": {"x": "text", "y": None},
            "s": frozenset("ab"),
        }
        ddb.put_item(TableName=table, Item=to_wire(item)["M"])
        updates = Updates(source)
        text, actions = updates.update()
        # Names that were made and not used are refused.
        values = {name: one for name, one in updates.values.items() if re.search(name + r"\b", text)}
        more = {"ExpressionAttributeValues": values} if values else {}
        answer = ddb.update_item(
            TableName=table, Key=KEY, UpdateExpression=text, ReturnValues="ALL_NEW", **more
        )["Attributes"]
        expected = apply_update(copy.deepcopy(item), actions)
        assert from_wire({"M": answer}) == expected, text


@pytest.mark.parametrize(
    ("projection", "selected"),
    [
        ("a", {"a": 1}),
        ("m.x, m.y[1]", {"m": {"x": 1, "y": [3]}}),
        ("l[2], l[0], l[9]", {"l": [1, 3]}),
        ("l[1].z", {"l": [{"z": 4}]}),
        ("zz, a.b", {}),
    ],
)
def test_projections(ddb, table, projection, selected):
    def numbers(value):
        if isinstance(value, int):
            return decimal.Decimal(value)
        if isinstance(value, list):
            return [numbers(one) for one in value]
        return {name: numbers(one) for name, one in value.items()}

    item = numbers({"a": 1, "m": {"x": 1, "y": [2, 3]}, "l": [1, {"z": 4, "w": 5}, 3]})
    ddb.put_item(TableName=table, Item={**KEY, **to_wire(item)["M"]})
    answer = ddb.get_item(TableName=table, Key=KEY, ProjectionExpression=projection)
    assert from_wire({"M": answer["Item"]}) == numbers(selected)
