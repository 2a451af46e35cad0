/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root_image.c - is the root signed: with the bundle, or, as an engine has mounted it, as an image?  Looked at only where the policy
 * asks: it takes time.
 */
#include <hrun/cli.h>
#include <hrun/log.h>

int root_image_look(struct command *command, const struct policy *policy, const struct bundle *bundle,
		    const char *cache, struct signed_bundle *ret_signature, struct image_root *ret_root, struct err *e)
{
	const struct image_root_asked asked = {.policy = policy, .bundle = bundle, .cache = cache};

	*ret_root = (struct image_root){0};
	TRY(signed_bundle_look(command, policy, bundle, ret_signature, e));
	if (policy->images.require >= IMAGES_WARN && !ret_signature->image_digest && !ret_signature->image_refusal)
		image_root_verify(&command->pool, &asked, ret_root);
	return 0;
}

void root_image_tell(const struct policy *policy, const struct image_root *root)
{
	if (root->changed && root->digest)
		log_warning("%s since it was made of the signed image %s; remove it and make it anew", root->changed,
			    root->digest);
	if (root->reason && policy->images.require == IMAGES_WARN)
		log_warning("no verified signature: %s", root->reason);
}
