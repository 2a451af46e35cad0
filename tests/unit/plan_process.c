/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_process.c - credentials, environment and limits of a process, and what plan_quote makes of text.
 */
#include <assert.h>
#include <hrun/json.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <stdio.h>
#include <sys/capability.h>

static struct pool pool;
static int failures;

static void expect(bool right, const char *what)
{
	if (!right)
		failures += printf("failed: %s\n", what) > 0;
}

static void plan_of(const char *json, struct plan *plan)
{
	struct config_process *process;
	struct json_error error = {0};
	const struct json *tree;
	struct err e;

	*plan = (struct plan){0};
	if (json_read(&pool, json, strlen(json), 1 << 20, &tree, &error) < 0 ||
	    config_read_process(&pool, tree, &process, &error) < 0 || plan_process(&pool, process, -1, plan, &e) < 0)
		failures += printf("not planned: %s\n", json) > 0;
}

static void check_defaults(void)
{
	struct plan plan;

	plan_of("{\"args\":[\"/a\"],\"cwd\":\"/\"}", &plan);
	expect(plan.creds.uid == 0 && plan.creds.gid == 0 && plan.creds.group_count == 0, "root where nothing is said");
	expect(plan.creds.has_umask && plan.creds.umask == 0022, "umask 0022");
	for (int set = 0; set < CAPS_SETS; set++)
		expect(plan.creds.caps[set] == 0, "absent capabilities are none");
	expect(!plan.creds.no_new_privs && plan.creds.new_keyring && !plan.creds.has_oom_score_adj, "flags");
	expect(str_equal(plan.exec.env[0], "HOME=/") && !plan.exec.env[1] && !plan.exec.path_variable, "HOME is added");
	expect(str_equal(plan.exec.args[0], "/a") && !plan.exec.args[1], "args");
}

static void check_given(void)
{
	struct plan plan;

	plan_of("{\"args\":[\"a\",\"\"],\"cwd\":\"/w\",\"env\":[\"PATH=/1\",\"odd\",\"HOME=\",\"PATH=/2\"],"
		"\"noNewPrivileges\":true,\"oomScoreAdj\":7,\"user\":{\"uid\":5,\"gid\":6,\"umask\":0,"
		"\"additionalGids\":[7,8]},\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":3,\"hard\":4}],"
		"\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_CHECKPOINT_RESTORE\"],\"permitted\":[\"CAP_CHOWN\"],"
		"\"effective\":[\"CAP_CHOWN\",\"CAP_KILL\"]},\"terminal\":true,"
		"\"consoleSize\":{\"height\":65535,\"width\":2}}",
		&plan);
	expect(str_equal(plan.exec.env[1], "odd") && str_equal(plan.exec.env[2], "HOME=") && !plan.exec.env[4],
	       "the environment is left as it is");
	expect(str_equal(plan.exec.path_variable, "/1"), "the first PATH counts");
	expect(str_equal(plan.exec.args[1], "") && !plan.exec.args[2], "empty argument");
	expect(plan.creds.uid == 5 && plan.creds.gid == 6 && plan.creds.group_count == 2 && plan.creds.groups[1] == 8,
	       "ids");
	expect(plan.creds.umask == 0 && plan.creds.no_new_privs && plan.creds.oom_score_adj == 7, "creds");
	expect(plan.creds.caps[CAPS_BOUNDING] == ((UINT64_C(1) << CAP_CHECKPOINT_RESTORE) | 1), "bounding");
	expect(plan.creds.caps[CAPS_PERMITTED] == 1 && plan.creds.caps[CAPS_EFFECTIVE] == 1 && plan.warning_count == 1,
	       "what is not permitted is not effective, and said so");
	expect(plan.creds.rlimit_count == 1 && plan.creds.rlimits[0].resource == RLIMIT_NOFILE &&
		       plan.creds.rlimits[0].limit.rlim_cur == 3 && plan.creds.rlimits[0].limit.rlim_max == 4,
	       "rlimit");
	expect(plan.exec.terminal && plan.exec.console_height == 65535 && plan.exec.console_width == 2, "console");
}

static void check_capabilities(void)
{
	expect(plan_capability("CAP_CHOWN") == 0 && plan_capability("CAP_NET_RAW") == 13 &&
		       plan_capability("CAP_BPF") == 39,
	       "numbers");
	expect(plan_capability("NET_RAW") == -ENOENT && plan_capability("cap_net_raw") == -ENOENT &&
		       plan_capability("CAP_NET_RAW ") == -ENOENT && plan_capability("13") == -ENOENT &&
		       plan_capability("ALL") == -ENOENT && plan_capability("") == -ENOENT,
	       "near misses");
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		expect(plan_capability(plan_capability_name(i)) == i, "there and back");
}

static void check_quote(void)
{
	static const struct {
		const char *text, *quoted;
	} rows[] = {
		{"/bin/app", "/bin/app"},
		{"", "\"\""},
		{"a b", "\"a b\""},
		{"a\nb\t\x01\x7f", "\"a\\nb\\t\\x01\\x7f\""},
		{"\"\\", "\"\\\"\\\\\""},
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
		{"\xc2\x9b", "\"\\xc2\\x9b\""},		 /* C1: CSI */
		{"\xe2\x80\xae", "\"\\xe2\\x80\\xae\""}, /* right-to-left override */
		{"\xe2\x81\xa6", "\"\\xe2\\x81\\xa6\""}, /* isolate */
		{"\xe2\x80\xa8", "\"\\xe2\\x80\\xa8\""}, /* line separator */
		{"\xc2", "\xc2"},			 /* a cut character is not read beyond its end */
		{"\xe2\x80", "\xe2\x80"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		expect(str_equal(plan_quote(&pool, rows[i].text), rows[i].quoted), rows[i].quoted);
}

/* The table in src/plan/ against libcap's own. */
static void check_capability_names(void)
{
	for (int i = 0; i <= CAP_LAST_CAP; i++) {
		const char *name = plan_capability_name(i);
		cap_value_t number = -1;
		expect(cap_from_name(name, &number) == 0 && number == i, "a capability has the name that libcap knows");
		expect(plan_capability(name) == i, "a capability is found by its name");
	}
	expect(plan_capability("CAP_NONE_SUCH") == -ENOENT, "an unknown capability");
}

int main(void)
{
	check_defaults();
	check_given();
	check_capabilities();
	check_capability_names();
	check_quote();
	pool_free(&pool);
	return failures != 0;
}
