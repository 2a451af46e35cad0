/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console.c - a terminal of the container's own.
 *
 * The pty comes from the container's devpts; its peer is got with TIOCGPTPEER from the master, never
 * by the name /dev/pts/N, which a process of the container could have swapped (CVE-2025-52565). The
 * caller's terminal is never handed in.
 */
#include <fcntl.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/mnt.h>
#include <hrun/path.h>
#include <hrun/unix.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

static int check_devpts(int fd, struct err *e)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return err_errno(e, "look at the pseudo-terminal");
	if (fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_set(e, ENOTTY, "/dev/pts of the container is not a devpts; mount one there");
	return 0;
}

static int open_master(int root, struct err *e)
{
	autofd int master = path_open_in_root_with(root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, RESOLVE_NO_SYMLINKS, e);
	int unlocked = 0;

	TRY(master);
	TRY(check_devpts(master, e));
	if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return err_errno(e, "unlock the pseudo-terminal");
	return TAKE_FD(master);
}

static int open_peer(const struct plan *plan, int master, struct err *e)
{
	struct winsize size = {.ws_row = plan->exec.console_height, .ws_col = plan->exec.console_width};
	autofd int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (peer < 0)
		return err_errno(e, "open the pseudo-terminal's other side");
	TRY(check_devpts(peer, e));
	if (size.ws_row && ioctl(master, TIOCSWINSZ, &size) < 0)
		return err_errno(e, "set the size of the pseudo-terminal");
	if (fchown(peer, plan->creds.uid, (gid_t)-1) < 0)
		return err_errno(e, "give the pseudo-terminal to uid %u", plan->creds.uid);
	return TAKE_FD(peer);
}

int console_prepare(const struct plan *plan, int rootfs, struct err *e)
{
	if (!plan->exec.terminal)
		return 0;
	autofd int console = path_make_in_root(rootfs, "/dev/console", false, 0620, e);
	return console < 0 ? console : 0;
}

static int bind_console(int root, int peer, struct err *e)
{
	autofd int target = path_open_in_root(root, "/dev/console", e);
	TRY(target);
	autofd int tree = mnt_clone(peer, false, e);
	TRY(tree);
	return mnt_attach(tree, target, e);
}

/* One message, at least one byte, exactly one descriptor: what conmon and containerd's shim accept. */
static int send_master(int master, int console_socket, struct err *e)
{
	static const char name[] = "/dev/ptmx";
	int r = unix_send(console_socket, name, sizeof name - 1, master);

	if (r < 0) {
		errno = -r;
		return err_errno(e, "send the terminal over the console socket");
	}
	return 0;
}

static int become_stdio(int peer, struct err *e)
{
	if (ioctl(peer, TIOCSCTTY, 0) < 0)
		return err_errno(e, "make the pseudo-terminal the controlling terminal");
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (dup2(peer, fd) < 0)
			return err_errno(e, "put the pseudo-terminal on descriptor %d", fd);
	}
	return 0;
}

int console_apply(const struct plan *plan, int root, int console_socket, bool on_console, struct err *e)
{
	if (!plan->exec.terminal)
		return 0;
	autofd int master = open_master(root, e);
	TRY(master);
	autofd int peer = open_peer(plan, master, e);
	TRY(peer);
	if (on_console)
		TRY(bind_console(root, peer, e));
	TRY(send_master(master, console_socket, e));
	return become_stdio(peer, e);
}
