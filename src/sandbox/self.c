/* SPDX-License-Identifier: Apache-2.0 */
/*
 * self.c - the runtime's own file stays out of reach (CVE-2019-5736).
 *
 * A container process can reach the program that is about to become it, or that joins it, through
 * /proc/PID/exe, and write to that file as soon as it is no longer executed.  So create, run and exec
 * execute themselves again from a detached, read-only clone of the mount that holds the program: writing
 * through it is EROFS, for ever.  Where the file lies on a read-only mount or is sealed by fs-verity
 * nothing is needed, which is also what ends the second round.  An ordinary user cannot clone mounts; there it is
 * a sealed copy in memory.
 */
#include <fcntl.h>
#include <hrun/entry.h>
#include <hrun/fd.h>
#include <hrun/mnt.h>
#include <hrun/sandbox.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Only a file in memory has seals. */
static bool is_sealed(void)
{
	autofd int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int seals = exe < 0 ? -1 : fcntl(exe, F_GET_SEALS);

	return seals >= 0 && seals & F_SEAL_WRITE && seals & F_SEAL_SEAL;
}

static bool is_protected(int exe)
{
	struct statx stx = {.stx_nlink = 1};

	if (statx(exe, "", AT_EMPTY_PATH, STATX_TYPE | STATX_NLINK, &stx) == 0 &&
	    stx.stx_attributes & STATX_ATTR_VERITY)
		return true;
	return !stx.stx_nlink && is_sealed();
}

/* Where mounts cannot be cloned (an ordinary user): a copy in memory that nobody can change any more. */
static int make_sealed_copy(struct err *e)
{
	enum { EXECUTABLE = 0x10 }; /* MFD_EXEC */
	enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };
	autofd int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;

	autofd int copy = memfd_create("hrun", MFD_CLOEXEC | MFD_ALLOW_SEALING | EXECUTABLE);
	if (copy < 0 && errno == EINVAL) /* before Linux 6.3 it can always be executed */
		copy = memfd_create("hrun", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (exe < 0 || copy < 0 || fstat(exe, &st) < 0)
		return err_errno(e, "copy hrun into memory");
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(copy, exe, NULL, (size_t)left);
		if (n <= 0)
			return n < 0 ? err_errno(e, "copy hrun into memory") : err_set(e, EIO, "copy hrun: cut short");
		left -= n;
	}
	if (fcntl(copy, F_ADD_SEALS, SEALS) < 0)
		return err_errno(e, "seal the copy of hrun");
	return TAKE_FD(copy);
}

/* The second round's file has no path: it is called by the path of this one. */
static int execute(int file, char **argv, struct err *e)
{
	static char path[PATH_MAX];
	char *name = argv[0];
	ssize_t length = readlink("/proc/self/exe", path, sizeof path);

	if (length > 0 && name && entry_rename(path, (size_t)length, sizeof path, name))
		argv[0] = path;
	execveat(file, "", argv, environ, AT_EMPTY_PATH);
	argv[0] = name;
	return err_errno(e, "execute hrun again from a protected copy of itself");
}

int sandbox_protect_self(char **argv, struct err *e)
{
#ifdef HRUN_MUTANT_SELF
	return 0;
#endif
	struct statvfs fs;
	bool is_read_only = statvfs("/proc/self/exe", &fs) == 0 && fs.f_flag & ST_RDONLY;
	autofd int exe = is_read_only ? -EBADF : open("/proc/self/exe", O_PATH | O_CLOEXEC);

	if (!is_read_only && exe < 0)
		return err_errno(e, "open /proc/self/exe; mount procfs on /proc");
	if (is_read_only || is_protected(exe)) {
		/* Executed by descriptor, the kernel names the process after it. */
		prctl(PR_SET_NAME, "hrun", 0, 0, 0);
		return 0;
	}
	autofd int tree = mnt_clone(exe, false, e);
	if (tree >= 0)
		TRY(mnt_setattr(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, MS_PRIVATE, false,
				e));
	if (tree == -EPERM)
		tree = make_sealed_copy(e);
	TRY(tree);
	return execute(tree, argv, e);
}
