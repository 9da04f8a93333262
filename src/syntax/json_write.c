/* json_write.c — JSON out: trees, and values piece by piece.
 *
 * The output is always valid UTF-8: bytes that are not become U+FFFD, because one bad byte in a log
 * line or an object key must not make the whole response unreadable. Escaped is only what RFC 8259
 * demands: quote, backslash and control characters.
 *
 * RFC: 8259. Model: smithy.api (Double: NaN and the infinities are strings).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "syntax/json.h"
#include "syntax/text_scan.h"

enum {
    DOUBLE_MAX_DIGITS = 17,  /* enough to tell any two doubles apart */
    DOUBLE_SURE_DIGITS = 15, /* as many are kept by every normal double */
    /* Plain notation for 1e-6 <= |value| < 1e21, as ECMAScript prints numbers. */
    PLAIN_LEAST_EXPONENT = -6,
    PLAIN_MOST_EXPONENT = 20,
    /* How much text one json_to_str may make: a guard against runaway growth, far above any
     * document of AWS (a CloudFormation template has 1 MB, a Step Functions payload 256 KB). */
    TEXT_MAX_BYTES = 1024 * 1024 * 1024,
};

/* ---- Strings ----------------------------------------------------------------------------------
 */

static void write_escape(struct buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    char letter = c < sizeof(letters) ? letters[c] : (char)c;
    if (letter != '\0') {
        char pair[] = {'\\', letter};
        buf_append(out, str_of(pair, sizeof(pair)));
        return;
    }
    char code[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 0x0F]};
    buf_append(out, str_of(code, sizeof(code)));
}

/* The common case, with one look at the buffer. */
static void write_plain_string(struct buf *out, struct str text)
{
    char *room = buf_reserve(out, text.len + 2);
    if (!room)
        return;
    room[0] = '"';
    memcpy(room + 1, text.ptr, text.len);
    room[text.len + 1] = '"';
    out->len += text.len + 2;
}

void json_write_string(struct buf *out, struct str text)
{
    const char *run = str_or(text, STR("")).ptr; /* start of what is not appended yet */
    const char *end = run + text.len;
    const char *at = scan_json_plain(run, end);
    if (at == end) {
        write_plain_string(out, str_of(run, text.len));
        return;
    }
    buf_append_char(out, '"');
    while ((at = scan_json_plain(at, end)) < end) {
        bool is_escaped = (unsigned char)*at < 0x80;
        size_t step = is_escaped ? 1 : scan_utf8(at, end);
        if (!is_escaped && step > 0) {
            at += step;
            continue;
        }
        buf_append(out, str_of(run, (size_t)(at - run)));
        if (is_escaped)
            write_escape(out, (unsigned char)*at);
        else
            buf_append(out, STR("\xEF\xBF\xBD"));
        run = ++at;
    }
    buf_append(out, str_of(run, (size_t)(end - run)));
    buf_append_char(out, '"');
}

/* ---- Numbers ----------------------------------------------------------------------------------
 */

/* value = 0.d1 d2 d3 ... * 10^(exponent + 1), that is d1.d2d3... * 10^exponent. */
struct digits {
    char text[DOUBLE_MAX_DIGITS + 1];
    int count;
    int exponent;
};

/* The correctly rounded form with `count` digits. */
static struct digits round_to(double value, int count)
{
    char text[40];
    int len = snprintf(text, sizeof(text), "%.*e", count - 1, value);
    CHECK(len > 0 && (size_t)len < sizeof(text));
    struct digits digits = {.count = count};
    digits.text[0] = text[0];
    if (count > 1)
        memcpy(digits.text + 1, text + 2, (size_t)count - 1);
    const char *exponent = strchr(text, 'e');
    CHECK(exponent != NULL);
    digits.exponent = (int)strtol(exponent + 1, NULL, 10);
    return digits;
}

static bool reads_back(const struct digits *digits, double value)
{
    char text[40];
    snprintf(text, sizeof(text), "%.1s.%se%d", digits->text, digits->text + 1, digits->exponent);
    return strtod(text, NULL) == value;
}

/* The next larger number with as many digits. All nines do not occur: they round to fewer digits.
 */
static void round_up(struct digits *digits)
{
    for (int i = digits->count - 1; i >= 0; i--) {
        if (digits->text[i] < '9') {
            digits->text[i]++;
            return;
        }
        digits->text[i] = '0';
    }
    digits->text[0] = '1';
    digits->exponent++;
}

/* The fewest digits that read back as `value`, which is positive and finite. */
static struct digits shortest_digits(double value)
{
    int first = isnormal(value) ? DOUBLE_SURE_DIGITS : 1; /* subnormals hold fewer digits */
    struct digits digits = round_to(value, first);
    for (int count = first; !reads_back(&digits, value); digits = round_to(value, ++count)) {
        /* Below a power of two doubles are twice as dense as above, so the nearest decimal may miss
         * on the narrow side while the one above it still reads back (2^-24 is such a case). */
        struct digits above = digits;
        round_up(&above);
        if (reads_back(&above, value)) {
            digits = above;
            break;
        }
    }
    while (digits.count > 1 && digits.text[digits.count - 1] == '0')
        digits.count--;
    digits.text[digits.count] = '\0';
    return digits;
}

static void append_zeros(struct buf *out, int count)
{
    for (int i = 0; i < count; i++)
        buf_append_char(out, '0');
}

static void write_digits(struct buf *out, const struct digits *digits)
{
    struct str text = str_of(digits->text, (size_t)digits->count);
    bool is_plain =
        digits->exponent >= PLAIN_LEAST_EXPONENT && digits->exponent <= PLAIN_MOST_EXPONENT;
    int integer_count = digits->exponent + 1; /* digits before the point */
    if (!is_plain) {
        buf_append(out, str_slice(text, 0, 1));
        if (text.len > 1)
            buf_append_char(out, '.');
        buf_append(out, str_from(text, 1));
        buf_append_char(out, 'e');
        if (digits->exponent > 0)
            buf_append_char(out, '+');
        buf_append_i64(out, digits->exponent);
    } else if (integer_count <= 0) {
        buf_append(out, STR("0."));
        append_zeros(out, -integer_count);
        buf_append(out, text);
    } else if (integer_count >= digits->count) {
        buf_append(out, text);
        append_zeros(out, integer_count - digits->count);
    } else {
        buf_append(out, str_slice(text, 0, (size_t)integer_count));
        buf_append_char(out, '.');
        buf_append(out, str_from(text, (size_t)integer_count));
    }
}

static void write_f64(struct buf *out, double value)
{
    static const double exact_integers = 9007199254740992.0; /* 2^53 */
    if (isnan(value)) {
        buf_append(out, STR("\"NaN\""));
        return;
    }
    if (isinf(value)) {
        buf_append(out, value > 0 ? STR("\"Infinity\"") : STR("\"-Infinity\""));
        return;
    }
    if (signbit(value))
        buf_append_char(out, '-');
    double size = fabs(value);
    if (size < exact_integers && trunc(size) == size) {
        buf_append_i64(out, (int64_t)size);
        return;
    }
    struct digits digits = shortest_digits(size);
    write_digits(out, &digits);
}

/* ---- Trees ------------------------------------------------------------------------------------
 */

static void new_line(struct buf *out, int indent, int level)
{
    if (indent <= 0)
        return;
    buf_append_char(out, '\n');
    for (int i = 0; i < indent * level; i++)
        buf_append_char(out, ' ');
}

static void write_value(struct buf *out, const struct json *value, int indent, int level);

static void write_children(struct buf *out, const struct json *value, int indent, int level)
{
    bool is_object = value->kind == JSON_OBJECT;
    buf_append_char(out, is_object ? '{' : '[');
    for (const struct json *child = value->first; child; child = child->next) {
        if (child != value->first)
            buf_append_char(out, ',');
        new_line(out, indent, level + 1);
        if (is_object) {
            json_write_string(out, child->key);
            buf_append(out, indent > 0 ? STR(": ") : STR(":"));
        }
        write_value(out, child, indent, level + 1);
    }
    if (value->first)
        new_line(out, indent, level);
    buf_append_char(out, is_object ? '}' : ']');
}

static void write_value(struct buf *out, const struct json *value, int indent, int level)
{
    switch (value->kind) {
    case JSON_NULL:
        buf_append(out, STR("null"));
        break;
    case JSON_FALSE:
        buf_append(out, STR("false"));
        break;
    case JSON_TRUE:
        buf_append(out, STR("true"));
        break;
    case JSON_NUMBER:
        buf_append(out, value->text);
        break;
    case JSON_STRING:
        json_write_string(out, value->text);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        write_children(out, value, indent, level);
        break;
    }
}

void json_write(struct buf *out, const struct json *value, int indent)
{
    if (value)
        write_value(out, value, indent, 0);
    else
        buf_append(out, STR("null"));
}

struct str json_to_str(struct arena *arena, const struct json *value)
{
    struct buf out;
    buf_init(&out, arena, TEXT_MAX_BYTES);
    json_write(&out, value, 0);
    CHECK(!out.is_full);
    return buf_str(&out);
}

/* ---- Piece by piece ----------------------------------------------------------------------------
 */

void json_writer_init(struct json_writer *writer, struct buf *out)
{
    *writer = (struct json_writer){.out = out, .is_first = true};
}

static void before_item(struct json_writer *writer)
{
    if (!writer->is_first)
        buf_append_char(writer->out, ',');
    writer->is_first = false;
}

static void begin(struct json_writer *writer, char bracket)
{
    before_item(writer);
    buf_append_char(writer->out, bracket);
    writer->depth++;
    writer->is_first = true;
}

static void end(struct json_writer *writer, char bracket)
{
    CHECK(writer->depth > 0);
    buf_append_char(writer->out, bracket);
    writer->depth--;
    writer->is_first = false;
}

void json_begin_object(struct json_writer *writer)
{
    begin(writer, '{');
}

void json_end_object(struct json_writer *writer)
{
    end(writer, '}');
}

void json_begin_array(struct json_writer *writer)
{
    begin(writer, '[');
}

void json_end_array(struct json_writer *writer)
{
    end(writer, ']');
}

void json_key(struct json_writer *writer, struct str key)
{
    before_item(writer);
    json_write_string(writer->out, key);
    buf_append_char(writer->out, ':');
    writer->is_first = true; /* no comma before its value */
}

void json_string(struct json_writer *writer, struct str text)
{
    before_item(writer);
    json_write_string(writer->out, text);
}

void json_number_text(struct json_writer *writer, struct str digits)
{
    before_item(writer);
    buf_append(writer->out, digits);
}

void json_i64(struct json_writer *writer, int64_t value)
{
    before_item(writer);
    buf_append_i64(writer->out, value);
}

void json_f64(struct json_writer *writer, double value)
{
    before_item(writer);
    write_f64(writer->out, value);
}

void json_bool(struct json_writer *writer, bool value)
{
    before_item(writer);
    buf_append(writer->out, value ? STR("true") : STR("false"));
}

void json_null(struct json_writer *writer)
{
    before_item(writer);
    buf_append(writer->out, STR("null"));
}

void json_value(struct json_writer *writer, const struct json *value)
{
    before_item(writer);
    json_write(writer->out, value, 0);
}
