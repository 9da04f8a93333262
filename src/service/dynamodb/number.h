/* number.h — DynamoDB's numbers: decimals of up to 38 significant digits, exactly.
 *
 * AWS: "Numbers can have up to 38 digits of precision. Positive range: 1E-130 to
 * 9.9999999999999999999999999999999999999E+125" (developer guide, naming rules and data types).
 * The normal form is the plain decimal text without superfluous zeros, whatever the exponent.
 */
#pragma once

#include "base/str.h"

struct arena;

enum {
    DDB_NUMBER_DIGITS_MAX = 38,
    DDB_NUMBER_EXPONENT_MAX = 125,
    DDB_NUMBER_EXPONENT_MIN = -130,
    DDB_NUMBER_KEY_MAX = 22, /* sign, exponent, 19 pairs of digits, end */
};

/* d.ddd * 10^exponent. Zero has no digits and exponent 0. The first and the last digit are not 0.
 */
struct ddb_number {
    bool is_negative;
    uint8_t count;
    int16_t exponent;
    uint8_t digits[DDB_NUMBER_DIGITS_MAX]; /* 0 to 9 */
};

enum ddb_number_error {
    DDB_NUMBER_OK,
    DDB_NUMBER_INVALID, /* no number */
    DDB_NUMBER_OVERFLOW,
    DDB_NUMBER_UNDERFLOW,
    DDB_NUMBER_TOO_PRECISE,
};

/* Reads "12", "-0.5", ".5", "1e10", "+1.50E-3". On an error *out is untouched. */
enum ddb_number_error ddb_number_parse(struct str text, struct ddb_number *out);
/* What AWS says of such a number; `text` is what was given. */
struct str ddb_number_error_text(struct arena *arena, enum ddb_number_error error, struct str text);
/* The normal form: "0", "-12.5", "0.001", "1000". */
struct str ddb_number_format(struct arena *arena, const struct ddb_number *number);
int ddb_number_compare(const struct ddb_number *a, const struct ddb_number *b); /* <0, 0, >0 */
/* a + b, or a - b. A result of more than 38 digits is an error, as is one out of range. */
enum ddb_number_error ddb_number_add(const struct ddb_number *a, const struct ddb_number *b,
                                     bool is_subtraction, struct ddb_number *out);
/* Bytes that memcmp orders as the numbers are ordered. Returns their count. */
size_t ddb_number_key(const struct ddb_number *number, unsigned char out[DDB_NUMBER_KEY_MAX]);
/* The other way. False when the bytes are none of those. */
bool ddb_number_from_key(struct str key, struct ddb_number *out);
/* What it counts towards an item's size. */
size_t ddb_number_size(const struct ddb_number *number);
