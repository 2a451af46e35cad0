/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysctl.c - kernel parameters of the container's own namespaces, its names, its loopback.
 *
 * Parameters are written through a procfs that was mounted just for that, which nobody can have
 * mounted over (CVE-2025-52881), without following a link or leaving it.
 */
#include <fcntl.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/mnt.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <limits.h>
#include <linux/openat2.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int write_one(const struct sysctl_step *s, int proc, struct fd_pile *pile, struct err *e)
{
	char path[PATH_MAX];
	size_t size = strlen(s->value);

	if (str_format(path, sizeof path, "sys/%s", s->file) < 0)
		return err_set(e, ENAMETOOLONG, "the name is too long");
	autofd int fd = path_open_in_root_with(proc, path, O_WRONLY, RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV, e);
	if (fd == -ENOENT)
		return err_set(e, ENOENT, "this kernel does not have it");
	TRY(fd);
	ssize_t n = write(fd, s->value, size);
	if (n < 0)
		return err_errno(e, "write `%s`", s->value);
	fd_pile_add(pile, &fd);
	return (size_t)n == size ? 0 : err_set(e, EIO, "write `%s`: cut short", s->value);
}

int sysctl_apply(const struct plan *plan, struct fd_pile *pile, struct err *e)
{
	if (!plan->sysctl_count)
		return 0;
	autofd int proc = mnt_private_proc(pile, e);
	TRY(proc);
	for (size_t i = 0; i < plan->sysctl_count; i++) {
		const struct sysctl_step *s = &plan->sysctls[i];
		struct err why;
		int r = write_one(s, proc, pile, &why);
		if (r < 0)
			return err_set(e, -r, "%s: set %s: %s", s->where, s->key, why.text);
	}
	fd_pile_add(pile, &proc);
	return 0;
}

int uts_apply(const struct namespaces_plan *plan, struct err *e)
{
	if (plan->hostname && sethostname(plan->hostname, strlen(plan->hostname)) < 0)
		return err_errno(e, "hostname: set `%s`", plan->hostname);
	if (plan->domainname && setdomainname(plan->domainname, strlen(plan->domainname)) < 0)
		return err_errno(e, "domainname: set `%s`", plan->domainname);
	return 0;
}

int loopback_up(struct err *e)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	/* Any socket will carry the request; AF_UNIX is there on every kernel. */
	autofd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_errno(e, "make a socket for the loopback interface");
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return err_errno(e, "set the loopback interface up");
	return 0;
}
