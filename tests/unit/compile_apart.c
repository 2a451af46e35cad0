/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile_apart.c - a profile compiled by another process: what it says is what is answered, and where it says nothing, how it ended.
 * (That it is ended after some seconds: tests/sandbox/seccomp.py.)
 */
#include "check.h"

#include <errno.h>
#include <hrun/filter_compile.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int signal_in_child, status_in_child;

/* Runs in the new process, before anything else does. */
static void in_child(void)
{
	if (signal_in_child)
		raise(signal_in_child);
	if (status_in_child)
		_exit(status_in_child);
}

static const struct config_seccomp good = {.default_action = "SCMP_ACT_ALLOW"},
				   bad = {.default_action = "SCMP_ACT_NONE"};

static void expect(int result, const char *text, const char *also)
{
	const struct sock_filter *program = NULL;
	struct pool pool = {0};
	struct err e = {0};
	size_t length = 0;
	int r = filter_compile_apart(&pool, &good, &program, &length, &e);

	CHECK(r == result && strstr(e.text, text) && strstr(e.text, also), "%d: %s", r, e.text);
	pool_free(&pool);
}

static void test_answers(void)
{
	const struct sock_filter *program = NULL, *here = NULL;
	struct pool pool = {0};
	struct err e = {0};
	size_t length = 0, length_here = 0;

	CHECK(filter_compile_apart(&pool, &good, &program, &length, &e) == 0);
	CHECK(filter_compile(&pool, &good, &here, &length_here, &e) == 0);
	CHECK(length && length == length_here && memcmp(program, here, length * sizeof *program) == 0);
	CHECK(filter_compile_apart(&pool, &bad, &program, &length, &e) < 0 && strstr(e.text, "SCMP_ACT_NONE"), "%s",
	      e.text);
	pool_free(&pool);
}

int main(void)
{
	if (pthread_atfork(NULL, NULL, in_child) != 0)
		return 99;
	test_answers();
	signal_in_child = SIGKILL;
	expect(-EIO, "not compiled: signal 9", "ms of 5 s");
	signal_in_child = SIGXCPU;
	expect(-E2BIG, "not compiled within 5 s", "use fewer rules");
	setrlimit(RLIMIT_CPU, &(struct rlimit){4, 100});
	expect(-E2BIG, "not compiled within 4 s", "use fewer rules");
	sigset_t over;
	sigemptyset(&over);
	sigaddset(&over, SIGXCPU);
	sigprocmask(SIG_BLOCK, &over, NULL);
	expect(-E2BIG, "not compiled within 4 s", "use fewer rules");
	signal_in_child = 0;
	status_in_child = 3;
	expect(-EIO, "not compiled", "exit status 3");
	signal(SIGCHLD, SIG_IGN);
	expect(-EIO, "not compiled", "SIGCHLD");
	return failures != 0;
}
