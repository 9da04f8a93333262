/* dynamodb_value_fuzz.c — any bytes as an item's row and as a number. What is accepted and written
 * again is the same; sizes and order end, too.
 */
#include "base/arena.h"
#include "service/dynamodb/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_number(struct arena *arena, struct str text)
{
    struct ddb_number number;
    struct ddb_number again;
    unsigned char key[DDB_NUMBER_KEY_MAX];
    if (ddb_number_from_key(text, &number))
        CHECK(ddb_number_key(&number, key) <= sizeof(key));
    if (ddb_number_parse(text, &number) != DDB_NUMBER_OK)
        return;
    CHECK(ddb_number_parse(ddb_number_format(arena, &number), &again) == DDB_NUMBER_OK);
    CHECK(ddb_number_compare(&number, &again) == 0);
    const size_t length = ddb_number_key(&number, key);
    CHECK(ddb_number_from_key(str_of((const char *)key, length), &again));
    CHECK(ddb_number_compare(&number, &again) == 0);
    CHECK(ddb_number_add(&number, &again, true, &again) == DDB_NUMBER_OK && again.count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    const struct str bytes = str_of((const char *)data, size);
    struct ddb_value value;
    struct ddb_value again;
    try_number(arena, bytes);
    if (ddb_value_from_blob(arena, bytes, &value) < 0)
        return 0;
    CHECK(ddb_value_from_blob(arena, ddb_value_to_blob(arena, &value), &again) == 0);
    CHECK(ddb_value_equal(&value, &again));
    CHECK(ddb_value_size(&value) == ddb_value_size(&again));
    return 0;
}
