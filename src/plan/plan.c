/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - the whole container as data, chapter by chapter, before anything happens.
 *
 * A plan owns descriptors from the first chapter on, so every way out of
 * plan_container either hands over a whole plan or closes what was opened.
 */
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/planning.h>

static int plan_root(struct pool *pool, const struct config *config, const struct bundle *bundle,
		     const struct plan_options *options, struct plan *plan, struct err *e)
{
	int r = plan_rootfs(pool, config, bundle, plan, e);

	if (r < 0 && plan_may_skip(options, r)) {
		plan_warn(pool, plan, "%s", e->text);
		return 0;
	}
	return r;
}

static int plan_program(struct pool *pool, const struct config *config, const struct bundle *bundle,
			const struct plan_options *options, struct plan *plan, struct err *e)
{
	if (!config->process)
		return err_set(e, EINVAL, "process: missing; say which program to run");
	TRY(plan_process(pool, config->process, bundle->rootfs, plan, e));
	TRY(plan_inherited(pool, config, plan, e));
	plan->creds.new_keyring = !options->no_new_keyring;
	plan->exec.preserve_fds = options->preserve_fds;
	plan->exec.ignored_signals = options->ignored_signals;
	return 0;
}

/* The order of the chapters is that of struct plan; ids come before whoever asks what is mapped. */
static int fill(struct pool *pool, const struct config *config, const struct bundle *bundle,
		const struct plan_options *options, struct plan *plan, struct err *e)
{
	TRY(plan_refuse_unsupported(config, e));
	if (!config->linux_)
		return err_set(e, EINVAL, "linux: missing; a container needs namespaces");
	TRY(plan_ids(pool, config, options, plan, e));
	TRY(plan_cgroup(pool, config, options, plan, e));
	TRY(plan_namespaces(pool, config, options, plan, e));
	TRY(plan_net_devices(pool, config, plan, e));
	TRY(plan_root(pool, config, bundle, options, plan, e));
	TRY(plan_mounts(pool, config, bundle, options, plan, e));
	TRY(plan_mount_labels(pool, config, plan, e));
	TRY(plan_devices(pool, config, options, plan, e));
	TRY(plan_sysctls(pool, config, plan, e));
	TRY(plan_masks(pool, config, plan, e));
	TRY(plan_program(pool, config, bundle, options, plan, e));
	plan_delegation(pool, plan);
	TRY(plan_filter(pool, config, options, plan, e));
	return plan_hooks(pool, config, plan, e);
}

int plan_container(struct pool *pool, const struct config *config, const struct bundle *bundle,
		   const struct plan_options *options, struct plan *ret_plan, struct err *e)
{
	*ret_plan = (struct plan){
		.id = options->id,
		.oci_version = config->oci_version,
		.bundle_path = bundle->path,
		.annotations = config->annotations,
		.cgroup.root = -1,
		.rootfs.fd = -1,
	};
	int r = fill(pool, config, bundle, options, ret_plan, e);
	if (r < 0) {
		plan_close(ret_plan);
		return r;
	}
	plan_mark_hardened(pool, bundle->config, options->verdict, ret_plan);
	/* Whoever only looks may have been refused a source; such a plan is never carried out. */
	if (!options->look_only)
		plan_check(ret_plan);
	return 0;
}

void plan_close(struct plan *plan)
{
	for (size_t i = 0; i < plan->namespaces.join_count; i++)
		fd_close(&plan->namespaces.joins[i].fd);
	for (size_t i = 0; i < plan->mount_count; i++) {
		fd_close(&plan->mounts[i].source_fd);
		for (size_t k = 0; k < plan->mounts[i].data_count; k++)
			fd_close(&plan->mounts[i].data[k].fd);
	}
	for (size_t i = 0; i < plan->device_count; i++)
		fd_close(&plan->devices[i].source_fd);
	/* The caller who never had a cgroup chapter (exec) may have left root at 0: stdin is not ours. */
	if (plan->cgroup.root > 2)
		fd_close(&plan->cgroup.root);
	plan->rootfs.fd = -1;
}
