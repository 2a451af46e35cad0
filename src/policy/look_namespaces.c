/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look_namespaces.c - what the paths of linux.namespaces really open.
 *
 * A namespace is its inode on nsfs, whatever leads to it: a link, a bind mount, /proc of somebody else.
 * Opened with O_PATH first: a device or FIFO must not notice that it was looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* The first namespaces of the machine have these inodes on every kernel that hrun runs on; network and mount since 6.18. */
static const struct kind {
	int clone_flag;
	const char *file; /* below /proc/PID/ns */
	uint64_t first_inode;
} kinds[NS_TYPES] = {
	[NS_MOUNT] = {CLONE_NEWNS, "mnt", 0xEFFFFFF8},	  [NS_PID] = {CLONE_NEWPID, "pid", 0xEFFFFFFC},
	[NS_NETWORK] = {CLONE_NEWNET, "net", 0xEFFFFFF9}, [NS_UTS] = {CLONE_NEWUTS, "uts", 0xEFFFFFFE},
	[NS_IPC] = {CLONE_NEWIPC, "ipc", 0xEFFFFFFF},	  [NS_USER] = {CLONE_NEWUSER, "user", 0xEFFFFFFD},
	[NS_TIME] = {CLONE_NEWTIME, "time", 0xEFFFFFFA},  [NS_CGROUP] = {CLONE_NEWCGROUP, "cgroup", 0xEFFFFFFB},
};

int namespace_clone_flag(const char *type)
{
	enum namespace_type number = spec_namespace_type(type);

	return number < NS_TYPES ? kinds[number].clone_flag : 0;
}

static void look_at(struct namespace_look *look)
{
	struct statfs fs;

	autofd int found = open(look->path, O_PATH | O_CLOEXEC);
	if (found < 0 || fstat(found, &look->file) < 0 || fstatfs(found, &fs) < 0) {
		look->errnum = errno;
		return;
	}
	look->is_namespace = fs.f_type == NSFS_MAGIC;
	if (!look->is_namespace)
		return;
	autofd int opened = fd_reopen(found, O_RDONLY);
	look->clone_flag = opened < 0 ? -1 : ioctl(opened, NS_GET_NSTYPE);
}

const struct namespace_look *namespace_look(const struct judged *judged)
{
	const struct config_linux *linux_ = judged->config->linux_;
	struct namespace_look *looks = NULL;

	for (size_t i = 0; judged->bundle && linux_ && i < linux_->namespace_count; i++) {
		const char *path = linux_->namespaces[i].path;
		if (!path || !*path)
			continue;
		if (!looks)
			looks = pool_alloc(judged->pool, linux_->namespace_count * sizeof *looks);
		looks[i].path = path;
		look_at(&looks[i]);
	}
	return looks;
}

/* Where nothing can be looked at: names that mean the host's first process, or hrun itself. */
static bool says_host(struct pool *pool, const char *path)
{
	static const char *const ours[] = {"/proc/1", "/proc/self", "/proc/thread-self"};
	const char *clean = path_clean(pool, path);

	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
		if (path_is_below(clean, ours[i]))
			return true;
	}
	return false;
}

/*
 * An ordinary user cannot look at the first process's namespaces, and neither can the root of a user namespace; but
 * the kernel lets neither of them join what they do not own, so nothing is unknown to them.
 */
static enum whose whose(const struct judged *judged, const struct namespace_look *look, const struct kind *kind)
{
	struct pool *pool = judged->pool;
	struct stat own, first;

#ifdef HRUN_MUTANT_HOST_NAMESPACE
	return WHOSE_OTHER;
#endif
	if (look->file.st_ino == kind->first_inode)
		return WHOSE_HOST;
	if (stat(pool_printf(pool, "/proc/self/ns/%s", kind->file), &own) < 0)
		return WHOSE_UNKNOWN;
	if (fd_is_same_stat(&own, &look->file))
		return WHOSE_HOST;
	if (stat(pool_printf(pool, "/proc/1/ns/%s", kind->file), &first) == 0)
		return fd_is_same_stat(&first, &look->file) ? WHOSE_HOST : WHOSE_OTHER;
	return judged->host_root && geteuid() == 0 ? WHOSE_UNKNOWN : WHOSE_OTHER;
}

enum whose namespace_whose(const struct judged *judged, size_t index)
{
	const struct config_namespace *namespace = &judged->config->linux_->namespaces[index];
	enum namespace_type type = spec_namespace_type(namespace->type);

	if (!namespace->path || !*namespace->path || type == NS_TYPES)
		return WHOSE_OTHER;
	/* The container is there (exec): a number in /proc may be another process's by now. */
	if (!judged->bundle && !judged->config_only)
		return WHOSE_OTHER;
	const struct namespace_look *look = judged->namespaces ? &judged->namespaces[index] : NULL;
	/* Another type is another rule's (ns-path-invalid). */
	if (look && !look->errnum)
		return look->is_namespace && look->clone_flag == kinds[type].clone_flag
			       ? whose(judged, look, &kinds[type])
			       : WHOSE_OTHER;
	if (says_host(judged->pool, namespace->path))
		return WHOSE_HOST;
	return judged->config_only ? WHOSE_UNKNOWN : WHOSE_OTHER;
}

bool namespace_is_separate(const struct judged *judged, const char *type)
{
	const struct config_namespace *namespace = namespace_of(judged->config, type);

	return namespace &&
	       namespace_whose(judged, (size_t)(namespace - judged->config->linux_->namespaces)) != WHOSE_HOST;
}

bool verdict_judged_namespace(const struct verdict *verdict, const char *path, const struct stat *st)
{
#ifdef HRUN_MUTANT_NAMESPACE_JUDGED
	return true;
#endif
	for (size_t i = 0; i < verdict->namespace_count; i++) {
		const struct namespace_look *look = &verdict->namespaces[i];
		if (look->path && str_equal(look->path, path) && !look->errnum && fd_is_same_stat(&look->file, st))
			return true;
	}
	return false;
}
