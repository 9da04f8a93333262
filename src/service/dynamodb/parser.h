/* parser.h — private to the parser: tokens, and the state that its two files share. */
#pragma once

#include "base/vec.h"
#include "service/dynamodb/expression.h"

enum ddb_token_type {
    DDB_TOKEN_WORD,   /* attribute name, function, keyword */
    DDB_TOKEN_NAME,   /* #name */
    DDB_TOKEN_VALUE,  /* :value */
    DDB_TOKEN_NUMBER, /* digits */
    DDB_TOKEN_SYMBOL, /* ( ) [ ] . , + - = <> < <= > >= */
    DDB_TOKEN_INVALID,
    DDB_TOKEN_END,
};

struct ddb_token {
    enum ddb_token_type type;
    struct str text; /* a part of the source */
};

/* Mistakes that AWS reports by kind, not by place: the first of each is kept. The order here is
 * that in which a condition reports them; updates have their own (see ddb_parse_update). */
enum ddb_mistake {
    DDB_MISTAKE_PARENTHESES,
    DDB_MISTAKE_UNKNOWN_FUNCTION,
    DDB_MISTAKE_MISUSED_FUNCTION,
    DDB_MISTAKE_RESERVED,
    DDB_MISTAKE_SECTION,
    DDB_MISTAKE_NAME,
    DDB_MISTAKE_VALUE,
    DDB_MISTAKE_COUNT,
};

enum ddb_grammar {
    DDB_GRAMMAR_CONDITION,
    DDB_GRAMMAR_UPDATE,
    DDB_GRAMMAR_PROJECTION,
};

struct ddb_parser {
    struct ddb_expressions *expressions;
    struct arena *arena;
    struct str source;
    struct ddb_token *tokens; /* the last one is DDB_TOKEN_END */
    size_t at;
    unsigned depth;
    size_t operator_count;
    enum ddb_grammar grammar;
    bool has_failed;   /* a syntax error: parsing stops */
    struct str syntax; /* its text */
    struct str mistakes[DDB_MISTAKE_COUNT];
};

/* Cuts the source into tokens. */
void ddb_parser_init(struct ddb_parser *parser, struct ddb_expressions *expressions,
                     enum ddb_grammar grammar, struct str source);
const struct ddb_token *ddb_peek(const struct ddb_parser *parser);
bool ddb_is_symbol(const struct ddb_parser *parser, const char *symbol);
/* Keywords are compared without regard to case. */
bool ddb_is_word(const struct ddb_parser *parser, const char *word);
/* Takes the token when it is that symbol. */
bool ddb_take_symbol(struct ddb_parser *parser, const char *symbol);
/* The same, and a syntax error otherwise. */
bool ddb_expect_symbol(struct ddb_parser *parser, const char *symbol);
/* Notes a syntax error at the present token. */
void ddb_syntax_error(struct ddb_parser *parser);
void ddb_note_mistake(struct ddb_parser *parser, enum ddb_mistake mistake, struct str text);
/* False (and a noted error) when the expression nests too deeply. Balanced by depth--. */
bool ddb_enter(struct ddb_parser *parser);
/* A path; a syntax error when there is none. Notes reserved words and undefined names. */
struct ddb_node *ddb_parse_path(struct ddb_parser *parser);
/* A path, a value, a function call. */
struct ddb_node *ddb_parse_operand(struct ddb_parser *parser);
/* `text` with "Invalid <what>: " in front becomes the message. Returns -EINVAL. */
int ddb_refuse_expression(struct ddb_expressions *expressions, const char *what, struct str text);
/* Length, emptiness. */
int ddb_check_text(struct ddb_expressions *expressions, const char *what, struct str text);
