// document_client.js — the DocumentClient of the JavaScript SDK against a running server.
//
// Reads endpoint and account from the environment; prints one JSON object with what it got, which
// the test compares. Exit code 1: something threw.
"use strict";

const {
  DynamoDBClient,
  CreateTableCommand,
  waitUntilTableExists,
} = require("@aws-sdk/client-dynamodb");
const {
  DynamoDBDocumentClient,
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
  paginateScan,
} = require("@aws-sdk/lib-dynamodb");

const client = new DynamoDBClient({
  endpoint: process.env.VIRGA_ENDPOINT,
  region: "us-east-1",
  credentials: { accessKeyId: process.env.VIRGA_ACCOUNT, secretAccessKey: "secret" },
  maxAttempts: 1,
});
const documents = DynamoDBDocumentClient.from(client, {
  marshallOptions: { removeUndefinedValues: true },
});
const TableName = "documents";

async function nameOf(promise) {
  try {
    await promise;
    return "none";
  } catch (error) {
    return error.name;
  }
}

async function run() {
  const got = {};
  await client.send(
    new CreateTableCommand({
      TableName,
      AttributeDefinitions: [
        { AttributeName: "artist", AttributeType: "S" },
        { AttributeName: "year", AttributeType: "N" },
      ],
      KeySchema: [
        { AttributeName: "artist", KeyType: "HASH" },
        { AttributeName: "year", KeyType: "RANGE" },
      ],
      BillingMode: "PAY_PER_REQUEST",
    })
  );
  await waitUntilTableExists({ client, maxWaitTime: 20, minDelay: 1 }, { TableName });
  const song = {
    artist: "a",
    year: 1999,
    tags: new Set(["x", "y"]),
    nested: { list: [1, "two", null, true], empty: {} },
    bytes: new Uint8Array([0, 255]),
    skipped: undefined,
  };
  await documents.send(new PutCommand({ TableName, Item: song }));
  const back = await documents.send(
    new GetCommand({ TableName, Key: { artist: "a", year: 1999 } })
  );
  got.item = { ...back.Item, tags: [...back.Item.tags], bytes: [...back.Item.bytes] };
  const updated = await documents.send(
    new UpdateCommand({
      TableName,
      Key: { artist: "a", year: 1999 },
      UpdateExpression: "SET #n.#l[0] = :v ADD plays :one",
      ExpressionAttributeNames: { "#n": "nested", "#l": "list" },
      ExpressionAttributeValues: { ":v": "one", ":one": 1 },
      ReturnValues: "UPDATED_NEW",
    })
  );
  got.updated = updated.Attributes;
  await documents.send(
    new BatchWriteCommand({
      RequestItems: {
        [TableName]: [...Array(25).keys()].map((year) => ({
          PutRequest: { Item: { artist: "b", year } },
        })),
      },
    })
  );
  const batch = await documents.send(
    new BatchGetCommand({
      RequestItems: { [TableName]: { Keys: [{ artist: "b", year: 3 }, { artist: "b", year: 99 }] } },
    })
  );
  got.batch = batch.Responses[TableName];
  const query = await documents.send(
    new QueryCommand({
      TableName,
      KeyConditionExpression: "artist = :a AND #y BETWEEN :from AND :to",
      ExpressionAttributeNames: { "#y": "year" },
      ExpressionAttributeValues: { ":a": "b", ":from": 20, ":to": 22 },
      ScanIndexForward: false,
    })
  );
  got.years = query.Items.map((item) => item.year);
  got.scanned = 0;
  for await (const page of paginateScan({ client: documents, pageSize: 7 }, { TableName })) {
    got.scanned += page.Items.length;
  }
  got.refused = await nameOf(
    documents.send(
      new PutCommand({
        TableName,
        Item: { artist: "a", year: 1999 },
        ConditionExpression: "attribute_not_exists(artist)",
      })
    )
  );
  got.cancelled = await nameOf(
    documents.send(
      new TransactWriteCommand({
        TransactItems: [
          { Put: { TableName, Item: { artist: "c", year: 1 } } },
          {
            ConditionCheck: {
              TableName,
              Key: { artist: "none", year: 1 },
              ConditionExpression: "attribute_exists(artist)",
            },
          },
        ],
      })
    )
  );
  const gone = await documents.send(
    new DeleteCommand({ TableName, Key: { artist: "b", year: 0 }, ReturnValues: "ALL_OLD" })
  );
  got.gone = gone.Attributes;
  const missing = await documents.send(
    new GetCommand({ TableName, Key: { artist: "b", year: 0 } })
  );
  got.missing = missing.Item === undefined;
  return got;
}

run().then(
  (got) => console.log(JSON.stringify(got)),
  (error) => {
    console.error(error);
    process.exit(1);
  }
);
