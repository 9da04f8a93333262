/* log.c — formats a line on the stack and writes it once. */
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"

enum {
    LINE_MAX_BYTES = 16 * 1024, /* longer lines are cut: a log is no place for bodies */
    MESSAGE_MAX_BYTES = 4096,
    ESCAPE_MAX_BYTES = 6,  /* of one character: \u001b, or four bytes of UTF-8 */
    NUMBER_MAX_BYTES = 20, /* of an int64_t */
    CLOSING_MAX_BYTES = 8, /* always kept free for quotes and braces, so a cut line is whole */
    HELD_MAX_BYTES = 32 * 1024,
};

static struct {
    enum log_level least;
    enum log_format format;
    int fd;
} config = {.least = LOG_INFO, .format = LOG_HUMAN, .fd = STDERR_FILENO};

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warn",
    [LOG_ERROR] = "error",
};

void log_configure(enum log_level least, enum log_format format, int fd)
{
    config.least = least;
    config.format = format;
    config.fd = fd;
}

bool log_enabled(enum log_level level)
{
    return level >= config.least;
}

static bool has_room(const struct buf *line, size_t size)
{
    return line->len + size + CLOSING_MAX_BYTES <= line->max;
}

/* JSON escapes serve both formats: control characters never reach the terminal. Text that is too
 * long is cut between two characters; bytes that are no UTF-8 become question marks. */
static void append_escaped(struct buf *line, struct str text)
{
    bool is_utf8 = str_is_utf8(text);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool is_inside_character = is_utf8 && (c & 0xC0) == 0x80;
        if (!is_inside_character && !has_room(line, ESCAPE_MAX_BYTES))
            return;
        if (c == '"' || c == '\\') {
            buf_append_char(line, '\\');
            buf_append_char(line, (char)c);
        } else if (c < 0x20 || c == 0x7F) {
            buf_append_format(line, "\\u%04x", c);
        } else {
            buf_append_char(line, c >= 0x80 && !is_utf8 ? '?' : (char)c);
        }
    }
}

static void append_time(struct buf *line)
{
    /* Most lines come in the same second as the one before. */
    static _Thread_local time_t text_s = -1;
    static _Thread_local char text[32];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != text_s) {
        struct tm utc;
        gmtime_r(&now.tv_sec, &utc);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.", &utc);
        text_s = now.tv_sec;
    }
    const int ms = (int)(now.tv_nsec / 1000000);
    const char digits[] = {(char)('0' + ms / 100), (char)('0' + ms / 10 % 10),
                           (char)('0' + ms % 10), 'Z'};
    buf_append_cstr(line, text);
    buf_append(line, str_of(digits, sizeof(digits)));
}

static bool needs_quotes(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7F)
            return true;
    }
    return text.len == 0;
}

static void append_human_field(struct buf *line, const struct log_field *field)
{
    if (!has_room(line, strlen(field->name) + NUMBER_MAX_BYTES))
        return;
    buf_append_char(line, ' ');
    buf_append_cstr(line, field->name);
    buf_append_char(line, '=');
    if (!field->text.ptr) {
        buf_append_i64(line, field->number);
    } else if (needs_quotes(field->text)) {
        buf_append_char(line, '"');
        append_escaped(line, field->text);
        buf_append_char(line, '"');
    } else {
        append_escaped(line, field->text);
    }
}

static void append_json_field(struct buf *line, const struct log_field *field)
{
    if (!has_room(line, strlen(field->name) + NUMBER_MAX_BYTES))
        return;
    buf_append_format(line, ",\"%s\":", field->name);
    if (!field->text.ptr) {
        buf_append_i64(line, field->number);
        return;
    }
    buf_append_char(line, '"');
    append_escaped(line, field->text);
    buf_append_char(line, '"');
}

static void format_line(struct buf *line, enum log_level level, const char *message,
                        const struct log_field *fields, size_t field_count)
{
    if (config.format == LOG_HUMAN) {
        append_time(line);
        buf_append_format(line, " %-5s ", level_names[level]);
        append_escaped(line, str_from_cstr(message));
        for (size_t i = 0; i < field_count; i++)
            append_human_field(line, &fields[i]);
    } else {
        buf_append_cstr(line, "{\"time\":\"");
        append_time(line);
        buf_append_format(line, "\",\"level\":\"%s\",\"message\":\"", level_names[level]);
        append_escaped(line, str_from_cstr(message));
        buf_append_char(line, '"');
        for (size_t i = 0; i < field_count; i++)
            append_json_field(line, &fields[i]);
        buf_append_char(line, '}');
    }
}

/* Lines of a worker thread that were not written yet. */
static _Thread_local struct {
    bool is_held;
    struct buf lines;
} held;

static void write_lines(struct str lines)
{
    /* A log that cannot be written has nowhere to complain to. */
    ssize_t written = write(config.fd, lines.ptr, lines.len);
    (void)written;
}

void log_hold(bool is_held)
{
    log_flush();
    if (!held.is_held && is_held)
        buf_init(&held.lines, NULL, HELD_MAX_BYTES + LINE_MAX_BYTES + 1);
    else if (held.is_held && !is_held)
        buf_deinit(&held.lines);
    held.is_held = is_held;
}

void log_flush(void)
{
    if (held.lines.len == 0)
        return;
    write_lines(buf_str(&held.lines));
    buf_clear(&held.lines);
}

void log_event(enum log_level level, const char *message, const struct log_field *fields,
               size_t field_count)
{
    if (!log_enabled(level))
        return;
    AUTO(buf) struct buf line;
    buf_init(&line, NULL, LINE_MAX_BYTES);
    format_line(&line, level, message, fields, field_count);
    line.max++; /* room for the line end even when the line was cut */
    buf_append_char(&line, '\n');
    if (!held.is_held) {
        write_lines(buf_str(&line));
        return;
    }
    buf_append(&held.lines, buf_str(&line));
    if (held.lines.len > HELD_MAX_BYTES || level == LOG_ERROR)
        log_flush();
}

void log_message(enum log_level level, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    char message[MESSAGE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    log_event(level, message, NULL, 0);
}
