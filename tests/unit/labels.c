/* SPDX-License-Identifier: Apache-2.0 */
/*
 * labels.c - which words go to which attribute, in a directory that stands for the runtime's procfs; and what is no way out of it.
 */
#include "check.h"
#include <fcntl.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LABEL "system_u:system_r:container_t:s0:c1,c2"

static int proc;

static void put(const char *name, const char *text)
{
	autofd int fd = openat(proc, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0, "%s", name);
}

static bool holds(const char *name, const char *text)
{
	char found[256] = "";
	autofd int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && fd_read_all(fd, found, sizeof found - 1) >= 0 && str_equal(found, text);
}

static void clear(const char *current)
{
	put("1/attr/exec", "");
	put("1/attr/keycreate", "");
	put("1/attr/apparmor/exec", "");
	put("1/attr/apparmor/current", current);
}

static void check_profile(const char *current, const char *profile, const char *written)
{
	const struct creds_plan creds = {.apparmor_profile = profile};
	struct err e = {0};

	clear(current);
	CHECK(labels_apply(&creds, true, proc, &e) == 0, "%s", e.text);
	CHECK(holds("1/attr/apparmor/exec", written), "%s for %s", profile, current);
	CHECK(holds("1/attr/exec", ""));
}

static void check_selinux(void)
{
	struct creds_plan creds = {.selinux_label = LABEL, .new_keyring = true};
	struct err e = {0};

	clear("unconfined\n");
	CHECK(labels_apply(&creds, true, proc, &e) == 0, "%s", e.text);
	CHECK(holds("1/attr/exec", LABEL) && holds("1/attr/keycreate", LABEL) && holds("1/attr/apparmor/exec", ""));
	clear("");
	creds.new_keyring = false;
	CHECK(labels_apply(&creds, true, proc, &e) == 0 && holds("1/attr/keycreate", ""));
	unlinkat(proc, "1/attr/keycreate", 0);
	creds.new_keyring = true;
	CHECK(labels_apply(&creds, true, proc, &e) == 0, "a kernel without keys: %s", e.text);
}

static void check_links(void)
{
	const struct creds_plan creds = {.selinux_label = LABEL};
	struct err e = {0};

	put("outside", "");
	unlinkat(proc, "1/attr/exec", 0);
	CHECK(symlinkat("/proc/self/attr/exec", proc, "1/attr/exec") == 0);
	CHECK(labels_apply(&creds, true, proc, &e) < 0, "an absolute link is one inside");
	CHECK(strstr(e.text, "process.selinuxLabel"), "%s", e.text);
	unlinkat(proc, "1/attr/exec", 0);
}

/* The kernel that runs the test: whichever modules are on, a label that no policy has is refused. */
static void check_kernel(void)
{
	struct creds_plan creds = {.selinux_label = "hrun_none_u:hrun_none_r:hrun_none_t:s0"};
	struct err e = {0};
	autofd int real = proc_open(&e);

	CHECK(labels_apply(&creds, true, real, &e) < 0 && strstr(e.text, "process.selinuxLabel"), "%s", e.text);
	creds = (struct creds_plan){.apparmor_profile = "hrun-no-such-profile"};
	CHECK(labels_apply(&creds, true, real, &e) < 0 && strstr(e.text, "process.apparmorProfile"), "%s", e.text);
}

static void check_modules(void)
{
	struct plan plan = {.creds.apparmor_profile = "unconfined"};
	struct err e = {0};
	bool on;
	const bool selinux = access("/sys/fs/selinux/enforce", F_OK) == 0;
	const bool apparmor = access("/sys/module/apparmor/parameters/enabled", F_OK) == 0;

	CHECK(labels_check(&plan, &on, &e) == 0);
	plan.creds.apparmor_profile = "x";
	CHECK((labels_check(&plan, &on, &e) == 0) == apparmor, "%s", e.text);
	plan.creds.apparmor_profile = NULL;
	plan.creds.selinux_label = LABEL;
	CHECK((labels_check(&plan, &on, &e) == 0) == selinux, "%s", e.text);
	plan.creds.selinux_label = NULL;
	plan.mount_label = LABEL;
	CHECK((labels_check(&plan, &on, &e) == 0) == selinux, "%s", e.text);
}

int main(void)
{
	char directory[] = "/tmp/hrun-labels-XXXXXX";
	static const char *const files[] = {
		"outside",    "1/attr/exec", "1/attr/keycreate", "1/attr/apparmor/exec", "1/attr/apparmor/current",
		"thread-self"};
	static const char *const directories[] = {"1/attr/apparmor", "1/attr", "1"};

	if (!mkdtemp(directory))
		return 1;
	proc = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = sizeof directories / sizeof *directories; i > 0; i--)
		CHECK(mkdirat(proc, directories[i - 1], 0700) == 0);
	CHECK(symlinkat("1", proc, "thread-self") == 0);
	check_profile("unconfined\n", "hrun-default", "exec hrun-default");
	check_profile("crun (unconfined)\n", "hrun-default", "exec hrun-default");
	check_profile("outer (enforce)\n", "hrun-default", "stack hrun-default");
	check_profile("unconfined-not (complain)\n", "a b", "stack a b");
	check_selinux();
	check_links();
	check_kernel();
	check_modules();
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		unlinkat(proc, files[i], 0);
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
		unlinkat(proc, directories[i], AT_REMOVEDIR);
	rmdir(directory);
	return failures != 0;
}
