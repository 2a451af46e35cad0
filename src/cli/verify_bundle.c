/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_bundle.c - `hrun verify BUNDLE`: what create would find out about its signature, for whoever may read it.
 */
#include <hrun/cli.h>
#include <hrun/cli_image.h>
#include <hrun/image_bundle.h>
#include <hrun/str.h>
#include <stdio.h>

/* config.json cannot be read in one way only: nothing can be said about a bundle. */
static int malformed(struct image_answer *answer, const struct err *e)
{
	answer->verdict = IMAGE_MALFORMED;
	answer->stage = IMAGE_STAGE_CONFIG;
	snprintf(answer->reason, sizeof answer->reason, "%.255s", e->text);
	str_remove_controls(answer->reason);
	return 0;
}

static int verify(struct command *command, struct image_call *call, const struct bundle *bundle,
		  struct image_result *ret, struct err *e)
{
	int rejected = verify_policy(command, NULL, call, e);

	TRY(rejected);
	if (!rejected)
		return bundle_verify(&command->pool, call, bundle, BUNDLE_ANYWHERE, ret, e);
	verify_reject(&ret->answer, e);
	return 0;
}

int verify_bundle(struct command *command, struct image_call *call, struct image_result *ret, struct err *e)
{
	struct json_error error = {0};
	struct bundle bundle;

	if (bundle_open(&command->pool, command->args[0], NULL, POLICY_CONFIG_BYTES_MAX, &bundle, &error, e) < 0)
		return malformed(&ret->answer, e);
	int r = verify(command, call, &bundle, ret, e);
	bundle_close(&bundle);
	return r;
}
