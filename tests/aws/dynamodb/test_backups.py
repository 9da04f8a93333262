"""Backups, continuous backups, restores."""

import threading

from harness import aws_error, covers, until
from harness.tables import index


def available(ddb, arn):
    return until(
        lambda: ddb.describe_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"][
            "BackupStatus"
        ]
        == "AVAILABLE"
    )


def content(ddb, name, **more):
    pages = ddb.get_paginator("scan").paginate(TableName=name, **more)
    return {item["id"]["S"]: item.get("n", {}).get("N") for page in pages for item in page["Items"]}


def put(ddb, name, key, number):
    ddb.put_item(TableName=name, Item={"id": {"S": key}, "n": {"N": str(number)}})


@covers("dynamodb", "CreateBackup")
@covers("dynamodb", "DescribeBackup")
@covers("dynamodb", "ListBackups")
@covers("dynamodb", "DeleteBackup")
@covers("dynamodb", "RestoreTableFromBackup")
def test_a_backup_and_its_restore(ddb, make_table, wait_active, unique):
    name = make_table(GlobalSecondaryIndexes=[index("other", "id")], Tags=[{"Key": "a", "Value": "b"}])
    for number in range(230):
        put(ddb, name, f"k{number}", number)
    details = ddb.create_backup(TableName=name, BackupName="first")["BackupDetails"]
    arn = details["BackupArn"]
    assert details["BackupStatus"] == "CREATING"
    assert details["BackupType"] == "USER"
    assert f":table/{name}/backup/" in arn
    available(ddb, arn)
    put(ddb, name, "k0", 999)
    ddb.delete_item(TableName=name, Key={"id": {"S": "k1"}})
    description = ddb.describe_backup(BackupArn=arn)["BackupDescription"]
    source = description["SourceTableDetails"]
    assert source["TableName"] == name
    assert source["ItemCount"] == 230
    features = description["SourceTableFeatureDetails"]
    assert features["GlobalSecondaryIndexes"][0]["IndexName"] == "other"
    assert features["TimeToLiveDescription"] == {"TimeToLiveStatus": "DISABLED"}
    summaries = ddb.list_backups(TableName=name)["BackupSummaries"]
    assert [one["BackupArn"] for one in summaries] == [arn]
    target = unique("restored")
    restored = ddb.restore_table_from_backup(TargetTableName=target, BackupArn=arn)
    summary = restored["TableDescription"]["RestoreSummary"]
    assert summary["RestoreInProgress"] is True
    assert summary["SourceBackupArn"] == arn
    table = wait_active(target)
    assert table["RestoreSummary"]["RestoreInProgress"] is False
    expected = {f"k{number}": str(number) for number in range(230)}
    assert content(ddb, target) == expected
    assert content(ddb, target, IndexName="other") == expected
    assert ddb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"] == []
    deleted = ddb.delete_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]
    assert deleted["BackupStatus"] == "DELETED"
    assert ddb.list_backups()["BackupSummaries"] == []


def test_a_backup_is_one_moment(client, ddb, make_table, wait_active, unique):
    """Writers go on while the backup is made: it holds what was there when it began."""
    name = make_table()
    for number in range(400):
        put(ddb, name, f"k{number:03}", 0)
    is_over = threading.Event()

    def write():
        own = client("dynamodb")
        number = 0
        while not is_over.is_set():
            number += 1
            put(own, name, f"k{number * 7 % 400:03}", number)
            put(own, name, f"new{number}", number)
            own.delete_item(TableName=name, Key={"id": {"S": f"k{number * 11 % 400:03}"}})

    arn = ddb.create_backup(TableName=name, BackupName="moment")["BackupDetails"]["BackupArn"]
    thread = threading.Thread(target=write)
    thread.start()
    try:
        available(ddb, arn)
    finally:
        is_over.set()
        thread.join()
    target = unique("restored")
    ddb.restore_table_from_backup(TargetTableName=target, BackupArn=arn)
    wait_active(target)
    assert content(ddb, target) == {f"k{number:03}": "0" for number in range(400)}


@covers("dynamodb", "ListBackups")
def test_backups_are_listed_in_pages(ddb, make_table):
    name = make_table()
    arns = []
    for number in range(3):
        arns.append(
            ddb.create_backup(TableName=name, BackupName=f"number{number}")["BackupDetails"][
                "BackupArn"
            ]
        )
        available(ddb, arns[-1])
    first = ddb.list_backups(Limit=2)
    assert [one["BackupArn"] for one in first["BackupSummaries"]] == arns[:2]
    assert first["LastEvaluatedBackupArn"] == arns[1]
    rest = ddb.list_backups(ExclusiveStartBackupArn=arns[1])
    assert [one["BackupArn"] for one in rest["BackupSummaries"]] == arns[2:]
    assert ddb.list_backups(BackupType="SYSTEM")["BackupSummaries"] == []
    assert ddb.list_backups(TableName="other-table")["BackupSummaries"] == []


@covers("dynamodb", "CreateBackup", error="TableNotFoundException")
@covers("dynamodb", "DescribeBackup", error="BackupNotFoundException")
@covers("dynamodb", "DeleteBackup", error="BackupNotFoundException")
@covers("dynamodb", "RestoreTableFromBackup", error="BackupNotFoundException")
@covers("dynamodb", "RestoreTableFromBackup", error="TableAlreadyExistsException")
def test_backups_that_are_not_there(ddb, account, region, make_table):
    arn = f"arn:aws:dynamodb:{region}:{account}:table/missing/backup/01489602797149-73d8d5bc"
    with aws_error("TableNotFoundException", http_status=400, message="Table not found: missing"):
        ddb.create_backup(TableName="missing", BackupName="none")
    for call in (ddb.describe_backup, ddb.delete_backup):
        with aws_error(
            "BackupNotFoundException", http_status=400, message=f"Backup not found: {arn}"
        ):
            call(BackupArn=arn)
    with aws_error("BackupNotFoundException"):
        ddb.restore_table_from_backup(TargetTableName="target", BackupArn=arn)
    name = make_table()
    made = ddb.create_backup(TableName=name, BackupName="here")["BackupDetails"]["BackupArn"]
    available(ddb, made)
    with aws_error("TableAlreadyExistsException", message=f"Table already exists: {name}"):
        ddb.restore_table_from_backup(TargetTableName=name, BackupArn=made)


def enable(ddb, name, enabled=True, **more):
    return ddb.update_continuous_backups(
        TableName=name,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled, **more},
    )["ContinuousBackupsDescription"]


@covers("dynamodb", "UpdateContinuousBackups")
@covers("dynamodb", "DescribeContinuousBackups")
def test_continuous_backups_are_described(ddb, make_table):
    name = make_table()
    description = ddb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert description == {
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
    }
    recovery = enable(ddb, name, RecoveryPeriodInDays=7)["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    assert recovery["RecoveryPeriodInDays"] == 7
    assert recovery["EarliestRestorableDateTime"] <= recovery["LatestRestorableDateTime"]
    recovery = enable(ddb, name, False)["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "DISABLED"


@covers("dynamodb", "RestoreTableToPointInTime")
def test_a_table_as_it_was(ddb, make_table, wait_active, unique, clock):
    name = make_table(GlobalSecondaryIndexes=[index("other", "id")])
    put(ddb, name, "always", 1)
    put(ddb, name, "changed", 1)
    put(ddb, name, "deleted", 1)
    enable(ddb, name)
    clock.advance("1h")
    moment = ddb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"][
        "PointInTimeRecoveryDescription"
    ]["LatestRestorableDateTime"]
    clock.advance("1h")
    put(ddb, name, "changed", 2)
    put(ddb, name, "changed", 3)
    put(ddb, name, "new", 1)
    ddb.delete_item(TableName=name, Key={"id": {"S": "deleted"}})
    put(ddb, name, "passing", 1)
    ddb.delete_item(TableName=name, Key={"id": {"S": "passing"}})
    target = unique("restored")
    ddb.restore_table_to_point_in_time(
        SourceTableName=name, TargetTableName=target, RestoreDateTime=moment
    )
    wait_active(target)
    expected = {"always": "1", "changed": "1", "deleted": "1"}
    assert content(ddb, target) == expected
    assert content(ddb, target, IndexName="other") == expected
    latest = unique("restored")
    ddb.restore_table_to_point_in_time(
        SourceTableName=name, TargetTableName=latest, UseLatestRestorableTime=True
    )
    wait_active(latest)
    assert content(ddb, latest) == {"always": "1", "changed": "3", "new": "1"}
    # AWS: changes are kept for the recovery period, and no longer.
    clock.advance("864h")
    with aws_error("InvalidRestoreTimeException", http_status=400):
        ddb.restore_table_to_point_in_time(
            SourceTableName=name, TargetTableName="too-late", RestoreDateTime=moment
        )


@covers("dynamodb", "RestoreTableToPointInTime", error="PointInTimeRecoveryUnavailableException")
@covers("dynamodb", "RestoreTableToPointInTime", error="InvalidRestoreTimeException")
@covers("dynamodb", "RestoreTableToPointInTime", error="TableNotFoundException")
@covers("dynamodb", "RestoreTableToPointInTime", error="TableAlreadyExistsException")
@covers("dynamodb", "DescribeContinuousBackups", error="TableNotFoundException")
@covers("dynamodb", "UpdateContinuousBackups", error="TableNotFoundException")
def test_restores_that_are_refused(ddb, make_table):
    name = make_table()

    def restore(source, target, **more):
        more = more or {"UseLatestRestorableTime": True}
        ddb.restore_table_to_point_in_time(
            SourceTableName=source, TargetTableName=target, **more
        )

    with aws_error(
        "PointInTimeRecoveryUnavailableException",
        message=f"Point in time recovery is not enabled for table '{name}'",
    ):
        restore(name, "target")
    enable(ddb, name)
    with aws_error("InvalidRestoreTimeException"):
        restore(name, "target", RestoreDateTime=1000000000)
    with aws_error("TableAlreadyExistsException"):
        restore(name, name)
    with aws_error("TableNotFoundException"):
        restore("missing", "target")
    with aws_error("TableNotFoundException"):
        ddb.describe_continuous_backups(TableName="missing")
    with aws_error("TableNotFoundException"):
        enable(ddb, "missing")


def test_a_deleted_table_leaves_a_backup(ddb, make_table, wait_active, unique, status_of):
    # AWS: developer guide, "Point-in-time recovery": deleting a table with recovery enabled makes
    # a system backup.
    name = make_table()
    put(ddb, name, "a", 1)
    enable(ddb, name)
    ddb.delete_table(TableName=name)
    until(lambda: status_of(name) is None)
    backup = ddb.list_backups(BackupType="SYSTEM")["BackupSummaries"][0]
    assert backup["BackupName"] == f"{name}$DeletedTableBackup"
    target = unique("restored")
    ddb.restore_table_from_backup(TargetTableName=target, BackupArn=backup["BackupArn"])
    wait_active(target)
    assert content(ddb, target) == {"a": "1"}
