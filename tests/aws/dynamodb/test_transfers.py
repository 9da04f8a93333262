"""Exports to S3 and imports from there.

AWS: DynamoDB developer guide, "DynamoDB data export to Amazon S3" and "DynamoDB data import from
Amazon S3": names and contents of the files.
"""

import base64
import gzip
import hashlib
import json

import pytest
from harness import aws_error, covers, until
from harness.tables import attributes, index, keys


@pytest.fixture
def s3(client):
    return client("s3")


@pytest.fixture
def bucket(s3, unique):
    name = unique("bucket")
    s3.create_bucket(Bucket=name)
    return name


def recoverable(ddb, name):
    ddb.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    return ddb.describe_table(TableName=name)["Table"]["TableArn"]


def exported(ddb, arn):
    def over():
        description = ddb.describe_export(ExportArn=arn)["ExportDescription"]
        return description if description["ExportStatus"] != "IN_PROGRESS" else None

    return until(over)


def imported(ddb, arn):
    def over():
        description = ddb.describe_import(ImportArn=arn)["ImportTableDescription"]
        return description if description["ImportStatus"] != "IN_PROGRESS" else None

    return until(over)


def creation(name, **more):
    return {
        "TableName": name,
        "AttributeDefinitions": attributes(id="S"),
        "KeySchema": keys("id"),
        "BillingMode": "PAY_PER_REQUEST",
        **more,
    }


EVERY_TYPE = {
    "s": {"S": "é\n\"quoted\""},
    "n": {"N": "-1.5"},
    "b": {"B": b"\x00\xff"},
    "ss": {"SS": ["a", "b"]},
    "l": {"L": [{"NULL": True}, {"M": {"x": {"BOOL": False}}}]},
}


@covers("dynamodb", "ExportTableToPointInTime")
@covers("dynamodb", "DescribeExport")
@covers("dynamodb", "ListExports")
@covers("dynamodb", "ImportTable")
@covers("dynamodb", "DescribeImport")
@covers("dynamodb", "ListImports")
def test_a_table_goes_to_s3_and_comes_back(ddb, s3, bucket, make_table, unique, wait_active):
    name = make_table()
    for number in range(620):
        ddb.put_item(
            TableName=name,
            Item={"id": {"S": f"k{number}"}, "number": {"N": str(number)}, **EVERY_TYPE},
        )
    arn = recoverable(ddb, name)
    started = ddb.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket, S3Prefix="out")
    started = started["ExportDescription"]
    # What changes from now on is not in it.
    ddb.delete_item(TableName=name, Key={"id": {"S": "k0"}})
    ddb.put_item(TableName=name, Item={"id": {"S": "late"}})
    assert started["ExportStatus"] == "IN_PROGRESS"
    assert started["ExportArn"].startswith(f"{arn}/export/")
    done = exported(ddb, started["ExportArn"])
    assert done["ExportStatus"] == "COMPLETED", done
    export_id = started["ExportArn"].rsplit("/", 1)[1]
    folder = f"out/AWSDynamoDB/{export_id}/"
    assert done["ExportManifest"] == folder + "manifest-summary.json"

    def read(key):
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    summary = json.loads(read(done["ExportManifest"]))
    assert summary["itemCount"] == done["ItemCount"] == 620
    assert summary["outputFormat"] == "DYNAMODB_JSON"
    assert summary["manifestFilesS3Key"] == folder + "manifest-files.json"
    items = {}
    for line in read(summary["manifestFilesS3Key"]).splitlines():
        entry = json.loads(line)
        data = read(entry["dataFileS3Key"])
        assert entry["md5Checksum"] == base64.b64encode(hashlib.md5(data).digest()).decode()
        lines = gzip.decompress(data).splitlines()
        assert len(lines) == entry["itemCount"]
        for text in lines:
            item = json.loads(text)["Item"]
            items[item["id"]["S"]] = item
    assert len(items) == 620
    assert items["k0"]["number"] == {"N": "0"}
    assert items["k7"]["b"] == {"B": base64.b64encode(b"\x00\xff").decode()}
    assert items["k7"]["l"] == EVERY_TYPE["l"]
    assert [one["ExportArn"] for one in ddb.list_exports()["ExportSummaries"]] == [
        started["ExportArn"]
    ]

    target = unique("imported")
    request = {
        "S3BucketSource": {"S3Bucket": bucket, "S3KeyPrefix": folder + "data/"},
        "InputFormat": "DYNAMODB_JSON",
        "InputCompressionType": "GZIP",
        "ClientToken": unique("token"),
        "TableCreationParameters": creation(target, GlobalSecondaryIndexes=[index("other", "id")]),
    }
    begun = ddb.import_table(**request)["ImportTableDescription"]
    assert begun["ImportStatus"] == "IN_PROGRESS"
    done = imported(ddb, begun["ImportArn"])
    assert done["ImportStatus"] == "COMPLETED", done
    assert (done["ImportedItemCount"], done["ErrorCount"]) == (620, 0)
    wait_active(target)
    pages = ddb.get_paginator("scan").paginate(TableName=target, IndexName="other")
    back = {item["id"]["S"]: item for page in pages for item in page["Items"]}
    assert len(back) == 620
    assert back["k7"] == {"id": {"S": "k7"}, "number": {"N": "7"}, **EVERY_TYPE}
    # The same request again is the same import; another with its token is refused.
    again = ddb.import_table(**request)["ImportTableDescription"]
    assert again["ImportArn"] == begun["ImportArn"]
    with aws_error("ImportConflictException", http_status=400):
        ddb.import_table(**{**request, "InputCompressionType": "NONE"})
    summaries = ddb.list_imports()["ImportSummaryList"]
    assert [one["ImportArn"] for one in summaries] == [begun["ImportArn"]]


@covers("dynamodb", "ImportTable")
def test_csv(ddb, s3, bucket, unique, wait_active):
    s3.put_object(
        Bucket=bucket,
        Key="in/one.csv",
        Body='id,number,text\r\na,1,"with, comma and ""quotes"""\r\nb,x,bad\r\nc,3,\r\n',
    )
    s3.put_object(Bucket=bucket, Key="in/two.csv", Body="id,number,text\nd,4,four")
    name = unique("imported")
    arn = ddb.import_table(
        S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": "in/"},
        InputFormat="CSV",
        TableCreationParameters=creation(
            name,
            AttributeDefinitions=attributes(id="S", number="N"),
            KeySchema=keys("id", "number"),
        ),
    )["ImportTableDescription"]["ImportArn"]
    done = imported(ddb, arn)
    assert (done["ImportedItemCount"], done["ErrorCount"]) == (3, 1)
    assert done["ProcessedItemCount"] == 4
    wait_active(name)
    items = {item["id"]["S"]: item for item in ddb.scan(TableName=name)["Items"]}
    assert items["a"]["text"] == {"S": 'with, comma and "quotes"'}
    assert items["c"] == {"id": {"S": "c"}, "number": {"N": "3"}}
    assert items["d"]["number"] == {"N": "4"}
    header = unique("imported")
    s3.put_object(Bucket=bucket, Key="bare/one.csv", Body="a;1\nb;2")
    arn = ddb.import_table(
        S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": "bare/"},
        InputFormat="CSV",
        InputFormatOptions={"Csv": {"Delimiter": ";", "HeaderList": ["id", "x"]}},
        TableCreationParameters=creation(header),
    )["ImportTableDescription"]["ImportArn"]
    assert imported(ddb, arn)["ImportedItemCount"] == 2


@covers("dynamodb", "ExportTableToPointInTime", error="TableNotFoundException")
@covers(
    "dynamodb", "ExportTableToPointInTime", error="PointInTimeRecoveryUnavailableException"
)
@covers("dynamodb", "ExportTableToPointInTime", error="InvalidExportTimeException")
@covers("dynamodb", "ExportTableToPointInTime", error="ExportConflictException")
@covers("dynamodb", "DescribeExport", error="ExportNotFoundException")
@covers("dynamodb", "DescribeImport", error="ImportNotFoundException")
@covers("dynamodb", "ImportTable", error="ResourceInUseException")
def test_transfers_that_are_refused(ddb, bucket, make_table, account, region, unique):
    name = make_table()
    arn = ddb.describe_table(TableName=name)["Table"]["TableArn"]

    def export(table=arn, **more):
        return ddb.export_table_to_point_in_time(TableArn=table, S3Bucket=bucket, **more)

    with aws_error("TableNotFoundException"):
        export(arn.replace(name, "missing"))
    with aws_error("PointInTimeRecoveryUnavailableException"):
        export()
    recoverable(ddb, name)
    with aws_error("InvalidExportTimeException"):
        export(ExportTime=1000000000)
    token = unique("token")
    first = export(ClientToken=token)["ExportDescription"]["ExportArn"]
    assert export(ClientToken=token)["ExportDescription"]["ExportArn"] == first
    with aws_error("ExportConflictException"):
        export(ClientToken=token, S3Prefix="other")
    with aws_error("ExportNotFoundException", message=f"Export not found: {arn}/export/01-0000000"):
        ddb.describe_export(ExportArn=f"{arn}/export/01-0000000")
    with aws_error("ImportNotFoundException"):
        ddb.describe_import(ImportArn=f"{arn}/import/01-0000000")
    with aws_error("ResourceInUseException"):
        ddb.import_table(
            S3BucketSource={"S3Bucket": bucket},
            InputFormat="DYNAMODB_JSON",
            TableCreationParameters=creation(name),
        )
    # What the bucket answers decides how the export ends.
    arn = ddb.export_table_to_point_in_time(TableArn=arn, S3Bucket="no-such-bucket-here")[
        "ExportDescription"
    ]["ExportArn"]
    done = exported(ddb, arn)
    assert (done["ExportStatus"], done["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
