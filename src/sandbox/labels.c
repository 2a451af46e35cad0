/* SPDX-License-Identifier: Apache-2.0 */
/*
 * labels.c - the labels of SELinux and the profiles of AppArmor that the next execve(2) gives to this process.
 *
 * DANGER: what is mounted on /proc belongs to the container, and a file there that takes every write would leave it unconfined
 * (CVE-2019-16884, CVE-2019-19921, CVE-2025-52881).  So the attributes are reached only from a descriptor of the runtime's own
 * procfs, which was checked to be one, and the look-up leaves that file system by no mount and no link of another kind.
 */
#include <fcntl.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { VALUE_MAX = 4096 };

static const char selinux_where[] = "process.selinuxLabel", apparmor_where[] = "process.apparmorProfile";

static bool selinux_is_on(void)
{
	struct statfs fs;

	return statfs("/sys/fs/selinux", &fs) == 0 && fs.f_type == SELINUX_MAGIC;
}

static bool apparmor_is_on(void)
{
	char letter = 'N';
	autofd int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && fd_read_all(fd, &letter, sizeof letter) == sizeof letter && letter == 'Y';
}

/* Where there is no AppArmor, nothing is confined by it: that much is granted. */
static bool asks_for_profile(const struct creds_plan *creds, bool has_apparmor)
{
	return creds->apparmor_profile && (!str_equal(creds->apparmor_profile, "unconfined") || has_apparmor);
}

int labels_check(const struct plan *plan, bool *ret_has_apparmor, struct err *e)
{
	*ret_has_apparmor = plan->creds.apparmor_profile && apparmor_is_on();
#ifdef HRUN_MUTANT_LABELS
	return 0;
#endif
	if (plan->creds.selinux_label && !selinux_is_on())
		return err_set(e, EOPNOTSUPP, "%s: SELinux is off on this machine; leave the label out", selinux_where);
	if (plan->mount_label && !selinux_is_on())
		return err_set(e, EOPNOTSUPP, "linux.mountLabel: SELinux is off on this machine; leave the label out");
	if (asks_for_profile(&plan->creds, *ret_has_apparmor) && !*ret_has_apparmor)
		return err_set(e, EOPNOTSUPP, "%s: AppArmor is off on this machine; leave the profile out",
			       apparmor_where);
	return 0;
}

/* Of this very thread, in the procfs PROC. */
static int open_attribute(int proc, const char *name, int flags, struct err *e)
{
	char path[64];

	TRY(str_format(path, sizeof path, "thread-self/attr/%s", name));
	int fd = path_open_in_root_with(proc, path, flags, RESOLVE_NO_XDEV, e);
	/* By its name: the text of ENOENT is what engines take for a missing program. */
	return fd < 0 ? err_set(e, -fd, "the attribute %s cannot be opened (%s)", name, strerrorname_np(-fd)) : fd;
}

static int write_attribute(int proc, const char *name, const char *value, struct err *e)
{
	autofd int fd = open_attribute(proc, name, O_WRONLY, e);
	size_t size = strlen(value);

	TRY(fd);
	ssize_t n = write(fd, value, size);
	if (n < 0)
		return err_errno(e, "the kernel refuses it");
	return (size_t)n == size ? 0 : err_set(e, EIO, "the kernel took only a part of it");
}

static int set_selinux(int proc, const char *label, bool new_keyring, struct err *e)
{
	struct err why;
	int r = write_attribute(proc, "exec", label, &why);

	/* A keyring that is made has the label of what may use it; a kernel without keys has no such file. */
	if (r >= 0 && new_keyring) {
		r = write_attribute(proc, "keycreate", label, &why);
		r = r == -ENOENT ? 0 : r;
	}
	if (r == -EINVAL)
		return err_set(e, EINVAL, "%s: the policy of this machine does not know `%s`", selinux_where, label);
	return r < 0 ? err_set(e, -r, "%s: set `%s`: %s", selinux_where, label, why.text) : 0;
}

/* "unconfined", or "NAME (unconfined)": a profile that has a name and no rules. */
static int is_confined(int proc, struct err *e)
{
	char text[VALUE_MAX];
	struct err why;
	autofd int fd = open_attribute(proc, "apparmor/current", O_RDONLY, &why);

	if (fd < 0)
		return err_set(e, -fd, "%s: our own profile: %s", apparmor_where, why.text);
	ssize_t size = fd_read_all(fd, text, sizeof text - 1);
	if (size < 0)
		return err_set(e, (int)-size, "%s: our own profile cannot be read", apparmor_where);
	text[size] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return !str_equal(text, "unconfined") && !str_ends(text, " (unconfined)");
}

/* Who is confined himself stays so: the new profile then holds beside the own one. */
static int set_apparmor(int proc, const char *profile, struct err *e)
{
	char command[VALUE_MAX];
	struct err why;
	int confined = is_confined(proc, e);

	TRY(confined);
	if (str_format(command, sizeof command, "%s %s", confined ? "stack" : "exec", profile) < 0)
		return err_set(e, ENAMETOOLONG, "%s: too long", apparmor_where);
	int r = write_attribute(proc, "apparmor/exec", command, &why);
	if (r == -ENOENT)
		return err_set(e, ENOENT, "%s: the profile `%s` is not loaded; load it with apparmor_parser -r",
			       apparmor_where, profile);
	return r < 0 ? err_set(e, -r, "%s: set `%s`: %s", apparmor_where, profile, why.text) : 0;
}

int labels_apply(const struct creds_plan *creds, bool has_apparmor, int proc, struct err *e)
{
#ifdef HRUN_MUTANT_LABELS
	return 0;
#endif
	if (creds->selinux_label)
		TRY(set_selinux(proc, creds->selinux_label, creds->new_keyring, e));
	if (asks_for_profile(creds, has_apparmor))
		TRY(set_apparmor(proc, creds->apparmor_profile, e));
	return 0;
}

bool labels_are_asked(const struct creds_plan *creds)
{
	return creds->selinux_label || creds->apparmor_profile;
}

int labels_set_file(int mount, const char *label, struct err *e)
{
	autofd int root = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0 || fsetxattr(root, "security.selinux", label, strlen(label) + 1, 0) < 0)
		return err_errno(e, "linux.mountLabel: set `%s`", label);
	return 0;
}
