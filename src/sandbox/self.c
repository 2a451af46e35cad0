/* SPDX-License-Identifier: Apache-2.0 */
/*
 * self.c - the runtime's own file stays out of reach (CVE-2019-5736).
 *
 * A container process can reach the program that is about to become it, or that joins it, through
 * /proc/PID/exe, and write to that file as soon as it is no longer executed.  So create, run and exec
 * execute themselves again from a detached, read-only clone of the mount that holds the program: writing
 * through it is EROFS, for ever.  Where the file lies on a read-only mount or is sealed by fs-verity
 * nothing is needed, which is also what ends the second round.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/mnt.h>
#include <hrun/sandbox.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static bool is_protected(int exe)
{
	struct statvfs fs;
	struct statx stx;

	if (fstatvfs(exe, &fs) == 0 && fs.f_flag & ST_RDONLY)
		return true;
	return statx(exe, "", AT_EMPTY_PATH, STATX_TYPE, &stx) == 0 && stx.stx_attributes & STATX_ATTR_VERITY;
}

int sandbox_protect_self(char **argv, struct err *e)
{
	autofd int exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);

#ifdef HRUN_MUTANT_SELF
	return 0;
#endif
	if (exe < 0)
		return err_errno(e, "open /proc/self/exe; mount procfs on /proc");
	if (is_protected(exe)) {
		/* Executed by descriptor, the kernel names the process after it. */
		prctl(PR_SET_NAME, "hrun", 0, 0, 0);
		return 0;
	}
	autofd int tree = mnt_clone(exe, false, e);
	TRY(tree);
	TRY(mnt_setattr(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, MS_PRIVATE, false, e));
	execveat(tree, "", argv, environ, AT_EMPTY_PATH);
	return err_errno(e, "execute hrun again from a read-only clone of itself");
}
