/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign_key.c - what sign and keygen have in common.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/cli_image.h>
#include <hrun/str.h>
#include <limits.h>
#include <sys/prctl.h>
#include <sys/resource.h>

int passphrase_descriptor(const struct options *options, int *ret_fd, struct err *e)
{
	const char *text = options->passphrase_fd;
	uint64_t fd = 0;

	*ret_fd = -1;
	if (!text)
		return 0;
	if (str_to_u64(text, INT_MAX, &fd) < 0 || fcntl((int)fd, F_GETFD) < 0)
		return err_set(e, EINVAL, "option --passphrase-fd: `%.50s` is no open descriptor", text);
	*ret_fd = (int)fd;
	return 0;
}

int hide_process(struct err *e)
{
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return err_errno(e, "keep this process from being looked into");
	return 0;
}
