/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signed_bundle.c - create, run, plan and check under images.require: is this bundle signed, and does it stay what was signed?
 *
 * Whether that is asked for at all, and what becomes of a bundle without, decides the rule image-signature-missing.  A root that is a
 * file is mounted here, and nowhere else: the kernel is to read no file system that nobody has vouched for.
 */
#include <hrun/cli.h>
#include <hrun/cli_image.h>
#include <hrun/fd.h>
#include <hrun/image_bundle.h>
#include <hrun/image_request.h>
#include <hrun/judging.h>
#include <hrun/proc.h>
#include <hrun/selinux.h>
#include <hrun/str.h>

static int verify(struct command *command, const struct policy *policy, const struct bundle *bundle,
		  struct image_call *call, struct image_result *result, struct err *e)
{
	static const struct image_asked asked = {
		.name = "", .ref = "", .os = "linux", .architecture = "", .variant = ""};
	int r = image_request_of(&command->pool, policy, &asked, call, e);

	TRY(r);
	if (r == IMAGE_REJECTED) {
		verify_reject(&result->answer, e);
		return 0;
	}
	int keys[IMAGE_FDS_MAX];
	size_t count = call->fd_count;
	memcpy(keys, call->fds, count * sizeof *keys);
	image_request_limit(&call->request);
	r = bundle_verify(&command->pool, call, bundle, BUNDLE_PROTECTED, result, e);
	while (count > 0)
		fd_close(&keys[--count]);
	return r;
}

static int look_at_signature(struct command *command, const struct policy *policy, const struct bundle *bundle,
			     struct signed_bundle *ret, struct err *e)
{
	struct image_call *call = pool_alloc(&command->pool, sizeof *call);
	struct image_result *result = pool_alloc(&command->pool, sizeof *result);

	TRY(verify(command, policy, bundle, call, result, e));
	if (result->answer.verdict != IMAGE_ACCEPT)
		ret->refusal = result->answer.reason;
	else if (call->request.signatures_required)
		ret->answer = &result->answer;
	ret->denied = result->denied ? ret->refusal : NULL;
	return 0;
}

/* As the config wants its files labelled; where it says nothing, as the files of an image are. */
static int find_label(struct pool *pool, const struct config *config, const char **ret_label, struct err *e)
{
	const struct judged where = {.host_root = proc_in_first_user_namespace()};
	const char *wanted = config->linux_ ? config->linux_->mount_label : NULL;

	TRY(selinux_root_label(pool, &host_files, host_root_shown(&where), ret_label, e));
	if (*ret_label && wanted && *wanted)
		*ret_label = wanted;
	return 0;
}

/* Where this fails create does; check, which needs no root, does without the files. */
static void mount_root(struct command *command, struct bundle *bundle)
{
	const char *label;
	struct err e;

	int mount = find_label(&command->pool, bundle->config, &label, &e);
	if (mount == 0)
		mount = bundle_erofs_mount(bundle, label, &e);
	if (mount >= 0 && fstat(mount, &bundle->rootfs_stat) < 0)
		mount = err_errno(&e, "look at the mounted root");
	bundle->rootfs = mount;
	if (mount < 0)
		bundle->root_refusal = pool_strdup(&command->pool, e.text);
}

int signed_bundle_look(struct command *command, const struct policy *policy, struct bundle *bundle,
		       struct signed_bundle *ret, struct err *e)
{
	*ret = (struct signed_bundle){0};
	if (policy->images.require < IMAGES_WARN)
		return 0;
	bool has_signature = bundle_has_signature(bundle->dir);
	if (has_signature)
		TRY(look_at_signature(command, policy, bundle, ret, e));
	bool trusted = ret->answer != NULL;
#ifdef HRUN_MUTANT_EROFS_UNSIGNED
	trusted = true;
#endif
	if (bundle->root_is_file && trusted)
		mount_root(command, bundle);
	/* Where the signature was accepted, so was the digest. */
	if (!ret->denied && (ret->refusal || !has_signature))
		ret->denied = bundle_denied(&command->pool, &policy->images, bundle);
	return 0;
}
