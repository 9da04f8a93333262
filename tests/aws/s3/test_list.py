"""Lists of keys: order, prefixes, delimiters, pages, encodings; versions."""

import random

import pytest
from harness import aws_error, covers


def fold(keys, prefix="", delimiter=None, after=""):
    """What a list shows: (keys, common prefixes), by the documentation's rules."""
    shown, prefixes = [], []
    for key in sorted(keys, key=lambda key: key.encode()):
        if not key.startswith(prefix) or key.encode() <= after.encode():
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        if at < 0:
            shown.append(key)
            continue
        common = key[: at + len(delimiter)]
        if common not in prefixes and common != after:
            prefixes.append(common)
    return shown, prefixes


@pytest.fixture
def fill(s3, bucket):
    def make(*keys):
        for key in keys:
            s3.put_object(Bucket=bucket, Key=key, Body=b"x")
        return keys

    return make


def pages(s3, bucket, **more):
    keys, prefixes, token = [], [], {}
    while True:
        page = s3.list_objects_v2(Bucket=bucket, **more, **token)
        assert page["KeyCount"] == len(page.get("Contents", [])) + len(
            page.get("CommonPrefixes", [])
        )
        keys += [item["Key"] for item in page.get("Contents", [])]
        prefixes += [item["Prefix"] for item in page.get("CommonPrefixes", [])]
        if not page["IsTruncated"]:
            return keys, prefixes
        token = {"ContinuationToken": page["NextContinuationToken"]}


KEYS = [
    "a", "a/", "a/1", "a/2/x", "a/2/y", "a0", "b/c/d/e", "b/c/d/f", "b/z", "ä", "ä/ö",
    "z/" + "deep/" * 20, "🦄", "~",
] + [f"many/{number:03d}" for number in range(40)] + [f"x{number}/k" for number in range(30)]


@covers("s3", "ListObjectsV2")
@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    "prefix,delimiter",
    [("", None), ("", "/"), ("a", "/"), ("a/", "/"), ("b/c/", "/"), ("many/", None), ("", "a"),
     ("x", "/k"), ("nowhere", "/"), ("ä", "/"), ("🦄", "/"), ("many/0", "1")],
)
def test_pages_show_everything_once(s3, bucket, fill, limit, prefix, delimiter):
    fill(*KEYS)
    more = {"Delimiter": delimiter} if delimiter else {}
    assert pages(s3, bucket, Prefix=prefix, MaxKeys=limit, **more) == fold(KEYS, prefix, delimiter)


@covers("s3", "ListObjects")
def test_version_one_goes_on_from_a_marker(s3, bucket, fill):
    fill(*KEYS)
    for delimiter in (None, "/"):
        more = {"Delimiter": delimiter} if delimiter else {}
        keys, prefixes, marker = [], [], {}
        while True:
            page = s3.list_objects(Bucket=bucket, MaxKeys=3, **more, **marker)
            contents = page.get("Contents", [])
            keys += [item["Key"] for item in contents]
            prefixes += [item["Prefix"] for item in page.get("CommonPrefixes", [])]
            if not page["IsTruncated"]:
                break
            # AWS: "NextMarker ... is returned only if you have the delimiter request parameter
            # specified."
            assert ("NextMarker" in page) == (delimiter is not None)
            marker = {"Marker": page.get("NextMarker") or contents[-1]["Key"]}
        assert (keys, prefixes) == fold(KEYS, "", delimiter)
        assert "ID" in contents[0]["Owner"] if contents else True


@covers("s3", "ListObjectsV2")
def test_start_after_and_owner(s3, bucket, fill):
    fill("a", "b", "c/1", "c/2")
    page = s3.list_objects_v2(Bucket=bucket, StartAfter="a")
    assert [item["Key"] for item in page["Contents"]] == ["b", "c/1", "c/2"]
    assert page["StartAfter"] == "a"
    assert "Owner" not in page["Contents"][0]
    page = s3.list_objects_v2(Bucket=bucket, StartAfter="c/1", Delimiter="/", FetchOwner=True)
    assert [item["Prefix"] for item in page["CommonPrefixes"]] == ["c/"]
    page = s3.list_objects_v2(Bucket=bucket, FetchOwner=True)
    assert len(page["Contents"][0]["Owner"]["ID"]) == 64
    assert page["Contents"][0]["StorageClass"] == "STANDARD"
    assert page["Contents"][0]["Size"] == 1


def test_no_keys_at_all(s3, bucket, fill):
    fill("a")
    page = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert page["KeyCount"] == 0 and not page["IsTruncated"]


@covers("s3", "ListObjectsV2")
def test_keys_are_coded_when_asked(raw, bucket, fill):
    fill("a b/ü&<>", "a b/c+d")
    answer = raw("GET", f"/{bucket}?encoding-type=url&list-type=2&prefix=a%20b&delimiter=%2F")
    assert "<EncodingType>url</EncodingType>" in answer.text
    # AWS: "EncodingType": Delimiter, Prefix, Key and StartAfter are coded.
    assert "<Prefix>a%20b/</Prefix>" in answer.text and "<Prefix>a%20b</Prefix>" in answer.text
    answer = raw("GET", f"/{bucket}?encoding-type=url&list-type=2")
    assert "<Key>a%20b/%C3%BC%26%3C%3E</Key>" in answer.text
    answer = raw("GET", f"/{bucket}?list-type=2")
    assert "<Key>a b/ü&amp;&lt;&gt;</Key>" in answer.text
    assert 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"' in answer.text


@covers("s3", "ListObjectsV2", error="InvalidArgument")
def test_lists_that_are_refused(s3, bucket, raw):
    cases = {
        "max-keys=x": "Provided max-keys not an integer or within integer range",
        "max-keys=-1": "Argument max-keys must be an integer between 0 and 2147483647",
        "encoding-type=base64": "Invalid Encoding Method specified in Request",
        "continuation-token=%21": "The continuation token provided is incorrect",
    }
    for query, message in cases.items():
        answer = raw("GET", f"/{bucket}?{query}&list-type=2")
        assert answer.status == 400
        assert "<Code>InvalidArgument</Code>" in answer.text and message in answer.text
    with aws_error("NoSuchBucket", http_status=404):
        s3.list_objects_v2(Bucket="no-such-bucket-at-all")


# ---- versions ----


def all_versions(s3, bucket, **more):
    """(key, version id, is a marker, is the latest) page by page."""
    found, marker = [], {}
    while True:
        page = s3.list_object_versions(Bucket=bucket, **more, **marker)
        items = [(v["Key"], v["VersionId"], False, v["IsLatest"]) for v in page.get("Versions", [])]
        items += [
            (v["Key"], v["VersionId"], True, v["IsLatest"]) for v in page.get("DeleteMarkers", [])
        ]
        found += items
        if not page["IsTruncated"]:
            return found
        marker = {"KeyMarker": page["NextKeyMarker"]}
        if "NextVersionIdMarker" in page:
            marker["VersionIdMarker"] = page["NextVersionIdMarker"]


@covers("s3", "ListObjectVersions")
@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_versions_newest_first(s3, versioned, limit):
    made = {}
    chance = random.Random(7)
    for _ in range(40):
        key = chance.choice(["a", "b/c", "b/d", "e"])
        if chance.random() < 0.3:
            answer = s3.delete_object(Bucket=versioned, Key=key)
            item = (key, answer["VersionId"], True)
        else:
            answer = s3.put_object(Bucket=versioned, Key=key, Body=b"x")
            item = (key, answer["VersionId"], False)
        made.setdefault(key, []).insert(0, item)
    expected = [
        (*item, index == 0) for key in sorted(made) for index, item in enumerate(made[key])
    ]
    found = all_versions(s3, versioned, MaxKeys=limit)
    assert set(found) == set(expected)
    if limit == 1:
        assert found == expected
    below = all_versions(s3, versioned, Prefix="b/", MaxKeys=limit)
    assert set(below) == {item for item in expected if item[0].startswith("b/")}
    page = s3.list_object_versions(Bucket=versioned, Delimiter="/")
    assert [item["Prefix"] for item in page["CommonPrefixes"]] == ["b/"]


@covers("s3", "ListObjectVersions", error="InvalidArgument")
def test_version_markers_that_are_refused(s3, versioned):
    with aws_error("InvalidArgument", http_status=400):
        s3.list_object_versions(Bucket=versioned, VersionIdMarker="x")
    with aws_error("InvalidArgument", http_status=400):
        s3.list_object_versions(Bucket=versioned, KeyMarker="a", VersionIdMarker="x")
