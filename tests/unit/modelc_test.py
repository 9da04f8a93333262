#!/usr/bin/env python3
"""modelc_test.py - tools/modelc.py and tools/modelimport.py: names, refusals, awkward models."""

import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
sys.dont_write_bytecode = True

import modelc  # noqa: E402
import modelimport  # noqa: E402

AWKWARD = """service
  id Awkward
  protocols awsJson1_1 restXml

operation Delete
  http DELETE /{Id}?x-id=Delete 204
  in Tree
  out Tree
  errors Default LimitExceededException
operation Ping
  unsigned

error Default status=500
  message String
error LimitExceededException status=429 sender
  Message String
  limit Count header=x-limit
structure Tree
  Id String required label
  default String header=x-default
  children TreeList
  byName TreeMap
  sparse TreeSparse
  either Choice
  Metadata Pairs prefix-headers=x-meta-
structure Node
  children TreeList
  byName TreeMap
  self Node
union Choice
  left Node
  right Count
list TreeList Node
map TreeMap String Node
map Pairs String String
structure PairsEntry
  a Pairs
map TreeSparse String Node sparse
long Count min=-9223372036854775808 max=10
string String min=1
  ~ ^what??/ "\\\\d{1,3}"$
  = \u00e9t\u00e9
"""


def compile_text(text, name="awkward"):
    """Header and source of a model."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name + ".model")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return modelc.Compiler(modelc.read_model(path)).compile()


class Names(unittest.TestCase):
    def test_capitals_become_words(self):
        for name, expected in (
            ("MD5OfMessageBody", "md5_of_message_body"),
            ("SSEDescription", "sse_description"),
            ("VPCId", "vpc_id"),
            ("CreateOpenIDConnectProvider", "create_open_id_connect_provider"),
            ("DBInstances", "db_instances"),
            ("Arn", "arn"),
            ("ARN", "arn"),
            ("NotificationARNs", "notification_arns"),
            ("EC2InstanceId", "ec2_instance_id"),
            ("ETag", "etag"),
            ("ChecksumCRC32C", "checksum_crc32c"),
            ("assign_ipv6", "assign_ipv6"),
            ("x-amz-Date", "x_amz_date"),
            ("A", "a"),
        ):
            self.assertEqual(modelc.snake(name), expected)

    def test_keywords_get_an_underscore(self):
        self.assertEqual(modelc.field_name("Default"), "default_")
        self.assertEqual(modelc.field_name("linux"), "linux_")

    def test_two_members_of_one_name_are_refused(self):
        text = "operation A\n  in S\nstructure S\n  VpcId String\n  VPCId String\nstring String\n"
        with self.assertRaisesRegex(modelc.ModelError, "S.VpcId and S.VPCId both become 'vpc_id'"):
            compile_text(text)

    def test_two_shapes_of_one_name_are_refused(self):
        text = "operation A\n  in S\n  out Ab\nstructure S\n  x AB\n  y Ab\n"
        text += "structure AB\nstructure Ab\n"
        with self.assertRaisesRegex(modelc.ModelError, "AB and Ab both become 'awkward_ab'"):
            compile_text(text)


class Reading(unittest.TestCase):
    def refuse(self, text, message):
        with self.assertRaisesRegex(modelc.ModelError, message):
            compile_text(text)

    def test_mistakes_are_named_with_their_line(self):
        self.refuse("string A\nstrong B\n", r"awkward\.model:2: unknown kind 'strong'")
        self.refuse("string A minn=1\n", r":1: unknown word 'minn'")
        self.refuse("structure A\n  b C requird\n", r":2: unknown word 'requird'")
        self.refuse("string A\nstring A\n", r":2: shape A is defined twice")
        self.refuse("  id A\n", r":1: indented line belongs to nothing")
        self.refuse("list A\n", r":1: ")

    def test_unknown_shapes_are_refused(self):
        self.refuse("list A B\n", "A.member names the unknown shape B")
        self.refuse("operation A\n  in B\n", "A names the unknown shape B")


class Output(unittest.TestCase):
    def test_awkward_models_compile(self):
        header, source = compile_text(AWKWARD)
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "awkward"))
            for suffix, text in (("h", header), ("c", source)):
                path = os.path.join(folder, "awkward", "awkward_api." + suffix)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            command = ["cc", "-std=gnu17", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
            command += ["-fsyntax-only", "-I", os.path.join(ROOT, "src"), "-I", folder, path]
            subprocess.run(command, check=True)

    def test_only_roots_have_bindings(self):
        _, source = compile_text(AWKWARD)
        out = source.partition("delete_out_members[]")[2].partition("};")[0]
        self.assertNotIn("LOCATION_LABEL", out)
        self.assertIn("LOCATION_HEADER", out)
        self.assertIn("LOCATION_LABEL", source.partition("delete_in_members[]")[2])

    def test_the_message_is_no_member_of_an_error(self):
        header, source = compile_text(AWKWARD)
        struct = header.partition("struct awkward_limit_exceeded_error {")[2].partition("}")[0]
        self.assertEqual(struct.split(), ["struct", "opt_i64", "limit;"])
        self.assertIn('.message_name = STR_INIT("Message"),', source)

    def test_lines_fit(self):
        for text in compile_text(AWKWARD):
            self.assertEqual([line for line in text.split("\n") if len(line) > 110], [])


class Importing(unittest.TestCase):
    def botocore(self):
        return {
            "metadata": {
                "protocol": "query",
                "serviceId": "Tiny",
                "endpointPrefix": "tiny",
                "apiVersion": "2020-01-01",
                "xmlNamespace": "https://tiny/",
            },
            "operations": {
                "Do": {
                    "name": "Do",
                    "http": {"method": "POST", "requestUri": "/"},
                    "input": {"shape": "In"},
                    "output": {"shape": "Out", "resultWrapper": "DoResult"},
                    "errors": [{"shape": "GoneException"}],
                    "authtype": "none",
                }
            },
            "shapes": {
                "In": {
                    "type": "structure",
                    "required": ["Names"],
                    "members": {"Names": {"shape": "Names"}},
                },
                "Names": {
                    "type": "list",
                    "flattened": True,
                    "member": {"shape": "Name", "locationName": "Name"},
                },
                "Name": {"type": "string", "max": 3, "pattern": "a b"},
                "Out": {"type": "structure", "members": {}},
                "Unused": {"type": "string"},
                "GoneException": {
                    "type": "structure",
                    "members": {},
                    "exception": True,
                    "error": {"code": "Gone", "httpStatusCode": 404, "senderFault": True},
                },
            },
        }

    def test_botocore_becomes_a_model(self):
        service = modelimport.read_source(self.botocore())
        text = modelimport.Writer("tiny", service, "a test").write()
        self.assertIn("  Names Names required xml=Name flattened\n", text)
        self.assertIn("error GoneException status=404 sender query-code=Gone\n", text)
        self.assertIn("string Name max=3\n  ~ a b\n", text)
        self.assertIn("  unsigned\n", text)
        self.assertNotIn("Unused", text)
        compile_text(text)

    def test_another_result_wrapper_is_refused(self):
        model = self.botocore()
        model["operations"]["Do"]["output"]["resultWrapper"] = "Other"
        with self.assertRaisesRegex(modelimport.ImportProblem, "result wrapper Other"):
            modelimport.read_source(model)


if __name__ == "__main__":
    unittest.main()
