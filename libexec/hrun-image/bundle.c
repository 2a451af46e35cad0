/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.c - the signatures beside a bundle: hrun says what the tree's list and config.json are, here it is asked who signed that.
 */
#include "image.h"
#include "signature.h"
#include <string.h>

/* One that cannot be read is a bad signature, and another one may be good. */
static void read_candidates(struct pool *pool, const int *files, size_t count, struct candidate *candidates)
{
	for (size_t i = 0; i < count; i++) {
		candidates[i].format = TREE_STATEMENT;
		if (file_read(pool, files[i], ENVELOPE_MAX, &candidates[i].blob) < 0)
			candidates[i].blob = (struct blob){0};
	}
}

void bundle_judge(struct pool *pool, const struct image_request *request, const struct trust *trusts, const int *files,
		  struct image_answer *answer)
{
	struct candidate candidates[IMAGE_SIGNATURES_MAX] = {0};
	struct digest root = {0};
	struct subject subject = {.is_file = request->root_is_file, .told = &root};
	struct refusal r = {0};

	/* (What cannot be read stays "", request_check has seen to it that one of the two can.) */
	digest_read(request->tree_digest, &root);
	digest_read(request->verity_digest, &subject.verity);
	subject.digest = root;
	digest_read(request->bundle_config_digest, &subject.config);
	memcpy(answer->config_digest, subject.config.text, sizeof answer->config_digest);
	read_candidates(pool, files, request->signature_files, candidates);
	int status =
		signatures_check(pool, request, trusts, candidates, request->signature_files, &subject, answer, &r);
	memcpy(answer->image_digest, root.text, sizeof answer->image_digest);
	if (root.text[0] && name_is_of_other(request->name, &root))
		refuse(&r, IMAGE_STAGE_POLICY, "the name %.200s has another digest than %s", request->name,
		       subject.is_file ? "the root's file" : "the list of the tree");
	else if (status == 0)
		return;
	answer->verdict = r.verdict;
	answer->stage = r.stage;
	memcpy(answer->reason, r.reason, sizeof answer->reason);
}
