/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waiver.c - waivers: what they must say, and their days.
 */
#include "check.h"

#include <hrun/policy.h>
#include <hrun/rules.h>
#include <hrun/str.h>
#include <hrun/utc.h>
#include <stdlib.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST "\"imageDigest\":\"sha256:" A64 "\""

static struct pool pool;

static int read_waivers(const char *waivers, const char *today, bool own_class, struct policy *policy, struct err *e)
{
	const char *text = pool_printf(&pool, "{\"format\":1,\n\"waivers\":[\n%s]}", waivers);
	int64_t days = 0;

	CHECK(utc_days_of_date(today, &days) == 0);
	*policy = policy_default();
	policy->path = "/p";
	*e = (struct err){0};
	return policy_read(&pool, text, strlen(text), own_class, days, policy, e);
}

/* A waiver with these members, NULL: a good one. */
static const char *waiver(const char *rule, const char *match, const char *reason, const char *owner,
			  const char *expires)
{
	return pool_printf(&pool, "{%s,%s,%s,%s,%s}", rule ? rule : "\"rule\":\"user-root\"",
			   match ? match : "\"match\":{\"value\":\"x\"}", reason ? reason : "\"reason\":\"12345678\"",
			   owner ? owner : "\"owner\":\"o\"", expires ? expires : "\"expires\":\"2026-12-31\"");
}

static void refuse(const char *text, const char *why)
{
	struct policy policy;
	struct err e;
	int r = read_waivers(text, "2026-11-22", false, &policy, &e);

	CHECK(r == -EINVAL && strstr(e.text, why) && strstr(e.text, "line 3"), "%s: %s (expected %s)", text, e.text,
	      why);
}

static void test_members(void)
{
	struct policy policy;
	struct err e;

	refuse(waiver("\"rule\":\"no-such-rule\"", 0, 0, 0, 0), "names no rule");
	refuse(waiver("\"rule\":null", 0, 0, 0, 0), "is null");
	refuse(waiver("\"rule\":\"ns-mount-missing\"", "\"match\":{" DIGEST "}", 0, 0, 0),
	       "cannot be waived: ns-mount-missing refuses at every level");
	refuse(waiver(0, "\"match\":{}", 0, 0, 0), "it would match everything");
	refuse(waiver(0, "\"match\":null", 0, 0, 0), "is null");
	refuse(waiver(0, "\"match\":\"x\"", 0, 0, 0), "must be an object");
	refuse(waiver(0, "\"match\":{\"value\":\"\"}", 0, 0, 0), "match nothing");
	refuse(waiver(0, "\"match\":{\"cgroup\":\"\"}", 0, 0, 0), "match nothing");
	refuse(waiver(0, "\"match\":{\"value\":1}", 0, 0, 0), "must be a string");
	refuse(waiver(0, "\"match\":{\"name\":\"x\"}", 0, 0, 0), "`waivers[0].match.name` is not a member");
	refuse(waiver(0, "\"match\":{\"imageDigest\":\"sha256:" A64 "a\"}", 0, 0, 0), "64 lower-case");
	refuse(waiver(0, "\"match\":{\"imageDigest\":\"" A64 "\"}", 0, 0, 0), "64 lower-case");
	refuse(waiver(0, "\"match\":{\"imageDigest\":\"sha256:AAAA\"}", 0, 0, 0), "64 lower-case");
	refuse(waiver(0, 0, "\"reason\":\"1234567\"", 0, 0), "at least 8 characters");
	refuse(waiver(0, 0, "\"reason\":\"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\"", 0, 0), "at least 8 characters");
	refuse(waiver(0, 0, 0, "\"owner\":\"\"", 0), "who answers");
	refuse(waiver(0, 0, 0, "\"owner\":[]", 0), "must be a string");
	refuse(waiver(0, 0, 0, 0, "\"expires\":\"never\""), "a date of the calendar");
	refuse(waiver(0, 0, 0, 0, "\"until\":\"2026-12-31\""), "`waivers[0].until` is not a member");
	refuse("{\"match\":{\"value\":\"x\"},\"reason\":\"12345678\",\"owner\":\"o\",\"expires\":\"2026-12-31\"}",
	       "has no `rule`");
	refuse("{\"rule\":\"user-root\",\"reason\":\"12345678\",\"owner\":\"o\",\"expires\":\"2026-12-31\"}",
	       "has no `match`");
	refuse("{\"rule\":\"user-root\",\"match\":{\"value\":\"x\"},\"owner\":\"o\",\"expires\":\"2026-12-31\"}",
	       "has no `reason`");
	refuse("{\"rule\":\"user-root\",\"match\":{\"value\":\"x\"},\"reason\":\"12345678\",\"expires\":\"2026-12-31\"}",
	       "no `owner`");
	refuse("{\"rule\":\"user-root\",\"match\":{\"value\":\"x\"},\"reason\":\"12345678\",\"owner\":\"o\"}",
	       "has no `expires`");
	CHECK(read_waivers(waiver(0, "\"match\":{" DIGEST ",\"cgroup\":\"/a*\",\"value\":\"v\"}", 0, 0, 0),
			   "2026-11-22", false, &policy, &e) == 0);
	const struct waiver *w = policy.waivers;
	CHECK(policy.waiver_count == 1 && str_equal(rules[w->rule].id, "user-root") && str_equal(w->cgroup, "/a*"));
	CHECK(str_equal(w->value, "v") && str_equal(w->image_digest, "sha256:" A64) && str_equal(w->owner, "o"));
	CHECK(str_equal(w->reason, "12345678") && w->line == 3 && w->days_left == 39);
}

/* A severe rule is waived by the digest of a verified image only, or in a class's own file. */
static void test_severe(void)
{
	static const char *const severe[] = {"ns-net-host", "caps-dangerous"};
	struct policy policy;
	struct err e;

	for (size_t i = 0; i < 2; i++) {
		const char *rule = pool_printf(&pool, "\"rule\":\"%s\"", severe[i]);
		refuse(waiver(rule, 0, 0, 0, 0), "a severe rule: match an imageDigest");
		refuse(waiver(rule, "\"match\":{\"cgroup\":\"/x\",\"value\":\"y\"}", 0, 0, 0), severe[i]);
		CHECK(read_waivers(waiver(rule, "\"match\":{" DIGEST "}", 0, 0, 0), "2026-11-22", false, &policy, &e) ==
		      0);
		CHECK(read_waivers(waiver(rule, 0, 0, 0, 0), "2026-11-22", true, &policy, &e) == 0);
	}
	/* medium: no digest needed */
	CHECK(read_waivers(waiver("\"rule\":\"ns-uts-host\"", 0, 0, 0, 0), "2026-11-22", false, &policy, &e) == 0);
}

static const struct {
	const char *today, *expires;
	int days_left; /* 999: refused */
} days[] = {
	{"2026-11-22", "2026-11-22", 0},      {"2026-11-22", "2026-11-23", 1},	  {"2026-11-22", "2026-11-21", -1},
	{"2026-11-22", "2026-12-06", 14},     {"2026-11-22", "2026-12-07", 15},	  {"2026-11-22", "2027-11-22", 365},
	{"2026-11-22", "2027-11-23", 366},    {"2026-11-22", "2027-11-24", 999},  {"2026-11-22", "9999-12-31", 999},
	{"2027-06-01", "2028-06-01", 366},    {"2027-06-01", "2028-06-02", 999},  {"2027-12-31", "2028-02-29", 60},
	{"2028-02-28", "2028-02-29", 1},      {"2028-02-29", "2028-03-01", 1},	  {"2027-02-28", "2027-03-01", 1},
	{"2026-12-31", "2027-01-01", 1},      {"2026-11-22", "2027-02-29", 999},  {"2026-11-22", "2027-04-31", 999},
	{"2026-11-22", "2026-13-01", 999},    {"2026-11-22", "2026-00-10", 999},  {"2026-11-22", "2026-12-00", 999},
	{"2026-11-22", "2026-12-32", 999},    {"2026-11-22", "0000-01-01", 999},  {"2026-11-22", "26-12-01", 999},
	{"2026-11-22", "2026-1-01", 999},     {"2026-11-22", "2026/12/01", 999},  {"2026-11-22", " 2026-12-1", 999},
	{"2026-11-22", "+026-12-01", 999},    {"2026-11-22", "2026-12-01x", 999}, {"2026-11-22", "", 999},
	{"2026-11-22", "1970-01-01", -20779}, {"2100-02-27", "2100-02-28", 1},	  {"2100-02-27", "2100-02-29", 999},
	{"2000-02-28", "2000-02-29", 1},
};

static void test_days(void)
{
	struct policy policy;
	struct err e;

	for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
		const char *text = waiver(0, 0, 0, 0, pool_printf(&pool, "\"expires\":\"%s\"", days[i].expires));
		int r = read_waivers(text, days[i].today, false, &policy, &e);
		CHECK((r < 0) == (days[i].days_left == 999), "%s on %s: %s", days[i].expires, days[i].today, e.text);
		if (r == 0)
			CHECK(policy.waivers[0].days_left == days[i].days_left, "%s on %s: %d", days[i].expires,
			      days[i].today, policy.waivers[0].days_left);
	}
}

static void test_order(void)
{
	struct policy policy;
	struct err e;
	const char *text =
		pool_printf(&pool, "%s,\n%s,\n%s,\n%s", waiver("\"rule\":\"ns-uts-host\"", 0, 0, "\"owner\":\"1\"", 0),
			    waiver("\"rule\":\"user-root\"", 0, 0, "\"owner\":\"2\"", 0),
			    waiver("\"rule\":\"ns-uts-host\"", 0, 0, "\"owner\":\"3\"", 0),
			    waiver("\"rule\":\"user-root\"", 0, 0, "\"owner\":\"4\"", 0));

	CHECK(read_waivers(text, "2026-11-22", false, &policy, &e) == 0 && policy.waiver_count == 4);
	for (size_t i = 1; i < 4; i++)
		CHECK(policy.waivers[i - 1].rule <= policy.waivers[i].rule);
	CHECK(str_equal(policy.waivers[0].owner, "2") && str_equal(policy.waivers[1].owner, "4"));
	CHECK(str_equal(policy.waivers[2].owner, "1") && str_equal(policy.waivers[3].owner, "3") &&
	      policy.waivers[3].line == 5);
}

int main(void)
{
	test_members();
	test_severe();
	test_days();
	test_order();
	pool_free(&pool);
	return failures != 0;
}
