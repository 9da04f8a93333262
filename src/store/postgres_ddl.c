/* postgres_ddl.c — CREATE TABLE and ALTER TABLE as SQLite reads them, in PostgreSQL's types.
 *
 *   integer -> bigint            SQLite's integers have 64 bits
 *   real    -> double precision  and its reals too
 *   text    -> text COLLATE "C"  text orders by bytes on both
 *   WITHOUT ROWID -> nothing     how SQLite lays a table out
 *
 * `blob` is a domain over bytea that the store creates. Only words that follow a name are types,
 * so a column may bear such a name. Strings, quoted names and comments pass unchanged.
 */
#include <string.h>

#include "store/postgres.h"

enum token_kind {
    TOKEN_END,
    TOKEN_SPACE, /* and comments */
    TOKEN_WORD,
    TOKEN_QUOTED, /* '...' or "..." */
    TOKEN_OTHER,  /* one character */
};

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Length of the quoted text at the start of s; a doubled quote inside is two pieces, which is as
 * good for copying. */
static size_t quoted_length(struct str s)
{
    ptrdiff_t end = str_index(str_from(s, 1), s.ptr[0]);
    return end < 0 ? s.len : (size_t)end + 2;
}

static enum token_kind next_token(struct str *rest, struct str *out_token)
{
    struct str s = *rest;
    if (s.len == 0)
        return TOKEN_END;
    enum token_kind kind = TOKEN_OTHER;
    size_t len = 1;
    if (is_word_char(s.ptr[0])) {
        kind = TOKEN_WORD;
        while (len < s.len && is_word_char(s.ptr[len]))
            len++;
    } else if (is_space(s.ptr[0])) {
        kind = TOKEN_SPACE;
    } else if (str_starts_with(s, STR("--"))) {
        kind = TOKEN_SPACE;
        ptrdiff_t end = str_index(s, '\n');
        len = end < 0 ? s.len : (size_t)end;
    } else if (str_starts_with(s, STR("/*"))) {
        kind = TOKEN_SPACE;
        ptrdiff_t end = str_find(s, STR("*/"));
        len = end < 0 ? s.len : (size_t)end + 2;
    } else if (s.ptr[0] == '\'' || s.ptr[0] == '"') {
        kind = TOKEN_QUOTED;
        len = quoted_length(s);
    }
    *out_token = str_slice(s, 0, len);
    *rest = str_from(s, len);
    return kind;
}

/* The next token that is not space, without consuming it. */
static struct str peek(struct str rest)
{
    struct str token = {0};
    enum token_kind kind = TOKEN_SPACE;
    while (kind == TOKEN_SPACE)
        kind = next_token(&rest, &token);
    return kind == TOKEN_END ? (struct str){0} : token;
}

static bool is_table_definition(struct str statement)
{
    struct str token = {0};
    enum token_kind kind = TOKEN_SPACE;
    while (kind == TOKEN_SPACE)
        kind = next_token(&statement, &token);
    return (str_eq_nocase(token, STR("create")) || str_eq_nocase(token, STR("alter"))) &&
           str_eq_nocase(peek(statement), STR("table"));
}

/* What PostgreSQL calls the type `word`, or an absent str when it is none that differs. */
static struct str type_name(struct str word, bool is_cast)
{
    if (str_eq_nocase(word, STR("integer")))
        return STR("bigint");
    if (str_eq_nocase(word, STR("real")))
        return STR("double precision");
    if (str_eq_nocase(word, STR("text")) && !is_cast)
        return STR("text COLLATE \"C\"");
    return (struct str){0};
}

/* True when a word behind `previous` can be a type: behind a name, which is neither what opens a
 * list nor what announces a name. */
static bool is_behind_name(enum token_kind kind, struct str previous)
{
    if (kind == TOKEN_QUOTED)
        return true;
    return kind == TOKEN_WORD && !str_eq_nocase(previous, STR("column")) &&
           !str_eq_nocase(previous, STR("add"));
}

void postgres_translate(struct str statement, struct buf *out)
{
    if (!is_table_definition(statement)) {
        buf_append(out, statement);
        return;
    }
    enum token_kind previous_kind = TOKEN_OTHER;
    struct str previous = {0};
    struct str token = {0};
    for (;;) {
        enum token_kind kind = next_token(&statement, &token);
        if (kind == TOKEN_END)
            return;
        if (kind == TOKEN_WORD && str_eq_nocase(token, STR("without")) &&
            str_eq_nocase(peek(statement), STR("rowid"))) {
            while (kind != TOKEN_WORD || !str_eq_nocase(token, STR("rowid")))
                kind = next_token(&statement, &token);
            continue;
        }
        struct str type = {0};
        if (kind == TOKEN_WORD && is_behind_name(previous_kind, previous))
            type = type_name(token, str_eq_nocase(previous, STR("as")));
        buf_append(out, type.ptr ? type : token);
        if (kind != TOKEN_SPACE) {
            previous_kind = kind;
            previous = token;
        }
    }
}
