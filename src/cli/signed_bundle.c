/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signed_bundle.c - create, run, plan and check under images.require: is this bundle signed, and does it stay what was signed?
 *
 * Whether that is asked for at all, and what becomes of a bundle without, decides the rule image-signature-missing.
 */
#include <hrun/cli.h>
#include <hrun/fd.h>
#include <hrun/image_bundle.h>
#include <hrun/image_request.h>
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

int signed_bundle_look(struct command *command, const struct policy *policy, const struct bundle *bundle,
		       struct signed_bundle *ret, struct err *e)
{
	*ret = (struct signed_bundle){0};
	if (policy->images.require < IMAGES_WARN)
		return 0;
	bool has_signature = bundle_has_signature(bundle->dir);
	if (has_signature)
		TRY(look_at_signature(command, policy, bundle, ret, e));
	/* Where the signature was accepted, so was the digest. */
	if (!ret->denied && (ret->refusal || !has_signature))
		ret->denied = bundle_denied(&command->pool, &policy->images, bundle);
	return 0;
}
