/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waiver.c - a rule lifted for one thing, by somebody, for a reason, until a day.
 *
 * `cgroup` and `value` come from whoever asks for the container: they narrow a waiver and prove nothing.  So a waiver of
 * a severe rule needs the digest of an image that hrun has verified itself, unless it stands in the file of a class of
 * its own, whose users the administrator has chosen.
 */
#include <hrun/policy_read.h>
#include <hrun/rules.h>
#include <hrun/str.h>
#include <hrun/utc.h>
#include <limits.h>

enum { REASON_MIN = 8, DATE_LENGTH = 10 };

static int read_rule(struct policy_reader *r, const struct json *value, void *place)
{
	const struct rule *rule = policy_rule(r, value, value->text);

	if (!rule)
		return -EINVAL;
#ifndef HRUN_MUTANT_NEVER_WAIVED
	if (rule_refuses_always(rule))
		return policy_refuse(r, value, "cannot be waived: %s refuses at every level", rule->id);
#endif
	((struct waiver *)place)->rule = (size_t)(rule - rules);
	return 0;
}

static int read_image_digest(struct policy_reader *r, const struct json *value, void *place)
{
	if (!str_is_digest(value->text))
		return policy_refuse(r, value, "must be \"sha256:\" and 64 lower-case hexadecimal digits");
	((struct waiver *)place)->image_digest = value->text;
	return 0;
}

static int read_cgroup(struct policy_reader *r, const struct json *value, void *place)
{
	if (!*value->text)
		return policy_refuse(r, value, "is empty: it would match nothing");
	((struct waiver *)place)->cgroup = value->text;
	return 0;
}

static int read_value(struct policy_reader *r, const struct json *value, void *place)
{
	if (!*value->text)
		return policy_refuse(r, value, "is empty: it would match nothing");
	((struct waiver *)place)->value = value->text;
	return 0;
}

static int read_match(struct policy_reader *r, const struct json *value, void *place)
{
	static const struct policy_row rows[] = {
		{"imageDigest", JSON_STRING, false, read_image_digest},
		{"cgroup", JSON_STRING, false, read_cgroup},
		{"value", JSON_STRING, false, read_value},
	};

	if (!value->first)
		return policy_refuse(r, value, "is empty: it would match everything; use `rules` for that");
	return POLICY_READ_OBJECT(r, value, rows, place);
}

/* Characters, not bytes. */
static bool has_length(const char *text, int least)
{
	int length = 0;

	for (; *text && length < least; text++)
		length += ((unsigned char)*text & 0xc0) != 0x80;
	return length == least;
}

static int read_reason(struct policy_reader *r, const struct json *value, void *place)
{
	if (!has_length(value->text, REASON_MIN))
		return policy_refuse(r, value, "must say why, in at least %d characters", REASON_MIN);
	((struct waiver *)place)->reason = value->text;
	return 0;
}

static int read_owner(struct policy_reader *r, const struct json *value, void *place)
{
	if (!*value->text)
		return policy_refuse(r, value, "is empty: say who answers for the waiver");
	((struct waiver *)place)->owner = value->text;
	return 0;
}

static int days_left(int64_t days, int64_t today)
{
	int64_t left = days - today;

#ifdef HRUN_MUTANT_WAIVER_EXPIRY
	return left < 0 ? 1 : (int)left;
#endif
	return left < INT_MIN ? INT_MIN : (int)left;
}

static int read_expires(struct policy_reader *r, const struct json *value, void *place)
{
	struct waiver *waiver = place;
	int64_t days;

	if (utc_days_of_date(value->text, &days) < 0)
		return policy_refuse(r, value, "must be a date of the calendar, as 2027-03-31");
	if (days - r->today > POLICY_MAX_DAYS)
		return policy_refuse(r, value, "is more than a year ahead (%d days)", POLICY_MAX_DAYS);
	waiver->expires = value->text;
	waiver->days_left = days_left(days, r->today);
	return 0;
}

static int read_waiver(struct policy_reader *r, const struct json *value, struct waiver *waiver)
{
	static const struct policy_row rows[] = {
		{"rule", JSON_STRING, true, read_rule},	      {"match", JSON_OBJECT, true, read_match},
		{"reason", JSON_STRING, true, read_reason},   {"owner", JSON_STRING, true, read_owner},
		{"expires", JSON_STRING, true, read_expires},
	};

	waiver->line = value->line;
	TRY(POLICY_READ_OBJECT(r, value, rows, waiver));
	const struct rule *rule = &rules[waiver->rule];
	if (rule->severity >= SEVERITY_HIGH && !waiver->image_digest && !r->own_class)
		return policy_refuse(
			r, value,
			"waives %s, a severe rule: match an imageDigest, or write it into the file of a class "
			"(hrun-NAME)",
			rule->id);
	return 0;
}

static bool is_sorted(const struct waiver *waivers, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (waivers[i - 1].rule > waivers[i].rule)
			return false;
	}
	return true;
}

/* By rule; those of one rule stay in the order of the file. */
static const struct waiver *sort(struct pool *pool, const struct waiver *waivers, size_t count)
{
	if (is_sorted(waivers, count))
		return waivers;
	struct waiver *sorted = pool_alloc_now(pool, (count + 1) * sizeof *sorted);
	size_t *place = pool_alloc(pool, (rule_count + 1) * sizeof *place);

	for (size_t i = 0; i < count; i++)
		place[waivers[i].rule + 1]++;
	for (size_t i = 1; i < rule_count; i++)
		place[i] += place[i - 1];
	for (size_t i = 0; i < count; i++)
		sorted[place[waivers[i].rule]++] = waivers[i];
	return sorted;
}

static int read_list(struct policy_reader *r, const struct json *list)
{
	if (list->count > POLICY_MAX_WAIVERS)
		return policy_refuse(r, list, "has %u waivers; at most %d are read", list->count, POLICY_MAX_WAIVERS);
	r->waivers = pool_alloc_now(r->pool, (list->count + 1) * sizeof *r->waivers);
	r->waiver_count = 0;
	for (const struct json *element = list->first; element; element = element->next)
		TRY(read_waiver(r, element, &r->waivers[r->waiver_count++]));
	return 0;
}

int policy_read_waivers(struct policy_reader *r, const struct json *value, void *place)
{
	(void)place;
	TRY(read_list(r, value));
	r->policy->waivers = sort(r->pool, r->waivers, r->waiver_count);
	r->policy->waiver_count = r->waiver_count;
	policy_index_waivers(r->pool, r->policy);
	return 0;
}
