/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.c - tables, keys, strings and lists of strings of a TOML file; every other value is stepped over.
 *
 * It tells where an engine says what, and decides nothing.  At the first line that it does not understand it stops and says so: a
 * guess about the rest would be worth less than none.
 */
#include <hrun/doctor_look.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 256 };

struct reader {
	struct pool *pool;
	struct scan *scan;
	const char *at;
	unsigned int line;
	const char *table[SCAN_DEPTH];
	size_t table_depth;
};

static void skip_blanks(struct reader *reader)
{
	reader->at += strspn(reader->at, " \t");
}

/* Blanks, comments and line ends. */
static void skip_lines(struct reader *reader)
{
	for (;;) {
		skip_blanks(reader);
		if (*reader->at == '#')
			reader->at += strcspn(reader->at, "\n");
		if (*reader->at == '\r' && reader->at[1] == '\n')
			reader->at++;
		if (*reader->at != '\n')
			return;
		reader->at++;
		reader->line++;
	}
}

static bool take(struct reader *reader, char letter)
{
	if (*reader->at != letter)
		return false;
	reader->at++;
	return true;
}

/* Where the string at TEXT ends; NULL where it does not, or has more than one line, or an escape that no path and no name needs. */
static const char *string_end(const char *text)
{
	const char quote = *text;

	if ((quote != '"' && quote != '\'') || (text[1] == quote && text[2] == quote))
		return NULL;
	for (text++; *text != quote; text++) {
		if (quote == '"' && *text == '\\' && *++text != '"' && *text != '\\')
			return NULL;
		if (*text == '\0' || *text == '\n')
			return NULL;
	}
	return text;
}

/* 'literal' or "basic". */
static const char *read_string(struct reader *reader)
{
	const char *from = reader->at, *end = string_end(from);
	size_t length = 0;

	if (!end)
		return NULL;
	char *text = pool_alloc(reader->pool, (size_t)(end - from));
	for (from++; from < end; from++) {
		if (*end == '"' && *from == '\\')
			from++;
		text[length++] = *from;
	}
	reader->at = end + 1;
	return text;
}

/* A bare or quoted name. */
static const char *read_name(struct reader *reader)
{
	static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	size_t length = strspn(reader->at, bare);

	if (length == 0)
		return read_string(reader);
	reader->at += length;
	return pool_strndup(reader->pool, reader->at - length, length);
}

/* a.'b'."c" behind what PATH has already. */
static bool read_path(struct reader *reader, const char *path[SCAN_DEPTH], size_t *depth)
{
	do {
		skip_blanks(reader);
		const char *name = *depth < SCAN_DEPTH ? read_name(reader) : NULL;
		if (!name)
			return false;
		path[(*depth)++] = name;
		skip_blanks(reader);
	} while (take(reader, '.'));
	return true;
}

/* [table] or [[table of an array]], which is as good as one to who looks for names. */
static bool read_table(struct reader *reader)
{
	bool array;

	reader->at++;
	array = take(reader, '[');
	reader->table_depth = 0;
	return read_path(reader, reader->table, &reader->table_depth) && take(reader, ']') &&
	       (!array || take(reader, ']'));
}

/* [ or { up to its end; what is in it is values and keys. */
static bool skip_brackets(struct reader *reader)
{
	int depth = 0;

	do {
		skip_lines(reader);
		if (*reader->at == '[' || *reader->at == '{') {
			depth++;
			reader->at++;
		} else if (*reader->at == ']' || *reader->at == '}') {
			depth--;
			reader->at++;
		} else if (*reader->at == '"' || *reader->at == '\'') {
			const char *end = string_end(reader->at);
			if (!end)
				return false;
			reader->at = end + 1;
		} else if (*reader->at++ == '\0') {
			return false;
		}
	} while (depth > 0);
	return true;
}

/* A number, a date, true, false, or brackets. */
static bool skip_value(struct reader *reader)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+.:";

	if (*reader->at == '[' || *reader->at == '{')
		return skip_brackets(reader);
	size_t length = strspn(reader->at, plain);
	reader->at += length;
	return length > 0;
}

/* ["a", "b"]; false where it holds anything else. */
static bool read_list(struct reader *reader, struct scan_entry *entry)
{
	reader->at++;
	entry->items = pool_alloc(reader->pool, LIST_MAX * sizeof *entry->items);
	entry->is_list = true;
	for (;;) {
		skip_lines(reader);
		if (take(reader, ']'))
			return true;
		const char *item = entry->item_count < LIST_MAX ? read_string(reader) : NULL;
		if (!item)
			return false;
		entry->items[entry->item_count++] = item;
		skip_lines(reader);
		if (!take(reader, ',') && *reader->at != ']')
			return false;
	}
}

static bool read_value(struct reader *reader, struct scan_entry *entry)
{
	struct reader before = *reader;

	if (*reader->at == '[' && read_list(reader, entry))
		return true;
	*reader = before;
	entry->items = NULL;
	entry->item_count = 0;
	entry->is_list = false;
	if (*reader->at != '"' && *reader->at != '\'') {
		if (!skip_value(reader))
			return false;
		if (*before.at != '[' && *before.at != '{')
			entry->plain = pool_strndup(reader->pool, before.at, (size_t)(reader->at - before.at));
		return true;
	}
	entry->items = pool_alloc(reader->pool, sizeof *entry->items);
	entry->items[0] = read_string(reader);
	entry->item_count = 1;
	return entry->items[0] != NULL;
}

static bool read_entry(struct reader *reader)
{
	struct scan *scan = reader->scan;

	if (scan->entry_count == SCAN_ENTRIES)
		return false;
	struct scan_entry entry = {.depth = reader->table_depth};
	memcpy(entry.path, reader->table, sizeof entry.path);
	if (!read_path(reader, entry.path, &entry.depth) || !take(reader, '='))
		return false;
	skip_blanks(reader);
	if (!read_value(reader, &entry))
		return false;
	*pool_array_add(reader->pool, scan->entries, scan->entry_count) = entry;
	return true;
}

/* Nothing but a comment may follow on the line. */
static bool at_line_end(struct reader *reader)
{
	skip_blanks(reader);
	return *reader->at == '#' || *reader->at == '\n' || *reader->at == '\0' ||
	       (*reader->at == '\r' && reader->at[1] == '\n');
}

void doctor_scan(struct pool *pool, const char *text, struct scan *ret_scan)
{
	struct reader reader = {.pool = pool, .scan = ret_scan, .at = text, .line = 1};

	*ret_scan = (struct scan){0};
	for (skip_lines(&reader); *reader.at; skip_lines(&reader)) {
		bool good = *reader.at == '[' ? read_table(&reader) : read_entry(&reader);
		if (!good || !at_line_end(&reader)) {
			ret_scan->stopped = reader.line;
			return;
		}
	}
}

bool scan_path_is(const struct scan_entry *entry, const char *const *path)
{
	size_t depth = 0;

	while (path[depth])
		depth++;
	if (depth != entry->depth)
		return false;
	for (size_t i = 0; i < depth; i++) {
		if (!str_equal(path[i], "*") && !str_equal(path[i], entry->path[i]))
			return false;
	}
	return true;
}

const struct scan_entry *scan_find(const struct scan *scan, const char *const *path)
{
	for (size_t i = scan->entry_count; i > 0; i--) {
		if (scan_path_is(&scan->entries[i - 1], path))
			return &scan->entries[i - 1];
	}
	return NULL;
}

const char *scan_string(const struct scan_entry *entry)
{
	return entry && entry->items && !entry->is_list ? entry->items[0] : NULL;
}
