/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope_annotations.c - org.systemd.property.NAME as a property of the unit, its value in GVariant's text form.
 *
 * Whoever names a pod may write annotations: only what is known to be harmless, or named by the policy file, has an effect; and none
 * takes the place of what hrun itself sets.
 */
#include <hrun/plan_scope.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <limits.h>

#define PREFIX "org.systemd.property."

/*
 * Those that the rule annotation-systemd-property lets through, with the type that systemd wants.  Without systemd all of them are
 * harmless; with it a unit that is wanted is started, whichever it is, so only the policy file can allow that.
 */
static const struct {
	const char *name;
	enum scope_type type;
	bool starts_units;
} harmless[] = {
	{"TimeoutStopUSec", SCOPE_UINT64, false}, {"KillSignal", SCOPE_INT32, false},
	{"CollectMode", SCOPE_STRING, false},	  {"Description", SCOPE_STRING, false},
	{"After", SCOPE_STRINGS, false},	  {"Before", SCOPE_STRINGS, false},
	{"Wants", SCOPE_STRINGS, true},		  {"DefaultDependencies", SCOPE_BOOL, false},
};

/* Where the container is, and that it is a container, is not the document's to say. */
static bool is_ours(const char *name)
{
	static const char *const ours[] = {"Slice",	 "PIDs",	 "PIDFDs",     "Scope",
					   "Controller", "DevicePolicy", "DeviceAllow"};

	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
		if (str_equal(name, ours[i]))
			return true;
	}
	return str_starts(name, "Delegate");
}

/* ---- GVariant's text form, as far as properties need it ---- */

/* What is read from: the rest of the value. */
struct reader {
	struct pool *pool;
	const char *at;
};

static void skip_blanks(struct reader *r)
{
	r->at += strspn(r->at, " ");
}

static bool read_string(struct reader *r, const char **ret)
{
	char quote = *r->at;
	char *text = pool_alloc(r->pool, strlen(r->at) + 1), *out = text;

	if (quote != '\'' && quote != '"')
		return false;
	for (r->at++; *r->at != quote; r->at++) {
		/* \n and \u41 say characters that no property needs. */
		if (*r->at == '\\' && (r->at[1] == '\\' || r->at[1] == '\'' || r->at[1] == '"'))
			r->at++;
		else if (!*r->at || *r->at == '\\')
			return false;
		*out++ = *r->at;
	}
	r->at++;
	*ret = text;
	return true;
}

static bool read_strings(struct reader *r, struct string_list *ret)
{
	const char **items = pool_alloc(r->pool, (strlen(r->at) + 1) * sizeof *items);

	ret->item = items;
	r->at++;
	skip_blanks(r);
	while (*r->at != ']') {
		if (!read_string(r, &items[ret->count++]))
			return false;
		skip_blanks(r);
		if (*r->at != ',' && *r->at != ']')
			return false;
		r->at += *r->at == ',';
		skip_blanks(r);
	}
	r->at++;
	return true;
}

/* "uint64 5", "5"; TYPE is what stands in front, or the 32 signed bits that GVariant takes a plain number for. */
static bool read_number(struct reader *r, enum scope_type *ret_type, int64_t *ret)
{
	static const struct {
		const char *word;
		enum scope_type type;
	} types[] = {{"uint64 ", SCOPE_UINT64}, {"uint32 ", SCOPE_UINT32}, {"int32 ", SCOPE_INT32}};
	enum scope_type type = SCOPE_INT32;

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (!str_starts(r->at, types[i].word))
			continue;
		type = types[i].type;
		r->at += strlen(types[i].word);
		break;
	}
	size_t length = strspn(r->at, "-0123456789");
	int64_t min = type == SCOPE_INT32 ? INT_MIN : 0;
	int64_t max = type == SCOPE_INT32 ? INT_MAX : type == SCOPE_UINT32 ? UINT_MAX : INT64_MAX;
	if (str_to_i64(pool_strndup(r->pool, r->at, length), min, max, ret) < 0)
		return false;
	r->at += length;
	*ret_type = type;
	return true;
}

struct value {
	enum scope_type type;
	int64_t number;
	struct string_list texts; /* SCOPE_STRING: one */
};

static bool read_value(struct pool *pool, const char *text, struct value *ret)
{
	struct reader r = {pool, text};

	*ret = (struct value){0};
	skip_blanks(&r);
	if (str_starts(r.at, "true") || str_starts(r.at, "false")) {
		ret->number = *r.at == 't';
		r.at += ret->number ? strlen("true") : strlen("false");
	} else if (*r.at == '[') {
		ret->type = SCOPE_STRINGS;
		if (!read_strings(&r, &ret->texts))
			return false;
	} else if (*r.at == '\'' || *r.at == '"') {
		ret->type = SCOPE_STRING;
		ret->texts = (struct string_list){.item = pool_alloc(pool, sizeof *ret->texts.item), .count = 1};
		if (!read_string(&r, &ret->texts.item[0]))
			return false;
	} else if (!read_number(&r, &ret->type, &ret->number)) {
		return false;
	}
	skip_blanks(&r);
	return !*r.at;
}

/* Numbers are of whatever width the property has; nothing else becomes something else. */
static bool fits(struct value *value, enum scope_type type)
{
	bool is_number = value->type == SCOPE_INT32 || value->type == SCOPE_UINT32 || value->type == SCOPE_UINT64;

	if (value->type == type)
		return true;
	if (!is_number || (type != SCOPE_INT32 && type != SCOPE_UINT64))
		return false;
	value->type = type;
	return type == SCOPE_UINT64 ? value->number >= 0 : value->number <= INT_MAX;
}

/* ---- one annotation ---- */

/* As runc has it: TimeoutStopSec in seconds is TimeoutStopUSec in microseconds. */
static bool convert_seconds(struct pool *pool, const char **name, struct value *value)
{
	enum { US = 1000000 };

	if (!str_ends(*name, "Sec") || str_ends(*name, "USec"))
		return true;
	*name = pool_printf(pool, "%.*sUSec", (int)strlen(*name) - 3, *name);
	if (!fits(value, SCOPE_UINT64) || value->number > INT64_MAX / US)
		return false;
	value->number *= US;
	return true;
}

static bool check_type(struct pool *pool, const char **name, struct value *value)
{
	for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
		if (str_equal(*name, harmless[i].name))
			return fits(value, harmless[i].type);
	}
	return convert_seconds(pool, name, value);
}

static bool is_allowed(const char *name, const struct string_list *allowed)
{
	for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
		bool is_obeyed = !harmless[i].starts_units;
#ifdef HRUN_MUTANT_SCOPE_WANTS
		is_obeyed = true;
#endif
		if (is_obeyed && str_equal(name, harmless[i].name))
			return true;
	}
	for (size_t i = 0; i < allowed->count; i++) {
		if (str_equal(name, allowed->item[i]))
			return true;
	}
	return false;
}

static bool is_name(const char *name)
{
	enum { SHORTEST = 3 };

	return strlen(name) >= SHORTEST && strlen(name) < SCOPE_NAME_SIZE &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")];
}

static int apply(struct pool *pool, const struct string_pair *pair, struct scope_plan *scope, struct err *e)
{
	const char *name = pair->key + strlen(PREFIX);
	struct value value;

	if (str_has_control(pair->value) || !read_value(pool, pair->value, &value) || !check_type(pool, &name, &value))
		return err_set(
			e, EINVAL,
			"annotations[\"%s\"]: `%.64s` is no value for it; in GVariant's text form that is uint64 "
			"5000000, true, 'text' or ['one', 'two']",
			pair->key, str_has_control(pair->value) ? "?" : pair->value);
	if (value.type < SCOPE_STRING) {
		scope_add_number(scope, name, value.type, (uint64_t)value.number);
		return 0;
	}
	struct scope_property *property = scope_property(scope, name, value.type);
	for (size_t i = 0; i < value.texts.count; i++)
		scope_add_item(scope, property, value.texts.item[i], NULL, 0);
	return 0;
}

int plan_scope_annotations(struct pool *pool, const struct string_map *annotations, const struct string_list *allowed,
			   struct plan *plan, struct err *e)
{
	for (size_t i = 0; i < annotations->count; i++) {
		const struct string_pair *pair = &annotations->item[i];
		if (!str_starts(pair->key, PREFIX))
			continue;
		const char *name = pair->key + strlen(PREFIX);
		if (!is_name(name))
			return err_set(e, EINVAL,
				       "annotations: a key `" PREFIX "` is followed by the name of a property");
		if (is_ours(name) || !is_allowed(name, allowed))
			plan_warn(pool, plan, "annotations[\"%s\"] has no effect: %s", pair->key,
				  is_ours(name) ? "hrun sets it itself"
						: "allow.systemdProperties of the policy file does not name it");
		else
			TRY(apply(pool, pair, plan->cgroup.scope, e));
	}
	return 0;
}
