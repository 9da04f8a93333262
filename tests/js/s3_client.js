/* Objects with the JavaScript SDK: node s3_client.js ENDPOINT BUCKET */
const { S3, GetObjectCommand } = require("@aws-sdk/client-s3");
const assert = require("assert");
(async () => {
  const [endpoint, Bucket] = process.argv.slice(2);
  const s3 = new S3({ endpoint, forcePathStyle: true, region: "us-east-1" });
  await s3.createBucket({ Bucket });
  const large = Buffer.alloc(6 * 1024 * 1024, "x");
  await s3.putObject({ Bucket, Key: "a/ü b", Body: "text", Metadata: { m: "1" } });
  const got = await s3.getObject({ Bucket, Key: "a/ü b" });
  assert.strictEqual(await got.Body.transformToString(), "text");
  assert.deepStrictEqual(got.Metadata, { m: "1" });
  const { UploadId } = await s3.createMultipartUpload({ Bucket, Key: "m" });
  const Parts = [];
  for (const [index, Body] of [large, Buffer.from("end")].entries()) {
    const part = await s3.uploadPart({ Bucket, Key: "m", UploadId, PartNumber: index + 1, Body });
    Parts.push({ ETag: part.ETag, PartNumber: index + 1, ChecksumCRC32: part.ChecksumCRC32 });
  }
  await s3.completeMultipartUpload({ Bucket, Key: "m", UploadId, MultipartUpload: { Parts } });
  const whole = await (await s3.getObject({ Bucket, Key: "m" })).Body.transformToByteArray();
  assert.strictEqual(whole.length, large.length + 3);
  const page = await s3.listObjectsV2({ Bucket, Delimiter: "/" });
  assert.deepStrictEqual(page.CommonPrefixes, [{ Prefix: "a/" }]);
  await assert.rejects(s3.getObject({ Bucket, Key: "none" }), { name: "NoSuchKey" });
  await s3.deleteObjects({ Bucket, Delete: { Objects: [{ Key: "a/ü b" }, { Key: "m" }] } });
  await s3.deleteBucket({ Bucket });
  console.log("fine");
})().catch((error) => { console.error(error); process.exit(1); });
