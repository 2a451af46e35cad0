/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret.c - credentials by their shape, near misses of them, names that promise one, and that no finding shows any.
 */
#include "check.h"

#include <hrun/rules.h>
#include <hrun/secret.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>

#define W10 "aB3dE6gH9j"
#define W16 "ABCD2345EFGH6789"
#define W35 W10 W10 W10 "aB3dE"
#define W36 W10 W10 W10 "aB3dE6"
#define W59 W10 W10 W10 W10 W10 "aB3dE6gH9"

static const char *const secrets[] = {
	"-----BEGIN PRIVATE KEY-----",
	"-----BEGIN RSA PRIVATE KEY-----\nMIIEow",
	"-----BEGIN EC PRIVATE KEY-----\\nMHc",
	"-----BEGIN DSA PRIVATE KEY-----",
	"-----BEGIN OPENSSH PRIVATE KEY-----",
	"-----BEGIN ENCRYPTED PRIVATE KEY-----",
	"-----BEGIN PGP PRIVATE KEY BLOCK-----",
	"-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----",
	"{\"key\":\"-----BEGIN PRIVATE KEY-----\"}",
	"AKIA" W16,
	"ASIA" W16,
	"x AKIA" W16 " y",
	"s3://AKIA" W16 ":secret@bucket",
	"\"AKIA" W16 "\"",
	"ghp_" W36,
	"gho_" W36,
	"ghu_" W36,
	"ghs_" W36,
	"ghr_" W36,
	"ghp_" W36 W10,
	"https://user:ghp_" W36 "@github.com/x.git",
	"token ghp_" W36,
	"github_pat_" W10 W10 "aB_" W59,
	"github_pat_11" W10,
	"glpat-" W10 W10,
	"glpat-a_b-C9xyz0123456789",
	"xoxa-2-" W10,
	"xoxb-123456789012-" W10,
	"xoxp-123456789012-" W10,
	"xoxr-" W10,
	"xoxs-" W10,
	"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
	"Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
	"eyJhbGciOiJIUzI1NiJ9.e30.x-_9",
	"AIza" W35,
	"key=AIza" W35 "&x=1",
	"AIza-_" W10 W10 W10 "aB3",
	"sk_live_" W10 W10 "aB3d",
	"STRIPE:sk_live_" W10,
	"npm_" W36,
	"//registry.npmjs.org/:_authToken=npm_" W36,
	"my_npm_" W36,
	"a\nghp_" W36 "\nb",
};

static const char *const near_misses[] = {
	"",
	"-----BEGIN PUBLIC KEY-----",
	"-----BEGIN CERTIFICATE-----",
	"-----BEGIN RSA PRIVATE KEY----",
	"-----END RSA PRIVATE KEY-----",
	"----BEGIN PRIVATE KEY-----",
	"-----BEGIN private key-----",
	"-----BEGIN PRIVATE-KEY-----",
	"BEGIN PRIVATE KEY",
	"AKIA",
	"AKIAABCD2345EFGH678",
	"AKIA" W16 "X",
	"AKIAabcd2345efgh6789",
	"akiaabcd2345efgh6789",
	"XAKIA" W16,
	"ABIA" W16,
	"ASIA_ABCD2345EFGH678",
	"ghp_" W35,
	"ghp-" W36,
	"ghx_" W36,
	"GHP_" W36,
	"xghp_" W36,
	"ghp_" W10 "." W10 W10,
	"github_pat_",
	"github_pat_x",
	"github_pa_" W59,
	"glpat-",
	"glpat-short",
	"glpat_" W10 W10,
	"xoxc-" W10,
	"xoxb-",
	"xoxb_" W10,
	"foxoxb-" W10,
	"eyJhbGciOiJIUzI1NiJ9",
	"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0",
	"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.",
	"eyJh.e30.sig",
	"eyjhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig",
	"AIza" W10 W10 W10 "aB3d",
	"AIza" W36,
	"aIza" W35,
	"sk_live_",
	"sk_live_x",
	"sk_test_" W10 W10,
	"task_live_" W10,
	"npm_" W35,
	"npm-" W36,
	"npm_config_registry",
};

static const char *const names[] = {
	"PASSWORD",
	"DB_PASSWORD",
	"password",
	"Passwd",
	"MYSQL_ROOT_PASSWORD",
	"PASSWD2",
	"SECRET",
	"clientSecret",
	"TOKEN",
	"GITHUB_TOKEN",
	"TOKENIZERS",
	"API_KEY",
	"APIKEY",
	"apiKey",
	"x_api_key_x",
	"ACCESS_KEY",
	"AWS_SECRET_ACCESS_KEY",
	"ACCESSKEY",
	"PRIVATE_KEY",
	"privateKey",
	"CREDENTIAL",
	"GOOGLE_CREDENTIALS",
	"PASSWORDLESS",
};
static const char *const harmless[] = {
	"PATH",	   "HOME",	   "PASS",	"PASSPHRASE", "SECRE",	   "TOKE",
	"API",	   "KEY",	   "API__KEY",	"APIXKEY",    "ACCESS",	   "ACCESS-KEY",
	"PRIVATE", "PRIVATE__KEY", "CREDENTIA", "GPG_KEY",    "P_ASSWORD", "",
};

static void test_shapes(void)
{
	CHECK(sizeof secrets / sizeof secrets[0] >= 40 && sizeof near_misses / sizeof near_misses[0] >= 40);
	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
		CHECK(secret_in(secrets[i]), "%s", secrets[i]);
	for (size_t i = 0; i < sizeof near_misses / sizeof near_misses[0]; i++)
		CHECK(!secret_in(near_misses[i]), "%s is taken for %s", near_misses[i], secret_in(near_misses[i]));
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		CHECK(secret_name(names[i], strlen(names[i])), "%s", names[i]);
	for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
		CHECK(!secret_name(harmless[i], strlen(harmless[i])), "%s", harmless[i]);
	CHECK(!secret_name("PASSWORD", 7)); /* the rest is the value */
}

/* The findings of the rules about the environment. */
static struct verdict judge(struct pool *pool, const char **entries, size_t count)
{
	static const char *const ids[] = {"env-secret-value", "env-secret-name", "env-malformed",
					  "env-loader-with-hooks"};
	struct config_process process = {.env = {.item = entries, .count = count, .present = true}};
	const struct policy policy = policy_default();
	struct config_hook hook = {.path = "/bin/true"};
	struct config config = {.process = &process};
	struct verdict verdict = {0};

	config.hooks[HOOK_POSTSTOP] = (struct config_hook_list){.item = &hook, .count = 1};
	const struct judged judged = {.pool = pool, .config = &config, .process = &process, .policy = &policy};
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		struct finder finder = {
			.judged = &judged, .rule = rule_by_id(ids[i]), .action = ACTION_REFUSE, .verdict = &verdict};
		finder.rule->judge(&finder);
	}
	return verdict;
}

static bool shows(const struct verdict *verdict, const char *text)
{
	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];
		if (strstr(finding->text, text) || strstr(finding->where, text) ||
		    (finding->value && strstr(finding->value, text)))
			return true;
	}
	return false;
}

/* Wherever in an entry the secret is, no finding has any of it. */
static void test_nothing_is_shown(void)
{
	static const char *const forms[] = {"NAME=%s",	    "MY_TOKEN=%s",   "%s",	"%s=x", "=%s",
					    "PASSWORD%s=x", "LD_PRELOAD=%s", "A=b %s c"};

	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
		for (size_t k = 0; k < sizeof forms / sizeof forms[0]; k++) {
			struct pool pool = {0};
			const char *entries[2];
			char entry[1024];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(entry, sizeof entry, forms[k], secrets[i]);
#pragma GCC diagnostic pop
			entries[0] = entries[1] = entry;
			struct verdict verdict = judge(&pool, entries, 2);
			CHECK(verdict.count, "%s", entry);
			/* "PASSWORD" before a prefix makes another word of it. */
			bool hidden = secret_in(entry) != NULL;
			CHECK(!hidden || (!shows(&verdict, W10) && !shows(&verdict, W16) && !shows(&verdict, "BEGIN") &&
					  !shows(&verdict, "eyJ")),
			      "%s", entry);
			pool_free(&pool);
		}
	}
}

static void test_names_are_shown(void)
{
	struct pool pool = {0};
	const char *entries[] = {"DB_PASSWORD=hunter2", "hunter2password", "X=1", "X=2", "X=3"};
	struct verdict verdict = judge(&pool, entries, 5);

	CHECK(verdict.count == 3); /* the name, the entry without one, X once */
	CHECK(str_equal(verdict.findings[0].value, "DB_PASSWORD") && shows(&verdict, "DB_PASSWORD"));
	CHECK(!shows(&verdict, "hunter2"));
	CHECK(str_equal(verdict.findings[2].value, "X") && str_equal(verdict.findings[2].where, "process.env[3]"));
	pool_free(&pool);
}

/* A document of a stranger's must not keep the machine busy: each of these is read in a time that grows with its length. */
static void test_hostile_length(void)
{
	static const char *const parts[] = {"eyJ-",   "eyJ.", "eyJaaaaaaaa.a.", "-----BEGIN ",
					    "glpat-", "AKIA", "ghp_a-",		"x"};
	enum { LENGTH = 1 << 20, ENTRIES = 65536 };
	struct pool pool = {0};
	const char **entries = pool_alloc(&pool, ENTRIES * sizeof *entries);

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		char *text = pool_alloc(&pool, LENGTH + 32);
		for (size_t n = 0; n < LENGTH; n += strlen(parts[i]))
			strcpy(text + n, parts[i]);
		(void)secret_in(text);
		CHECK(!secret_name(text, strlen(text)));
	}
	for (size_t i = 0; i < ENTRIES; i++)
		entries[i] = i % 2 ? "SAME=1" : pool_printf(&pool, "NAME%zu", i);
	CHECK(judge(&pool, entries, ENTRIES).count == 2);
	pool_free(&pool);
}

int main(void)
{
	test_shapes();
	test_nothing_is_shown();
	test_names_are_shown();
	test_hostile_length();
	return failures != 0;
}
