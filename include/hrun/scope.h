/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.h - systemd asked by way of hrun-scope, the only program with a D-Bus library.
 */
#ifndef HRUN_SCOPE_H
#define HRUN_SCOPE_H

#include <hrun/err.h>
#include <hrun/plan.h>
#include <sys/types.h>

/* A process of ours that keeps a new unit from being empty, until the container is in it. */
struct placeholder {
	int socket, pidfd; /* owned; -1: none */
	pid_t pid;
};
#define NO_PLACEHOLDER ((struct placeholder){.socket = -1, .pidfd = -1})

/*
 * Start SCOPE's unit; its answer then says where its cgroup is, with *RET inside alone.  PROGRAM_DIR of libexec programs is for
 * tests; NULL: where this hrun's are.  -ETIMEDOUT where systemd keeps silent for the request's time.
 */
int scope_start(struct scope_plan *scope, const char *program_dir, struct placeholder *ret, struct err *e);
/* End it; harmless where there is none. */
void scope_release(struct placeholder *placeholder);

/* The other tasks: new properties, or the end of the unit. */
int scope_call(struct scope_plan *scope, const char *program_dir, struct err *e);

#endif
