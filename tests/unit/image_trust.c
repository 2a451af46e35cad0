/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_trust.c - whom an image must be signed by: the member images, the files of trustFrom, and the request they give.
 *
 * The files are in tests/data/images (the test runs in the top directory, or has it as its argument).
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/image_request.h>
#include <hrun/image_trust.h>
#include <hrun/json.h>
#include <hrun/policy_open.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct pool pool;
static const char *data = "tests/data/images";

/* ---- the member images ---- */

static int read_images(const char *images, const char *path, struct policy *policy, struct err *e)
{
	const char *text = pool_printf(&pool, "{\"format\":1,\"images\":%s}", images);

	*policy = policy_default();
	policy->path = path;
	policy->owner = POLICY_OWNER_ANY;
	*e = (struct err){0};
	return policy_read(&pool, text, strlen(text), false, 0, policy, e);
}

#define ENTRY(members) "{\"require\":\"signed\",\"trust\":[{" members "}]}"
#define KEY(members) ENTRY("\"scheme\":\"cosign-key\",\"keys\":[\"k\"]" members)
#define NOTATION(members) ENTRY("\"scheme\":\"notation\"" members)
#define SUBJECT "x509.subject: C=US, ST=WA, O=o"
#define CERTIFICATE ",\"ca\":[\"c\"],\"trustedIdentities\":[\"" SUBJECT "\"]"

static const char *const good[] = {
	"{}",
	"{\"require\":\"off\"}",
	"{\"require\":\"warn\"}",
	"{\"require\":\"signed\"}",
	"{\"require\":\"signed\",\"trust\":[]}",
	"{\"trustFrom\":\"/etc/containers/policy.json\"}",
	"{\"trustFrom\":\"here.json\",\"trust\":[]}",
	KEY(""),
	KEY(",\"scope\":\"*\""),
	KEY(",\"scope\":\"r/*\""),
	KEY(",\"scope\":\"r:5000/a/*\""),
	KEY(",\"scope\":\"r/a\""),
	KEY(",\"threshold\":1"),
	KEY(",\"tlog\":\"ignore\""),
	KEY(",\"identity\":{\"type\":\"matchExact\"}"),
	KEY(",\"identity\":{\"type\":\"matchRepoDigestOrExact\"}"),
	KEY(",\"identity\":{\"type\":\"matchRepository\"}"),
	KEY(",\"identity\":{\"type\":\"exactReference\",\"dockerReference\":\"r/a:v1\"}"),
	KEY(",\"identity\":{\"type\":\"exactReference\",\"dockerReference\":\"r/a@sha256:" A64 "\"}"),
	KEY(",\"identity\":{\"dockerRepository\":\"r/a\",\"type\":\"exactRepository\"}"),
	KEY(",\"identity\":{\"type\":\"remapIdentity\",\"prefix\":\"r\",\"signedPrefix\":\"s/a\"}"),
	ENTRY("\"scheme\":\"cosign-key\",\"keys\":[\"a\",\"b\",\"c\"],\"threshold\":3"),
	NOTATION(CERTIFICATE),
	NOTATION(CERTIFICATE ",\"level\":\"strict\""),
	NOTATION(CERTIFICATE ",\"level\":\"permissive\",\"scope\":\"r/a\""),
	NOTATION(",\"ca\":[\"c\"],\"trustedIdentities\":[\"*\"]"),
	"{\"denyDigests\":[],\"require\":\"warn\"}",
	"{\"denyDigests\":[\"sha256:" A64 "\"],\"allowDigests\":[\"sha256:" A64 "\"]}",
	"{\"notBefore\":\"2026-11-22T00:07:15.5-01:30\"}",
	"{\"notBefore\":{\"r/a\":\"2026-11-22T00:07:15Z\",\"r/*\":\"0001-01-01T00:00:00Z\",\"*\":\"9999-12-31T23:59:59Z\"}}",
	NOTATION(",\"ca\":[\"c\"],\"trustedIdentities\":[\"" SUBJECT
		 "\",\"x509.subject:C=a\\\\,b,S=b,O=c\\\\+d,CN=\\\\\\\\\"]"),
};

static const struct {
	const char *images, *why;
} bad[] = {
	{"null", "`images` is null"},
	{"[]", "must be an object"},
	{"{\"require\":\"yes\"}", "must be off, warn or signed"},
	{"{\"require\":null}", "`images.require` is null"},
	{"{\"require\":true}", "must be a string"},
	{"{\"devices\":\"keep\"}", "must be refuse or drop"},
	{"{\"devices\":false}", "must be a string"},
	{"{\"devices\":null}", "`images.devices` is null"},
	{"{\"Require\":\"off\"}", "is not a member"},
	{"{\"require\":\"off\",\"require\":\"signed\"}", "twice"},
	{"{\"trust\":{}}", "must be a list"},
	{"{\"trust\":[[]]}", "`images.trust[0]` must be an object"},
	{"{\"trust\":[{}]}", "has no `scheme`"},
	{"{\"trustFrom\":\"\"}", "printable"},
	{"{\"trustFrom\":[\"/a\"]}", "must be a string"},
	{"{\"trustFrom\":\"/a\\nb\"}", "printable"},
	{ENTRY("\"scheme\":\"cosign\""), "must be cosign-key or notation"},
	{ENTRY("\"scheme\":\"Cosign-Key\""), "must be cosign-key or notation"},
	{ENTRY("\"scheme\":\"cosign-keyless\""), "is cosign-keyless: scheme not built"},
	{ENTRY("\"scheme\":\"gpg\""), "is gpg: scheme not built"},
	{ENTRY("\"scheme\":1"), "must be a string"},
	{ENTRY("\"scheme\":\"cosign-key\""), "has no `keys`"},
	{ENTRY("\"scheme\":\"cosign-key\",\"keys\":[]"), "must name 1 to 16 files, not 0"},
	{ENTRY("\"scheme\":\"cosign-key\",\"keys\":\"k\""), "must be a list"},
	{ENTRY("\"scheme\":\"cosign-key\",\"keys\":[1]"), "`images.trust[0].keys[0]` must be a string"},
	{ENTRY("\"scheme\":\"cosign-key\",\"keys\":[null]"), "is null"},
	{ENTRY("\"scheme\":\"cosign-key\",\"keys\":[\"\"]"), "1 to 255 printable bytes"},
	{ENTRY("\"scheme\":\"cosign-key\",\"keys\":[\"" A64 A64 A64 A64 "\"]"), "1 to 255 printable bytes"},
	{ENTRY("\"scheme\":\"cosign-key\",\"keys\":[\"a\\tb\"]"), "printable"},
	{ENTRY("\"scheme\":\"cosign-key\",\"keys\":[\"k\",\"k\"]"), "is the same file as the one before"},
	{ENTRY("\"scheme\":\"cosign-key\",\"keys\":[\"k\",\"./k\"]"), "is the same file"},
	{ENTRY("\"scheme\":\"cosign-key\",\"keys\":[\"k\",\"/d//k\"]"), "is the same file"},
	{ENTRY("\"scheme\":\"cosign-key\",\"keys\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\","
	       "\"13\",\"14\",\"15\",\"16\",\"17\"]"),
	 "1 to 16 files, not 17"},
	{KEY(",\"ca\":[\"c\"]"), "`images.trust[0].ca` is not a member"},
	{KEY(",\"level\":\"strict\""), "is not a member"},
	{KEY(",\"key\":\"k\""), "is not a member"},
	{KEY(",\"threshold\":0"), "integer from 1 to 16"},
	{KEY(",\"threshold\":2"), "must be at most the number of keys, which is 1"},
	{KEY(",\"threshold\":-1"), "integer from 1"},
	{KEY(",\"threshold\":1.0"), "integer from 1"},
	{KEY(",\"threshold\":1e0"), "integer from 1"},
	{KEY(",\"threshold\":\"1\""), "must be a number"},
	{KEY(",\"threshold\":17"), "integer from 1 to 16"},
	{KEY(",\"tlog\":\"require\""), "scheme not built: transparency log"},
	{KEY(",\"tlog\":\"\""), "must be ignore"},
	{KEY(",\"tlog\":false"), "must be a string"},
	{KEY(",\"scope\":\"\""), "names no registry"},
	{KEY(",\"scope\":\"r\""), "names no registry"},
	{KEY(",\"scope\":\"r/a:v1\""), "is no REGISTRY/REPOSITORY"},
	{KEY(",\"scope\":\"r/a*\""), "is no REGISTRY/REPOSITORY"},
	{KEY(",\"scope\":\"R/a\""), "begins with no registry"},
	{KEY(",\"scope\":[\"*\"]"), "must be a string"},
	{KEY(",\"identity\":null"), "`images.trust[0].identity` is null"},
	{KEY(",\"identity\":\"matchExact\""), "must be an object"},
	{KEY(",\"identity\":{}"), "has no `type`"},
	{KEY(",\"identity\":{\"type\":\"match\"}"), "must be matchExact"},
	{KEY(",\"identity\":{\"type\":\"matchExact\",\"dockerReference\":\"r/a:v\"}"), "is not a member"},
	{KEY(",\"identity\":{\"type\":\"exactReference\"}"), "has no `dockerReference`"},
	{KEY(",\"identity\":{\"type\":\"exactReference\",\"dockerReference\":\"r/a\"}"), "neither a tag nor a digest"},
	{KEY(",\"identity\":{\"type\":\"exactReference\",\"dockerReference\":\"a:v1\"}"), "names no registry"},
	{KEY(",\"identity\":{\"type\":\"exactReference\",\"dockerRepository\":\"r/a\"}"), "is not a member"},
	{KEY(",\"identity\":{\"type\":\"exactRepository\"}"), "has no `dockerRepository`"},
	{KEY(",\"identity\":{\"type\":\"exactRepository\",\"dockerRepository\":\"r/a:v1\"}"), "is no REGISTRY"},
	{KEY(",\"identity\":{\"type\":\"exactRepository\",\"dockerRepository\":\"\"}"), "names no registry"},
	{KEY(",\"identity\":{\"type\":\"remapIdentity\",\"prefix\":\"r\"}"), "has no `signedPrefix`"},
	{KEY(",\"identity\":{\"type\":\"remapIdentity\",\"prefix\":\"r/\",\"signedPrefix\":\"s\"}"), "is no REGISTRY"},
	{KEY(",\"identity\":{\"type\":\"remapIdentity\",\"prefix\":\"\",\"signedPrefix\":\"s\"}"), "no registry"},
	{"{\"allowDigests\":[]}", "`images.allowDigests` is empty: no image could start"},
	{"{\"allowDigests\":\"sha256:" A64 "\"}", "must be a list"},
	{"{\"denyDigests\":[1]}", "`images.denyDigests[0]` must be a string"},
	{"{\"denyDigests\":[\"" A64 "\"]}", "must be \"sha256:\" and 64 lower-case hexadecimal digits"},
	{"{\"denyDigests\":[\"sha256:" A64 "a\"]}", "64 lower-case"},
	{"{\"denyDigests\":[\"sha512:" A64 A64 "\"]}", "64 lower-case"},
	{"{\"denyDigests\":[\"sha256:" A64 "\",\"sha256:" A64 "\"]}", "`images.denyDigests[1]` is in the list already"},
	{"{\"denyDigests\":[],\"require\":\"off\"}", "`images.denyDigests` does nothing where images.require is off"},
	{"{\"require\":\"off\",\"notBefore\":\"2026-11-22T00:07:15Z\"}", "does nothing where images.require is off"},
	{"{\"notBefore\":null}", "is null"},
	{"{\"notBefore\":1}", "must be a string"},
	{"{\"notBefore\":\"\"}", "must be a time as RFC 3339 has it"},
	{"{\"notBefore\":\"2026-11-22\"}", "`images.notBefore` must be a time"},
	{"{\"notBefore\":\"2026-11-22 00:07:15Z\"}", "must be a time"},
	{"{\"notBefore\":\"2026-02-29T00:07:15Z\"}", "must be a time"},
	{"{\"notBefore\":{}}", "names no scope"},
	{"{\"notBefore\":{\"*\":\"soon\"}}", "must be a time"},
	{"{\"notBefore\":{\"*\":1}}", "must be a string, not a number"},
	{"{\"notBefore\":{\"a\":\"2026-11-22T00:07:15Z\"}}", "names no registry; write REGISTRY/REPOSITORY"},
	{NOTATION(""), "has no `ca`"},
	{NOTATION(",\"ca\":[\"c\"]"), "has no `trustedIdentities`"},
	{NOTATION(CERTIFICATE ",\"level\":\"audit\""), "as good as no signature"},
	{NOTATION(CERTIFICATE ",\"level\":\"skip\""), "as good as no signature"},
	{NOTATION(CERTIFICATE ",\"level\":\"Strict\""), "must be strict or permissive"},
	{NOTATION(CERTIFICATE ",\"threshold\":1"), "is not a member"},
	{NOTATION(CERTIFICATE ",\"identity\":{\"type\":\"matchExact\"}"), "is not a member"},
	{NOTATION(",\"ca\":[],\"trustedIdentities\":[\"*\"]"), "must name 1 to 16"},
	{NOTATION(",\"ca\":[\"c\"],\"trustedIdentities\":[]"), "must have 1 to 16"},
	{NOTATION(",\"ca\":[\"c\"],\"trustedIdentities\":[\"*\",\"" SUBJECT "\"]"), "is everybody"},
	{NOTATION(",\"ca\":[\"c\"],\"trustedIdentities\":[\"signer\"]"), "must be * or begin with x509.subject:"},
	{NOTATION(",\"ca\":[\"c\"],\"trustedIdentities\":[\"x509.subject:\"]"), "must be elements"},
	{NOTATION(",\"ca\":[\"c\"],\"trustedIdentities\":[\"x509.subject: C=US, ST=WA\"]"), "must name C, ST and O"},
	{NOTATION(",\"ca\":[\"c\"],\"trustedIdentities\":[\"x509.subject: C=US, ST=WA, O=\"]"), "must be elements"},
	{NOTATION(",\"ca\":[\"c\"],\"trustedIdentities\":[\"x509.subject: C=US, ST=WA, O=o,\"]"), "must be elements"},
	{NOTATION(",\"ca\":[\"c\"],\"trustedIdentities\":[\"x509.subject: C=US+ST=WA, O=o\"]"), "must be elements"},
	{NOTATION(",\"ca\":[\"c\"],\"trustedIdentities\":[\"x509.subject: C=US, ST=WA, O=o\\\\\"]"),
	 "must be elements"},
	{NOTATION(",\"ca\":[\"c\"],\"trustedIdentities\":[\"x509.subject: C=US\\\\, ST=WA, O=o\"]"), "must name C"},
	{NOTATION(",\"ca\":[\"c\"],\"trustedIdentities\":[\"x509.subject: C=US, OU=WA, O=o\"]"), "must name C"},
};

static void test_member(void)
{
	struct policy policy;
	struct err e;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		CHECK(read_images(good[i], "/d/p", &policy, &e) == 0, "%s: %s", good[i], e.text);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int r = read_images(bad[i].images, "/d/p", &policy, &e);
		CHECK(r == -EINVAL && strstr(e.text, bad[i].why) && str_starts(e.text, "policy: `/d/p`, line 1"),
		      "%s: %d %s (expected %s)", bad[i].images, r, e.text, bad[i].why);
	}
}

static void test_values(void)
{
	struct policy policy = policy_default();
	struct err e;

	CHECK(policy.images.require == IMAGES_UNSAID && policy.images.source_count == 0);
	CHECK(read_images("{}", "/d/p", &policy, &e) == 0 && policy.images.require == IMAGES_SIGNED);
	CHECK(read_images("{\"require\":\"off\"}", "/d/p", &policy, &e) == 0 && policy.images.require == IMAGES_OFF);
	CHECK(!policy.images.drop_devices && !policy.images.sources[0].drop_devices);
	CHECK(read_images("{\"devices\":\"refuse\"}", "/d/p", &policy, &e) == 0 && !policy.images.drop_devices);
	CHECK(read_images("{\"devices\":\"drop\"}", "/d/p", &policy, &e) == 0 && policy.images.drop_devices &&
	      policy.images.sources[0].drop_devices);
	CHECK(read_images("{\"trustFrom\":\"x/y.json\"}", "/d/p", &policy, &e) == 0 &&
	      str_equal(policy.images.sources[0].trust_from, "/d/x/y.json"));
	CHECK(read_images(
		      ENTRY("\"scheme\":\"cosign-key\",\"keys\":[\"a\",\"../b\",\"/c\"],\"threshold\":2,\"identity\":{"
			    "\"type\":\"remapIdentity\",\"prefix\":\"r\",\"signedPrefix\":\"s/a\"},\"scope\":\"r/*\""),
		      "/d/p", &policy, &e) == 0);
	const struct image_source *source = policy.images.sources;
	const struct image_rule *rule = source->rules;
	CHECK(source->has_trust && source->rule_count == 1 && source->require == IMAGES_SIGNED && !source->trust_from);
	CHECK(rule->key_count == 3 && str_equal(rule->keys[0].path, "/d/a") &&
	      str_equal(rule->keys[1].path, "/d/../b") && str_equal(rule->keys[2].path, "/c") &&
	      str_equal(rule->keys[1].name, "../b"));
	CHECK(rule->threshold == 2 && rule->identity == IMAGE_IDENTITY_REMAP && str_equal(rule->identity_value, "r") &&
	      str_equal(rule->identity_signed_prefix, "s/a") && str_equal(rule->scope, "r/*"));
	CHECK(str_equal(rule->where, "images.trust[0]") && rule->demand == IMAGE_DEMAND_SIGNATURE);
	/* Eight of one scope are one request's worth, nine are not. */
	struct json_out out = {.pool = &pool};
	for (int i = 0; i < IMAGE_TRUSTS_MAX; i++)
		json_out_printf(&out, "%s{\"scheme\":\"cosign-key\",\"keys\":[\"k\"]}", i ? "," : "{\"trust\":[");
	CHECK(read_images(pool_printf(&pool, "%s]}", out.text), "/d/p", &policy, &e) == 0);
	CHECK(read_images(pool_printf(&pool, "%s,{\"scheme\":\"cosign-key\",\"keys\":[\"k\"],\"scope\":\"r/a\"}]}",
				      out.text),
			  "/d/p", &policy, &e) == 0);
	CHECK(read_images(pool_printf(&pool, "%s,{\"scheme\":\"cosign-key\",\"keys\":[\"k\"]}]}", out.text), "/d/p",
			  &policy, &e) < 0 &&
	      strstr(e.text, "more than 8 entries of the scope `*`"));
}

/* ---- requests ---- */

struct answer {
	int r;
	struct image_call call;
	struct err e;
};

static void close_all(struct answer *a)
{
	while (a->call.fd_count)
		close(a->call.fds[--a->call.fd_count]);
}

static struct answer *ask_policy(const struct policy *policy, const char *name, const char *layout)
{
	static struct answer a;
	struct image_asked asked = {
		.name = name, .ref = "v1", .layout = layout, .os = "linux", .architecture = "amd64", .variant = ""};

	a = (struct answer){0};
	a.r = image_request_of(&pool, policy, &asked, &a.call, &a.e);
	CHECK(a.r == IMAGE_ASK || (a.call.fd_count == 0 && a.call.request.trust_count == 0 && *a.e.text), "%s", name);
	CHECK(a.r != IMAGE_REJECTED || a.call.request.signatures_required);
	return &a;
}

static struct answer *ask(const char *images, const char *name)
{
	static struct policy policy;
	struct err e;

	CHECK(read_images(images, policy_absolute(&pool, NULL, pool_printf(&pool, "%s/p.json", data)), &policy, &e) ==
		      0,
	      "%s: %s", images, e.text);
	return ask_policy(&policy, name, "/srv/images/app");
}

static bool text_of(int fd, const char *word)
{
	char text[256] = "";

	return pread(fd, text, sizeof text - 1, 0) > 0 && strstr(text, word);
}

#define TRUST(members) "{\"scheme\":\"cosign-key\"," members "}"

static void test_request(void)
{
	struct answer *a = ask("{\"trust\":[" TRUST("\"keys\":[\"one.pub\",\"two.pub\"],\"threshold\":2,\"identity\":{"
						    "\"type\":\"exactRepository\",\"dockerRepository\":\"r/a\"}") "]}",
			       "");
	const struct image_trust *trust = a->call.request.trusts;

	CHECK(a->r == IMAGE_ASK && a->call.request.version == IMAGE_WIRE_VERSION &&
		      a->call.request.signatures_required == 1 && a->call.request.trust_count == 1 &&
		      a->call.fd_count == 2,
	      "%s", a->e.text);
	CHECK(trust->scheme == IMAGE_SCHEME_COSIGN_KEY && trust->threshold == 2 && trust->first_fd == 0 &&
	      trust->key_count == 2 && str_equal(trust->key_names[0], "one.pub") &&
	      trust->identity == IMAGE_IDENTITY_EXACT_REPOSITORY && str_equal(trust->identity_value, "r/a"));
	CHECK(text_of(a->call.fds[0], "(one)") && text_of(a->call.fds[1], "(two)"));
	CHECK(str_equal(a->call.request.ref, "v1") && str_equal(a->call.request.os, "linux") &&
	      str_equal(a->call.request.architecture, "amd64") && a->call.request.now > 1700000000);
	close_all(a);
	a = ask("{\"trust\":[{\"scheme\":\"notation\",\"level\":\"permissive\",\"ca\":[\"one.pub\"],"
		"\"trustedIdentities\":[\"" SUBJECT "\"]}," TRUST("\"keys\":[\"two.pub\"]") "]}",
		"r.example/a:v1");
	CHECK(a->r == IMAGE_ASK && a->call.request.trust_count == 2 && a->call.fd_count == 2, "%s", a->e.text);
	CHECK(trust->scheme == IMAGE_SCHEME_NOTATION && trust->notation_level == IMAGE_NOTATION_PERMISSIVE &&
	      trust->threshold == 1 && trust->trusted_identity_count == 1 &&
	      str_equal(trust->trusted_identities[0], SUBJECT));
	CHECK(trust[1].first_fd == 1 && trust[1].identity == IMAGE_IDENTITY_ANY && text_of(a->call.fds[1], "(two)"));
	CHECK(str_equal(a->call.request.name, "r.example/a:v1"));
	close_all(a);
}

/* Which scope: the first key of its entries tells. */
static void test_request_scopes(void)
{
	static const char images[] =
		"{\"trust\":[" TRUST("\"keys\":[\"one.pub\"]") "," TRUST("\"scope\":\"r/*\",\"keys\":[\"two.pub\"]") "," TRUST(
			"\"scope\":\"r/a\",\"keys\":[\"one.pub\",\"two.pub\"]") "," TRUST("\"scope\":\"r/a\",\"keys\":[\"two.pub\"],\"identity\":{\"type\":\"matchRepository\"}") "]}";
	static const struct {
		const char *name;
		unsigned int trusts, keys;
	} rows[] = {{"", 1, 1},	   {"s/a", 1, 1},    {"r/b", 1, 1},  {"r/a/b", 1, 1},
		    {"r/a", 2, 3}, {"r/a:v1", 2, 3}, {"r/ab", 1, 1}, {"r:5000/a", 1, 1}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct answer *a = ask(images, rows[i].name);
		CHECK(a->r == IMAGE_ASK && a->call.request.trust_count == rows[i].trusts &&
			      a->call.fd_count == rows[i].keys,
		      "%s: %s", rows[i].name, a->e.text);
		bool is_two = str_equal(rows[i].name, "r/b") || str_equal(rows[i].name, "r/a/b") ||
			      str_equal(rows[i].name, "r/ab");
		CHECK(text_of(a->call.fds[0], is_two ? "(two)" : "(one)"), "%s", rows[i].name);
		close_all(a);
	}
	struct answer *a = ask("{\"trust\":[" TRUST("\"scope\":\"r/a\",\"keys\":[\"one.pub\"]") "]}", "");
	CHECK(a->r == IMAGE_REJECTED && strstr(a->e.text, "has no rule for this image, which has no name"), "%s",
	      a->e.text);
	a = ask("{\"trust\":[" TRUST("\"scope\":\"r/a\",\"keys\":[\"one.pub\"]") "]}", "r/b");
	CHECK(a->r == IMAGE_REJECTED && strstr(a->e.text, "has no rule for this image"), "%s", a->e.text);
	a = ask("{}", "r/b");
	CHECK(a->r == IMAGE_REJECTED, "%s", a->e.text);
	a = ask("{\"trust\":[]}", "");
	CHECK(a->r == IMAGE_REJECTED, "%s", a->e.text);
}

static void test_request_refusals(void)
{
	static const struct {
		const char *images, *name, *why;
	} rows[] = {
		{"{\"trust\":[" TRUST("\"keys\":[\"no.pub\"]") "]}", "", "ENOENT"},
		{"{\"trust\":[" TRUST("\"keys\":[\"one.pub\",\"no.pub\"]") "]}", "", "ENOENT"},
		{"{\"trust\":[" TRUST("\"keys\":[\"truststore\"]") "]}", "", "not a regular file"},
		{"{\"trust\":[" TRUST("\"keys\":[\"/dev/null\"]") "]}", "", "not a regular file"},
		{"{\"trust\":[" TRUST("\"keys\":[\"/proc/self/status\"]") "]}", "", "has 0 bytes"},
		{"{\"trust\":[" TRUST("\"keys\":[\"one.pub\",\"truststore/../one.pub\"]") "]}", "",
		 "are the same file"},
		{"{\"trust\":[" TRUST("\"keys\":[\"one.pub\"]") "]}", "busybox", "names no registry"},
		{"{\"trust\":[" TRUST("\"keys\":[\"one.pub\"]") "]}", "r/A", "is no REGISTRY/REPOSITORY"},
		{"{\"trustFrom\":\"no.json\"}", "", "ENOENT"},
		{"{\"trustFrom\":\"one.pub\"}", "", "one.pub`, line 1"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct answer *a = ask(rows[i].images, rows[i].name);
		CHECK(a->r < 0 && strstr(a->e.text, rows[i].why), "%s: %d %s (expected %s)", rows[i].images, a->r,
		      a->e.text, rows[i].why);
		close_all(a);
	}
}

/* off asks for nothing, warn asks all the same. */
static void test_request_require(void)
{
	struct policy policy = policy_default();
	struct answer *a = ask_policy(&policy, "", NULL);

	CHECK(a->r == IMAGE_ASK && !a->call.request.signatures_required && a->call.request.trust_count == 0);
	a = ask("{\"require\":\"off\",\"trust\":[" TRUST("\"keys\":[\"no.pub\"]") "]}", "");
	CHECK(a->r == IMAGE_ASK && !a->call.request.signatures_required && a->call.request.trust_count == 0, "%s",
	      a->e.text);
	a = ask("{\"require\":\"warn\",\"trust\":[" TRUST("\"keys\":[\"one.pub\"]") "]}", "");
	CHECK(a->r == IMAGE_ASK && a->call.request.signatures_required == 1 && a->call.request.trust_count == 1, "%s",
	      a->e.text);
	close_all(a);
	a = ask("{\"require\":\"warn\"}", "");
	CHECK(a->r == IMAGE_REJECTED, "%s", a->e.text);
}

/* ---- trustFrom ---- */

static void test_containers(void)
{
	static const char signed_images[] = "{\"trustFrom\":\"policy.json\"}";
	static const struct {
		const char *name;
		int r;
		unsigned int trusts, keys, identity;
		const char *why; /* of a rejection, or the value of the identity */
	} rows[] = {
		{"registry.example.org/team/app:v2", 0, 1, 1, IMAGE_IDENTITY_REMAP, "registry.example.org"},
		{"registry.example.org/team/app:v1", 0, 1, 1, IMAGE_IDENTITY_EXACT_REFERENCE,
		 "registry.example.org/team/app:v1"},
		{"registry.example.org/team/app", 0, 1, 1, IMAGE_IDENTITY_EXACT_REFERENCE,
		 "registry.example.org/team/app:v1"},
		{"registry.example.org/team/app:v2@sha256:" A64, 0, 1, 1, IMAGE_IDENTITY_EXACT_REFERENCE,
		 "registry.example.org/team/app:v1"},
		{"registry.example.org/team/app/more", 0, 1, 1, IMAGE_IDENTITY_EXACT_REFERENCE,
		 "registry.example.org/team/app:v1"},
		{"registry.example.org/team/application", 0, 2, 2, IMAGE_IDENTITY_EXACT_REPOSITORY,
		 "registry.example.org/team/app"},
		{"registry.example.org/teams/app", 0, 1, 2, IMAGE_IDENTITY_MATCH_REPOSITORY, ""},
		{"other.example.org/a", 1, 0, 0, 0, "asks for signedBy (GPG): scheme not built"},
		{"other.example.org:5000/a", 1, 0, 0, 0, "scheme not built"},
		{"a.b.example.org/a", 1, 0, 0, 0, "scheme not built"},
		{"example.org/a", 1, 0, 0, 0, "takes unsigned images of this scope"},
		{"badexample.org/a", 1, 0, 0, 0, "takes unsigned images"},
		{"registry.example.org:5000/a", 1, 0, 0, 0, "scheme not built"},
		{"", 0, 1, 1, IMAGE_IDENTITY_EXACT_REPOSITORY, "registry.example.org/team/app"}, /* by its place */
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct answer *a = ask(signed_images, rows[i].name);
		const struct image_trust *trust = a->call.request.trusts;
		CHECK(a->r == rows[i].r && a->call.request.trust_count == rows[i].trusts &&
			      a->call.fd_count == rows[i].keys,
		      "%s: %d %u %zu %s", rows[i].name, a->r, a->call.request.trust_count, a->call.fd_count, a->e.text);
		if (a->r == 1)
			CHECK(strstr(a->e.text, rows[i].why), "%s: %s", rows[i].name, a->e.text);
		else
			CHECK(trust->identity == rows[i].identity && str_equal(trust->identity_value, rows[i].why) &&
				      trust->threshold == 1,
			      "%s: %u %s", rows[i].name, trust->identity, trust->identity_value);
		close_all(a);
	}
	/* The key that the file holds itself. */
	struct answer *a = ask(signed_images, "registry.example.org/team/app");
	CHECK(a->r == 0 && text_of(a->call.fds[0], "-----BEGIN PUBLIC KEY-----\n") &&
	      write(a->call.fds[0], "x", 1) < 0);
	close_all(a);
	a = ask("{\"require\":\"warn\",\"trustFrom\":\"policy.json\"}", "example.org/a");
	CHECK(a->r == IMAGE_ASK && !a->call.request.signatures_required, "%s", a->e.text);
	/* Both in one file: both must hold. */
	a = ask("{\"trust\":[" TRUST("\"keys\":[\"one.pub\"]") "],\"trustFrom\":\"policy.json\"}",
		"registry.example.org/team/x");
	CHECK(a->r == IMAGE_ASK && a->call.request.trust_count == 3 && a->call.fd_count == 3 &&
		      a->call.request.trusts[2].first_fd == 2,
	      "%s", a->e.text);
	close_all(a);
	a = ask("{\"trust\":[],\"trustFrom\":\"policy.json\"}", "registry.example.org/team/x");
	CHECK(a->r == IMAGE_REJECTED);
}

static void test_containers_by_place(void)
{
	struct policy policy;
	struct err e;

	CHECK(read_images("{\"trustFrom\":\"policy.json\"}",
			  policy_absolute(&pool, NULL, pool_printf(&pool, "%s/p.json", data)), &policy, &e) == 0);
	struct answer *a = ask_policy(&policy, "", "/srv/images");
	CHECK(a->r == IMAGE_ASK && a->call.request.trust_count == 1, "%s", a->e.text);
	close_all(a);
	a = ask_policy(&policy, "", "/srv/images/open");
	CHECK(a->r == IMAGE_REJECTED && strstr(a->e.text, "takes unsigned images"), "%s", a->e.text);
	a = ask_policy(&policy, "", "/srv/images2");
	CHECK(a->r == IMAGE_REJECTED && strstr(a->e.text, "rejects every image of this scope"), "%s", a->e.text);
	a = ask_policy(&policy, "", NULL);
	CHECK(a->r == IMAGE_REJECTED && strstr(a->e.text, "rejects every image"), "%s", a->e.text);
}

static void test_notation(void)
{
	static const char images[] = "{\"trustFrom\":\"trustpolicy.json\"}";
	struct answer *a = ask(images, "");
	const struct image_trust *trust = a->call.request.trusts;

	CHECK(a->r == IMAGE_ASK && a->call.request.trust_count == 1 && a->call.fd_count == 2, "%s", a->e.text);
	CHECK(trust->scheme == IMAGE_SCHEME_NOTATION && trust->notation_level == IMAGE_NOTATION_STRICT &&
	      trust->trusted_identity_count == 2 && str_equal(trust->key_names[0], "ca:example/a.crt") &&
	      str_equal(trust->key_names[1], "ca:example/b.pem"));
	CHECK(text_of(a->call.fds[0], "(a)") && text_of(a->call.fds[1], "(b)"));
	close_all(a);
	a = ask(images, "registry.example.org/old/tool:v1");
	CHECK(a->r == IMAGE_ASK && trust->notation_level == IMAGE_NOTATION_PERMISSIVE &&
		      str_equal(trust->trusted_identities[0], "*"),
	      "%s", a->e.text);
	close_all(a);
	a = ask(images, "registry.example.org/old/tool/more");
	CHECK(a->r == IMAGE_ASK && trust->notation_level == IMAGE_NOTATION_STRICT, "%s", a->e.text);
	close_all(a);
	CHECK(ask(images, "registry.example.org/free/app")->r == IMAGE_REJECTED);
	CHECK(ask(images, "registry.example.org/audited/app")->r == IMAGE_REJECTED);
	a = ask(images, "registry.example.org/stamped/app");
	CHECK(a->r == IMAGE_REJECTED && strstr(a->e.text, "scheme not built"), "%s", a->e.text);
	a = ask("{\"require\":\"warn\",\"trustFrom\":\"trustpolicy.json\"}", "registry.example.org/free/app");
	CHECK(a->r == IMAGE_ASK && !a->call.request.signatures_required, "%s", a->e.text);
}

/* ---- the files as bytes ---- */

#define ACCEPT "[{\"type\":\"insecureAcceptAnything\"}]"
#define DEFAULT(requirement) "{\"default\":[" requirement "]}"
#define SCOPE(transport, scope) "{\"default\":" ACCEPT ",\"transports\":{\"" transport "\":{\"" scope "\":" ACCEPT "}}}"
#define SIGSTORE(members) DEFAULT("{\"type\":\"sigstoreSigned\"" members "}")
#define STATEMENT(scopes, verification, more) \
	"{\"name\":\"p\",\"registryScopes\":" scopes ",\"signatureVerification\":" verification more "}"
#define STRICT "{\"level\":\"strict\"}"
#define TRUSTS ",\"trustStores\":[\"ca:x\"],\"trustedIdentities\":[\"*\"]"
#define POLICIES(statements) "{\"version\":\"1.0\",\"trustPolicies\":[" statements "]}"

static const char *const good_files[] = {
	"{\"default\":" ACCEPT "}",
	"{\"default\":" ACCEPT ",\"transports\":{}}",
	DEFAULT("{\"type\":\"reject\"}"),
	SCOPE("docker", ""),
	SCOPE("docker", "r"),
	SCOPE("docker", "r:5000/a"),
	SCOPE("docker", "r/a:v1"),
	SCOPE("docker", "r/a@sha256:" A64),
	SCOPE("docker", "*.example.org"),
	SCOPE("oci", "/srv/a"),
	SCOPE("oci", "/srv/a:v1"),
	SCOPE("dir", "/srv"),
	SCOPE("docker-daemon", "whatever it is"),
	SIGSTORE(",\"keyPath\":\"/k\""),
	SIGSTORE(",\"keyPaths\":[\"/k\",\"/l\"]"),
	SIGSTORE(",\"keyData\":\"QQ==\""),
	SIGSTORE(",\"keyDatas\":[\"QQ==\",\"QUI=\"]"),
	SIGSTORE(",\"keyPath\":\"/k\",\"rekorPublicKeyPath\":\"/r\""),
	SIGSTORE(",\"keyPath\":\"/k\",\"signedIdentity\":{\"type\":\"matchExact\"}"),
	SIGSTORE(
		",\"fulcio\":{\"caPath\":\"/c\",\"oidcIssuer\":\"i\",\"subjectEmail\":\"e\"},\"rekorPublicKeyData\":\"x\""),
	SIGSTORE(",\"pki\":{\"caRootsPath\":\"/c\",\"subjectEmail\":\"e\"}"),
	DEFAULT("{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"/k\"}"),
	DEFAULT("{\"type\":\"signedBaseLayer\",\"baseLayerIdentity\":{\"type\":\"matchExact\"}}"),
	POLICIES(STATEMENT("[\"r/a\"]", "{\"level\":\"skip\"}", "")),
	POLICIES(STATEMENT("[\"r/a\",\"r/b\"]", STRICT, TRUSTS)),
	POLICIES(STATEMENT("[\"r/a\"]", "{\"level\":\"strict\",\"override\":{\"expiry\":\"log\"}}", TRUSTS)),
	POLICIES(STATEMENT("[\"r/a\"]", "{\"level\":\"audit\"}", TRUSTS)),
};

static const struct {
	const char *text, *why;
} bad_files[] = {
	{"", "line"},
	{"[]", "line"},
	{"{}", "is neither a policy.json"},
	{"{\"default\":" ACCEPT ",\"default\":" ACCEPT "}", "twice"},
	{"{\"default\":" ACCEPT "} //", "line 1"},
	{"{\"default\":[]}", "must have 1 to 8 requirements, not 0"},
	{"{\"default\":" ACCEPT ",\"Transports\":{}}", "`Transports` is not a member"},
	{"{\"default\":" ACCEPT ",\"transports\":[]}", "must be an object"},
	{"{\"default\":" ACCEPT ",\"transports\":{\"dokcer\":{}}}", "no transport that hrun knows"},
	{"{\"default\":" ACCEPT ",\"transports\":{\"docker\":[]}}", "must be an object"},
	{"{\"default\":" ACCEPT ",\"transports\":{\"docker\":{\"r\":[]}}}", "1 to 8 requirements"},
	{"{\"transports\":{\"docker\":{\"\":" ACCEPT "}}}", "is neither"},
	{"{\"default\":" ACCEPT ",\"trustPolicies\":[]}", "`default` is not a member"},
	{SCOPE("docker", "R"), "is no scope"},
	{SCOPE("docker", "r/"), "is no scope"},
	{SCOPE("docker", "r/*"), "is no scope"},
	{SCOPE("docker", "*"), "is no scope"},
	{SCOPE("docker", "*."), "is no scope"},
	{SCOPE("docker", "*.a/b"), "is no scope"},
	{SCOPE("docker", "r/a:"), "is no scope"},
	{SCOPE("docker", "r/a@sha256:0"), "is no scope"},
	{SCOPE("oci", "/"), "is no scope"},
	{SCOPE("oci", "srv"), "is no scope"},
	{SCOPE("oci", "/srv/"), "is no scope"},
	{SCOPE("oci", "/srv/../a"), "is no scope"},
	{SCOPE("dir", "/a//b"), "is no scope"},
	{DEFAULT("{}"), "`default[0]` has no `type`"},
	{DEFAULT("null"), "`default[0]` is null"},
	{DEFAULT("{\"type\":\"accept\"}"), "must be insecureAcceptAnything"},
	{DEFAULT("{\"type\":\"reject\",\"keyPath\":\"/k\"}"), "is not a member"},
	{DEFAULT("{\"type\":\"insecureAcceptAnything\",\"x\":1}"), "is not a member"},
	{SIGSTORE(""), "in exactly one way, not in 0"},
	{SIGSTORE(",\"keyPath\":\"/k\",\"keyData\":\"QQ==\""), "in exactly one way, not in 2"},
	{SIGSTORE(",\"keyPath\":\"\""), "printable"},
	{SIGSTORE(",\"keyPaths\":[]"), "is empty"},
	{SIGSTORE(",\"keyPaths\":[\"/k\",\"/./k\"]"), "same file"},
	{SIGSTORE(",\"keyData\":\"\""), "key in base64"},
	{SIGSTORE(",\"keyData\":\"QQ\""), "key in base64"},
	{SIGSTORE(",\"keyData\":\"QR==\""), "key in base64"},
	{SIGSTORE(",\"keyData\":\"Q===\""), "key in base64"},
	{SIGSTORE(",\"keyData\":\"QQ==QQ==\""), "key in base64"},
	{SIGSTORE(",\"keyData\":\"QQ= \""), "key in base64"},
	{SIGSTORE(",\"keyData\":\"QQ=\\n=\""), "key in base64"},
	{SIGSTORE(",\"keyData\":\"Q_-=\""), "key in base64"},
	{SIGSTORE(",\"keypath\":\"/k\""), "is not a member"},
	{SIGSTORE(",\"keyPath\":\"/k\",\"signedIdentity\":{\"type\":\"exactRepository\"}"),
	 "has no `dockerRepository`"},
	{SIGSTORE(",\"keyPath\":\"/k\",\"signedIdentity\":\"matchExact\""), "must be an object"},
	{SIGSTORE(",\"fulcio\":{\"caPath\":\"/c\"}"), "has no `oidcIssuer`"},
	{SIGSTORE(",\"fulcio\":{\"caPath\":\"/c\",\"oidcIssuer\":\"i\",\"subjectEmail\":\"e\",\"x\":1}"),
	 "is not a member"},
	{DEFAULT("{\"type\":\"signedBy\",\"keyPath\":\"/k\"}"), "has no `keyType`"},
	{DEFAULT("{\"type\":\"signedBy\",\"keyType\":\"gpg\",\"keyPath\":\"/k\"}"), "must be GPGKeys"},
	{DEFAULT("{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyDatas\":[\"QQ==\"]}"), "is not a member"},
	{"{\"trustPolicies\":[]}", "must have 1 to"},
	{"{\"version\":\"2.0\",\"trustPolicies\":[" STATEMENT("[\"*\"]", STRICT, TRUSTS) "]}", "must be 1.0"},
	{"{\"trustPolicies\":[" STATEMENT("[\"r/a\"]", STRICT, TRUSTS) "]}", "has no `version`"},
	{POLICIES("{}"), "has no `name`"},
	{POLICIES(STATEMENT("[]", STRICT, TRUSTS)), "is empty"},
	{POLICIES(STATEMENT("[\"*\",\"r/a\"]", STRICT, TRUSTS)), "others beside *"},
	{POLICIES(STATEMENT("[\"r/a\",\"r/a\"]", STRICT, TRUSTS)), "the same twice"},
	{POLICIES(STATEMENT("[\"r/*\"]", STRICT, TRUSTS)), "is no REGISTRY"},
	{POLICIES(STATEMENT("[\"a\"]", STRICT, TRUSTS)), "names no registry"},
	{POLICIES(STATEMENT("[\"r/a\"]", "{}", TRUSTS)), "has no `level`"},
	{POLICIES(STATEMENT("[\"r/a\"]", "{\"level\":\"loose\"}", TRUSTS)), "must be strict"},
	{POLICIES(STATEMENT("[\"r/a\"]", "{\"level\":\"strict\",\"override\":{\"x\":\"log\"}}", TRUSTS)),
	 "not a check"},
	{POLICIES(STATEMENT("[\"r/a\"]", "{\"level\":\"strict\",\"override\":{\"expiry\":\"no\"}}", TRUSTS)),
	 "enforce"},
	{POLICIES(STATEMENT("[\"r/a\"]", STRICT, "")), "needs `trustStores`"},
	{POLICIES(STATEMENT("[\"r/a\"]", STRICT, ",\"trustStores\":[\"ca:x\"]")), "needs `trustStores`"},
	{POLICIES(STATEMENT("[\"r/a\"]", "{\"level\":\"skip\"}", TRUSTS)), "level skip and says whom"},
	{POLICIES(STATEMENT("[\"r/a\"]", STRICT, ",\"trustStores\":[\"ca:../x\"],\"trustedIdentities\":[\"*\"]")),
	 "ca:NAME"},
	{POLICIES(STATEMENT("[\"r/a\"]", STRICT, ",\"trustStores\":[\"ca:..\"],\"trustedIdentities\":[\"*\"]")),
	 "ca:NAME"},
	{POLICIES(STATEMENT("[\"r/a\"]", STRICT, ",\"trustStores\":[\"ca:\"],\"trustedIdentities\":[\"*\"]")),
	 "ca:NAME"},
	{POLICIES(STATEMENT("[\"r/a\"]", STRICT, ",\"trustStores\":[\"x\"],\"trustedIdentities\":[\"*\"]")), "ca:NAME"},
	{POLICIES(STATEMENT("[\"r/a\"]", STRICT, ",\"trustStores\":[\"ca:x\"],\"trustedIdentities\":[\"y\"]")),
	 "x509.subject"},
	{POLICIES(STATEMENT("[\"r/a\"]", STRICT, TRUSTS) "," STATEMENT("[\"r/b\"]", STRICT, TRUSTS)),
	 "name of another"},
	{POLICIES(STATEMENT("[\"r/a\"]", STRICT, TRUSTS) ",{\"name\":\"q\",\"registryScopes\":[\"r/b\",\"r/a\"],"
							 "\"signatureVerification\":" STRICT TRUSTS "}"),
	 "scope of another"},
};

static int read_bytes(const char *text, struct image_rules *rules, struct err *e)
{
	static const struct image_place place = {.name = "nowhere.example/else", .ref = "", .layout = NULL};
	struct image_source source = {.path = "/p", .trust_from = "/d/f.json", .owner = POLICY_OWNER_ROOT};
	char *bytes = pool_alloc(&pool, strlen(text) + 1);

	memcpy(bytes, text, strlen(text));
	*e = (struct err){0};
	return image_trust_of_bytes(&pool, &source, bytes, strlen(text), &place, rules, e);
}

static void test_files(void)
{
	struct image_rules rules;
	struct err e;

	for (size_t i = 0; i < sizeof good_files / sizeof good_files[0]; i++)
		CHECK(read_bytes(good_files[i], &rules, &e) == 0, "%s: %s", good_files[i], e.text);
	for (size_t i = 0; i < sizeof bad_files / sizeof bad_files[0]; i++) {
		int r = read_bytes(bad_files[i].text, &rules, &e);
		CHECK(r == -EINVAL && strstr(e.text, bad_files[i].why) && str_starts(e.text, "policy: `/d/f.json`"),
		      "%s: %d %s (expected %s)", bad_files[i].text, r, e.text, bad_files[i].why);
	}
	/* default: matchRepoDigestOrExact, as the container tools have it. */
	CHECK(read_bytes(SIGSTORE(",\"keyPath\":\"k\""), &rules, &e) == 0 && rules.count == 1 &&
	      rules.item[0]->identity == IMAGE_IDENTITY_MATCH_REPO_DIGEST_OR_EXACT &&
	      str_equal(rules.item[0]->keys[0].path, "/d/k"));
}

/* ---- two policies ---- */

static void test_stricter(void)
{
	static const char *const members[] = {NULL, "{\"require\":\"off\"}", "{\"require\":\"warn\"}",
					      "{\"require\":\"signed\"}"};
	static const enum images_require requires[] = {IMAGES_UNSAID, IMAGES_OFF, IMAGES_WARN, IMAGES_SIGNED};

	for (size_t i = 0; i < 16; i++) {
		struct policy a = policy_default(), b = policy_default();
		struct err e;
		CHECK(!members[i / 4] || read_images(members[i / 4], "/a", &a, &e) == 0);
		CHECK(!members[i % 4] || read_images(members[i % 4], "/b", &b, &e) == 0);
		struct policy both = policy_stricter(&pool, &a, &b);
		enum images_require x = requires[i / 4], y = requires[i % 4];
		CHECK(both.images.require == (x > y ? x : y), "%zu", i);
		CHECK(both.images.source_count == a.images.source_count + b.images.source_count);
	}
	const char *path = policy_absolute(&pool, NULL, pool_printf(&pool, "%s/p.json", data));
	struct policy a, b;
	struct err e;
	CHECK(read_images("{\"trust\":[" TRUST("\"keys\":[\"one.pub\"]") "]}", path, &a, &e) == 0);
	CHECK(read_images("{\"trust\":[" TRUST("\"keys\":[\"two.pub\"],\"scope\":\"r/a\"") "]}", path, &b, &e) == 0);
	struct policy both = policy_stricter(&pool, &a, &b);
	struct answer *answer = ask_policy(&both, "r/a", NULL);
	CHECK(answer->r == IMAGE_ASK && answer->call.request.trust_count == 2 &&
		      text_of(answer->call.fds[0], "(one)") && text_of(answer->call.fds[1], "(two)"),
	      "%s", answer->e.text);
	close_all(answer);
	/* Of one file's requirements the other's silence is no way around. */
	CHECK(ask_policy(&both, "r/b", NULL)->r == IMAGE_REJECTED);
	CHECK(read_images("{\"require\":\"signed\"}", path, &b, &e) == 0);
	both = policy_stricter(&pool, &a, &b);
	CHECK(ask_policy(&both, "r/a", NULL)->r == IMAGE_REJECTED);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		data = argv[1];
	chmod(pool_printf(&pool, "%s/trustpolicy.json", data), 0644);
	test_member();
	test_values();
	test_request();
	test_request_scopes();
	test_request_refusals();
	test_request_require();
	test_containers();
	test_containers_by_place();
	test_notation();
	test_files();
	test_stricter();
	pool_free(&pool);
	return failures != 0;
}
