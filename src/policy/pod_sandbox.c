/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod_sandbox.c - the pause container of the kubelet.
 *
 * Its annotation is anybody's to set, so it is believed only where the policy file says so (criSandbox) and
 * the container can do nothing: the one program /pause, and nothing of the host but what the engine itself keeps.
 */
#include <hrun/action.h>
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>

static const char *annotation_of(const struct config *config, const char *key)
{
	for (size_t i = 0; i < config->annotations.count; i++) {
		if (str_equal(config->annotations.item[i].key, key))
			return config->annotations.item[i].value;
	}
	return NULL;
}

/* Where they really lead, for as far as it is there. */
static bool mounts_are_engine_managed(const struct judged *judged)
{
	const struct config *config = judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct mount_look *look = &judged->mounts[i];
		const char *source = look->has_source ? look->real_source : look->clean_source;
		if (mount_is_bind(&config->mounts[i]) && (!source || !path_is_engine_managed(judged, source)))
			return false;
	}
	return true;
}

bool judged_is_pod_sandbox(const struct judged *judged)
{
	const struct config_process *process = judged->process;

	/* The cheap questions first: most policies do not ask for any of this. */
	if (!judged->policy->cri_sandbox || !process || process->args.count != 1 ||
	    !str_equal(process->args.item[0], "/pause"))
		return false;
	const char *type = annotation_of(judged->config, "io.kubernetes.cri.container-type");
	return type && str_equal(type, "sandbox") && mounts_are_engine_managed(judged);
}
