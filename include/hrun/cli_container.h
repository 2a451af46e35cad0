/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli_container.h - what verbs do with a container that is there, and how they show it.
 */
#ifndef HRUN_CLI_CONTAINER_H
#define HRUN_CLI_CONTAINER_H

#include <hrun/cli.h>
#include <hrun/container.h>
#include <hrun/json.h>
#include <hrun/plan.h>
#include <hrun/policy.h>
#include <hrun/sandbox.h>
#include <stdbool.h>
#include <sys/types.h>

/* ---- lifecycle.c: what several verbs do to a container ---- */
/* Start a created container; poststart hooks; where they fail it is destroyed and removed.  HELD as sandbox_start takes it. */
int lifecycle_start(struct pool *pool, struct container *container, struct sandbox *held, struct err *e);
/* Destroy, run poststop hooks, forget.  The lock is held. */
int lifecycle_delete(struct pool *pool, struct container *container, struct err *e);

/* ---- systemd.c ---- */
/* The socket of the systemd that this user may ask, the pool's; NULL: there is none.  *RET_USER: not the machine's. */
const char *systemd_look(struct pool *pool, bool *ret_user);
/* Which systemd makes a new container's cgroup, and by which socket; LOOK_ONLY: it need not be there.  The strings are the pool's. */
int systemd_find(struct command *command, bool look_only, const struct policy *policy, struct scope_options *ret,
		 struct err *e);
/* Has the container a unit that lives?  Only then is systemd bothered. */
bool systemd_has_unit(const struct container_record *record);
struct scope_unit systemd_unit(const struct container_record *record);
/* End that unit when the container is destroyed; a failure is a warning, since systemd forgets an empty one. */
void systemd_stop(struct pool *pool, const struct container_record *record);

/* ---- exec_process.c: the process that exec asks for ---- */
int exec_process_read(struct command *command, const struct container *container, const struct config **ret_config,
		      struct config_process **ret_process, struct err *e);

/* ---- update_apply.c ---- */
/* PLAN's limits for the living CGROUP of RECORD, and what systemd knows of them: all of them, or after a failure none. */
int update_apply(struct pool *pool, const struct container_record *record, const struct config_resources *asked,
		 struct plan *plan, int cgroup, struct err *e);

/* ---- update_options.c ---- */
int update_options_read(struct pool *pool, const struct options *options, struct config_resources **ret_resources,
			struct err *e);

/* ---- pause.c: the cgroup of a container whose init lives; an owned descriptor ---- */
int living_cgroup(const struct container *container, struct err *e);

/* ---- stats.c: {"type":"stats",...} of the cgroup, in one line ---- */
void stats_write(struct json_out *out, const char *id, int cgroup);

/* ---- list.c: --format ---- */
int format_read(const struct options *options, bool *ret_json, struct err *e);

/* ---- show.c ---- */
/* `state` and `list`: one object of the state, with rootfs, created, owner and what hrun found. */
void show_state(struct json_out *out, const struct container *container, bool pretty);
pid_t show_pid(const struct container *container, enum container_status status);
/* The findings of verdict.json as "ACTION RULE" words, or NULL. */
const char *show_findings(struct pool *pool, const struct container *container);

#endif
