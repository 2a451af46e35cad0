/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_policy.c - whom the policy trusts for an image, as `hrun verify` asks it.
 *
 * Nothing is started by the answer, so any readable --policy is taken.  Who runs verify wants to know whether the image is signed,
 * so what the policy says about trust counts here also where images.require is off.
 */
#include <hrun/cli.h>
#include <hrun/cli_image.h>
#include <hrun/image_request.h>
#include <hrun/str.h>

static int load(struct command *command, struct policy *ret_policy, struct err *e)
{
	const char *class_name;

	*ret_policy = policy_default();
	TRY(class_of_command(command, &class_name, e));
	struct policy_request request = policy_request_of_caller(command->options.policy, class_name);
	request.any_readable = true;
	return policy_load_for(&command->pool, &request, ret_policy, e);
}

static bool require_signatures(struct policy_images *images)
{
	bool any = false;

	for (size_t i = 0; i < images->source_count; i++) {
		struct image_source *source = &images->sources[i];
		if (!source->has_trust && !source->trust_from)
			continue;
		any = true;
		if (source->require < IMAGES_WARN)
			source->require = IMAGES_SIGNED;
	}
	return any;
}

int verify_policy(struct command *command, const char *layout, struct image_call *call, struct err *e)
{
	struct image_request *asked = pool_alloc(&command->pool, sizeof *asked);
	struct policy *policy = pool_alloc(&command->pool, sizeof *policy);

	TRY(load(command, policy, e));
	if (!require_signatures(&policy->images) && policy->images.require == IMAGES_UNSAID)
		return err_set(e, EINVAL,
			       "the policy says nothing about images; add the member `images`, hrun-policy(5)");
	*asked = call->request;
	const struct image_asked what = {
		.name = asked->name,
		.ref = asked->ref,
		.layout = layout,
		.os = asked->os,
		.architecture = asked->architecture,
		.variant = asked->variant,
	};
	int r = image_request_of(&command->pool, policy, &what, call, e);
	TRY(r);
	image_request_limit(&call->request);
	return r == IMAGE_REJECTED;
}
