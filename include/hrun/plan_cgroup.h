/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_cgroup.h - parts of plan/cgroup*.c that its other files and their tests
 * share.  Not for other modules: plan_cgroup in plan.h is the entry.
 */
#ifndef HRUN_PLAN_CGROUP_H
#define HRUN_PLAN_CGROUP_H

#include <hrun/config.h>
#include <hrun/err.h>
#include <hrun/plan.h>
#include <hrun/pool.h>
#include <stdint.h>

/*
 * Every write that RESOURCES ask for, in an order that the kernel accepts, appended to
 * plan->writes.  Looks at the document only, not at the machine.  What cgroup v2
 * cannot do is refused by name.
 */
int plan_resources(struct pool *pool, const struct config_resources *resources, struct cgroup_plan *plan,
		   struct err *e);

/* The part of it that comes as lists: blockIO, hugepageLimits, rdma, unified. */
int plan_block_io(struct pool *pool, const struct config_block_io *io, struct cgroup_plan *plan, struct err *e);
int plan_hugepages(struct pool *pool, const struct config_resources *resources, struct cgroup_plan *plan,
		   struct err *e);
int plan_rdma(struct pool *pool, const struct config_resources *resources, struct cgroup_plan *plan, struct err *e);
int plan_unified(struct pool *pool, const struct string_map *unified, struct cgroup_plan *plan, struct err *e);

/* cpu.shares of cgroup v1 (2..262144) as cpu.weight (1..10000). */
uint64_t plan_weight_of_shares(uint64_t shares);

/* Append a write; the controller is the file's first word. */
struct cgroup_write *plan_cgroup_write(struct pool *pool, struct cgroup_plan *plan, enum cgroup_write_kind kind,
				       const char *file, const char *value, const char *where);

/* "WHERE: cgroup v2 cannot do this; remove it". */
int plan_not_on_v2(const char *where, struct err *e);

/* One rule for devices. */
enum { DEVICE_ACCESS_ALL = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE };
struct device_match {
	bool allow;
	int32_t type;	      /* BPF_DEVCG_DEV_*, -1: any */
	int32_t major, minor; /* -1: any */
	int32_t access;	      /* BPF_DEVCG_ACC_* */
};

/* RULES, each checked.  The list is the pool's. */
int plan_device_matches(struct pool *pool, const struct config_device_rule *rules, size_t count,
			struct device_match **ret_matches, struct err *e);
/* What every container may use besides. */
const struct device_match *plan_device_defaults(size_t *ret_count);

/*
 * A path below the mount: PATH as cgroupsPath has it (NULL or "": absent), or /hrun/ID.  Refuses whatever
 * could name another cgroup than the one it seems to.
 */
int plan_cgroup_path(struct pool *pool, const char *path, const char *id, const char **ret_path, struct err *e);

/* Is this process in another user namespace than the host's own? */
bool plan_cgroup_in_user_namespace(void);
/*
 * Where the document names no path.  An ordinary user (or who is root in a user namespace only) may not make /hrun in most places: PLAN's path
 * becomes one beside this process's own cgroup, if that place is the user's.  podman's cgroupfs driver names no path for a user, but
 * goes into a scope of his systemd before.
 */
void plan_cgroup_beside(struct pool *pool, const char *id, struct cgroup_plan *plan);
/*
 * Is that place one that only systemd may change, so that a container with a limit needs a unit of its own there?  PATH as cgroupsPath has it;
 * false where one is named.
 */
bool plan_cgroup_needs_unit(const char *path);
/*
 * A limit of PLAN that could be gone any time, since what is right above its path is an ordinary user's systemd's own; NULL: none.  What
 * every new cgroup has ("max") is no limit.
 */
const struct cgroup_write *plan_cgroup_endangered(const struct cgroup_plan *plan);
/* Such a limit is an error (a warning with LOOK_ONLY); a weight, and what hrun added, a warning. */
int plan_cgroup_check_place(struct pool *pool, bool look_only, struct plan *plan, struct err *e);
/*
 * Where the document names no path and there is no place either: a container of which no limit is asked stays in the caller's cgroup, with a
 * warning; a limit is an error.
 */
int plan_cgroup_without(struct pool *pool, const struct plan_options *options, struct plan *plan, struct err *e);

/*
 * AVAILABLE (words, the controllers of the root) without those that a cgroup above PLAN's path cannot hand down because it
 * holds processes itself; its path is then in lived_in.  What is not there, or cannot be read, hinders nothing.
 */
const char *plan_cgroup_handed_down(struct pool *pool, struct cgroup_plan *plan, const char *available);

/*
 * Keep the writes whose controller is among the blank-separated words of AVAILABLE and list their controllers.  A limit
 * without its controller is refused (a warning with LOOK_ONLY), a weight is left out with a warning.
 */
int plan_cgroup_available(struct pool *pool, const char *available, bool look_only, struct plan *plan, struct err *e);

#endif
