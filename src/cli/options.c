/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - the command line, by table.
 *
 * Engines write "--flag value", "--flag=value", "-f value" and, being Go programs, "-flag".
 * An option that is not in the table is an error: what hrun does not understand
 * may be the one that was to confine the container.
 */
#include <hrun/cli.h>
#include <hrun/str.h>
#include <limits.h>
#include <stdio.h>

static const struct option_row *find_name(const struct option_row *rows, size_t count, const char *name, size_t length)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(rows[i].name) == length && memcmp(rows[i].name, name, length) == 0)
			return &rows[i];
	}
	return NULL;
}

static const struct option_row *find_letter(const struct option_row *rows, size_t count, char letter)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].letter && rows[i].letter == letter)
			return &rows[i];
	}
	return NULL;
}

static bool takes_value(const struct option_row *row)
{
	return row->kind != OPTION_FLAG && row->kind != OPTION_TRI;
}

/* VALUE of a flag is NULL, "true" or "false". */
static int set_flag(const struct option_row *row, const char *value, void *member, struct err *e)
{
	bool on = !value || str_equal(value, "true");

	if (!on && !str_equal(value, "false"))
		return err_set(e, EINVAL, "option --%s takes true or false, not `%s`", row->name, value);
	if (row->kind == OPTION_FLAG)
		*(bool *)member = on;
	else
		*(struct opt_bool *)member = (struct opt_bool){.set = true, .value = on};
	return 0;
}

static int set_count(const struct option_row *row, const char *value, unsigned int *member, struct err *e)
{
	uint64_t number;

	/* More descriptors than a process can have are a mistake, and would overflow "3 + N". */
	if (str_to_u64(value, 1 << 20, &number) < 0)
		return err_set(e, EINVAL, "option --%s takes a number, not `%s`", row->name, value);
	*member = (unsigned int)number;
	return 0;
}

static int set_value(struct pool *pool, const struct option_row *row, const char *value, struct options *options,
		     struct err *e)
{
	void *member = (char *)options + row->offset;
	struct string_list *list = member;

	switch (row->kind) {
	case OPTION_FLAG:
	case OPTION_TRI:
		return set_flag(row, value, member, e);
	case OPTION_COUNT:
		return set_count(row, value, member, e);
	case OPTION_STRING:
		*(const char **)member = value;
		return 0;
	case OPTION_LIST:
		*pool_array_add(pool, list->item, list->count) = value;
		list->present = true;
		return 0;
	}
	return 0;
}

/* What one call of options_parse walks over. */
struct walk {
	struct pool *pool;
	const struct option_row *rows;
	size_t row_count;
	int argc;
	char **argv;
	int index; /* of the word being read */
	struct options *options;
};

static int next_word(struct walk *walk, const struct option_row *row, const char **ret_value, struct err *e)
{
	if (walk->index + 1 >= walk->argc)
		return err_set(e, EINVAL, "option --%s requires an argument", row->name);
	*ret_value = walk->argv[++walk->index];
	return 0;
}

/* "name" or "name=value", without its dashes. */
static int parse_long(struct walk *walk, const struct option_row *row, const char *equals, struct err *e)
{
	const char *value = equals ? equals + 1 : NULL;

	if (!value && takes_value(row))
		TRY(next_word(walk, row, &value, e));
	return set_value(walk->pool, row, value, walk->options, e);
}

/* "-dt", "-b DIR", "-bDIR", "-b=DIR" */
static int parse_letters(struct walk *walk, const char *letters, struct err *e)
{
	for (const char *p = letters; *p; p++) {
		const struct option_row *row = find_letter(walk->rows, walk->row_count, *p);
		if (!row)
			return err_set(e, EINVAL, "unknown option `-%s`; see --help", letters);
		const char *value = p[1] == '=' ? p + 2 : p[1] && takes_value(row) ? p + 1 : NULL;
		if (!value && takes_value(row))
			TRY(next_word(walk, row, &value, e));
		TRY(set_value(walk->pool, row, value, walk->options, e));
		if (value)
			return 0;
	}
	return 0;
}

static int parse_option(struct walk *walk, struct err *e)
{
	const char *word = walk->argv[walk->index];
	const char *name = word + (word[1] == '-' ? 2 : 1);
	const char *equals = strchr(name, '=');
	const struct option_row *row =
		find_name(walk->rows, walk->row_count, name, equals ? (size_t)(equals - name) : strlen(name));

	if (row)
		return parse_long(walk, row, equals, e);
	if (word[1] == '-')
		return err_set(e, EINVAL, "unknown option `%s`; see --help", word);
	return parse_letters(walk, name, e);
}

int options_parse(struct pool *pool, const struct option_row *rows, size_t row_count, bool stop, int argc, char **argv,
		  int *index, struct options *options, char **args, int *ret_arg_count, struct err *e)
{
	struct walk walk = {pool, rows, row_count, argc, argv, *index, options};
	bool ended = false;

	*ret_arg_count = 0;
	for (; walk.index < argc; walk.index++) {
		char *word = argv[walk.index];
		if (!ended && str_equal(word, "--")) {
			ended = true;
			options->has_dashes = true;
			options->before_dashes = *ret_arg_count;
		} else if (!ended && word[0] == '-' && word[1]) {
			TRY(parse_option(&walk, e));
		} else if (args) {
			args[(*ret_arg_count)++] = word;
			ended = ended || stop;
		} else {
			break;
		}
	}
	*index = walk.index;
	return 0;
}

void options_help(const struct option_row *rows, size_t row_count)
{
	for (size_t i = 0; i < row_count; i++) {
		char left[64];
		const char *argument = rows[i].argument ? rows[i].argument : "";
		if (rows[i].letter)
			str_format(left, sizeof left, "-%c, --%s %s", rows[i].letter, rows[i].name, argument);
		else
			str_format(left, sizeof left, "    --%s %s", rows[i].name, argument);
		printf("  %-30s %s\n", left, rows[i].help);
	}
}
