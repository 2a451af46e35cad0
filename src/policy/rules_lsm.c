/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_lsm.c - mandatory access control: what the config asks for, judged on every host, and its absence where the host
 * could have it.
 *
 * Where AppArmor is on and the config names no profile the container gets hrun's own, if that is loaded: loading takes a program of
 * AppArmor's and is the administrator's to do.  Where SELinux is enforced it gets the policy's own label for containers and categories
 * that nobody else has; whether it could read its root so is asked of the kernel first, since hrun relabels nothing.
 */
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/host.h>
#include <hrun/judging.h>
#include <hrun/selinux.h>
#include <hrun/str.h>
#include <strings.h>

/* " unconfined", ":NAMESPACE:unconfined", ":NAMESPACE://unconfined" and, stacked, "&unconfined", "x//&unconfined" are the same profile. */
static bool is_unconfined(const char *profile)
{
	static const char blank[] = " \t\n\r\v\f", word[] = "unconfined";
	const char *name = profile;

	for (const char *p = profile; *p; p++) {
		if (*p == ':' || *p == '/' || *p == '&')
			name = p + 1;
	}
	name += strspn(name, blank);
	return strncasecmp(name, word, strlen(word)) == 0 && !name[strlen(word) + strspn(name + strlen(word), blank)];
}

void judge_apparmor_unconfined(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;

	if (process && str_has_text(process->apparmor_profile) && is_unconfined(process->apparmor_profile))
		find(finder, "process.apparmorProfile", "%s switches AppArmor off",
		     quote(finder, process->apparmor_profile));
}

static const struct host_files *files_of(const struct finder *finder)
{
	return finder->judged->host_files ? finder->judged->host_files : &host_files;
}

void judge_apparmor_missing(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;
	const struct host_files *files = files_of(finder);
	const char *where = "process.apparmorProfile";

	if (!process || str_has_text(process->apparmor_profile))
		return;
	int enabled = finder->judged->config_only ? -EPERM : host_flag(files->apparmor_enabled, 'Y');
	if (enabled < 0)
		cannot_judge(finder, where, "%s cannot be read (error %d)", files->apparmor_enabled, -enabled);
	else if (enabled && host_has_profile(files->apparmor_profiles, HOST_DEFAULT_PROFILE))
		find(finder, where, "absent, and the host has AppArmor");
	else if (enabled)
		find_without_means(finder, where,
				   "absent, the host has AppArmor, and " HOST_DEFAULT_PROFILE
				   " is not loaded (apparmor_parser -r /etc/apparmor.d/hrun-default)");
}

void harden_apparmor_missing(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool, (void)finding;
	if (config->process)
		config->process->apparmor_profile = HOST_DEFAULT_PROFILE;
}

/* user:role:type[:level]; the level may hold colons. */
struct label {
	const char *user, *role, *type, *level; /* "" where a part is missing */
};

static struct label label_of(struct pool *pool, const char *text)
{
	char *rest = pool_strdup(pool, text);
	struct label label = {.user = strsep(&rest, ":")};

	label.role = rest ? strsep(&rest, ":") : "";
	label.type = rest ? strsep(&rest, ":") : "";
	label.level = rest ? rest : "";
	return label;
}

static bool is_container_type(const char *type)
{
	static const char *const types[] = {"container_t", "container_init_t", "container_kvm_t", "container_engine_t"};

	return IS_ONE_OF(type, types);
}

void judge_selinux_type(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;

	if (!process || !str_has_text(process->selinux_label))
		return;
	const struct label label = label_of(finder->judged->pool, process->selinux_label);
	if (!str_equal(label.user, "system_u") || !str_equal(label.role, "system_r") || !is_container_type(label.type))
		find_value(finder, process->selinux_label, "process.selinuxLabel", "%s does not confine a container",
			   quote(finder, process->selinux_label));
}

/* "c12" at *TEXT: its number, and *TEXT moves on; -1 otherwise. */
static int category(const char **text)
{
	enum { CATEGORIES = 1024, DIGITS = 4 };
	int number = 0, digits = 0;

	if (*(*text)++ != 'c')
		return -1;
	for (; digits < DIGITS && **text >= '0' && **text <= '9'; digits++)
		number = number * 10 + (*(*text)++ - '0');
	return digits && number < CATEGORIES ? number : -1;
}

/* "s0:cA,cB" with two different categories; a range ("c0.c1023") dominates other containers'. */
static bool is_pair(const char *level)
{
	int first, second;

	if (!str_starts(level, "s0:"))
		return false;
	level += strlen("s0:");
	first = category(&level);
	if (first < 0 || *level++ != ',')
		return false;
	second = category(&level);
	return second >= 0 && second != first && !*level;
}

/* Of "LOW-HIGH" the high level decides what a process may reach. */
static bool separates(const char *level)
{
	const char *dash = strchr(level, '-');

	return is_pair(dash ? dash + 1 : level);
}

void judge_selinux_no_mcs(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;
	const struct config_linux *linux_ = finder->judged->config->linux_;
	struct pool *pool = finder->judged->pool;

	if (process && str_has_text(process->selinux_label)) {
		const struct label label = label_of(pool, process->selinux_label);
		if (is_container_type(label.type) && !separates(label.level))
			find_value(finder, process->selinux_label, "process.selinuxLabel",
				   "%s has no pair of categories", quote(finder, process->selinux_label));
	}
	if (linux_ && str_has_text(linux_->mount_label) &&
	    !str_starts(label_of(pool, linux_->mount_label).type, "container_"))
		find_value(finder, linux_->mount_label, "linux.mountLabel", "%s is not a type for containers",
			   quote(finder, linux_->mount_label));
}

/* ---- selinux-missing ---- */

static const char selinux_where[] = "process.selinuxLabel";

/* What is asked of the kernel: may the new label do with OBJECT what a container does first? */
struct access {
	const char *object, *class;
	const char *const *permissions;
	size_t count;
};
static const char *const read_directory[] = {"read", "search"}, *const execute[] = {"read", "execute", "entrypoint"},
			 *const fill[] = {"read", "search", "write", "add_name"};
static const struct access to_root = {"the root directory", "dir", read_directory, 2},
			   to_writable_root = {"the root directory, which is writable", "dir", fill, 4},
			   to_program = {"the program", "file", execute, 3},
			   to_mounts = {"what is mounted for it", "dir", fill, 4};

/* A finding, and false, where the container could not do that to what is labelled TARGET. */
static bool may(struct finder *finder, const struct selinux_labels *labels, const struct access *access,
		const char *target)
{
	const struct selinux_question question = {labels->process, target, access->class, access->permissions,
						  access->count};
	struct err e;
	int r = selinux_may(files_of(finder), &question, &e);

	if (r < 0)
		cannot_judge(finder, selinux_where, "absent, and SELinux does not say what a label may do: %s", e.text);
	else if (!r)
		find_unrepairable(finder, selinux_where, "absent, and %s may not use %s, labelled %s",
				  label_of(finder->judged->pool, labels->process).type, access->object,
				  quote(finder, target));
	return r > 0;
}

/* The same of the object behind FD, which is used by this very descriptor, or is none. */
static bool may_open(struct finder *finder, const struct selinux_labels *labels, const struct access *access, int fd)
{
	const char *target;
	struct err e;

	if (selinux_label_of(finder->judged->pool, fd, &target, &e) == 0)
		return may(finder, labels, access, target);
	cannot_judge(finder, selinux_where, "absent, and of %s %s", access->object, e.text);
	return false;
}

/* The policy's labels for containers, with new categories; linux.mountLabel stays as the config has it. */
static int choose(const struct finder *finder, struct selinux_labels *labels, struct err *e)
{
	const struct judged *judged = finder->judged;
	const struct config_linux *linux_ = judged->config->linux_;

	TRY(selinux_container_labels(judged->pool, files_of(finder)->selinux_policies, host_root_shown(judged), labels,
				     e));
	if (!is_container_type(label_of(judged->pool, labels->process).type))
		return err_set(e, EINVAL, "`%s` is none that confines a container", labels->process);
	if (linux_ && str_has_text(linux_->mount_label)) {
		labels->mount = NULL;
		TRY(selinux_add_categories(judged->pool, labels, e));
		labels->mount = linux_->mount_label;
		return 0;
	}
	return selinux_add_categories(judged->pool, labels, e);
}

/* May it enter its root, start its program, and write into what is made for it?  Otherwise it would fail later, and less clearly. */
static bool fits(struct finder *finder, const struct selinux_labels *labels)
{
	const struct bundle *bundle = finder->judged->bundle;
	const struct config *config = finder->judged->config;
	const struct access *root = config->has_root && !config->root.readonly ? &to_writable_root : &to_root;

	if (!bundle || bundle->rootfs < 0) {
		cannot_judge(finder, selinux_where, "absent, and there is no root directory to look at");
		return false;
	}
	if (!may_open(finder, labels, root, bundle->rootfs) || !may(finder, labels, &to_mounts, labels->mount))
		return false;
	autofd int program = args_open_program(finder);
	return program < 0 || may_open(finder, labels, &to_program, program);
}

void judge_selinux_missing(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;
	const char *file = files_of(finder)->selinux_enforce;
	struct selinux_labels *labels = pool_alloc(finder->judged->pool, sizeof *labels);
	struct err e;

	if (!process || str_has_text(process->selinux_label))
		return;
	int enforcing = finder->judged->config_only ? -EPERM : host_flag(file, '1');
	/* The container was made without a label, maybe before SELinux enforced: other categories than its own would fit nothing there. */
	if (enforcing > 0 && finder->judged->invocation && finder->judged->invocation->is_exec)
		find_without_means(finder, selinux_where, "absent, as the container has none; create it anew");
	else if (enforcing < 0)
		cannot_judge(finder, selinux_where, "%s cannot be read (error %d)", file, -enforcing);
	else if (enforcing && choose(finder, labels, &e) < 0)
		cannot_judge(finder, selinux_where, "absent, and the policy's label for containers: %s", e.text);
	else if (enforcing && fits(finder, labels))
		find_chosen(finder, labels, selinux_where, "absent, and the host enforces SELinux");
}

void harden_selinux_missing(struct pool *pool, struct config *config, const struct finding *finding)
{
	const struct selinux_labels *labels = finding->choice;

	(void)pool;
	if (!labels || !config->process)
		return;
	config->process->selinux_label = labels->process;
	if (config->linux_)
		config->linux_->mount_label = labels->mount;
}
