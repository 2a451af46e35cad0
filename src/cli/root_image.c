/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root_image.c - is the root that an engine has mounted an image that was signed?  Looked at only where the policy asks: it takes time.
 */
#include <hrun/cli.h>
#include <hrun/image_root.h>
#include <hrun/log.h>

void creation_look_at_root(struct command *command, bool look_only, const struct creation *creation,
			   struct judged *judged)
{
	enum images_require require = creation->policy.images.require;
	const struct image_root_asked asked = {
		.policy = &creation->policy,
		.bundle = &creation->bundle,
		/* `hrun plan` changes nothing, so it believes and keeps nothing. */
		.cache = look_only ? NULL : creation_cache(&command->pool, "hrun-layers"),
	};
	struct image_root root;

	if (require < IMAGES_WARN || judged->image_digest)
		return;
	image_root_verify(&command->pool, &asked, &root);
	judged->image_digest = root.digest;
	judged->image_reason = root.reason;
	if (root.changed && root.digest)
		log_warning("%s since it was made of the signed image %s; remove it and make it anew", root.changed,
			    root.digest);
	if (root.reason && require == IMAGES_WARN)
		log_warning("no verified signature: %s", root.reason);
}
