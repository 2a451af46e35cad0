/* SPDX-License-Identifier: Apache-2.0 */
/* pause.c - what a pod's sandbox runs: it waits, takes in whoever has lost his parent, and ends when it is told to. */
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>

int main(void)
{
	sigset_t all;
	int number = 0;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;) {
		if (sigwait(&all, &number) == 0 && (number == SIGTERM || number == SIGINT))
			return 0;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}
