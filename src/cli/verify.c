/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.c - is an image or a bundle what the policy's keys signed, down to the last byte?
 *
 * Starts nothing but the programs that look, and writes nothing; an ordinary user's policy is as good as root's.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/cli_image.h>
#include <hrun/fd.h>
#include <hrun/image.h>
#include <hrun/str.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const int exit_statuses[] = {
	[IMAGE_ACCEPT] = 0, [IMAGE_REJECT] = EXIT_VERIFY_REJECTED, [IMAGE_MALFORMED] = EXIT_VERIFY_MALFORMED};

int image_word(char *field, size_t size, const char *option, const char *value, struct err *e)
{
	if (!value)
		return 0;
	if (!value[0] || str_has_control(value) || str_format(field, size, "%s", value) < 0)
		return err_set(e, EINVAL, "option --%s: `%.100s` is empty, too long or no plain text", option, value);
	return 0;
}

static void print_signature(const struct image_signature *s)
{
	printf("  signature  %-4s %s %s%s%s%s%s\n", s->ok ? "good" : "bad", s->format, s->key,
	       s->identity[0] ? " for " : "", s->identity, s->reason[0] ? ": " : "", s->reason);
}

static const char *name_of_digest(const struct image_request *request)
{
	return request->task != IMAGE_BUNDLE ? "image" : request->root_is_file ? "erofs" : "tree";
}

static void print_text(const char *path, const struct image_request *request, const struct image_answer *answer)
{
	const char *stage = image_stage_name(answer->stage);

	printf("%s %s", image_verdict_name(answer->verdict), path);
	if (answer->verdict == IMAGE_ACCEPT && !request->signatures_required)
		printf(": unsigned is enough by the policy");
	if (answer->reason[0])
		printf(": %s%s%s", stage, stage[0] ? ": " : "", answer->reason);
	printf("\n");
	if (answer->image_digest[0])
		printf("  %-10s %s\n", name_of_digest(request), answer->image_digest);
	if (request->verity_digest[0])
		printf("  fs-verity  %s\n", request->verity_digest);
	if (answer->manifest_digest[0] && !str_equal(answer->manifest_digest, answer->image_digest))
		printf("  manifest   %s  %s/%s\n", answer->manifest_digest, request->os, request->architecture);
	for (uint32_t i = 0; i < answer->signature_count; i++)
		print_signature(&answer->signatures[i]);
	if (answer->devices.count)
		printf("  devices    %u left out by the policy, the first is %s\n", answer->devices.count,
		       answer->devices.first);
}

static void print_answer(struct pool *pool, bool json, const char *path, const struct image_request *request,
			 const struct image_answer *answer)
{
	struct json_out out = {.pool = pool};

	if (!json) {
		print_text(path, request, answer);
		return;
	}
	image_answer_write(&out, answer);
	printf("%s\n", out.text);
}

static int read_format(const char *format, bool *ret_json, struct err *e)
{
	*ret_json = format && str_equal(format, "json");
	if (format && !*ret_json && !str_equal(format, "text"))
		return err_set(e, EINVAL, "option --format takes text or json, not `%s`", format);
	return 0;
}

void verify_reject(struct image_answer *answer, const struct err *e)
{
	answer->verdict = IMAGE_REJECT;
	answer->stage = IMAGE_STAGE_POLICY;
	snprintf(answer->reason, sizeof answer->reason, "%.255s", e->text);
	str_remove_controls(answer->reason);
}

static int verify(struct command *command, struct image_call *call, struct image_result *result, struct err *e)
{
	struct progress progress;

	progress_begin(&progress, call);
	int r = image_verify(&command->pool, call, result, e);
	progress_end(&progress, call);
	return r;
}

static int verify_layout(struct command *command, const char *path, struct image_call *call, struct image_result *ret,
			 struct err *e)
{
	char real[PATH_MAX];
	autofd int layout = image_open_layout(path, e);

	TRY(layout);
	call->fds[call->fd_count++] = layout;
	int rejected = verify_policy(command, realpath(path, real), call, e);
	TRY(rejected);
	if (!rejected)
		return verify(command, call, ret, e);
	verify_reject(&ret->answer, e);
	return 0;
}

/* A layout says so by a file of its own; what has a config.json and no such file is a bundle. */
static bool is_bundle(const char *path)
{
	autofd int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return dir >= 0 && faccessat(dir, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT &&
	       faccessat(dir, "config.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int cmd_verify(struct command *command, struct err *e)
{
	const struct options *options = &command->options;
	const char *path = command->args[0];
	struct image_call *call = pool_alloc(&command->pool, sizeof *call);
	struct image_result *result = pool_alloc(&command->pool, sizeof *result);
	struct image_request *request = &call->request;
	struct target target;
	bool json, bundle = is_bundle(path);

	TRY(read_format(options->format, &json, e));
	TRY(target_layout(command, path, &target, e));
	if (bundle && (options->ref || options->platform))
		return err_set(e, EINVAL, "`%.200s` is a bundle: --ref and --platform are for image layouts", path);
	image_request_default(request);
	TRY(image_platform(request, options->platform, e));
	TRY(image_word(request->ref, sizeof request->ref, "ref", target.ref, e));
	TRY(image_word(request->name, sizeof request->name, "name", options->name, e));
	TRY(bundle ? verify_bundle(command, call, result, e) : verify_layout(command, target.layout, call, result, e));
	print_answer(&command->pool, json, path, request, &result->answer);
	return exit_statuses[result->answer.verdict];
}
