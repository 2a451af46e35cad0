/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root_image.c - is the root signed: with the bundle, or, as an engine has mounted it, as an image?  Looked at only where the policy
 * asks: it takes time.
 */
#include <hrun/cli.h>
#include <hrun/cli_image.h>
#include <hrun/log.h>

int root_image_look(struct command *command, const struct policy *policy, struct bundle *bundle, const char *cache,
		    struct signed_bundle *ret_signature, struct image_root *ret_root, struct err *e)
{
	const struct image_root_asked asked = {.policy = policy, .bundle = bundle, .cache = cache};

	*ret_root = (struct image_root){0};
	TRY(signed_bundle_look(command, policy, bundle, ret_signature, e));
	bool is_asked = !ret_signature->refusal || image_denies(&policy->images);
#ifdef HRUN_MUTANT_SPOILT_HIDES
	is_asked = !ret_signature->refusal;
#endif
	/* (No engine's root is a file.) */
	if (policy->images.require >= IMAGES_WARN && !ret_signature->answer && is_asked && !bundle->root_is_file)
		image_root_verify(&command->pool, &asked, ret_root);
	/* Whoever spoils the bundle's signature is told so; what is denied stays so. */
	if (ret_signature->refusal)
		*ret_root = (struct image_root){.denied = ret_root->denied};
	const char *denied = ret_signature->denied ? ret_signature->denied : ret_root->denied;
	if (!denied)
		return 0;
	command->audit.rejected = true;
	return err_set(e, EPERM, "hrun: refused: %.400s", denied);
}

const struct image_answer *root_image_answer(const struct signed_bundle *signature, const struct image_root *root)
{
#ifndef HRUN_MUTANT_COMPARE_TWINS
	if (!signature->answer && root->is_one_of_several)
		return NULL;
#endif
	return signature->answer ? signature->answer : root->answer;
}

void root_image_judged(const struct signed_bundle *signature, const struct image_root *root, struct judged *judged)
{
	const struct image_answer *answer = root_image_answer(signature, root);

	judged->image_refusal = signature->refusal;
	judged->image_reason = root->reason;
	judged->files_are_signed = root->answer != NULL;
	if (!answer)
		return;
	judged->image_digest = answer->image_digest;
	judged->image_manifest = answer->manifest_digest;
}

void root_image_recorded(const struct container_record *record, struct judged *judged)
{
	/* A digest without a signer is whatever somebody has named. */
	if (!record->image_signer)
		return;
	judged->image_digest = record->image_digest;
	judged->image_manifest = record->image_manifest;
}

void root_image_tell(const struct policy *policy, const struct image_root *root)
{
	if (root->changed && root->answer)
		log_warning("%s since it was made of the signed image %s; remove it and make it anew", root->changed,
			    root->answer->image_digest);
	if (root->reason && policy->images.require == IMAGES_WARN)
		log_warning("no verified signature: %s", root->reason);
}
