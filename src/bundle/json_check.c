/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_check.c - members of one name, and how a document is refused.
 *
 * Of two equal names one reader takes the first and another the last: what was checked is not what is used.
 */
#include <hrun/json_check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* By name, then by position, so that the later of two equal names is the one reported. */
static int compare_members(const void *a, const void *b)
{
	const struct json *const *x = a, *const *y = b;
	int order = strcmp((*x)->key, (*y)->key);

	return order ? order : ((*x)->index > (*y)->index) - ((*x)->index < (*y)->index);
}

static const struct json *find_twin_pairwise(const struct json *object)
{
	for (const struct json *a = object->first; a; a = a->next) {
		for (const struct json *b = a->next; b; b = b->next) {
			if (a->key[0] == b->key[0] && strcmp(a->key, b->key) == 0)
				return b;
		}
	}
	return NULL;
}

/* Sorting, not hashing: nobody can choose names that make it slow. */
const struct json *json_check_members(struct pool *pool, const struct json *object)
{
	if (object->count <= 12)
		return find_twin_pairwise(object);

	const struct json **member = pool_alloc(pool, object->count * sizeof *member);
	size_t n = 0;
	for (const struct json *m = object->first; m; m = m->next)
		member[n++] = m;
	qsort(member, n, sizeof *member, compare_members);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(member[i - 1]->key, member[i]->key) == 0)
			return member[i];
	}
	return NULL;
}

int json_refuse(struct pool *pool, struct json_error *error, const char *rule, const struct json *value,
		const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	*error = (struct json_error){
		.rule = rule,
		.where = json_where(pool, value),
		.pointer = json_pointer(pool, value),
		.line = value ? value->line : 0,
		.column = value ? value->column : 0,
		.text = pool_strdup(pool, text),
	};
	return -EINVAL;
}
