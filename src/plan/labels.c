/* SPDX-License-Identifier: Apache-2.0 */
/*
 * labels.c - what SELinux and AppArmor are to make of the container: its process, its keys, the file systems made for it.
 *
 * A label goes to the kernel as it is written, so what could be read as two words, two lines or another command is refused here.
 * Whether the module is on and knows the label is the kernel's to say, when it is set (src/sandbox/labels.c).
 */
#include <errno.h>
#include <hrun/planning.h>
#include <hrun/str.h>

enum { LABEL_MAX = 4000 }; /* with the command before it, it fits into the page that the kernel takes */

static int check(struct pool *pool, const char *label, const char *where, struct err *e)
{
	if (strlen(label) > LABEL_MAX)
		return err_set(e, EINVAL, "%s: longer than %d bytes", where, LABEL_MAX);
	if (str_has_control(label) || label[0] == ' ' || label[strlen(label) - 1] == ' ')
		return err_set(e, EINVAL, "%s: %s holds a control character, or a blank at an end; remove it", where,
			       plan_quote(pool, label));
	return 0;
}

/* USER:ROLE:TYPE[:LEVEL]; a blank has no place in any of them. */
static int check_context(struct pool *pool, const char *label, const char *where, struct err *e)
{
	TRY(check(pool, label, where, e));
	const char *role = strchr(label, ':'), *type = role ? strchr(role + 1, ':') : NULL;
	if (!type || strchr(label, ' ') || role == label || type == role + 1 || !type[1] || type[1] == ':')
		return err_set(e, EINVAL, "%s: %s is no label of SELinux; write USER:ROLE:TYPE:LEVEL", where,
			       plan_quote(pool, label));
	return 0;
}

int plan_process_labels(struct pool *pool, const struct config_process *process, struct plan *plan, struct err *e)
{
	struct creds_plan *creds = &plan->creds;

	if (str_has_text(process->selinux_label)) {
		TRY(check_context(pool, process->selinux_label, "process.selinuxLabel", e));
		creds->selinux_label = process->selinux_label;
		creds->selinux_where = "process.selinuxLabel";
	}
	if (str_has_text(process->apparmor_profile)) {
		TRY(check(pool, process->apparmor_profile, "process.apparmorProfile", e));
		/* With it the kernel puts the profile beside the caller's own, which may be none. */
		if (strchr(process->apparmor_profile, '&'))
			return err_set(e, EINVAL, "process.apparmorProfile: %s stacks profiles; name a single one",
				       plan_quote(pool, process->apparmor_profile));
		creds->apparmor_profile = process->apparmor_profile;
		creds->apparmor_where = "process.apparmorProfile";
	}
	return 0;
}

/* Those that the container writes into.  The kernel's own views (proc, sysfs, cgroup2) have labels by the policy. */
static bool takes_context(const struct mount_step *step)
{
	static const char *const types[] = {"tmpfs", "ramfs", "devpts", "overlay"};

	if (step->kind != MOUNT_FILESYSTEM)
		return false;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (str_equal(step->type, types[i]))
			return true;
	}
	return false;
}

/* The config's own word for the same is the nearer one. */
static bool has_context(const struct mount_step *step)
{
	static const char *const keys[] = {"context", "fscontext", "defcontext", "rootcontext"};

	for (size_t i = 0; i < step->data_count; i++) {
		for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
			if (str_equal(step->data[i].key, keys[k]))
				return true;
		}
	}
	return false;
}

int plan_mount_labels(struct pool *pool, const struct config *config, struct plan *plan, struct err *e)
{
	const char *label = config->linux_->mount_label;

	if (!str_has_text(label))
		return 0;
	TRY(check_context(pool, label, "linux.mountLabel", e));
	plan->mount_label = label;
	for (size_t i = 0; i < plan->mount_count; i++) {
		struct mount_step *step = &plan->mounts[i];
		if (takes_context(step) && !has_context(step))
			TRY(plan_add_mount_data(pool, step, "context", label, e));
		/* One file system for each ipc namespace, which was made before: it cannot be mounted with an option. */
		if (step->kind == MOUNT_FILESYSTEM && str_equal(step->type, "mqueue"))
			step->label = label;
	}
	return 0;
}
