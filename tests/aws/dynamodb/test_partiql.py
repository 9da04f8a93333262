"""PartiQL: ExecuteStatement, BatchExecuteStatement, ExecuteTransaction.

Texts are AWS's as recorded by nubo-db/dynamodb-conformance (partiql), unless a comment names
another source.
"""

import pytest
from harness import aws_error, covers


@pytest.fixture
def table(new_table):
    return new_table(
        "pk",
        "sk",
        gsi=[("by-g", ("g",), "ALL"), ("some-g", ("g", "sk"), ["v"])],
        lsi=[("by-l", ("pk", "l"), "KEYS_ONLY")],
    )


@pytest.fixture
def run(ddb, table):
    """run('SELECT * FROM $') -> items; "$" stands for the table's name, quoted."""

    def execute(statement, *parameters, **more):
        if parameters:
            more["Parameters"] = list(parameters)
        answer = ddb.execute_statement(Statement=statement.replace("$", f'"{table}"'), **more)
        return answer["Items"]

    return execute


def item(pk, sk, **attributes):
    return {"pk": {"S": pk}, "sk": {"N": str(sk)}, **attributes}


@pytest.fixture
def filled(ddb, table):
    for i in range(6):
        ddb.put_item(
            TableName=table,
            Item=item(
                "a",
                i,
                g={"S": f"g{i % 2}"},
                l={"S": f"l{9 - i}"},
                v={"N": str(i * 10)},
                m={"M": {"x": {"L": [{"N": "1"}, {"S": "two"}]}}},
                s={"SS": ["x", "y"]},
            ),
        )
    ddb.put_item(TableName=table, Item=item("b", 0, v={"NULL": True}))


def keys(items):
    return [int(one["sk"]["N"]) for one in items]


@covers("dynamodb", "ExecuteStatement")
@pytest.mark.parametrize(
    ("where", "parameters", "expected"),
    [
        ("pk = 'a'", [], [0, 1, 2, 3, 4, 5]),
        ("pk = 'a' AND sk = 3", [], [3]),
        ("pk = ? AND sk >= ?", [{"S": "a"}, {"N": "4"}], [4, 5]),
        ("pk = 'a' AND sk BETWEEN 1 AND 2", [], [1, 2]),
        ("pk = 'a' AND v > 25 AND NOT sk = 4", [], [3, 5]),
        ("pk = 'a' AND (v = 10 OR v = 30)", [], [1, 3]),
        ("pk = 'a' AND v IN [10, 20, ?]", [{"N": "50"}], [1, 2, 5]),
        ("pk = 'a' AND m.x[1] = 'two' AND contains(s, 'x') AND sk < 1", [], [0]),
        ("pk = 'a' AND nothing IS MISSING AND v IS NOT MISSING AND sk <= 1", [], [0, 1]),
        ("pk = 'b' AND v IS NULL", [], [0]),
        ("pk = 'a' AND begins_with(g, 'g1')", [], [1, 3, 5]),
        ("pk = 'a' AND size(s) = 2 AND sk != 0 AND sk <> 1", [], [2, 3, 4, 5]),
        ("pk IN ['b', 'a'] AND sk = 0", [], [0, 0]),
        ("pk = 'it''s'", [], []),
    ],
)
def test_select(run, filled, where, parameters, expected):
    assert keys(run(f"SELECT * FROM $ WHERE {where}", *parameters)) == expected


@covers("dynamodb", "ExecuteStatement")
def test_select_parts_and_order(run, filled):
    assert run("SELECT v, m.x[1] FROM $ WHERE pk = 'a' AND sk = 1") == [
        {"v": {"N": "10"}, "x": {"S": "two"}}
    ]
    assert keys(run("SELECT * FROM $ WHERE pk = 'a' ORDER BY sk DESC")) == [5, 4, 3, 2, 1, 0]
    assert len(run("SELECT * FROM $")) == 7
    assert len(run("SELECT * FROM $ WHERE v = 10")) == 1
    assert keys(run("""select "sk" from $."by-g" where g = 'g1'""")) == [1, 3, 5]
    assert keys(run("""SELECT * FROM $."by-l" WHERE pk = 'a' AND l > 'l7'""")) == [1, 0]


def test_pages(ddb, table, filled):
    statement = f"SELECT sk FROM \"{table}\" WHERE pk IN ['a', 'b']"
    found, token, pages = [], None, 0
    while True:
        more = {"NextToken": token} if token else {}
        answer = ddb.execute_statement(Statement=statement, Limit=2, **more)
        found += keys(answer["Items"])
        token = answer.get("NextToken")
        pages += 1
        if not token:
            break
    assert found == [0, 1, 2, 3, 4, 5, 0]
    assert pages >= 4


@covers("dynamodb", "ExecuteStatement")
def test_insert_update_delete(ddb, table, run):
    values = (
        "{'pk': 'n', 'sk': 1, 'v': ?, 'q': [1, 'x', TRUE, NULL], "
        "'s': <<'a', 'b'>>, 'm': {'k': -1.5e1}}"
    )
    assert run(f"INSERT INTO $ VALUE {values}", {"N": "7"}) == []
    stored = item(
        "n",
        1,
        v={"N": "7"},
        q={"L": [{"N": "1"}, {"S": "x"}, {"BOOL": True}, {"NULL": True}]},
        s={"SS": ["a", "b"]},
        m={"M": {"k": {"N": "-15"}}},
    )
    assert run("SELECT * FROM $ WHERE pk = 'n' AND sk = 1") == [stored]
    answer = run(
        "UPDATE $ SET v = v + 1 SET q = list_append(q, [?]) SET s = set_add(s, <<'c'>>) "
        "REMOVE m.k WHERE pk = 'n' AND sk = 1 AND v = 7 RETURNING ALL NEW *",
        {"S": "y"},
    )
    stored["v"] = {"N": "8"}
    stored["q"]["L"].append({"S": "y"})
    stored["s"] = {"SS": ["a", "b", "c"]}
    stored["m"] = {"M": {}}
    assert answer == [stored]
    answer = run(
        "UPDATE $ SET v = 1, s = set_delete(s, <<'a', 'b', 'c'>>) WHERE pk = 'n' AND sk = 1 "
        "RETURNING MODIFIED OLD *"
    )
    assert answer == [{"v": {"N": "8"}, "s": {"SS": ["a", "b", "c"]}}]
    del stored["s"]
    stored["v"] = {"N": "1"}
    assert run("DELETE FROM $ WHERE pk = 'n' AND sk = 1 RETURNING ALL OLD *") == [stored]
    assert run("DELETE FROM $ WHERE pk = 'n' AND sk = 1") == []


@covers("dynamodb", "ExecuteStatement", error="DuplicateItemException")
def test_inserting_twice(run, filled):
    with aws_error("DuplicateItemException", message="Duplicate primary key exists in table"):
        run("INSERT INTO $ VALUE {'pk': 'a', 'sk': 1}")


@covers("dynamodb", "ExecuteStatement", error="ConditionalCheckFailedException")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE $ SET v = 1 WHERE pk = 'a' AND sk = 1 AND v = 0",
        "UPDATE $ SET v = 1 WHERE pk = 'a' AND sk = 99",
        "DELETE FROM $ WHERE pk = 'a' AND sk = 1 AND v = 0",
    ],
)
def test_conditions_that_fail(run, filled, statement):
    with aws_error(
        "ConditionalCheckFailedException", message="The conditional request failed"
    ):
        run(statement)


@covers("dynamodb", "ExecuteStatement", error="ValidationException")
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "UPDATE $ SET v = 1 WHERE pk = 'a'",
            "Where clause does not contain a mandatory equality on all key attributes",
        ),
        (
            "DELETE FROM $ WHERE pk = 'x' AND sk = 1 RETURNING MODIFIED OLD *",
            "Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is "
            "allowed in DELETE statements.",
        ),
        (
            "DELETE FROM $ WHERE pk = 'x' RETURNING ALL NEW *",
            "Invalid returning clause: RETURNING ALL NEW *. Only RETURNING ALL OLD * is allowed in "
            "DELETE statements.",
        ),
        (
            'SELECT * FROM $."no-such-index" WHERE pk = \'p\'',
            "The table does not have the specified index",
        ),
        (
            'SELECT * FROM $."by-g"."extra" WHERE pk = \'p\'',
            "A path may contain at most 2 components in the FROM clause",
        ),
        ("SELECT * FROM $.\"\" WHERE pk = 'p'", "Path component cannot be an empty string"),
        ("SELECT * FROM \"\" WHERE pk = 'p'", "Path component cannot be an empty string"),
        (
            "SELECT pk FROM $.\"some-g\" WHERE g = 'y' AND np = 'x'",
            "One or more parameter values were invalid: Secondary index some-g does not project "
            "one or more filter attributes: [np]",
        ),
        (
            "SELECT pk FROM $.\"by-l\" WHERE pk = 'y' AND np = 'x'",
            "One or more parameter values were invalid: Secondary index by-l does not project one "
            "or more filter attributes: [np]",
        ),
        (
            "SELECT np FROM $.\"some-g\" WHERE g = 'y'",
            "One or more parameter values were invalid: Global secondary index some-g does not "
            "project [np]",
        ),
        (
            "SELECT pk FROM $ WHERE pk = 'x' AND v < TRUE",
            "Incorrect operand type for operator or function; operator or function: <, operand "
            "type: BOOL",
        ),
        (
            "SELECT pk FROM $ WHERE pk = ?",
            "Number of parameters in request and statement don't match.",
        ),
    ],
)
def test_statements_that_are_refused(run, statement, message):
    with aws_error("ValidationException", http_status=400, message=message):
        run(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM $ WHERE",
        "SELECT * FROM",
        'SELECT * FROM "unterminated',
        "SELECT * FROM $ WHERE pk = 'unterminated",
        "SELECT * FROM $ WHERE pk = = 1",
        "SELECT * FROM $ WHERE pk",
        "SELECT * FROM $ WHERE set_add(a, b)",
        "SELECT * FROM $ WHERE contains(a, b) = TRUE",
        "UPDATE $ SET a = contains(a, b) WHERE pk = 'a' AND sk = 1",
        "UPDATE $ WHERE pk = 'a'",
        "INSERT INTO $ VALUE 5",
        "INSERT INTO $ VALUE {'pk': 'a' 'sk': 1}",
        "DROP TABLE $",
        "(" * 300,
    ],
)
def test_statements_that_are_not_well_formed(run, statement):
    with aws_error("ValidationException", match="Statement wasn't well formed, can't be processed"):
        run(statement)


def test_consistent_reads_of_a_global_index(run):
    message = "Strongly consistent read is not supported on Global Secondary Indexes"
    with aws_error("ValidationException", message=message):
        run("SELECT * FROM $.\"by-g\" WHERE g = 'x'", ConsistentRead=True)


@covers("dynamodb", "ExecuteStatement", error="ResourceNotFoundException")
@covers("dynamodb", "ExecuteTransaction", error="ResourceNotFoundException")
def test_no_table(ddb, unique):
    statement = f"SELECT * FROM \"{unique('absent')}\" WHERE pk = 'a'"
    with aws_error("ResourceNotFoundException", message="Requested resource not found"):
        ddb.execute_statement(Statement=statement)
    with aws_error("ResourceNotFoundException", message="Requested resource not found"):
        ddb.execute_transaction(TransactStatements=[{"Statement": statement}])


@covers("dynamodb", "BatchExecuteStatement")
def test_batches_of_reads_and_of_writes(ddb, table, filled, unique):
    name = f'"{table}"'
    answer = ddb.batch_execute_statement(
        Statements=[
            {"Statement": f"SELECT v FROM {name} WHERE pk = 'a' AND sk = 1"},
            {"Statement": f"SELECT v FROM {name} WHERE pk = 'a' AND sk = 99"},
            {"Statement": f"SELECT v FROM {name} WHERE pk = 'a'"},
            {"Statement": f"SELECT v FROM \"{unique()}\" WHERE pk = 'a' AND sk = 1"},
        ],
        ReturnConsumedCapacity="TOTAL",
    )
    responses = answer["Responses"]
    assert responses[0] == {"TableName": table, "Item": {"v": {"N": "10"}}}
    assert responses[1] == {"TableName": table}
    assert responses[2]["Error"]["Code"] == "ValidationError"
    assert responses[3]["Error"] == {
        "Code": "ResourceNotFound",
        "Message": "Requested resource not found",
    }
    responses = ddb.batch_execute_statement(
        Statements=[
            {"Statement": f"INSERT INTO {name} VALUE {{'pk': 'a', 'sk': 1}}"},
            {"Statement": f"INSERT INTO {name} VALUE {{'pk': 'a', 'sk': 50}}"},
            {
                "Statement": f"UPDATE {name} SET v = 1 WHERE pk = 'b' AND sk = 0 AND v = 1",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
        ]
    )["Responses"]
    assert responses[0]["Error"]["Code"] == "DuplicateItem"
    assert "Error" not in responses[1]
    assert responses[2]["Error"] == {
        "Code": "ConditionalCheckFailed",
        "Message": "The conditional request failed",
        "Item": item("b", 0, v={"NULL": True}),
    }
    assert ddb.get_item(TableName=table, Key=item("a", 50))["Item"] == item("a", 50)


@covers("dynamodb", "BatchExecuteStatement", error="ValidationException")
def test_batches_do_not_mix(ddb, table):
    with aws_error("ValidationException"):
        ddb.batch_execute_statement(
            Statements=[
                {"Statement": f"SELECT * FROM \"{table}\" WHERE pk = 'a' AND sk = 1"},
                {"Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': 'a', 'sk': 1}}"},
            ]
        )


@covers("dynamodb", "ExecuteTransaction")
def test_transactions(ddb, table, filled):
    name = f'"{table}"'
    ddb.execute_transaction(
        TransactStatements=[
            {"Statement": f"INSERT INTO {name} VALUE {{'pk': 't', 'sk': 1}}"},
            {
                "Statement": f"UPDATE {name} SET v = ? WHERE pk = 'a' AND sk = 1",
                "Parameters": [{"N": "77"}],
            },
            {"Statement": f"DELETE FROM {name} WHERE pk = 'a' AND sk = 2"},
            {"Statement": f"EXISTS(SELECT * FROM {name} WHERE pk = 'a' AND sk = 3 AND v = 30)"},
        ]
    )
    answer = ddb.execute_transaction(
        TransactStatements=[
            {"Statement": f"SELECT sk FROM {name} WHERE pk = 't' AND sk = 1"},
            {"Statement": f"SELECT v FROM {name} WHERE pk = 'a' AND sk = 1"},
            {"Statement": f"SELECT v FROM {name} WHERE pk = 'a' AND sk = 2"},
        ]
    )
    assert answer["Responses"] == [{"Item": {"sk": {"N": "1"}}}, {"Item": {"v": {"N": "77"}}}, {}]


@covers("dynamodb", "ExecuteTransaction", error="TransactionCanceledException")
def test_a_transaction_that_is_cancelled(ddb, table, filled):
    name = f'"{table}"'
    with aws_error(
        "TransactionCanceledException",
        message="Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, DuplicateItem, ConditionalCheckFailed]",
    ):
        ddb.execute_transaction(
            TransactStatements=[
                {"Statement": f"INSERT INTO {name} VALUE {{'pk': 't', 'sk': 1}}"},
                {"Statement": f"INSERT INTO {name} VALUE {{'pk': 'a', 'sk': 1}}"},
                {"Statement": f"EXISTS(SELECT * FROM {name} WHERE pk = 'a' AND sk = 3 AND v = 1)"},
            ]
        )
    assert "Item" not in ddb.get_item(TableName=table, Key=item("t", 1))


@covers("dynamodb", "ExecuteTransaction", error="ValidationException")
@covers("dynamodb", "ExecuteTransaction", error="IdempotentParameterMismatchException")
def test_transactions_that_are_refused(ddb, table):
    name = f'"{table}"'

    def execute(*statements, **more):
        ddb.execute_transaction(
            TransactStatements=[{"Statement": one} for one in statements], **more
        )

    with aws_error(
        "ValidationException",
        message="Validation failed in TransactStatements[0]: RETURNING clause is not supported in "
        "ExecuteTransaction.",
    ):
        execute(f"UPDATE {name} SET v = 'v' WHERE pk = 'x' AND sk = 1 RETURNING ALL NEW *")
    with aws_error(
        "ValidationException",
        message="Validation failed in TransactStatements[0]: Reads on indices are not supported "
        "within transactions.",
    ):
        execute(f"SELECT * FROM {name}.\"by-g\" WHERE g = 'x'")
    insert = f"INSERT INTO {name} VALUE {{'pk': 'x', 'sk': 1}}"
    execute(insert, ClientRequestToken="token")
    execute(insert, ClientRequestToken="token")
    with aws_error("IdempotentParameterMismatchException"):
        execute(f"DELETE FROM {name} WHERE pk = 'x' AND sk = 1", ClientRequestToken="token")
