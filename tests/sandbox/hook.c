/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hook.c - the hook of the sandbox tests: a program of its own that hands its arguments to the shell.
 *
 * The rules take no shell for a hook.  Linked statically by hrun.py, on the host and as /bin/hook in the containers.
 */
#include <unistd.h>

int main(int argc, char **argv)
{
	(void)argc;
	execv("/bin/sh", argv);
	return 126;
}
